//! A write: one transaction that took the next revision. The files of each kind of record contain its operations; this
//! file contains its begin and end.

use std::fmt;

use super::Storage;
use super::connection::Connection;
use super::driver::Purpose;
use crate::model::change::{Actor, Cursor, Revision};
use crate::model::time::Timestamp;
use crate::storage::{Error, Result};

/// The number of attempts for a write that conflicts with another.
const ATTEMPTS: u32 = 3;

/// One write. Its statements see everything committed before it began, and its own changes. Dropping it undoes it.
pub struct Transaction {
    pub(super) connection: Connection,
    pub(super) revision: Revision,
    pub(super) nonce: u64,
    pub(super) now: Timestamp,
    pub(super) actor: Actor,
    pub(super) comment: String,
    /// The number of changes appended so far: the next one's ordinal.
    pub(super) appended: u32,
}

impl fmt::Debug for Transaction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl Storage {
    /// Begins a write: the first statement takes the next revision and with it the exclusive right to write; others
    /// wait, at most 3 s. Nothing is visible before `commit`; dropping it undoes it.
    pub async fn begin(&self, nonce: u64, actor: &Actor, comment: &str) -> Result<Transaction> {
        let sql = sql!("UPDATE revision SET value = value + 1, nonce = $1 WHERE one = 1 RETURNING value, " NOW);
        let mut attempt = 1;
        loop {
            let mut connection = self.connect(Purpose::Write).await?;
            let mut row = match connection.one("begin", sql, params![nonce.cast_signed()], "revision").await {
                // Nothing was done yet, so a retry is safe.
                Err(error) if attempt < ATTEMPTS && self.driver.is_conflict(&error) => {
                    attempt += 1;
                    continue;
                }
                begun => begun?,
            };
            let revision = row.get("value")?;
            let now = row.get::<Option<_>>("now")?.unwrap_or_else(|| connection.local_time());
            let (actor, comment) = (actor.clone(), comment.to_owned());
            return Ok(Transaction { connection, revision, nonce, now, actor, comment, appended: 0 });
        }
    }
}

impl Transaction {
    /// Returns the revision of this write.
    pub const fn revision(&self) -> Revision {
        self.revision
    }

    /// Returns storage's clock when the write began.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Makes it durable and visible; returns the cursor of its revision. [`Error::OutcomeUnknown`] if the response was
    /// lost. Refused if no change was appended: a revision without changes would be a gap in the feed.
    pub async fn commit(self) -> Result<Cursor> {
        if self.appended == 0 {
            self.connection.rollback().await?;
            return Err(Error::bug("a write was committed without a change; it was undone"));
        }
        self.connection.commit("commit").await?;
        Ok(Cursor { revision: self.revision, nonce: self.nonce })
    }

    /// Undoes it.
    pub async fn rollback(self) -> Result<()> {
        self.connection.rollback().await
    }
}
