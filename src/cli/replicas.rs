//! `latchkey replicas`: the running servers, and what they have applied.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::answer::Outcome;
use super::lost::LostArgs;
use super::moment::told;
use super::output::Table;
use super::session::Session;
use super::words;
use crate::proto::v1;

/// Arguments of `replicas`.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ReplicasArgs {
    #[command(subcommand)]
    command: Option<ReplicasCommand>,
}

#[derive(Debug, Subcommand)]
enum ReplicasCommand {
    /// List changes that servers had applied and the database has lost
    Lost(LostArgs),
}

impl ReplicasArgs {
    /// Runs the command.
    pub(super) async fn run(self, session: &Session) -> Outcome {
        match self.command {
            None => list(session).await,
            Some(ReplicasCommand::Lost(lost)) => lost.run(session).await,
        }
    }
}

async fn list(session: &Session) -> Outcome {
    let mut client = session.replicas().await?;
    let answer = session.call("listing servers", client.list_replicas(v1::ListReplicasRequest {})).await?;
    session.answer(&answer, told_of)
}

fn told_of(answer: &v1::ListReplicasResponse) -> String {
    let mut table = Table::new([
        "REPLICA",
        "HOST",
        "VERSION",
        "STARTED",
        "REPORTED",
        "APPLIED",
        "BEHIND",
        "LIVE",
        "MAX_STALENESS",
        "ANSWERS",
    ]);
    for replica in &answer.replicas {
        table.row([
            replica.id.clone(),
            replica.host.clone(),
            replica.version.clone(),
            told(replica.start_time.as_ref()),
            told(replica.report_time.as_ref()),
            replica.applied_revision.to_string(),
            answer.head_revision.saturating_sub(replica.applied_revision).to_string(),
            words::yes(replica.live).to_owned(),
            replica.max_staleness.as_ref().map_or_else(|| "?".to_owned(), |longest| format!("{} s", longest.seconds)),
            words::yes(replica.id == answer.answered_by).to_owned(),
        ]);
    }
    let mut text = table.text();
    let staleness = answer.max_staleness.as_ref().map_or(0, |staleness| staleness.seconds);
    let _ = writeln!(
        text,
        "\nnewest revision {}; a server without proof of freshness allows for {staleness} s",
        answer.head_revision
    );
    let differs =
        |replica: &&v1::Replica| replica.max_staleness.is_some() && replica.max_staleness != answer.max_staleness;
    if answer.replicas.iter().any(|replica| differs(&replica)) {
        text.push_str("the servers have different settings of max_staleness: set the same on all\n");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_each_server_is_behind_is_told() {
        let seconds = |seconds| Some(prost_types::Duration { seconds, nanos: 0 });
        let replica = |id: &str, applied_revision| v1::Replica {
            id: id.to_owned(),
            applied_revision,
            live: true,
            max_staleness: seconds(60),
            ..Default::default()
        };
        let mut answer = v1::ListReplicasResponse {
            replicas: vec![replica("rep_1", 9), replica("rep_2", 7)],
            head_revision: 9,
            answered_by: "rep_1".to_owned(),
            max_staleness: seconds(60),
        };
        let text = told_of(&answer);
        let row = text.lines().find(|line| line.contains("rep_2")).unwrap();
        assert!(row.split_whitespace().any(|cell| cell == "2"), "{row}");
        assert!(text.contains("newest revision 9") && text.contains("60 s"), "{text}");
        assert!(!text.contains("different"), "{text}");
        answer.replicas[1].max_staleness = seconds(5);
        let text = told_of(&answer);
        assert!(text.contains("5 s") && text.contains("different settings of max_staleness"), "{text}");
    }
}
