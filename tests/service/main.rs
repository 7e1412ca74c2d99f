//! One server, as its users see it: contract, console, command line, ports.

mod bad_input;
mod cli;
mod console;
mod http2;
mod lifecycle;
mod no_secret_escapes;
mod readme;
mod scenarios;
mod sweep;
