//! Startup, operation without storage, and shutdown of a server.

mod refusals;
mod released;
mod rolling;
mod shutdown;
mod staleness;
mod two_servers;
mod writers;
