//! `latchkey replicas`: the running servers, and what they have applied.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::context::CommandContext;
use super::display;
use super::lost::LostArgs;
use super::output::TextTable;
use super::result::CommandResult;
use super::time::format_time;
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
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        match self.command {
            None => list(context).await,
            Some(ReplicasCommand::Lost(lost)) => lost.run(context).await,
        }
    }
}

async fn list(context: &CommandContext) -> CommandResult {
    let mut client = context.replicas().await?;
    let response = context.call("listing servers", client.list_replicas(v1::ListReplicasRequest {})).await?;
    context.render(&response, describe)
}

fn describe(response: &v1::ListReplicasResponse) -> String {
    let mut table = TextTable::new([
        "REPLICA",
        "HOST",
        "VERSION",
        "STARTED",
        "LAST REPORT",
        "APPLIED",
        "BEHIND",
        "LIVE",
        "MAX_STALENESS",
        "ANSWERED",
    ]);
    for replica in &response.replicas {
        table.row([
            replica.id.clone(),
            replica.host.clone(),
            replica.version.clone(),
            format_time(replica.start_time.as_ref()),
            format_time(replica.report_time.as_ref()),
            replica.applied_revision.to_string(),
            response.head_revision.saturating_sub(replica.applied_revision).to_string(),
            display::yes_no(replica.live).to_owned(),
            replica.max_staleness.as_ref().map_or_else(|| "?".to_owned(), |longest| format!("{} s", longest.seconds)),
            display::yes_no(replica.id == response.answered_by).to_owned(),
        ]);
    }
    let mut text = table.text();
    let staleness = response.max_staleness.as_ref().map_or(0, |staleness| staleness.seconds);
    let _ = writeln!(
        text,
        "\nlatest revision {}; a server out of sync for longer than {staleness} s denies every request",
        response.head_revision
    );
    let differs =
        |replica: &&v1::Replica| replica.max_staleness.is_some() && replica.max_staleness != response.max_staleness;
    if response.replicas.iter().any(|replica| differs(&replica)) {
        text.push_str("the servers have different values of max_staleness: set the same value on all\n");
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
        let mut response = v1::ListReplicasResponse {
            replicas: vec![replica("rep_1", 9), replica("rep_2", 7)],
            head_revision: 9,
            answered_by: "rep_1".to_owned(),
            max_staleness: seconds(60),
        };
        let text = describe(&response);
        let row = text.lines().find(|line| line.contains("rep_2")).unwrap();
        assert!(row.split_whitespace().any(|cell| cell == "2"), "{row}");
        assert!(text.contains("latest revision 9") && text.contains("60 s"), "{text}");
        assert!(!text.contains("different"), "{text}");
        response.replicas[1].max_staleness = seconds(5);
        let text = describe(&response);
        assert!(text.contains("5 s") && text.contains("different values of max_staleness"), "{text}");
    }
}
