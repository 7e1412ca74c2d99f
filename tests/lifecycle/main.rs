//! Startup, operation without storage, and shutdown of a server.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../support/mod.rs"]
pub mod support;

mod refusals;
mod rolling;
mod shutdown;
mod staleness;
mod two_servers;
mod writers;
