//! `latchkey watch`: each revision as a server applies it.

use std::fmt::Write as _;

use clap::Args;

use super::context::CommandContext;
use super::exit::Error;
use super::output;
use super::result::{CommandOutput, CommandResult};
use super::{display, json};
use crate::proto::v1;

/// Arguments of `watch`.
#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// Start after this revision, as returned by a write or `watch` [default: now]
    #[arg(long, value_name = "REVISION", default_value = "", hide_default_value = true)]
    after: String,
}

impl WatchArgs {
    /// Prints until Ctrl-C, which is success, or until the server ends the stream, which is an error.
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        tokio::select! {
            ended = Box::pin(self.follow(context)) => ended.map(|()| CommandOutput::empty()),
            signal = tokio::signal::ctrl_c() => match signal {
                Ok(()) => Ok(CommandOutput::empty()),
                Err(error) => Err(Error::Internal(format!("signal handlers could not be installed: {error}"))),
            },
        }
    }

    async fn follow(self, context: &CommandContext) -> Result<(), Error> {
        let mut client = context.authorization().await?;
        let request = v1::WatchChangesRequest { after_revision: self.after };
        let mut stream = context.call("subscribing to changes", client.watch_changes(request)).await?;
        loop {
            match stream.message().await {
                Ok(Some(change)) => {
                    output::print(&if context.is_json() { json::line(&change)? } else { describe(&change) })?;
                }
                Ok(None) => {
                    return Err(Error::Unavailable("the server closed the stream: it is shutting down".to_owned()));
                }
                Err(status) => return Err(context.status_error(&status)),
            }
        }
    }
}

fn describe(change: &v1::WatchChangesResponse) -> String {
    if change.subjects.is_empty() {
        return format!("{}  start\n", output::sanitize(&change.revision));
    }
    let mut text = String::new();
    for subject in &change.subjects {
        let line = format!("{}  {} {} {}", change.revision, subject.action, subject.kind, subject.id);
        text.push_str(&output::sanitize(&line));
        text.push('\n');
    }
    if change.subjects.len() > 1 {
        let many = i64::try_from(change.subjects.len()).unwrap_or(i64::MAX);
        let many = display::count(many, "change", "changes");
        let _ = writeln!(text, "{}  {many} together", output::sanitize(&change.revision));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_subject_has_a_line() {
        let subject =
            |id: &str| v1::ChangedSubject { kind: "key".to_owned(), id: id.to_owned(), action: "update".to_owned() };
        let change = v1::WatchChangesResponse {
            revision: "r7-1".to_owned(),
            number: 7,
            subjects: vec![subject("key_1"), subject("key_2")],
        };
        assert_eq!(describe(&change), "r7-1  update key key_1\nr7-1  update key key_2\nr7-1  2 changes together\n");
        let start = v1::WatchChangesResponse { revision: "r7-1".to_owned(), ..Default::default() };
        assert_eq!(describe(&start), "r7-1  start\n");
    }
}
