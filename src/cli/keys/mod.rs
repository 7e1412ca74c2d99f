//! `latchkey keys`: issuing, changing and ending keys.

mod create;
mod end;
mod import;
mod import_file;
mod list;
mod rotate;
mod show;
mod update;
mod usage;

use clap::Subcommand;

use self::create::CreateArgs;
use self::end::{DeleteArgs, RevokeArgs, RevokeSecretArgs};
use self::import::ImportArgs;
use self::list::ListArgs;
use self::rotate::RotateArgs;
use self::update::UpdateArgs;
use self::usage::UsageArgs;
use super::exit::{Ending, Error, Outcome};
use super::input;
use super::output;
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

/// Does it.
pub(super) async fn run(command: KeysCommand, session: &Session) -> Outcome {
    match command {
        KeysCommand::Create(args) => args.run(session).await?,
        KeysCommand::List(args) => args.run(session).await?,
        KeysCommand::Show { key } => {
            let id = identified(session, key).await?;
            let mut client = session.keys().await?;
            let answer = session.call("reading the key", client.get_key(v1::GetKeyRequest { id })).await?;
            session.answer(&answer, |answer| show::key(answer.key.as_ref()))?;
        }
        KeysCommand::Find => find(session).await?,
        KeysCommand::Update(args) => args.run(session).await?,
        KeysCommand::Rotate(args) => args.run(session).await?,
        KeysCommand::Revoke(args) => args.run(session).await?,
        KeysCommand::RevokeSecret(args) => args.run(session).await?,
        KeysCommand::Delete(args) => args.run(session).await?,
        KeysCommand::Import(args) => args.run(session).await?,
        KeysCommand::Usage(args) => args.run(session).await?,
    }
    Ok(Ending::Done)
}

async fn find(session: &Session) -> Result<(), Error> {
    let token = input::secret(None, "Token to look for (not shown): ").await?;
    let mut client = session.keys().await?;
    let answer = session.call("looking for the key", client.find_key(v1::FindKeyRequest { token })).await?;
    session.answer(&answer, show::found)
}

/// The id of a key that is named by its id, or by a name that one key has.
pub(super) async fn identified(session: &Session, key: String) -> Result<String, Error> {
    if key.starts_with("key_") {
        return Ok(key);
    }
    // The text is looked for in other fields too; more than a page of keys that have it in their names is too many.
    let request = v1::ListKeysRequest { page_size: 1_000, text: key.clone(), ..Default::default() };
    let mut client = session.keys().await?;
    let answer = session.call("looking for the key", client.list_keys(request)).await?;
    let mut named = answer.keys.into_iter().filter(|candidate| candidate.name == key);
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one.id),
        (Some(_), Some(_)) => Err(Error::Conflict(format!("several keys are named `{key}`: use the ID instead"))),
        (None, _) => Err(Error::NotFound(format!("there is no key with the ID or name `{key}`"))),
    }
}

/// Prints a new token: alone, or after what was told of its key.
fn token(session: &Session, token: &str, told: &str, alone: bool) -> Result<(), Error> {
    if token.is_empty() {
        output::note("this was a retry: the key already exists, and its token was shown when it was created");
    }
    if alone {
        if token.is_empty() {
            return Err(Error::Conflict("there is no token to print".to_owned()));
        }
        output::print(&format!("{token}\n"))?;
    } else if !session.is_json() {
        let mut text = told.to_owned();
        if !token.is_empty() {
            text.push('\n');
            text.push_str(token);
            text.push('\n');
        }
        output::print(&text)?;
    }
    if !token.is_empty() {
        output::note("copy the token now: it will not be shown again");
    }
    Ok(())
}
