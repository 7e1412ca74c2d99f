//! `latchkey watch`: each revision as a server applies it.

use std::fmt::Write as _;

use clap::Args;

use super::context::CommandContext;
use super::exit::Error;
use super::json;
use super::output;
use crate::proto::v1;

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// Start after this revision, as returned by a write or `watch` [default: now]
    #[arg(long, value_name = "REVISION", default_value = "", hide_default_value = true)]
    after: String,
}

impl WatchArgs {
    /// Prints until the server ends the stream, which is an error.
    pub(super) async fn follow(self, context: &CommandContext) -> Result<(), Error> {
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
    let revision = output::sanitize(&change.revision);
    if change.subjects.is_empty() {
        return format!("{revision}  start\n");
    }
    let mut text = String::new();
    for subject in &change.subjects {
        let line = format!("{} {} {}", subject.action, subject.kind, subject.id);
        let _ = writeln!(text, "{revision}  {}", output::sanitize(&line));
    }
    if change.subjects.len() > 1 {
        let _ = writeln!(text, "{revision}  {} changes together", change.subjects.len());
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
