//! The inputs of a replica's decisions: the state of storage, its changes as they are committed, and grants.

use std::collections::BTreeSet;
use std::fmt;

use async_trait::async_trait;

use super::{
    GrantRead, GrantsRead, LostChange, Poll, Replica, ReplicaReport, Result, Snapshot, SnapshotSink, StorageContents,
    UsageIncrement,
};
use crate::model::change::{Cursor, Revision};
use crate::model::id::ReplicaId;
use crate::model::marks::Mark;
use crate::model::time::Timestamp;
use crate::model::token::Digest;

/// A source of everything that decisions depend on, and the destination of the reports and counts of replicas.
///
/// Each read is consistent: it shows one revision.
#[async_trait]
pub trait Feed: fmt::Debug + Send + Sync + 'static {
    /// Returns whether replicas on other machines may follow it too.
    fn is_shared(&self) -> bool;

    /// Reads all contents of a World, and passes the digests of all secrets ever created to `sink`, in batches.
    async fn snapshot(&self, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot>;

    /// Reads, in one transaction on the primary: the latest revision; whether `cursor` is part of its history; the
    /// changes after `cursor`; and the current records that they affect. Lists at most `limit` subjects; beyond that,
    /// the result reports that there are more. Uses a dedicated connection, so that nothing else delays it.
    async fn poll(&self, cursor: Cursor, limit: usize) -> Result<Poll>;

    /// Completes when a write may have been committed since the last call; never completes if the engine cannot
    /// notify. May complete without a write.
    async fn notified(&self);

    /// Reads the secret with this digest, its key and the latest revision in one statement, on the primary.
    async fn grant(&self, digest: &Digest) -> Result<GrantRead>;

    /// Counts and hashes the stored rows, and lists the changes after `since`. Reads every row of keys inside the
    /// database, on a connection that nothing else waits for.
    async fn contents(&self, since: Cursor) -> Result<StorageContents>;

    /// Passes the digests of the secrets of keys in `parts` to `sink`, or of all keys if that is `None`. Returns the
    /// revision that was read.
    async fn digests(&self, parts: Option<&BTreeSet<u16>>, sink: &mut (dyn SnapshotSink + Send)) -> Result<Cursor>;

    /// Reads the grants of several digests. For comparisons: a decision reads one, by [`Feed::grant`].
    async fn grants(&self, digests: &[Digest]) -> Result<GrantsRead>;

    /// Records the revision that a replica has applied, by a committed write on the primary; returns storage's clock. A
    /// revision that storage does not have under `nonce` is from a diverged history: 0 is recorded instead. Also
    /// records the latest time reached, and adds a mark if storage's clock is behind it.
    async fn heartbeat(&self, report: &ReplicaReport, nonce: u64) -> Result<Timestamp>;

    /// Lists the last reports of all replicas, the newest first, and the latest revision. Old reports are included:
    /// clocks can be set, so the age of a report by storage's clock does not prove that its replica is gone.
    async fn replicas(&self) -> Result<(Vec<Replica>, Revision)>;

    /// Records that a replica shuts down and makes no more decisions.
    async fn end_replica(&self, replica: ReplicaId) -> Result<()>;

    /// Removes the reports of these replicas, each unless it has been replaced since this time.
    async fn remove_replicas(&self, replicas: &[(ReplicaId, Timestamp)]) -> Result<()>;

    /// Adds a mark: a time that storage's clock went back from, and the last revision that it applies to. Polls and
    /// snapshots return all marks.
    async fn add_mark(&self, mark: Mark) -> Result<()>;

    /// Records changes that were applied but that storage no longer has, each once even if several replicas report it.
    async fn report_lost(&self, changes: &[LostChange]) -> Result<()>;

    /// Leaves a mark that `deployment` was served from this database location, so that no starting server mistakes an
    /// empty database for a first start. Does nothing if the engine has no such location, or if the database is not
    /// empty.
    async fn mark_replaced(&self, deployment: &str) -> Result<()>;

    /// Adds counts, and updates the last uses of keys and secrets; takes no revision. Counts of methods and stores that
    /// do not exist are kept as unknown. Sorted by id, so that replicas do not deadlock.
    async fn add_usage(&self, counts: &[UsageIncrement]) -> Result<()>;

    /// Deletes hourly counts older than 35 days, daily ones older than 400, request ids older than a day and sessions
    /// that started more than a day ago.
    async fn delete_expired(&self, now: Timestamp) -> Result<()>;
}
