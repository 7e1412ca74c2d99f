//! `latchkey keys create`.

use std::path::PathBuf;

use clap::Args;

use super::show;
use super::token::token;
use crate::cli::answer::Outcome;
use crate::cli::choice::{MethodChoice, StoreChoice};
use crate::cli::input::supplied_token;
use crate::cli::moment::{Moment, moment};
use crate::cli::session::Session;
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// What `keys create` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// Name for people
    #[arg(long)]
    name: String,
    /// Who answers for it: a person, a team, a partner
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
    /// A note
    #[arg(long, default_value = "", hide_default_value = true)]
    comment: String,
    /// Leave it switched off
    #[arg(long)]
    inactive: bool,
    /// From when on it is good: 2027-01-31, 2027-01-31T12:00:00Z, or 7d from now
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    not_before: Option<Moment>,
    /// Until when it is good: 2027-01-31, 2027-01-31T12:00:00Z, or 90d from now [default: for ever]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    expires: Option<Moment>,
    /// Network that calls must come from, such as 192.0.2.0/24; may be given several times [default: from anywhere]
    #[arg(long, value_name = "CIDR")]
    network: Vec<String>,
    /// Label; may be given several times
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// File with a token to use instead of a generated one, `-` for standard input
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Recognises a retry for 24 hours: the key made first is answered, without its token
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    request_id: String,
    /// Print the token alone, for scripts
    #[arg(long, short, alias = "quiet", short_alias = 'q')]
    token_only: bool,
    #[command(flatten)]
    stores: StoreChoice,
    #[command(flatten)]
    methods: MethodChoice,
    #[command(flatten)]
    write: WriteArgs,
}

impl CreateArgs {
    /// Does it.
    pub(super) async fn run(self: Box<Self>, session: &Session) -> Outcome {
        // Before anything is asked of the server or of standard input.
        if !self.stores.is_said() {
            return Err(StoreChoice::missing());
        }
        if !self.methods.is_said() {
            return Err(MethodChoice::missing());
        }
        let supplied = supplied_token(self.key_file).await?;
        let stores = self.stores.chosen(session).await?.ok_or_else(StoreChoice::missing)?;
        let methods = self.methods.chosen(session).await?.ok_or_else(MethodChoice::missing)?;
        let key = v1::Key {
            name: self.name,
            owner: self.owner,
            comment: self.comment,
            active: Some(!self.inactive),
            store_access: stores.access.into(),
            stores: stores.members,
            method_access: methods.access.into(),
            methods: methods.members,
            not_before: self.not_before.map(Moment::ahead),
            expire_time: self.expires.map(Moment::ahead),
            networks: self.network,
            labels: self.label.into_iter().collect(),
            ..Default::default()
        };
        let request = v1::CreateKeyRequest {
            key: Some(key),
            token: supplied,
            request_id: self.request_id,
            options: Some(self.write.options()),
        };
        let mut client = session.keys().await?;
        let answer = session.call("creating the key", client.create_key(request)).await?;
        let told = session.answer(&answer, |answer| show::key(answer.key.as_ref()))?;
        Ok(token(session, told, &answer.token, self.token_only).with_written(answer.written.as_ref()))
    }
}

/// Reads `name=value`.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label is written name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}
