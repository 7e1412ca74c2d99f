//! Latchkey issues API access keys for a company with several online stores and answers, for every request of every
//! other service: *may this key call this method on this store?*
//!
//! ARCHITECTURE.md shows the modules. Dependencies between them run downward only, as tests/fast/tidy checks.

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
