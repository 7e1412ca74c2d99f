//! `latchkey replicas`: the running servers and what they have applied; changes that they had applied and the database
//! has lost, and repeating the revocations among them.

use std::fmt::Write as _;

use clap::{Args, Subcommand};

use super::context::CommandContext;
use super::display;
use super::exit::{Error, Exit};
use super::output::{self, CommandOutput, CommandResult, table};
use super::time::format_time;
use crate::proto::v1;

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(super) struct ReplicasArgs {
    #[command(subcommand)]
    command: Option<ReplicasCommand>,
}

#[derive(Debug, Subcommand)]
enum ReplicasCommand {
    /// List changes that servers had applied and the database has lost
    Lost {
        /// Revoke, delete and switch off again whatever the lost changes did; anything already in that state is left
        /// alone
        #[arg(long)]
        reapply: bool,
    },
}

impl ReplicasArgs {
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        if let Some(ReplicasCommand::Lost { reapply }) = self.command {
            return lost(reapply, context).await;
        }
        let mut client = context.replicas().await?;
        context.show("listing servers", client.list_replicas(v1::ListReplicasRequest {}), describe).await
    }
}

const HEADINGS: [&str; 10] =
    ["REPLICA", "HOST", "VERSION", "STARTED", "LAST REPORT", "APPLIED", "BEHIND", "LIVE", "MAX_STALENESS", "ANSWERED"];

fn describe(response: &v1::ListReplicasResponse) -> String {
    let rows = response.replicas.iter().map(|replica| {
        let staleness = replica.max_staleness.as_ref();
        [
            replica.id.clone(),
            replica.host.clone(),
            replica.version.clone(),
            format_time(replica.start_time.as_ref()),
            format_time(replica.report_time.as_ref()),
            replica.applied_revision.to_string(),
            response.head_revision.saturating_sub(replica.applied_revision).to_string(),
            display::yes_no(replica.live).to_owned(),
            staleness.map_or_else(|| "?".to_owned(), |longest| format!("{} s", longest.seconds)),
            display::yes_no(replica.id == response.answered_by).to_owned(),
        ]
    });
    let mut text = table(HEADINGS, rows);
    let staleness = response.max_staleness.as_ref().map_or(0, |staleness| staleness.seconds);
    let _ = writeln!(
        text,
        "\nlatest revision {}; a server out of sync for longer than {staleness} s denies every request",
        response.head_revision
    );
    let differs =
        |replica: &v1::Replica| replica.max_staleness.is_some() && replica.max_staleness != response.max_staleness;
    if response.replicas.iter().any(differs) {
        text.push_str("the servers have different values of max_staleness: set the same value on all\n");
    }
    text
}

async fn lost(reapply: bool, context: &CommandContext) -> CommandResult {
    let mut client = context.replicas().await?;
    let response =
        context.call("listing lost changes", client.list_lost_changes(v1::ListLostChangesRequest {})).await?;
    if !reapply {
        return context.render(&response, list_lost);
    }
    let mut failed = false;
    // In the order of their creation.
    for change in response.changes.iter().rev() {
        for (removal, id) in removals(change) {
            let what = format!("{}: {} {id}", change.revision, removal.name());
            let line = match removal.run(id, context, &change.revision).await {
                Ok(done) => format!("{what}: {done}"),
                Err(error) => {
                    failed = true;
                    format!("{what}: FAILED: {error}")
                }
            };
            output::print(&(output::sanitize(line.trim_end()) + "\n"))?;
        }
    }
    Ok(CommandOutput::empty().with_exit(Ok(if failed { Exit::Negative } else { Exit::Success })))
}

/// A change that takes access away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removal {
    RevokeKey,
    DeleteKey,
    RevokeSecret,
    SwitchKeyOff,
    SwitchStoreOff,
    DeleteStore,
    RevokeOperator,
}

/// Returns what to repeat of a change, and the ids of its objects: revocations, deletions, switching off. People must
/// decide about the rest.
fn removals(change: &v1::LostChange) -> Vec<(Removal, String)> {
    let ended = change.ended_secret_ids.iter().map(|id| (Removal::RevokeSecret, id.clone()));
    let whole = match (change.kind.as_str(), change.action.as_str()) {
        // Its tokens end with it.
        ("key", "revoke") => return vec![(Removal::RevokeKey, change.id.clone())],
        ("key", "delete") => return vec![(Removal::DeleteKey, change.id.clone())],
        ("key", _) if change.switched_off => Some(Removal::SwitchKeyOff),
        ("store", _) if change.switched_off => Some(Removal::SwitchStoreOff),
        ("store", "delete") => Some(Removal::DeleteStore),
        ("operator", "revoke") => Some(Removal::RevokeOperator),
        _ => None,
    };
    ended.chain(whole.map(|removal| (removal, change.id.clone()))).collect()
}

