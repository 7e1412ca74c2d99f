//! `latchkey keys rotate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::lookup::resolve_key_id;
use super::show;
use super::token::with_token;
use crate::cli::context::CommandContext;
use crate::cli::input::supplied_token;
use crate::cli::result::CommandResult;
use crate::cli::time::{parse_duration, to_duration};
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// Arguments of `keys rotate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RotateArgs {
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
}

impl RotateArgs {
    /// Runs the command.
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let supplied = supplied_token(self.key_file).await?;
        let request = v1::RotateKeyRequest {
            id: resolve_key_id(context, self.key).await?,
            overlap: Some(to_duration(self.overlap)),
            token: supplied,
            etag: String::new(),
            options: Some(self.write.options()),
        };
        let mut client = context.keys().await?;
        let response = context.call("rotating the key", client.rotate_key(request)).await?;
        let described = context.render(&response, |response| show::brief(response.key.as_ref()))?;
        Ok(with_token(context, described, &response.token, self.token_only).with_written(response.written.as_ref()))
    }
}
