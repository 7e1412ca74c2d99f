//! What a replica decides by: the state of storage, its changes as they are committed, and the grants of keys.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;

use super::{
    Contents, GrantRead, GrantsRead, LostChange, Poll, Replica, ReplicaReport, Result, Snapshot, SnapshotSink, UsageAdd,
};
use crate::model::change::{Cursor, Revision};
use crate::model::id::ReplicaId;
use crate::model::marks::Mark;
use crate::model::time::Timestamp;
use crate::model::token::Digest;

/// A source of everything that decisions depend on, which receives in return what replicas report and count.
///
/// Each read is consistent: it shows one revision.
#[async_trait]
pub trait Feed: fmt::Debug + Send + Sync + 'static {
    /// Whether replicas on other machines may follow it too.
    fn is_shared(&self) -> bool;

    /// Reads everything that a World is made of, and passes the digests of all secrets ever made to `sink`, in pieces.
    async fn snapshot(&self, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot>;

    /// Reads, in one transaction on the primary: the latest revision; whether `cursor` is part of its history; the
    /// changes after `cursor`; and the current records that they touch. Lists at most `limit` subjects; beyond that, the
    /// result says that there are more. Uses a connection of its own, so that nothing else delays it.
    async fn poll(&self, cursor: Cursor, limit: usize) -> Result<Poll>;

    /// Completes when a write may have been committed since the last call; never completes if the engine cannot
    /// notify. May complete without a write.
    async fn notified(&self);

    /// Reads the secret with this digest, its key and the latest revision in one statement, on the primary.
    async fn grant(&self, digest: &Digest) -> Result<GrantRead>;

    /// Counts and hashes what storage holds, and lists what changed after `since`. Reads every row of keys inside the
    /// database, on a connection that nothing else waits for.
    async fn contents(&self, since: Cursor) -> Result<Contents>;

    /// Passes the digests of the secrets of keys in `parts` to `sink`, or of all keys if that is `None`. Returns the
    /// revision that they are of.
    async fn digests(&self, parts: Option<&BTreeSet<u16>>, sink: &mut (dyn SnapshotSink + Send)) -> Result<Cursor>;

    /// Reads the grants of several digests. For comparing: a decision reads one, by [`Feed::grant`].
    async fn grants(&self, digests: &[Digest]) -> Result<GrantsRead>;

    /// Records what a replica has applied, by a committed write on the primary; returns storage's clock. A revision that
    /// storage does not have under `nonce` is of a diverged history: 0 is recorded instead. Records how far time has
    /// come, too, and adds a mark where storage's clock is behind that.
    async fn heartbeat(&self, report: &ReplicaReport, nonce: u64) -> Result<Timestamp>;

    /// Lists the last reports of all replicas, the newest first, and the latest revision. Old reports are included:
    /// clocks are set, so that the age of a report by storage's clock does not show that its replica is gone.
    async fn replicas(&self) -> Result<(Vec<Replica>, Revision)>;

    /// Records that a replica ends in order and decides nothing any more.
    async fn end_replica(&self, replica: ReplicaId) -> Result<()>;

    /// Removes the reports of these replicas, each if it has not been replaced since this time.
    async fn remove_replicas(&self, replicas: &[(ReplicaId, Timestamp)]) -> Result<()>;

    /// Adds a mark: a time that storage's clock went back from, and the last revision that was decided by it. Polls and
    /// snapshots return all of them.
    async fn add_mark(&self, mark: Mark) -> Result<()>;

    /// Records changes that were applied and that storage does not have any more, each once whoever reports it.
    async fn report_lost(&self, changes: &[LostChange]) -> Result<()>;

    /// Leaves a mark that the database in this place is not `deployment`, which servers have served from it, so that
    /// none that starts takes an empty one for a first start. Does nothing where the engine has no such place, or where the
    /// database is not empty.
    async fn mark_replaced(&self, deployment: &str) -> Result<()>;

    /// Adds counts, and moves the last uses of keys and secrets forward; takes no revision. Counts of methods and
    /// stores that do not exist are kept as unknown. Sorted by id, so that replicas do not deadlock.
    async fn add_usage(&self, counts: &[UsageAdd]) -> Result<()>;

    /// Deletes hourly counts older than 35 days, daily ones older than 400, request ids older than a day and sessions
    /// begun more than a day ago.
    async fn delete_expired(&self, now: Timestamp) -> Result<()>;
}
