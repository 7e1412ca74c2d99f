//! The storage engines, and what survives a crash.

pub mod conformance;
pub mod durability;
