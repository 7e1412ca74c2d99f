//! Options of any write, and which fields an update changes.

use std::time::Duration;

use clap::Args;
use prost_types::FieldMask;

use super::exit::Error;
use super::time::{parse_duration, to_duration};
use crate::proto::v1;

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

/// The names of the fields that an update changes.
#[derive(Default)]
pub(super) struct UpdateMask(Vec<String>);

impl UpdateMask {
    /// Sets the field to the value, if one was given.
    pub(super) fn set<T>(&mut self, name: &str, field: &mut T, value: Option<T>) {
        if let Some(value) = value {
            self.0.push(name.to_owned());
            *field = value;
        }
    }

    /// Converts the mask to the field of a request; an error if it is empty, which names the command for `things`.
    pub(super) fn complete(self, things: &str) -> Result<Option<FieldMask>, Error> {
        if self.0.is_empty() {
            return Err(Error::Usage(format!("nothing to change: see `latchkey {things} update --help`")));
        }
        Ok(Some(FieldMask { paths: self.0 }))
    }
}
