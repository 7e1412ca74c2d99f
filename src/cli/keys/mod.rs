//! `latchkey keys`: issuing, changing and revoking keys.

mod create;
mod end;
mod fields;
mod import;
mod import_file;
mod list;
mod named;
mod rotate;
mod show;
mod token;
mod update;
mod usage;

use clap::Subcommand;

use self::create::CreateArgs;
use self::end::{DeleteArgs, RevokeArgs, RevokeSecretArgs};
use self::import::ImportArgs;
use self::list::ListArgs;
pub(super) use self::named::identified;
use self::rotate::RotateArgs;
use self::update::UpdateArgs;
use self::usage::UsageArgs;
use super::answer::Outcome;
use super::input;
use super::session::Session;
use crate::proto::v1;

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeysCommand {
    /// Create a key and print its token, once
    Create(Box<CreateArgs>),
    /// List keys, newest first
    List(Box<ListArgs>),
    /// Show one key
    Show {
        /// ID of the key, or its name if it is unique
        key: String,
    },
    /// Find the key that a token belongs or belonged to; the token is typed or piped, never passed as an argument
    Find,
    /// Change a key
    Update(Box<UpdateArgs>),
    /// Create a second token for a key and let the first one expire after an overlap
    Rotate(RotateArgs),
    /// Revoke a key immediately and permanently; it can still be shown
    Revoke(RevokeArgs),
    /// Revoke one token of a key immediately and permanently
    RevokeSecret(RevokeSecretArgs),
    /// Delete a key permanently
    Delete(DeleteArgs),
    /// Import existing keys by their tokens or digests: all of them, or none
    Import(ImportArgs),
    /// Show how often a key was used, and for what
    Usage(UsageArgs),
}

/// Runs the command.
pub(super) async fn run(command: KeysCommand, session: &Session) -> Outcome {
    match command {
        KeysCommand::Create(args) => args.run(session).await,
        KeysCommand::List(args) => args.run(session).await,
        KeysCommand::Show { key } => {
            let id = identified(session, key).await?;
            let mut client = session.keys().await?;
            let answer = session.call("reading the key", client.get_key(v1::GetKeyRequest { id })).await?;
            session.answer(&answer, |answer| show::key(answer.key.as_ref()))
        }
        KeysCommand::Find => find(session).await,
        KeysCommand::Update(args) => args.run(session).await,
        KeysCommand::Rotate(args) => args.run(session).await,
        KeysCommand::Revoke(args) => args.run(session).await,
        KeysCommand::RevokeSecret(args) => args.run(session).await,
        KeysCommand::Delete(args) => args.run(session).await,
        KeysCommand::Import(args) => args.run(session).await,
        KeysCommand::Usage(args) => args.run(session).await,
    }
}

async fn find(session: &Session) -> Outcome {
    let token = input::secret(None, "Token to look for (not shown): ").await?;
    let mut client = session.keys().await?;
    let answer = session.call("looking for the key", client.find_key(v1::FindKeyRequest { token })).await?;
    session.answer(&answer, show::found)
}
