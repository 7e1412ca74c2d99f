//! Storage with as many keys as asked for, none of which is written anywhere.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use latchkey::model::change::{Actor, Change, Cursor, Revision};
use latchkey::model::grant::Grant;
use latchkey::model::id::{KeyId, OperatorId, ReplicaId};
use latchkey::model::key::Key;
use latchkey::model::operator::Operator;
use latchkey::model::page::{Page, PageRequest};
use latchkey::model::pattern::MethodIdentity;
use latchkey::model::reference::Method;
use latchkey::model::store::{Store, StoreCode};
use latchkey::model::time::Timestamp;
use latchkey::model::token::Digest;
use latchkey::storage::{
    ChangeFilter, Contents, Deployment, Engine, Found, GrantRead, GrantsRead, KeyFilter, LostChange, MethodFilter,
    OperatorFilter, Poll, Replica, ReplicaReport, Result, Session, Snapshot, SnapshotSink, Storage, StoreFilter,
    Transaction, UsageAdd, UsageCount, UsagePeriod,
};

use super::data::{self, House};
use super::memory;

/// Digests told at a time, as storage itself does.
const PIECE: usize = 20_000;

/// What storage reads of the key with a number, made in a revision.
type Grants = fn(&House, u64, Revision) -> Grant;

/// A real storage, with stores and methods and no keys, and keys on top of it that have the tokens of the data set: those
/// whose grant is read are made up from their numbers.
pub(crate) struct Drawn {
    storage: Arc<dyn Storage>,
    house: House,
    grants: Grants,
    /// The head, which stays: nothing is written. Every key is of this revision.
    head: Cursor,
    /// The digests of all keys with their numbers, in the order of the digests.
    digests: Vec<(Digest, u32)>,
    /// Bytes that the process grew by while it took the digests.
    grown: AtomicU64,
}

impl fmt::Debug for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drawn").field("keys", &self.digests.len()).finish_non_exhaustive()
    }
}

impl Drawn {
    /// The first `keys` keys, as `grants` makes them, over `storage`, which `house` was put into.
    pub(crate) async fn new(storage: Arc<dyn Storage>, house: House, keys: u32, grants: Grants) -> Self {
        let head = storage.head().await.expect("storage has a head");
        let mut digests: Vec<_> = (0..keys).map(|number| (data::token(u64::from(number)).digest(), number)).collect();
        digests.sort_unstable();
        Self { storage, house, grants, head, digests, grown: AtomicU64::new(0) }
    }

    /// Bytes that the process grew by while it took the digests of the last snapshot.
    pub(crate) fn grown(&self) -> u64 {
        self.grown.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl Storage for Drawn {
    async fn snapshot(&self, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot> {
        let snapshot = self.storage.snapshot(sink).await?;
        let before = memory::resident(std::process::id());
        let mut digests = Vec::with_capacity(PIECE);
        for piece in self.digests.chunks(PIECE) {
            digests.clear();
            digests.extend(piece.iter().map(|(digest, _)| *digest));
            sink.digests(&digests);
            // Storage waits for the database between two pieces.
            tokio::task::yield_now().await;
        }
        self.grown.store(memory::resident(std::process::id()).saturating_sub(before), Ordering::Relaxed);
        Ok(snapshot)
    }

    async fn grant(&self, digest: &Digest) -> Result<GrantRead> {
        let place = self.digests.binary_search_by_key(digest, |(digest, _)| *digest).ok();
        let number = place.map(|place| u64::from(self.digests[place].1));
        let grant = number.map(|number| (self.grants)(&self.house, number, self.head.revision));
        Ok(GrantRead { head: self.head, grant })
    }

    async fn add_usage(&self, _: &[UsageAdd]) -> Result<()> {
        // Taken and let go: what writing the uses of keys costs is no part of deciding.
        Ok(())
    }

    // --- as it is below ----------------------------------------------------------------------------------------------

    fn engine(&self) -> Engine {
        self.storage.engine()
    }

    async fn poll(&self, cursor: Cursor, limit: usize) -> Result<Poll> {
        self.storage.poll(cursor, limit).await
    }

    async fn contents(&self, since: Cursor) -> Result<Contents> {
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

    async fn woken(&self) {
        self.storage.woken().await;
    }

    async fn renew(&self, report: &ReplicaReport, nonce: u64) -> Result<Timestamp> {
        self.storage.renew(report, nonce).await
    }

    async fn replicas(&self) -> Result<(Vec<Replica>, Revision)> {
        self.storage.replicas().await
    }

    async fn report_lost(&self, changes: &[LostChange]) -> Result<()> {
        self.storage.report_lost(changes).await
    }

    async fn lost_changes(&self) -> Result<Vec<LostChange>> {
        self.storage.lost_changes().await
    }

    async fn deployment(&self) -> Result<Deployment> {
        self.storage.deployment().await
    }

    async fn mark_replaced(&self, deployment: &str) -> Result<()> {
        self.storage.mark_replaced(deployment).await
    }

    async fn forget_replica(&self, replica: ReplicaId) -> Result<()> {
        self.storage.forget_replica(replica).await
    }

    async fn remove_replicas(&self, replicas: &[(ReplicaId, Timestamp)]) -> Result<()> {
        self.storage.remove_replicas(replicas).await
    }

    async fn mark(&self, mark: latchkey::model::marks::Mark) -> Result<()> {
        self.storage.mark(mark).await
    }

    async fn head(&self) -> Result<Cursor> {
        self.storage.head().await
    }

    async fn key(&self, id: KeyId) -> Result<Option<Key>> {
        self.storage.key(id).await
    }

    async fn keys(&self, filter: &KeyFilter, page: &PageRequest) -> Result<Page<Key>> {
        self.storage.keys(filter, page).await
    }

    async fn find(&self, digest: &Digest) -> Result<Option<Found>> {
        self.storage.find(digest).await
    }

    async fn store(&self, code: &StoreCode) -> Result<Option<Store>> {
        self.storage.store(code).await
    }

    async fn stores(&self, filter: &StoreFilter, page: &PageRequest) -> Result<Page<Store>> {
        self.storage.stores(filter, page).await
    }

    async fn method(&self, identity: &MethodIdentity) -> Result<Option<Method>> {
        self.storage.method(identity).await
    }

    async fn methods(&self, filter: &MethodFilter, page: &PageRequest) -> Result<Page<Method>> {
        self.storage.methods(filter, page).await
    }

    async fn operator(&self, id: OperatorId) -> Result<Option<Operator>> {
        self.storage.operator(id).await
    }

    async fn operators(&self, filter: &OperatorFilter, page: &PageRequest) -> Result<Page<Operator>> {
        self.storage.operators(filter, page).await
    }

    async fn changes(&self, filter: &ChangeFilter, page: &PageRequest) -> Result<Page<Change>> {
        self.storage.changes(filter, page).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<Session>> {
        self.storage.session(digest).await
    }

    async fn touch_session(&self, digest: &Digest, at: Timestamp) -> Result<()> {
        self.storage.touch_session(digest, at).await
    }

    async fn usage(
        &self,
        key: KeyId,
        start: Timestamp,
        end: Timestamp,
        period: UsagePeriod,
        limit: usize,
    ) -> Result<Vec<UsageCount>> {
        self.storage.usage(key, start, end, period, limit).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<()> {
        self.storage.sweep(now).await
    }

    async fn begin(&self, nonce: u64, actor: &Actor, comment: &str) -> Result<Box<dyn Transaction>> {
        self.storage.begin(nonce, actor, comment).await
    }
}
