//! The steps of every write: begin, admit the caller, do the work, append the changes, commit, wait for replicas.

use std::fmt::Display;
use std::sync::Arc;

use futures_util::future::BoxFuture;

use crate::model::change::{Action, Actor, Cursor, NewChange, Revision, SubjectKind};
use crate::model::id::OperatorId;
use crate::model::operator::Permission;
use crate::random::Random;
use crate::storage::{self, Transaction};

use super::error::{Error, Result};
use super::validate::CheckedOptions;
use super::{Caller, Done, Pending, Registry, Written, etag};

/// A write in progress.
pub(super) struct Write {
    pub tx: Transaction,
    /// Whether to undo everything at the end: a dry run.
    pub dry_run: bool,
    /// For the ids of new subjects.
    pub random: Arc<dyn Random>,
    changes: Vec<NewChange>,
}

/// The work of a write: it reads, checks and writes through the [`Write`], and returns its subject.
type Work<T> = Box<dyn for<'w> FnOnce(&'w mut Write) -> BoxFuture<'w, Result<T>> + Send>;

impl Write {
    /// Adds a change to the audit trail. A write without one is undone as having changed nothing.
    pub(super) fn record(
        &mut self,
        action: Action,
        kind: SubjectKind,
        subject: &dyn Display,
        before: Option<serde_json::Value>,
        after: Option<serde_json::Value>,
    ) {
        self.changes.push(NewChange { action, kind, subject: subject.to_string(), before, after });
    }

    /// Appends the changes and makes everything durable.
    pub(super) async fn commit(mut self) -> Result<Cursor> {
        self.tx.append(&self.changes).await?;
        Ok(self.tx.commit().await?)
    }

    /// Undoes everything. A failure is harmless: dropping the transaction also undoes it.
    pub(super) async fn undo(self) {
        if let Err(error) = self.tx.rollback().await {
            tracing::debug!(code = error.code(), "a rollback failed; closing the connection ends the transaction");
        }
    }
}

/// Refuses an etag that was given but is not the current one.
pub(super) fn check_etag(given: &str, kind: SubjectKind, current: Revision) -> Result<()> {
    if given.is_empty() || given == etag(current) { Ok(()) } else { Err(Error::Stale(kind)) }
}

/// Returns the error for a subject that storage does not return to the write that created or changed it.
pub(super) fn unreadable(subject: impl Display) -> Error {
    storage::Error::bug(format!("{subject} cannot be read by the write that created it")).into()
}

impl Registry {
    pub(super) async fn begin(&self, actor: &Actor, comment: &str) -> Result<Write> {
        let tx = self.storage.begin(self.random.nonce(), actor, comment).await?;
        Ok(Write { tx, dry_run: false, random: Arc::clone(&self.random), changes: Vec::new() })
    }

    /// Runs a write for a caller, in a separate task.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        name: &'static str,
        caller: &Caller,
        permission: Permission,
        options: CheckedOptions,
        work: impl for<'w> FnOnce(&'w mut Write) -> BoxFuture<'w, Result<T>> + Send + 'static,
    ) -> Done<T> {
        let (registry, caller, work) = (self.clone(), caller.clone(), Box::new(work));
        let task = self.tasks.spawn(name, async move { registry.run(caller, permission, options, work).await });
        // A task that ended without a result panicked or was dropped at shutdown: it may have committed before.
        task.await.unwrap_or(Err(Error::OutcomeUnknown))
    }

    async fn run<T: Send>(
        &self,
        caller: Caller,
        permission: Permission,
        options: CheckedOptions,
        work: Work<T>,
    ) -> Done<T> {
        let actor = Actor::Operator { id: caller.id, name: caller.name };
        let mut write = self.begin(&actor, &options.comment).await?;
        let value = match authorize_and_run(&mut write, caller.id, permission, work).await {
            Ok(value) => value,
            Err(error) => {
                write.undo().await;
                return Err(error);
            }
        };
        let dry_run = write.dry_run;
        let cursor = if dry_run || write.changes.is_empty() {
            write.undo().await;
            self.storage.head().await?
        } else {
            write.commit().await?
        };
        // A write without changes may repeat one whose response was lost: it too waits for the state that it found.
        let wait = options.replica_wait.unwrap_or(self.default_wait);
        let pending = if wait.is_zero() || dry_run {
            Pending::Known(Vec::new())
        } else {
            self.convergence.wait(cursor, wait).await
        };
        Ok((value, Written { cursor, pending }))
    }
}

/// Checks the caller again: it was authenticated by a snapshot, but storage's current state decides.
async fn authorize_and_run<T: Send>(
    write: &mut Write,
    caller: OperatorId,
    permission: Permission,
    work: Work<T>,
) -> Result<T> {
    let now = write.tx.now();
    let operator =
        write.tx.operator(caller).await?.filter(|operator| operator.is_valid(now)).ok_or(Error::CallerGone)?;
    if !operator.role.may(permission) {
        return Err(Error::CallerRefused(permission));
    }
    work(write).await
}
