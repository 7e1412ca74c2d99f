//! One server, as its users see it: contract, console, command line, ports.

pub mod bad_input;
pub mod cli;
pub mod console;
pub mod http2;
pub mod lifecycle;
pub mod no_secret_escapes;
pub mod readme;
pub mod scenarios;
pub mod sweep;
