//! Options of any write.

use std::time::Duration;

use clap::Args;

use super::time::{parse_duration, to_duration};
use crate::proto::v1;

/// Options of any write.
#[derive(Debug, Args)]
#[command(next_help_heading = "Change options")]
pub(super) struct WriteArgs {
    /// Reason for the audit trail
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    because: String,
    /// How long to wait for every running server to apply the change, e.g. 5s (0s: do not wait) [default: setting of
    /// the server]
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    wait: Option<Duration>,
}

impl WriteArgs {
    /// Converts the options to a message of the contract.
    pub(super) fn options(self) -> v1::WriteOptions {
        v1::WriteOptions { comment: self.because, replica_wait: self.wait.map(to_duration) }
    }
}
