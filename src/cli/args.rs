//! The tree of commands. Each command's own arguments stand beside what it does.

use clap::{Parser, Subcommand};

use super::audit::AuditArgs;
use super::authorize::AuthorizeArgs;
use super::check::CheckArgs;
use super::exit::EXIT_CODES;
use super::introspect::IntrospectArgs;
use super::keys::KeysCommand;
use super::methods::MethodsCommand;
use super::operators::OperatorsCommand;
use super::output::Format;
use super::replicas::ReplicasArgs;
use super::server::MigrateArgs;
use super::stores::StoresCommand;
use super::watch::WatchArgs;

/// Issues API access keys for several online stores, and decides which key may call which method on which store
///
/// Without a command it serves. The other commands ask a running server; on the server's own machine they find its
/// address and its first token by themselves, if they run where its data folder is.
///
/// Every setting is a flag, an environment variable (`--data-dir` is LATCHKEY_DATA_DIR) and a line of a TOML file
/// (`data_dir = "…"`); a flag goes before a variable, a variable before the file. Secrets have no flags.
#[derive(Debug, Parser)]
#[command(name = "latchkey", version, max_term_width = 100, after_long_help = EXIT_CODES)]
pub(super) struct Arguments {
    /// What to do; without it: `serve`.
    #[command(subcommand)]
    pub(super) command: Option<Command>,
    /// `table`, for people, or `json`: the contract's messages, for programs
    #[arg(long, short, global = true, value_enum, default_value_t, value_name = "FORMAT", hide_possible_values = true)]
    pub(super) output: Format,
}

/// What can be done.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Serve decisions and administration until a signal asks to stop
    Serve,
    /// Bring the tables of storage up to date, and end
    Migrate(MigrateArgs),
    /// Check the configuration and everything it leads to, and say how to mend what is wrong
    Check(CheckArgs),
    /// Issue, change and end keys
    #[command(subcommand)]
    Keys(KeysCommand),
    /// Manage the stores that keys are about
    #[command(subcommand)]
    Stores(StoresCommand),
    /// Manage the reference book of API methods that keys are about
    #[command(subcommand)]
    Methods(MethodsCommand),
    /// Manage who may call Latchkey itself
    #[command(subcommand)]
    Operators(OperatorsCommand),
    /// Ask whether a key may call a method on a store
    Authorize(AuthorizeArgs),
    /// Tell what a key's token may do
    Introspect(IntrospectArgs),
    /// List who changed what, when and why, the newest first
    Audit(AuditArgs),
    /// Print each change as it is applied, until Ctrl-C
    Watch(WatchArgs),
    /// List the running servers and what they have applied, or changes that the database has lost
    Replicas(ReplicasArgs),
}
