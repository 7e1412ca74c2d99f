//! The command line as a program: its help, compared with files, and its commands with a server.

#[path = "cli/book.rs"]
mod book;
#[path = "cli/check_envoy.rs"]
mod check_envoy;
#[path = "cli/check_envoy_fields.rs"]
mod check_envoy_fields;
#[path = "cli/deploy.rs"]
mod deploy;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/program.rs"]
mod program;
#[path = "cli/session.rs"]
mod session;
pub mod support;
