//! Work that clients can cause: for every listener the most expensive work per byte, and the effects of a flood of such
//! requests on other clients.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../support/mod.rs"]
pub mod support;

mod admin;
mod brief_flood;
mod decisions;
mod flood;
mod overload;
mod process_cost;
mod raw;
mod requests;
mod table;

/// Held by each test for its whole duration: load of one test would disturb the measurements of another.
static SERIAL: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
