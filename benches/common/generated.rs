//! Storage with any number of keys, none of which is stored anywhere.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use latchkey::model::change::{Cursor, Revision};
use latchkey::model::grant::Grant;
use latchkey::model::id::ReplicaId;
use latchkey::model::marks::Mark;
use latchkey::model::time::Timestamp;
use latchkey::model::token::Digest;
use latchkey::storage::{
    Feed, GrantRead, GrantsRead, LostChange, Poll, Replica, ReplicaReport, Result, Snapshot, SnapshotSink, Storage,
    StorageContents, UsageIncrement,
};

use super::data::{self, Catalog};
use super::memory;

/// Number of digests passed on at a time, as in real storage.
const CHUNK: usize = 20_000;

/// Makes the grant of a key from its number and revision.
type Grants = fn(&Catalog, u64, Revision) -> Grant;

/// Real storage with stores and methods but no keys, plus generated keys with the tokens of the data set: a grant is
/// made from the key's number when it is read.
pub(crate) struct GeneratedStorage {
    storage: Arc<Storage>,
    catalog: Catalog,
    grants: Grants,
    /// The latest revision, which is constant because nothing is written. Every key has this revision.
    head: Cursor,
    /// Digests and numbers of all keys, ordered by digest.
    digests: Vec<(Digest, u32)>,
    /// Bytes by which the process grew while it received the digests.
    grown: AtomicU64,
}

impl fmt::Debug for GeneratedStorage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GeneratedStorage").field("keys", &self.digests.len()).finish_non_exhaustive()
    }
}

impl GeneratedStorage {
    /// Creates the first `keys` keys with `grants`, on top of `storage`, to which `catalog` was added.
    pub(crate) async fn new(storage: Arc<Storage>, catalog: Catalog, keys: u32, grants: Grants) -> Self {
        let head = storage.head().await.expect("storage has a head");
        let mut digests: Vec<_> = (0..keys).map(|number| (data::token(u64::from(number)).digest(), number)).collect();
        digests.sort_unstable();
        Self { storage, catalog, grants, head, digests, grown: AtomicU64::new(0) }
    }

    /// Returns the bytes by which the process grew while it received the digests of the last snapshot.
    pub(crate) fn grown(&self) -> u64 {
        self.grown.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Feed for GeneratedStorage {
    async fn snapshot(&self, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot> {
        let snapshot = self.storage.snapshot(sink).await?;
        let before = memory::resident(std::process::id());
        let mut digests = Vec::with_capacity(CHUNK);
        for chunk in self.digests.chunks(CHUNK) {
            digests.clear();
            digests.extend(chunk.iter().map(|(digest, _)| *digest));
            sink.digests(&digests);
            // Real storage waits for the database between two chunks.
            tokio::task::yield_now().await;
        }
        self.grown.store(memory::resident(std::process::id()).saturating_sub(before), Ordering::Relaxed);
        Ok(snapshot)
    }

    async fn grant(&self, digest: &Digest) -> Result<GrantRead> {
        let place = self.digests.binary_search_by_key(digest, |(digest, _)| *digest).ok();
        let number = place.map(|place| u64::from(self.digests[place].1));
        let grant = number.map(|number| (self.grants)(&self.catalog, number, self.head.revision));
        Ok(GrantRead { head: self.head, grant })
    }

    async fn add_usage(&self, _: &[UsageIncrement]) -> Result<()> {
        // Dropped: the cost of writing usage counts is not part of a decision.
        Ok(())
    }

    // --- delegated to real storage -----------------------------------------------------------------------------------

    fn is_shared(&self) -> bool {
        self.storage.is_shared()
    }

    async fn poll(&self, cursor: Cursor, limit: usize) -> Result<Poll> {
        self.storage.poll(cursor, limit).await
    }

    async fn contents(&self, since: Cursor) -> Result<StorageContents> {
        self.storage.contents(since).await
    }

    async fn digests(&self, parts: Option<&BTreeSet<u16>>, sink: &mut (dyn SnapshotSink + Send)) -> Result<Cursor> {
        self.storage.digests(parts, sink).await
    }

    async fn grants(&self, digests: &[Digest]) -> Result<GrantsRead> {
        let read =
            async |digest: &Digest| Ok::<_, latchkey::storage::Error>((*digest, self.grant(digest).await?.grant));
        let mut grants = Vec::new();
        for digest in digests {
            let (digest, grant) = read(digest).await?;
            grants.extend(grant.map(|grant| (digest, grant)));
        }
        Ok(GrantsRead { head: self.head, grants })
    }

    async fn notified(&self) {
        self.storage.notified().await;
    }

    async fn heartbeat(&self, report: &ReplicaReport, nonce: u64) -> Result<Timestamp> {
        self.storage.heartbeat(report, nonce).await
    }

    async fn replicas(&self) -> Result<(Vec<Replica>, Revision)> {
        self.storage.replicas().await
    }

    async fn report_lost(&self, changes: &[LostChange]) -> Result<()> {
        self.storage.report_lost(changes).await
    }

    async fn mark_replaced(&self, deployment: &str) -> Result<()> {
        self.storage.mark_replaced(deployment).await
    }

    async fn end_replica(&self, replica: ReplicaId) -> Result<()> {
        self.storage.end_replica(replica).await
    }

    async fn remove_replicas(&self, replicas: &[(ReplicaId, Timestamp)]) -> Result<()> {
        self.storage.remove_replicas(replicas).await
    }

    async fn add_mark(&self, mark: Mark) -> Result<()> {
        self.storage.add_mark(mark).await
    }

    async fn delete_expired(&self, now: Timestamp) -> Result<()> {
        self.storage.delete_expired(now).await
    }
}
