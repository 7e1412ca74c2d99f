//! `latchkey keys create`.

use std::path::PathBuf;

use clap::Args;

use super::{show, token};
use crate::cli::choice::{MethodChoice, StoreChoice};
use crate::cli::exit::Error;
use crate::cli::input::supplied_token;
use crate::cli::moment::{Moment, moment};
use crate::cli::output;
use crate::cli::session::Session;
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// What `keys create` is told.
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// Name of the key
    #[arg(long)]
    name: String,
    /// Who is responsible for it: a person, a team, a partner
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
    /// Comment
    #[arg(long, default_value = "", hide_default_value = true)]
    comment: String,
    /// Create it switched off
    #[arg(long)]
    inactive: bool,
    /// Start of its validity: 2027-01-31, 2027-01-31T12:00:00Z, or 7d for 7 days from now
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    not_before: Option<Moment>,
    /// End of its validity: 2027-01-31, 2027-01-31T12:00:00Z, or 90d for 90 days from now [default: never expires]
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    expires: Option<Moment>,
    /// Network that calls must come from, such as 192.0.2.0/24; can be repeated [default: any address]
    #[arg(long, value_name = "CIDR")]
    network: Vec<String>,
    /// Label; can be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// File with a token to use instead of a generated one, `-` for standard input
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// Idempotency key, valid for 24 hours: a retry returns the existing key, without its token
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    request_id: String,
    /// Print only the token, for scripts
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
    pub(super) async fn run(self: Box<Self>, session: &Session) -> Result<(), Error> {
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
        if session.is_json() && !self.token_only {
            session.answer(&answer, |_| String::new())?;
        }
        token(session, &answer.token, &show::key(answer.key.as_ref()), self.token_only)?;
        output::written(answer.written.as_ref());
        Ok(())
    }
}

/// Reads `name=value`.
pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label must be written name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}
