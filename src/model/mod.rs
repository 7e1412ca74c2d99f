//! What Latchkey is about, as pure data and pure functions: no async, no I/O, no clock, no randomness of its own.

pub mod book;
pub mod method;
pub mod path;
pub mod pattern;
