//! The command line as a program: its help, compared with files, and its commands with a server.

mod book;
mod check_envoy;
mod check_envoy_fields;
mod deploy;
mod errors;
mod help;
mod program;
mod session;
