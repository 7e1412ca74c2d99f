//! The domain of Latchkey as pure data and pure functions: no async, no I/O, no clock, no randomness of its own.

pub mod book;
pub mod change;
pub mod decision;
pub mod grant;
pub mod hex;
pub mod id;
pub mod key;
pub mod marks;
pub mod method;
pub mod operator;
pub mod page;
pub mod path;
pub mod pattern;
pub mod reference;
pub mod store;
pub mod text;
pub mod time;
pub mod token;
pub mod violations;
pub mod world;
