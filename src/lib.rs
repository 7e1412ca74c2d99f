//! Latchkey issues API access keys for a company with several online stores and answers, for every request of every
//! other service: *may this key call this method on this store?*
//!
//! Dependencies run downward only; `tests/fast/tidy/mod.rs` reads the `use` lines and fails on an upward arrow:
//!
//! ```text
//! main → cli → app                 composition root; the only place that sees everything
//! serve                            ports: connections, TLS, limits; independent of the services behind them
//! grpc   gateway   console   ops   protocols: parse → call → convert
//! authority        registry        deciding (hot)      |   managing (transactional, audited)
//! storage: trait   sql   postgres  sqlite              the only code that knows SQL
//! books                            reference books as text: the built-in one, and imported ones
//! model                            pure: no async, no I/O, no clock, no randomness of its own
//! proto   status   config   telemetry   clock   lifecycle   budget
//! ```

#[cfg(all(without_guards, not(debug_assertions)))]
compile_error!("guards are built out only for `make guards`, never in a release: unset BUILD_WITHOUT_GUARDS");

pub mod app;
pub mod authority;
pub mod books;
pub mod budget;
pub mod cli;
pub mod clock;
pub mod config;
pub mod console;
pub mod gateway;
pub mod grpc;
pub mod lifecycle;
pub mod model;
pub mod ops;
pub mod proto;
pub mod random;
pub mod registry;
pub mod serve;
pub mod status;
pub mod storage;
pub mod telemetry;
