//! `latchkey keys create`.

use std::path::PathBuf;

use clap::Args;

use super::show;
use crate::cli::choice::{MethodChoice, StoreChoice};
use crate::cli::context::CommandContext;
use crate::cli::exit::Error;
use crate::cli::input::supplied_token;
use crate::cli::output::CommandResult;
use crate::cli::time::{TimeArg, parse_time};
use crate::cli::write::WriteArgs;
use crate::proto::v1;

#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    /// Name of the key
    #[arg(long)]
    name: String,
    /// Who is responsible for it: a person, a team, a partner
    #[arg(long, default_value = "", hide_default_value = true)]
    owner: String,
    /// E-mail address of the owner, for questions about the key
    #[arg(long, value_name = "EMAIL", default_value = "", hide_default_value = true)]
    contact: String,
    /// Comment
    #[arg(long, default_value = "", hide_default_value = true)]
    comment: String,
    /// Create it switched off
    #[arg(long)]
    inactive: bool,
    /// Start of its validity: 2027-01-31, 2027-01-31T12:00:00Z, or 7d for 7 days from now
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    not_before: Option<TimeArg>,
    /// End of its validity: 2027-01-31, 2027-01-31T12:00:00Z, or 90d for 90 days from now [default: never expires]
    #[arg(long, value_name = "WHEN", value_parser = parse_time)]
    expires: Option<TimeArg>,
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
    stores: Option<StoreChoice>,
    #[command(flatten)]
    methods: Option<MethodChoice>,
    #[command(flatten)]
    write: WriteArgs,
}

impl CreateArgs {
    pub(super) async fn run(self: Box<Self>, context: &CommandContext) -> CommandResult {
        // Before anything is read from the server or from standard input.
        let stores = self.stores.ok_or_else(|| Error::Usage(StoreChoice::REQUIRED.to_owned()))?;
        let methods = self.methods.ok_or_else(|| Error::Usage(MethodChoice::REQUIRED.to_owned()))?;
        let supplied = supplied_token(self.key_file).await?;
        let (store_access, stores) = stores.chosen(context).await?;
        let (method_access, methods) = methods.chosen(context).await?;
        let key = v1::Key {
            name: self.name,
            owner: self.owner,
            contact: self.contact,
            comment: self.comment,
            active: Some(!self.inactive),
            store_access: store_access.into(),
            stores,
            method_access: method_access.into(),
            methods,
            not_before: self.not_before.map(TimeArg::in_future),
            expire_time: self.expires.map(TimeArg::in_future),
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
        let mut client = context.keys().await?;
        let response = context.call("creating the key", client.create_key(request)).await?;
        context.render_token(&response, &response.token, self.token_only, "\n", |response| {
            show::key(response.key.as_ref())
        })
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a label must be written name=value")?;
    Ok((name.to_owned(), value.to_owned()))
}
