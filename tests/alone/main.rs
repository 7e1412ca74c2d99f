//! Measurements under load, which no other test may disturb.

pub mod floods;
pub mod forged_tokens;
pub mod soak;

/// Held by each test for its whole duration: load of one test would disturb the measurements of another.
static SERIAL: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
