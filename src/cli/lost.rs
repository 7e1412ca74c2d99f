//! `latchkey replicas lost`: changes that servers had applied and the database has lost, and repeating the revocations.

use clap::Args;

use super::context::CommandContext;
use super::exit::{Error, Exit};
use super::output::{self, TextTable};
use super::result::{CommandOutput, CommandResult};
use super::time::format_time;
use crate::proto::v1;

/// Arguments of `replicas lost`.
#[derive(Debug, Args)]
pub(super) struct LostArgs {
    /// Revoke, delete and switch off again whatever the lost changes did; anything already in that state is left alone
    #[arg(long)]
    reapply: bool,
}

impl LostArgs {
    /// Runs the command.
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        let mut client = context.replicas().await?;
        let response =
            context.call("listing lost changes", client.list_lost_changes(v1::ListLostChangesRequest {})).await?;
        if !self.reapply {
            return context.render(&response, list);
        }
        let mut failed = false;
        // In the order of their creation.
        for change in response.changes.iter().rev() {
            for removal in removals(change) {
                let line = match removal.run(context, &change.revision).await {
                    Ok(done) => format!("{}: {} {}: {done}\n", change.revision, removal.description(), removal.id()),
                    Err(error) => {
                        failed = true;
                        format!("{}: {} {}: FAILED: {error}\n", change.revision, removal.description(), removal.id())
                    }
                };
                output::print(&output::sanitize(line.trim_end()))?;
                output::print("\n")?;
            }
        }
        Ok(CommandOutput::empty().with_exit(Ok(if failed { Exit::Negative } else { Exit::Success })))
    }
}

/// A change that takes access away.
#[derive(Debug, PartialEq, Eq)]
enum Removal {
    RevokeKey(String),
    DeleteKey(String),
    RevokeSecret(String),
    SwitchKeyOff(String),
    SwitchStoreOff(String),
    DeleteStore(String),
    RevokeOperator(String),
}

/// Returns what to repeat of a change: revocations, deletions, switching off. People must decide about the rest.
fn removals(change: &v1::LostChange) -> Vec<Removal> {
    let id = change.id.clone();
    let mut removals: Vec<_> = change.ended_secret_ids.iter().cloned().map(Removal::RevokeSecret).collect();
    match (change.kind.as_str(), change.action.as_str()) {
        ("key", "revoke") => removals = vec![Removal::RevokeKey(id)],
        ("key", "delete") => removals = vec![Removal::DeleteKey(id)],
        ("key", _) if change.switched_off => removals.push(Removal::SwitchKeyOff(id)),
        ("store", _) if change.switched_off => removals.push(Removal::SwitchStoreOff(id)),
        ("store", "delete") => removals.push(Removal::DeleteStore(id)),
        ("operator", "revoke") => removals.push(Removal::RevokeOperator(id)),
        _ => {}
    }
    removals
}

impl Removal {
    const fn description(&self) -> &'static str {
        match self {
            Self::RevokeKey(_) => "revoke key",
            Self::DeleteKey(_) => "delete key",
            Self::RevokeSecret(_) => "revoke token",
            Self::SwitchKeyOff(_) => "switch off key",
            Self::SwitchStoreOff(_) => "switch off store",
            Self::DeleteStore(_) => "delete store",
            Self::RevokeOperator(_) => "revoke operator",
        }
    }

    fn id(&self) -> &str {
        match self {
            Self::RevokeKey(id)
            | Self::DeleteKey(id)
            | Self::RevokeSecret(id)
            | Self::SwitchKeyOff(id)
            | Self::SwitchStoreOff(id)
            | Self::DeleteStore(id)
            | Self::RevokeOperator(id) => id,
        }
    }

    /// Runs it. Each is idempotent: repeating it changes nothing.
    async fn run(&self, context: &CommandContext, revision: &str) -> Result<&'static str, Error> {
        let comment = format!("reapplied: revision {revision} was lost by the database");
        let options = Some(v1::WriteOptions { comment: comment.clone(), replica_wait: None });
        let only = |path: &str| Some(prost_types::FieldMask { paths: vec![path.to_owned()] });
        let what = "reapplying a lost change";
        let outcome = match self {
            Self::RevokeKey(id) => {
                let request = v1::RevokeKeyRequest { id: id.clone(), reason: comment, etag: String::new(), options };
                context.call(what, context.keys().await?.revoke_key(request)).await.map(drop)
            }
            Self::DeleteKey(id) => {
                let request = v1::DeleteKeyRequest { id: id.clone(), etag: String::new(), options };
                context.call(what, context.keys().await?.delete_key(request)).await.map(drop)
            }
            Self::RevokeSecret(id) => {
                let request = v1::RevokeSecretRequest { secret_id: id.clone(), options };
                context.call(what, context.keys().await?.revoke_secret(request)).await.map(drop)
            }
            Self::SwitchKeyOff(id) => {
                let key = v1::Key { id: id.clone(), active: Some(false), ..Default::default() };
                let request = v1::UpdateKeyRequest { key: Some(key), update_mask: only("active"), options };
                context.call(what, context.keys().await?.update_key(request)).await.map(drop)
            }
            Self::SwitchStoreOff(code) => {
                let store = v1::Store { code: code.clone(), active: Some(false), ..Default::default() };
                let request = v1::UpdateStoreRequest { store: Some(store), update_mask: only("active"), options };
                context.call(what, context.stores().await?.update_store(request)).await.map(drop)
            }
            Self::DeleteStore(code) => {
                // With its fields at the time of its deletion.
                let request =
                    v1::DeleteStoreRequest { code: code.clone(), options, allow_rebinding: true, ..Default::default() };
                context.call(what, context.stores().await?.delete_store(request)).await.map(drop)
            }
            Self::RevokeOperator(id) => {
                let request = v1::RevokeOperatorRequest { id: id.clone(), options };
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

fn list(response: &v1::ListLostChangesResponse) -> CommandOutput {
    let mut table = TextTable::new(["REVISION", "KIND", "ID", "ACTION", "REMOVED", "NOTICED", "BY"]);
    for change in &response.changes {
        let again: Vec<_> =
            removals(change).iter().map(|removal| format!("{} {}", removal.description(), removal.id())).collect();
        table.row([
            change.revision.clone(),
            change.kind.clone(),
            change.id.clone(),
            change.action.clone(),
            again.join(", "),
            format_time(change.notice_time.as_ref()),
            change.reported_by.clone(),
        ]);
    }
    CommandOutput::table(table, "lost changes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_takes_away_is_done_again_and_nothing_else() {
        let change = |kind: &str, action: &str| v1::LostChange {
            kind: kind.to_owned(),
            id: "x".to_owned(),
            action: action.to_owned(),
            ..Default::default()
        };
        let x = || "x".to_owned();
        assert_eq!(removals(&change("key", "revoke")), [Removal::RevokeKey(x())]);
        assert_eq!(removals(&change("key", "delete")), [Removal::DeleteKey(x())]);
        assert_eq!(removals(&change("operator", "revoke")), [Removal::RevokeOperator(x())]);
        assert_eq!(removals(&change("key", "create")), []);
        assert_eq!(removals(&change("key", "update")), []);
        let ended = vec!["sec_1".to_owned()];
        let change = v1::LostChange { ended_secret_ids: ended, switched_off: true, ..change("key", "update") };
        assert_eq!(removals(&change), [Removal::RevokeSecret("sec_1".to_owned()), Removal::SwitchKeyOff(x())]);
    }
}
