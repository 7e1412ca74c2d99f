//! `latchkey replicas lost`: changes that servers had applied and the database has lost, and repeating the revocations.

use clap::Args;

use super::answer::{Answer, Outcome};
use super::exit::{Ending, Error};
use super::moment::told;
use super::output::{self, Table};
use super::session::Session;
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
    pub(super) async fn run(self, session: &Session) -> Outcome {
        let mut client = session.replicas().await?;
        let answer =
            session.call("listing lost changes", client.list_lost_changes(v1::ListLostChangesRequest {})).await?;
        if !self.reapply {
            return session.answer(&answer, listed);
        }
        let mut failed = false;
        // In the order of their creation.
        for change in answer.changes.iter().rev() {
            for step in steps(change) {
                let line = match step.run(session, &change.revision).await {
                    Ok(done) => format!("{}: {} {}: {done}\n", change.revision, step.what(), step.id()),
                    Err(error) => {
                        failed = true;
                        format!("{}: {} {}: FAILED: {error}\n", change.revision, step.what(), step.id())
                    }
                };
                output::print(&output::clean(line.trim_end()))?;
                output::print("\n")?;
            }
        }
        Ok(Answer::nothing().ending(Ok(if failed { Ending::No } else { Ending::Done })))
    }
}

/// A change that takes access away.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    RevokeKey(String),
    DeleteKey(String),
    RevokeSecret(String),
    SwitchKeyOff(String),
    SwitchStoreOff(String),
    DeleteStore(String),
    RevokeOperator(String),
}

/// Returns what to repeat of a change: revocations, deletions, switching off. People must decide about the rest.
fn steps(change: &v1::LostChange) -> Vec<Step> {
    let id = change.id.clone();
    let mut steps: Vec<_> = change.ended_secret_ids.iter().cloned().map(Step::RevokeSecret).collect();
    match (change.kind.as_str(), change.action.as_str()) {
        ("key", "revoke") => steps = vec![Step::RevokeKey(id)],
        ("key", "delete") => steps = vec![Step::DeleteKey(id)],
        ("key", _) if change.switched_off => steps.push(Step::SwitchKeyOff(id)),
        ("store", _) if change.switched_off => steps.push(Step::SwitchStoreOff(id)),
        ("store", "delete") => steps.push(Step::DeleteStore(id)),
        ("operator", "revoke") => steps.push(Step::RevokeOperator(id)),
        _ => {}
    }
    steps
}

impl Step {
    const fn what(&self) -> &'static str {
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
    async fn run(&self, session: &Session, revision: &str) -> Result<&'static str, Error> {
        let comment = format!("reapplied: revision {revision} was lost by the database");
        let options = Some(v1::WriteOptions { comment: comment.clone(), replica_wait: None });
        let only = |path: &str| Some(prost_types::FieldMask { paths: vec![path.to_owned()] });
        let what = "reapplying a lost change";
        let outcome = match self {
            Self::RevokeKey(id) => {
                let request = v1::RevokeKeyRequest { id: id.clone(), reason: comment, etag: String::new(), options };
                session.call(what, session.keys().await?.revoke_key(request)).await.map(drop)
            }
            Self::DeleteKey(id) => {
                let request = v1::DeleteKeyRequest { id: id.clone(), etag: String::new(), options };
                session.call(what, session.keys().await?.delete_key(request)).await.map(drop)
            }
            Self::RevokeSecret(id) => {
                let request = v1::RevokeSecretRequest { secret_id: id.clone(), options };
                session.call(what, session.keys().await?.revoke_secret(request)).await.map(drop)
            }
            Self::SwitchKeyOff(id) => {
                let key = v1::Key { id: id.clone(), active: Some(false), ..Default::default() };
                let request = v1::UpdateKeyRequest { key: Some(key), update_mask: only("active"), options };
                session.call(what, session.keys().await?.update_key(request)).await.map(drop)
            }
            Self::SwitchStoreOff(code) => {
                let store = v1::Store { code: code.clone(), active: Some(false), ..Default::default() };
                let request = v1::UpdateStoreRequest { store: Some(store), update_mask: only("active"), options };
                session.call(what, session.stores().await?.update_store(request)).await.map(drop)
            }
            Self::DeleteStore(code) => {
                // With its fields at the time of its deletion.
                let request =
                    v1::DeleteStoreRequest { code: code.clone(), options, allow_rebinding: true, ..Default::default() };
                session.call(what, session.stores().await?.delete_store(request)).await.map(drop)
            }
            Self::RevokeOperator(id) => {
                let request = v1::RevokeOperatorRequest { id: id.clone(), options };
                session.call(what, session.operators().await?.revoke_operator(request)).await.map(drop)
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

fn listed(answer: &v1::ListLostChangesResponse) -> Answer {
    let mut table = Table::new(["REVISION", "KIND", "ID", "ACTION", "REMOVED", "NOTICED", "BY"]);
    for change in &answer.changes {
        let again: Vec<_> = steps(change).iter().map(|step| format!("{} {}", step.what(), step.id())).collect();
        table.row([
            change.revision.clone(),
            change.kind.clone(),
            change.id.clone(),
            change.action.clone(),
            again.join(", "),
            told(change.notice_time.as_ref()),
            change.reported_by.clone(),
        ]);
    }
    Answer::table(table, "lost changes")
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
        assert_eq!(steps(&change("key", "revoke")), [Step::RevokeKey(x())]);
        assert_eq!(steps(&change("key", "delete")), [Step::DeleteKey(x())]);
        assert_eq!(steps(&change("operator", "revoke")), [Step::RevokeOperator(x())]);
        assert_eq!(steps(&change("key", "create")), []);
        assert_eq!(steps(&change("key", "update")), []);
        let ended = vec!["sec_1".to_owned()];
        let change = v1::LostChange { ended_secret_ids: ended, switched_off: true, ..change("key", "update") };
        assert_eq!(steps(&change), [Step::RevokeSecret("sec_1".to_owned()), Step::SwitchKeyOff(x())]);
    }
}
