//! `latchkey keys`: issuing, changing and revoking keys.

mod create;
mod import;
mod import_file;
mod list;
mod show;
mod update;

use std::path::PathBuf;
use std::time::Duration;

use clap::Subcommand;

use self::create::CreateArgs;
use self::import::ImportArgs;
use self::list::ListArgs;
use self::update::UpdateArgs;
use super::context::CommandContext;
use super::display;
use super::exit::Error;
use super::input::{read_secret, supplied_token};
use super::output::{CommandOutput, CommandResult};
use super::time::{TimeArg, format_time, parse_duration, parse_time, to_duration};
use super::write::WriteArgs;
use crate::proto::v1;

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
    Rotate {
        /// ID of the key, or its name if it is unique
        key: String,
        /// How long the current token keeps working, e.g. 24h (0s: revoke it now)
        #[arg(long, value_name = "TIME", value_parser = parse_duration)]
        overlap: Duration,
        /// File with a token to use instead of a generated one, `-` for standard input
        #[arg(long, value_name = "FILE")]
        key_file: Option<PathBuf>,
        /// Print only the token, for scripts
        #[arg(long, short, alias = "quiet", short_alias = 'q')]
        token_only: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Revoke a key immediately and permanently; it can still be shown
    Revoke {
        /// ID of the key, or its name if it is unique
        key: String,
        /// Reason, stored with the key
        #[arg(long, value_name = "TEXT")]
        reason: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Revoke one token of a key immediately and permanently
    RevokeSecret {
        /// ID of the token (`sec_…`), as shown by `latchkey keys show`
        secret: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Delete a key permanently
    Delete {
        /// ID of the key, or its name if it is unique
        key: String,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Import existing keys by their tokens or digests: all of them, or none
    Import(ImportArgs),
    /// Show how often a key was used, and for what
    Usage {
        /// ID of the key, or its name if it is unique
        key: String,
        /// Start of the range: 2026-01-31, or 7d for 7 days ago [default: 30 days before --until]
        #[arg(long, value_name = "WHEN", value_parser = parse_time)]
        since: Option<TimeArg>,
        /// End of the range: 2026-01-31, or 1d for 1 day ago [default: now]
        #[arg(long, value_name = "WHEN", value_parser = parse_time)]
        until: Option<TimeArg>,
        /// Count per hour instead of per day
        #[arg(long)]
        hourly: bool,
    },
}

pub(super) async fn run(command: KeysCommand, context: &CommandContext) -> CommandResult {
    match command {
        KeysCommand::Create(args) => args.run(context).await,
        KeysCommand::List(args) => args.run(context).await,
        KeysCommand::Show { key } => {
            let request = v1::GetKeyRequest { id: resolve_key_id(context, key).await? };
            let mut client = context.keys().await?;
            context.show("reading the key", client.get_key(request), |found| show::key(found.key.as_ref())).await
        }
        KeysCommand::Find => {
            let token = read_secret(None, "Token to look for (not shown): ").await?;
            let mut client = context.keys().await?;
            context.show("looking for the key", client.find_key(v1::FindKeyRequest { token }), show::found).await
        }
        KeysCommand::Update(args) => args.run(context).await,
        KeysCommand::Rotate { key, overlap, key_file, token_only, write } => {
            let token = supplied_token(key_file).await?;
            let request = v1::RotateKeyRequest {
                id: resolve_key_id(context, key).await?,
                overlap: Some(to_duration(overlap)),
                token,
                etag: String::new(),
                options: Some(write.options()),
            };
            let mut client = context.keys().await?;
            let rotated = context.call("rotating the key", client.rotate_key(request)).await?;
            context.render_token(&rotated, &rotated.token, token_only, "\n", |now| show::brief(now.key.as_ref()))
        }
        KeysCommand::Revoke { key, reason, write } => {
            let id = resolve_key_id(context, key).await?;
            let request = v1::RevokeKeyRequest { id, reason, etag: String::new(), options: Some(write.options()) };
            let mut client = context.keys().await?;
            context.show("revoking the key", client.revoke_key(request), |now| show::brief(now.key.as_ref())).await
        }
        KeysCommand::RevokeSecret { secret, write } => {
            let request = v1::RevokeSecretRequest { secret_id: secret, options: Some(write.options()) };
            let mut client = context.keys().await?;
            context.show("revoking the token", client.revoke_secret(request), |now| show::brief(now.key.as_ref())).await
        }
        KeysCommand::Delete { key, write } => {
            let id = resolve_key_id(context, key).await?;
            let request = v1::DeleteKeyRequest { id: id.clone(), etag: String::new(), options: Some(write.options()) };
            let mut client = context.keys().await?;
            context.show("deleting the key", client.delete_key(request), |_| format!("deleted the key {id}\n")).await
        }
        KeysCommand::Import(args) => args.run(context).await,
        KeysCommand::Usage { key, since, until, hourly } => {
            let request = v1::GetKeyUsageRequest {
                key_id: resolve_key_id(context, key).await?,
                start_time: since.map(TimeArg::in_past),
                end_time: until.map(TimeArg::in_past),
                period: if hourly { v1::UsagePeriod::Hour } else { v1::UsagePeriod::Day }.into(),
            };
            let mut client = context.usage().await?;
            context.show("reading the usage of the key", client.get_key_usage(request), usage_table).await
        }
    }
}

fn usage_table(response: &v1::GetKeyUsageResponse) -> CommandOutput {
    let or = |text: &str, none: &str| if text.is_empty() { none.to_owned() } else { text.to_owned() };
    let rows = response.counts.iter().map(|count| {
        [
            format_time(count.start_time.as_ref()),
            or(&count.method, "(not in the reference book)"),
            or(&count.store, "-"),
            display::yes_no(count.allowed).to_owned(),
            count.calls.to_string(),
        ]
    });
    let output = CommandOutput::table("uses in this range", ["FROM", "METHOD", "STORE", "ALLOWED", "CALLS"], rows);
    if response.truncated { output.with_note("there are more counts: choose a shorter range") } else { output }
}

/// Returns the id of a key that is given by its id, or by a name that only one key has.
pub(super) async fn resolve_key_id(context: &CommandContext, key: String) -> Result<String, Error> {
    if key.starts_with("key_") {
        return Ok(key);
    }
    // The search covers other fields too; more than a page of keys with the text in their names is too many.
    let request = v1::ListKeysRequest { page_size: 1_000, text: key.clone(), ..Default::default() };
    let mut client = context.keys().await?;
    let response = context.call("looking for the key", client.list_keys(request)).await?;
    let mut named = response.keys.into_iter().filter(|candidate| candidate.name == key);
    match (named.next(), named.next()) {
        (Some(one), None) => Ok(one.id),
        (Some(_), Some(_)) => Err(Error::Conflict(format!("several keys are named `{key}`: use the ID instead"))),
        (None, _) => Err(Error::NotFound(format!("there is no key with the ID or name `{key}`"))),
    }
}
