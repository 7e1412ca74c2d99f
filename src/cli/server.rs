//! The commands of the server itself: they access storage directly and call no server.

use std::path::PathBuf;

use clap::Args;

use super::exit::Error;
use super::output;
use super::result::{CommandOutput, CommandResult};
use crate::app;
use crate::config::Config;

/// Arguments of `operators recover`.
#[derive(Debug, Args)]
pub(super) struct RecoverArgs {
    /// File to write the new admin's token to; it must not exist yet [default: recovered.token in the data folder]
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
}

/// Arguments of `migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Start with an empty database although the server used another one before; its keys, stores and operators are
    /// lost
    #[arg(long)]
    start_over: bool,
}

/// Serves until a signal stops it.
pub(super) async fn serve(config: Config) -> CommandResult {
    Box::pin(app::serve(config)).await?;
    Ok(CommandOutput::empty())
}

/// Updates the tables of storage.
pub(super) async fn migrate(config: Config, args: MigrateArgs) -> CommandResult {
    app::migrate(config, args.start_over).await?;
    Ok("the tables of the database are up to date\n".to_owned().into())
}

/// Creates a new admin with access to storage only.
pub(super) async fn recover(config: Config, args: RecoverArgs) -> CommandResult {
    let into = args.into.unwrap_or_else(|| config.data_dir.join("recovered.token"));
    if into.exists() {
        return Err(Error::Conflict(format!(
            "{} already exists and may contain a token that is still needed: remove it, or choose another file with \
             --into",
            into.display()
        )));
    }
    let name = Box::pin(app::recover(config, into.clone())).await?;
    Ok(format!("created the admin `{}`; its token is in {}\n", output::sanitize(&name), into.display()).into())
}
