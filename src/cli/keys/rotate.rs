//! `latchkey keys rotate`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::named::identified;
use super::show;
use super::token::token;
use crate::cli::answer::Outcome;
use crate::cli::input::supplied_token;
use crate::cli::moment::{span, to_duration};
use crate::cli::session::Session;
use crate::cli::write::WriteArgs;
use crate::proto::v1;

/// Arguments of `keys rotate`.
#[derive(Debug, Args)]
pub(in crate::cli) struct RotateArgs {
    /// ID of the key, or its name if it is unique
    key: String,
    /// How long the current token keeps working, e.g. 24h (0s: revoke it now)
    #[arg(long, value_name = "TIME", value_parser = span)]
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
    pub(super) async fn run(self, session: &Session) -> Outcome {
        let supplied = supplied_token(self.key_file).await?;
        let request = v1::RotateKeyRequest {
            id: identified(session, self.key).await?,
            overlap: Some(to_duration(self.overlap)),
            token: supplied,
            etag: String::new(),
            options: Some(self.write.options()),
        };
        let mut client = session.keys().await?;
        let answer = session.call("rotating the key", client.rotate_key(request)).await?;
        let told = session.answer(&answer, |answer| show::brief(answer.key.as_ref()))?;
        Ok(token(session, told, &answer.token, self.token_only).with_written(answer.written.as_ref()))
    }
}
