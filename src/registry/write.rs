//! The steps of every write: begin, admit the caller, do the work, append the changes, commit, wait for replicas.

use std::fmt::Display;
use std::sync::Arc;

use crate::model::change::{Action, Actor, Cursor, NewChange, Revision, SubjectKind};
use crate::model::id::OperatorId;
use crate::model::operator::Permission;
use crate::model::violations::Violations;
use crate::random::Random;
use crate::storage::Transaction;

use super::error::{Error, Result};
use super::input::WriteOptions;
use super::validate::{self, CheckedOptions};
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

/// The work of a write: an `async fn` that receives the [`Write`] and the checked request, and returns its subject.
pub(super) trait Work<'w, C, T>: FnOnce(&'w mut Write, C) -> Self::Running {
    /// The future that the function returns.
    type Running: Future<Output = Result<T>> + Send;
}

impl<'w, C, T, F, R> Work<'w, C, T> for F
where
    F: FnOnce(&'w mut Write, C) -> R,
    R: Future<Output = Result<T>> + Send,
{
    type Running = R;
}

impl Write {
    /// Checks the caller again: it was authenticated by a snapshot, but storage's current state decides.
    async fn authorize(&mut self, caller: OperatorId, permission: Permission) -> Result<()> {
        let now = self.tx.now();
        let operator = self.tx.operator(caller).await?.filter(|operator| operator.is_valid(now));
        let may = operator.ok_or(Error::CallerGone)?.role.may(permission);
        if may { Ok(()) } else { Err(Error::CallerRefused(permission)) }
    }

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

impl Registry {
    pub(super) async fn begin(&self, actor: &Actor, comment: &str) -> Result<Write> {
        let tx = self.storage.begin(self.random.nonce(), actor, comment).await?;
        Ok(Write { tx, dry_run: false, random: Arc::clone(&self.random), changes: Vec::new() })
    }

    /// Runs a write for a caller: `check`s the request, fails with all its violations and those of the options, and
    /// starts the work in a separate task.
    pub(super) async fn write<C: Send + 'static, T: Send + 'static>(
        &self,
        (caller, permission): (&Caller, Permission),
        options: &WriteOptions,
        check: impl FnOnce(&mut Violations) -> Option<C>,
        work: impl for<'w> Work<'w, C, T> + Send + 'static,
    ) -> Done<T> {
        let (checked, options) = validate::checked(|violations| {
            let checked = check(violations);
            let options = validate::options(violations, options);
            Some((checked?, options))
        })?;
        let (registry, caller) = (self.clone(), caller.clone());
        let work = async move { registry.run(caller, permission, options, checked, work).await };
        let task = self.tasks.spawn(work);
        // A task that ended without a result panicked or was dropped at shutdown: it may have committed before.
        task.await.unwrap_or(Err(Error::OutcomeUnknown))
    }

    async fn run<C: Send, T: Send>(
        &self,
        caller: Caller,
        permission: Permission,
        options: CheckedOptions,
        checked: C,
        work: impl for<'w> Work<'w, C, T> + Send,
    ) -> Done<T> {
        let actor = Actor::Operator { id: caller.id, name: caller.name };
        let mut write = self.begin(&actor, &options.comment).await?;
        let value = match write.authorize(caller.id, permission).await {
            Ok(()) => work(&mut write, checked).await,
            Err(refused) => Err(refused),
        };
        let value = match value {
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
