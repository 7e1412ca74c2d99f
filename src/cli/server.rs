//! The commands that are the server: they work on storage itself and ask nobody.

use std::path::PathBuf;

use clap::Args;

use super::answer::{Answer, Outcome};
use super::exit::Error;
use super::output;
use crate::app;
use crate::config::Config;

/// What `operators recover` is told.
#[derive(Debug, Args)]
pub(super) struct RecoverArgs {
    /// File that the new admin's token is written to; it must not exist yet [default: recovered.token in the data
    /// folder]
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
}

/// Arguments of `migrate`.
#[derive(Debug, Args)]
pub(super) struct MigrateArgs {
    /// Begin with an empty database although another was served from there: its keys, stores and operators are gone
    #[arg(long)]
    start_over: bool,
}

/// Serves until a signal asks it to stop.
pub(super) async fn serve(config: Config) -> Outcome {
    Box::pin(app::serve(config)).await?;
    Ok(Answer::nothing())
}

/// Brings the tables of storage up to date.
pub(super) async fn migrate(config: Config, args: MigrateArgs) -> Outcome {
    app::migrate(config, args.start_over).await?;
    Ok("the tables of storage are up to date\n".to_owned().into())
}

/// Makes a new admin with access to storage alone.
pub(super) async fn recover(config: Config, args: RecoverArgs) -> Outcome {
    let into = args.into.unwrap_or_else(|| config.data_dir.join("recovered.token"));
    if into.exists() {
        return Err(Error::Conflict(format!(
            "{} is there already, and may hold a token that is needed: remove it, or name another file with --into",
            into.display()
        )));
    }
    let name = Box::pin(app::recover(config, into.clone())).await?;
    Ok(format!("made the admin `{}`; its token is in {}\n", output::clean(&name), into.display()).into())
}
