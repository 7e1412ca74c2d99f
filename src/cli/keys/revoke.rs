//! Revoking and deleting keys, and revoking tokens of keys.

use clap::Args;

use super::lookup::resolve_key_id;
use super::show;
use crate::cli::context::CommandContext;
use crate::cli::result::CommandResult;
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// Arguments of `keys revoke`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeArgs {
    /// ID of the key, or its name if it is unique
    key: String,
    /// Reason, stored with the key
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `keys revoke-secret`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RevokeSecretArgs {
    /// ID of the token (`sec_…`), as shown by `latchkey keys show`
    secret: String,
    #[command(flatten)]
    write: WriteArgs,
}

/// Arguments of `keys delete`.
#[derive(Debug, Args)]
pub(in crate::cli) struct DeleteArgs {
    /// ID of the key, or its name if it is unique
    key: String,
    #[command(flatten)]
    write: WriteArgs,
}

impl RevokeArgs {
    /// Runs the command.
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let request = v1::RevokeKeyRequest {
            id: resolve_key_id(context, self.key).await?,
            reason: self.reason,
            etag: String::new(),
            options: Some(self.write.options()),
        };
        let mut client = context.keys().await?;
        let response = context.call("revoking the key", client.revoke_key(request)).await?;
        Ok(context
            .render(&response, |response| show::brief(response.key.as_ref()))?
            .with_written(response.written.as_ref()))
    }
}

impl RevokeSecretArgs {
    /// Runs the command.
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let request = v1::RevokeSecretRequest { secret_id: self.secret, options: Some(self.write.options()) };
        let mut client = context.keys().await?;
        let response = context.call("revoking the token", client.revoke_secret(request)).await?;
        Ok(context
            .render(&response, |response| show::brief(response.key.as_ref()))?
            .with_written(response.written.as_ref()))
    }
}

impl DeleteArgs {
    /// Runs the command.
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let id = resolve_key_id(context, self.key).await?;
        let request = v1::DeleteKeyRequest { id: id.clone(), etag: String::new(), options: Some(self.write.options()) };
        let mut client = context.keys().await?;
        let response = context.call("deleting the key", client.delete_key(request)).await?;
        Ok(context.render(&response, |_| format!("deleted the key {id}\n"))?.with_written(response.written.as_ref()))
    }
}
