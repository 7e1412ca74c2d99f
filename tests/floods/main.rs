//! What clients can make the server work: for every entrance the longest work per byte, and what everybody else notices of
//! a flood of the worst.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../support/mod.rs"]
pub mod support;

mod admin;
mod decisions;
mod flood;
mod held;
mod meter;
mod overload;
mod raw;
mod requests;
mod table;

/// Taken by each test for all of its time: what one does to the machine would be measured by another.
static ALONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
