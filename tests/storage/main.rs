//! The storage engines, and what survives a crash.

mod conformance;
mod durability;
