//! Common tools of integration tests: throw-away PostgreSQL clusters and pgbouncers, the real `latchkey` program,
//! bounded waiting. A test program includes it with `pub mod support;` (`pub`, so that unused parts do not count as
//! dead code).
//!
//! Everything started here ends with the test process, even if that is killed: see [`workspace`]. A missing program
//! fails the test, with the package to install; nothing is skipped.
//!
//! Starting programs blocks the calling thread: the work happens in other processes, so this is harmless in an async
//! test too.

pub mod bad_host;
pub mod daemon;
pub mod http;
pub mod machine;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod relay;
pub mod standby;
pub mod wait;
pub mod workspace;

pub use wait::{Deadline, eventually, eventually_async, pass};
