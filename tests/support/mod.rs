//! What integration tests stand on: throw-away PostgreSQL clusters and pgbouncers, the real `latchkey` program, waiting
//! with a bound. A test program takes it in with `pub mod support;` (`pub`, so that the parts it leaves alone are not
//! called dead code).
//!
//! Everything started here ends with the test process, however that ends: see [`workspace`]. A missing program fails the
//! test and names the package to install; nothing is skipped.
//!
//! Starting things blocks the calling thread: what is waited for runs in other processes, so this is harmless in an
//! async test too.

pub mod bad_host;
pub mod bootstrap;
pub mod daemon;
pub mod http;
pub mod pgbouncer;
pub mod postgres;
pub mod process;
pub mod relay;
pub mod standby;
pub mod wait;
pub mod workspace;

pub use wait::{Deadline, eventually, eventually_async, pass};