impl Removal {
    const fn name(self) -> &'static str {
        match self {
            Self::RevokeKey => "revoke key",
            Self::DeleteKey => "delete key",
            Self::RevokeSecret => "revoke token",
            Self::SwitchKeyOff => "switch off key",
            Self::SwitchStoreOff => "switch off store",
            Self::DeleteStore => "delete store",
            Self::RevokeOperator => "revoke operator",
        }
    }

    /// Runs it. Each is idempotent: repeating it changes nothing.
    async fn run(self, id: String, context: &CommandContext, revision: &str) -> Result<&'static str, Error> {
        let reason = format!("reapplied: revision {revision} was lost by the database");
        let options = Some(v1::WriteOptions { comment: reason.clone(), replica_wait: None });
        let etag = String::new();
        let update_mask = Some(prost_types::FieldMask { paths: vec!["active".to_owned()] });
        let what = "reapplying a lost change";
        let outcome = match self {
            Self::RevokeKey => {
                let request = v1::RevokeKeyRequest { id, reason, etag, options };
                context.call(what, context.keys().await?.revoke_key(request)).await.map(drop)
            }
            Self::DeleteKey => {
                let request = v1::DeleteKeyRequest { id, etag, options };
                context.call(what, context.keys().await?.delete_key(request)).await.map(drop)
            }
            Self::RevokeSecret => {
                let request = v1::RevokeSecretRequest { secret_id: id, options };
                context.call(what, context.keys().await?.revoke_secret(request)).await.map(drop)
            }
            Self::SwitchKeyOff => {
                let key = Some(v1::Key { id, active: Some(false), ..Default::default() });
                let request = v1::UpdateKeyRequest { key, update_mask, options };
                context.call(what, context.keys().await?.update_key(request)).await.map(drop)
            }
            Self::SwitchStoreOff => {
                let store = Some(v1::Store { code: id, active: Some(false), ..Default::default() });
                let request = v1::UpdateStoreRequest { store, update_mask, options };
                context.call(what, context.stores().await?.update_store(request)).await.map(drop)
            }
            Self::DeleteStore => {
                // With its fields at the time of its deletion.
                let request = v1::DeleteStoreRequest { code: id, etag, options, allow_rebinding: true };
                context.call(what, context.stores().await?.delete_store(request)).await.map(drop)
            }
            Self::RevokeOperator => {
                let request = v1::RevokeOperatorRequest { id, options };
                context.call(what, context.operators().await?.revoke_operator(request)).await.map(drop)
            }
        };
        match outcome {
            Ok(()) => Ok("done"),
            // Its creation was lost as well, or it was deleted since.
            Err(Error::NotFound(_)) => Ok("not there"),
            Err(error) => Err(error),
        }
    }
}

fn list_lost(response: &v1::ListLostChangesResponse) -> CommandOutput {
    let rows = response.changes.iter().map(|change| {
        let again: Vec<_> = removals(change).iter().map(|(removal, id)| format!("{} {id}", removal.name())).collect();
        [
            change.revision.clone(),
            change.kind.clone(),
            change.id.clone(),
            change.action.clone(),
            again.join(", "),
            format_time(change.notice_time.as_ref()),
            change.reported_by.clone(),
        ]
    });
    CommandOutput::table("lost changes", ["REVISION", "KIND", "ID", "ACTION", "REMOVED", "NOTICED", "BY"], rows)
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

    #[test]
    fn what_takes_away_is_done_again_and_nothing_else() {
        let change = |kind: &str, action: &str| v1::LostChange {
            kind: kind.to_owned(),
            id: "x".to_owned(),
            action: action.to_owned(),
            ..Default::default()
        };
        let x = |removal| (removal, "x".to_owned());
        assert_eq!(removals(&change("key", "revoke")), [x(Removal::RevokeKey)]);
        assert_eq!(removals(&change("key", "delete")), [x(Removal::DeleteKey)]);
        assert_eq!(removals(&change("operator", "revoke")), [x(Removal::RevokeOperator)]);
        assert_eq!(removals(&change("key", "create")), []);
        assert_eq!(removals(&change("key", "update")), []);
        let ended = vec!["sec_1".to_owned()];
        let change = v1::LostChange { ended_secret_ids: ended, switched_off: true, ..change("key", "update") };
        assert_eq!(removals(&change), [(Removal::RevokeSecret, "sec_1".to_owned()), x(Removal::SwitchKeyOff)]);
    }
}
