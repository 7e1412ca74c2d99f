//! The tree of commands. Each command's own arguments are defined next to its code.

use clap::{Parser, Subcommand};

use super::audit::AuditArgs;
use super::authorize::AuthorizeArgs;
use super::check::CheckArgs;
use super::exit::EXIT_CODES;
use super::introspect::IntrospectArgs;
use super::keys::KeysCommand;
use super::methods::MethodsCommand;
use super::operators::OperatorsCommand;
use super::output::OutputFormat;
use super::replicas::ReplicasArgs;
use super::stores::StoresCommand;
use super::watch::WatchArgs;

/// Issues API access keys for online stores and decides which key may call which method on which store
///
/// Without a command, it runs the server. The other commands call a running server. On the server's own machine, they
/// find its address and first token automatically if they run in the same folder or with the same --data-dir.
///
/// Every setting can be a flag (`--data-dir`), an environment variable (LATCHKEY_DATA_DIR) or a line in a TOML file
/// (`data_dir = "…"`). Flags override environment variables, which override the file. Secrets have no flags.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version, max_term_width = 100, after_long_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// Output format: `table` for people, `json` (the messages of the API) for programs
    #[arg(long, short, global = true, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub(super) output: OutputFormat,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Run the server until it receives a signal to stop
    Serve,
    /// Migrate the tables of the database, then exit
    Migrate {
        /// Start with an empty database although the server used another one before; its keys, stores and operators
        /// are lost
        #[arg(long)]
        start_over: bool,
    },
    /// Check the configuration and everything it refers to, and explain how to fix problems
    Check(CheckArgs),
    /// Create, change and revoke keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Manage stores
    #[command(subcommand)]
    Stores(StoresCommand),
    /// Manage the reference book of API methods
    #[command(subcommand)]
    Methods(MethodsCommand),
    /// Manage operators: who may call Latchkey itself
    #[command(subcommand)]
    Operators(OperatorsCommand),
    /// Check whether a key may call a method on a store
    Authorize(AuthorizeArgs),
    /// Show what a key's token may do
    Introspect(IntrospectArgs),
    /// Show the audit trail: who changed what, when and why, newest first
    Audit(AuditArgs),
    /// Print each change as it is applied, until Ctrl-C
    Watch(WatchArgs),
    /// List the running servers and what they have applied, or the changes that the database has lost
    Replicas(ReplicasArgs),
}
