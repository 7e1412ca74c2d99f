//! `latchkey keys create`.

use std::path::PathBuf;

use clap::Args;

use super::fields::NewFields;
use super::show;
use super::token::with_token;
use crate::cli::choice::{MethodChoice, StoreChoice};
use crate::cli::context::CommandContext;
use crate::cli::input::supplied_token;
use crate::cli::result::CommandResult;
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// Arguments of `keys create`.
#[derive(Debug, Args)]
pub(in crate::cli) struct CreateArgs {
    #[command(flatten)]
    fields: NewFields,
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
    /// Runs the command.
    pub(super) async fn run(self: Box<Self>, context: &CommandContext) -> CommandResult {
        // Before anything is read from the server or from standard input.
        if !self.stores.is_given() {
            return Err(StoreChoice::missing());
        }
        if !self.methods.is_given() {
            return Err(MethodChoice::missing());
        }
        let supplied = supplied_token(self.key_file).await?;
        let stores = self.stores.chosen(context).await?.ok_or_else(StoreChoice::missing)?;
        let methods = self.methods.chosen(context).await?.ok_or_else(MethodChoice::missing)?;
        let key = v1::Key {
            store_access: stores.access.into(),
            stores: stores.members,
            method_access: methods.access.into(),
            methods: methods.members,
            ..self.fields.into_key()
        };
        let request = v1::CreateKeyRequest {
            key: Some(key),
            token: supplied,
            request_id: self.request_id,
            options: Some(self.write.options()),
        };
        let mut client = context.keys().await?;
        let response = context.call("creating the key", client.create_key(request)).await?;
        let described = context.render(&response, |response| show::key(response.key.as_ref()))?;
        Ok(with_token(context, described, &response.token, self.token_only).with_written(response.written.as_ref()))
    }
}
