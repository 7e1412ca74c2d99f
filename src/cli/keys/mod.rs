//! `latchkey keys`: issuing, changing and revoking keys.

mod create;
mod fields;
mod import;
mod import_file;
mod list;
mod lookup;
mod revoke;
mod rotate;
mod show;
mod token;
mod update;
mod usage;

use clap::Subcommand;

use self::create::CreateArgs;
use self::import::ImportArgs;
use self::list::ListArgs;
pub(super) use self::lookup::resolve_key_id;
use self::revoke::{DeleteArgs, RevokeArgs, RevokeSecretArgs};
use self::rotate::RotateArgs;
use self::update::UpdateArgs;
use self::usage::UsageArgs;
use super::context::CommandContext;
use super::input;
use super::result::CommandResult;
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
pub(super) async fn run(command: KeysCommand, context: &CommandContext) -> CommandResult {
    match command {
        KeysCommand::Create(args) => args.run(context).await,
        KeysCommand::List(args) => args.run(context).await,
        KeysCommand::Show { key } => {
            let id = resolve_key_id(context, key).await?;
            let mut client = context.keys().await?;
            let response = context.call("reading the key", client.get_key(v1::GetKeyRequest { id })).await?;
            context.render(&response, |response| show::key(response.key.as_ref()))
        }
        KeysCommand::Find => find(context).await,
        KeysCommand::Update(args) => args.run(context).await,
        KeysCommand::Rotate(args) => args.run(context).await,
        KeysCommand::Revoke(args) => args.run(context).await,
        KeysCommand::RevokeSecret(args) => args.run(context).await,
        KeysCommand::Delete(args) => args.run(context).await,
        KeysCommand::Import(args) => args.run(context).await,
        KeysCommand::Usage(args) => args.run(context).await,
    }
}

async fn find(context: &CommandContext) -> CommandResult {
    let token = input::read_secret(None, "Token to look for (not shown): ").await?;
    let mut client = context.keys().await?;
    let response = context.call("looking for the key", client.find_key(v1::FindKeyRequest { token })).await?;
    context.render(&response, show::found)
}
