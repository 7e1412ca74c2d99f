//! Simulated storage: one shared database, and for each replica a network link to it that delays, loses and breaks.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use async_trait::async_trait;
use latchkey::clock::SharedClock;
use latchkey::model::change::{Cursor, Revision};
use latchkey::model::id::ReplicaId;
use latchkey::model::marks::{LEAP, Mark, Marks};
use latchkey::model::time::Timestamp;
use latchkey::model::token::Digest;
use latchkey::storage::{
    ChangedParts, Deployment, Error, Feed, GrantRead, GrantsRead, IncompleteTable, KEY_PARTS, KEY_TABLES, LostChange,
    Poll, Replica, ReplicaReport, Result, Snapshot, SnapshotSink, StorageContents, Tally, UsageIncrement, part_of_key,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::coherence::tables::{Action, Committed, DelayedTables, Tables, key_id};
use helpers::oracle::History;

/// Kinds of storage calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Snapshot,
    Poll,
    Grant,
    Heartbeat,
    Replicas,
    Mark,
}

/// Direction of a message: a call to storage, or its response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Direction {
    Request,
    Response,
}

/// A network between a replica and storage.
#[async_trait]
pub(crate) trait Network: std::fmt::Debug + Send + Sync {
    /// Completes when the call or its response is delivered. An error loses it.
    async fn deliver(&self, call: Call, direction: Direction) -> Result<()>;
}

/// The database.
#[derive(Debug)]
pub(crate) struct Database {
    clock: SharedClock,
    inner: Mutex<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// Commits by revision.
    history: Vec<Arc<Committed>>,
    nonces: u64,
    replicas: BTreeMap<ReplicaId, (ReplicaReport, Timestamp)>,
    /// The latest time that storage has recorded.
    reached: Mark,
    marks: Marks,
    /// The times before which old records were removed.
    swept: Vec<Timestamp>,
    wakers: Vec<Arc<Notify>>,
    /// Tables that a restore has not brought yet.
    late: DelayedTables,
    /// The last number in the restored tables: rows with later ones were written meanwhile, and are visible.
    late_through: u32,
}

/// One replica's link to the database.
#[derive(Debug)]
pub(crate) struct Link<R> {
    pub(crate) database: Arc<Database>,
    pub(crate) network: R,
    /// Wakes the replica.
    pub(crate) waker: Arc<Notify>,
    /// Whether replicas on other machines use the same storage.
    pub(crate) shared: bool,
}

impl Database {
    pub(crate) fn new(clock: SharedClock) -> Arc<Self> {
        let first = Committed {
            tables: Tables::empty(),
            subjects: Vec::new(),
            keys: Vec::new(),
            changes: Vec::new(),
            huge: false,
        };
        let reached = Mark { revision: Revision(0), reached: Timestamp::EPOCH };
        let (replicas, marks, wakers) = (BTreeMap::new(), Marks::default(), Vec::new());
        let late = DelayedTables::default();
        let history = vec![Arc::new(first)];
        let (swept, late_through) = (Vec::new(), 0);
        let inner = Inner { history, nonces: 0, replicas, reached, marks, wakers, swept, late, late_through };
        Arc::new(Self { clock, inner: Mutex::new(inner) })
    }

    /// Commits a change; returns `None` if there was nothing to change.
    pub(crate) fn commit(&self, action: Action, huge: bool) -> Option<Cursor> {
        let mut inner = self.inner.lock();
        let nonce = inner.nonces + 1;
        let committed = inner.head().tables.commit(nonce, self.clock.now(), action, huge)?;
        inner.nonces = nonce;
        let cursor = committed.tables.cursor;
        inner.history.push(Arc::new(committed));
        Some(cursor)
    }

    /// Goes back to an older revision, as a restored dump or a failover that lost commits does. Nonces are not reused.
    pub(crate) fn restore(&self, to: Revision) {
        let mut inner = self.inner.lock();
        let kept = usize::try_from(to.0).expect("small") + 1;
        if kept < inner.history.len() {
            // Replicas that followed the lost history reload everything before they decide again, and report first.
            inner.replicas.clear();
        }
        inner.history.truncate(kept);
    }

    /// Delays these tables of the restore until the next call of this function.
    pub(crate) fn delay_tables(&self, late: DelayedTables) {
        let mut inner = self.inner.lock();
        (inner.late, inner.late_through) = (late, inner.head().tables.last_number());
    }

    /// Switches a key on or off by hand, without a revision.
    pub(crate) fn tamper(&self, key: usize) {
        let mut inner = self.inner.lock();
        let mut head = inner.head().clone();
        head.tables.tamper(key);
        let last = inner.history.len() - 1;
        inner.history[last] = Arc::new(head);
    }

    /// Returns all changes ever made.
    pub(crate) fn history(&self) -> History {
        let inner = self.inner.lock();
        History::new(inner.history.iter().flat_map(|committed| committed.changes.iter().cloned()).collect())
    }

    pub(crate) fn head(&self) -> Cursor {
        self.inner.lock().head().tables.cursor
    }

    /// Wakes every follower for which `reaches` returns true.
    pub(crate) fn wake(&self, mut reaches: impl FnMut() -> bool) {
        self.inner.lock().wakers.iter().filter(|_| reaches()).for_each(|waker| waker.notify_one());
    }

    /// Returns the times before which old records were removed.
    pub(crate) fn swept(&self) -> Vec<Timestamp> {
        self.inner.lock().swept.clone()
    }

    /// Creates a link to the database.
    pub(crate) fn link<R: Network>(self: &Arc<Self>, network: R, shared: bool) -> Arc<Link<R>> {
        let waker = Arc::new(Notify::new());
        self.inner.lock().wakers.push(Arc::clone(&waker));
        Arc::new(Link { database: Arc::clone(self), network, waker, shared })
    }
}

impl Inner {
    fn head(&self) -> &Committed {
        self.history.last().expect("there is always a first")
    }

    /// Records the time, as storage does with each report.
    fn record_time(&mut self, now: Timestamp) {
        let back = now < self.reached.reached.minus(LEAP);
        if back {
            self.marks.add(self.reached);
        }
        if back || now > self.reached.reached {
            self.reached = Mark { revision: self.head().tables.cursor.revision, reached: now };
        }
    }

    /// Returns the tables as they are visible now.
    fn visible_tables(&self) -> Tables {
        self.head().tables.without(self.late, self.late_through)
    }

    fn contents(&self, since: Cursor) -> StorageContents {
        let (head, seen) = (&self.head().tables, self.visible_tables());
        let poll = self.poll(since, Timestamp::EPOCH);
        let mut keys = vec![<[Tally; KEY_TABLES.len()]>::default(); usize::from(KEY_PARTS)];
        for digest in seen.digests(|_| true) {
            let grant = seen.grant(&digest).expect("it is listed");
            let mut hasher = DefaultHasher::new();
            (digest.as_bytes(), format!("{grant:?}")).hash(&mut hasher);
            for tally in keys[usize::from(part_of_key(grant.key))].iter_mut().take(2) {
                *tally = Tally { rows: tally.rows + 1, digest: tally.digest.wrapping_add(hasher.finish()) };
            }
        }
        let changed = ChangedParts {
            parts: poll.keys.iter().map(|(key, _)| part_of_key(*key)).collect(),
            stores: poll.stores.is_some(),
            methods: poll.methods.is_some(),
            operators: false,
        };
        let all: BTreeSet<u16> = if poll.overflow { (0..KEY_PARTS).collect() } else { changed.parts };
        StorageContents {
            head: head.cursor,
            incomplete_tables: self.missing(),
            hosts: Tally::default(),
            operators: Vec::new(),
            keys,
            changed: poll.continuous.then_some(ChangedParts { parts: all, ..changed }),
            open_writes: BTreeSet::new(),
            stores: seen.stores,
            methods: seen.methods,
        }
    }

    /// Returns the objects missing according to the audit trail: those created before the restored revision.
    fn missing(&self) -> Vec<IncompleteTable> {
        let (head, seen) = (&self.head().tables, self.visible_tables());
        [
            ("secrets", head.digests(|_| true).len(), seen.digests(|_| true).len()),
            ("stores", head.stores.len(), seen.stores.len()),
            ("methods", head.methods.len(), seen.methods.len()),
        ]
        .into_iter()
        .filter(|(_, made, there)| there < made)
        .map(|(table, ..)| IncompleteTable { table, empty: true })
        .collect()
    }

    fn cursors(&self) -> Vec<Cursor> {
        self.history.iter().map(|committed| committed.tables.cursor).collect()
    }

    fn poll(&self, cursor: Cursor, now: Timestamp) -> Poll {
        let head = self.head();
        let seen = self.visible_tables();
        let mut poll = Poll {
            head: head.tables.cursor,
            now,
            marks: self.marks.clone(),
            continuous: true,
            revisions: Vec::new(),
            subjects: Vec::new(),
            details: Vec::new(),
            overflow: false,
            incomplete_tables: Vec::new(),
            keys: Vec::new(),
            digests: Vec::new(),
            stores: None,
            methods: None,
            operators: None,
        };
        let at = usize::try_from(cursor.revision.0).expect("small");
        if self.history.get(at).is_none_or(|committed| committed.tables.cursor != cursor) {
            poll.continuous = false;
            return poll;
        }
        let mut newest = BTreeMap::new();
        for committed in &self.history[at + 1..] {
            let revision = committed.tables.cursor.revision;
            poll.revisions.push(committed.tables.cursor);
            poll.overflow |= committed.huge;
            for (kind, id, action) in &committed.subjects {
                poll.subjects.push((revision, (*kind).to_owned(), id.clone(), (*action).to_owned()));
                match *kind {
                    "store" => poll.stores = Some(seen.stores.clone()),
                    "method" => poll.methods = Some(seen.methods.clone()),
                    _ => {}
                }
            }
            newest.extend(committed.keys.iter().map(|key| (*key, revision)));
        }
        if poll.overflow {
            poll.incomplete_tables = self.missing();
            // Of the digests of changed keys only some are reported.
            poll.digests = seen.digests(|_| true);
        } else {
            poll.keys = newest.iter().map(|(key, revision)| (key_id(*key), *revision)).collect();
            poll.digests = seen.digests(|key| newest.contains_key(&key));
        }
        poll
    }
}

impl<R: Network> Link<R> {
    /// Makes a call: to storage, executed at one moment, and back.
    async fn call<T>(&self, call: Call, work: impl FnOnce(&mut Inner, Timestamp) -> T + Send) -> Result<T>
    where
        T: Send,
    {
        self.network.deliver(call, Direction::Request).await?;
        let done = work(&mut self.database.inner.lock(), self.database.clock.now());
        self.network.deliver(call, Direction::Response).await?;
        Ok(done)
    }
}

fn not_simulated() -> Error {
    Error::unavailable("only what following and deciding depend on is simulated")
}

#[async_trait]
impl<R: Network + 'static> Feed for Link<R> {
    fn is_shared(&self) -> bool {
        self.shared
    }

    async fn snapshot(&self, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot> {
        let (snapshot, digests) = self
            .call(Call::Snapshot, |inner, now| {
                let tables = &inner.visible_tables();
                let snapshot = Snapshot {
                    head: tables.cursor,
                    now,
                    marks: inner.marks.clone(),
                    stores: tables.stores.clone(),
                    methods: tables.methods.clone(),
                    operators: Vec::new(),
                    incomplete_tables: inner.missing(),
                    deployment: Deployment::default(),
                    recent_revisions: inner.cursors(),
                };
                (snapshot, tables.digests(|_| true))
            })
            .await?;
        sink.digests(&digests);
        Ok(snapshot)
    }

    async fn poll(&self, cursor: Cursor, _: usize) -> Result<Poll> {
        self.call(Call::Poll, |inner, now| inner.poll(cursor, now)).await
    }

    async fn contents(&self, since: Cursor) -> Result<StorageContents> {
        self.call(Call::Snapshot, |inner, _| inner.contents(since)).await
    }

    async fn digests(&self, _: Option<&BTreeSet<u16>>, sink: &mut (dyn SnapshotSink + Send)) -> Result<Cursor> {
        let (head, digests) = self
            .call(Call::Snapshot, |inner, _| (inner.head().tables.cursor, inner.visible_tables().digests(|_| true)))
            .await?;
        sink.digests(&digests);
        Ok(head)
    }

    async fn grants(&self, digests: &[Digest]) -> Result<GrantsRead> {
        self.call(Call::Snapshot, |inner, _| {
            let seen = inner.visible_tables();
            let grants = digests.iter().filter_map(|digest| Some((*digest, seen.grant(digest)?))).collect();
            GrantsRead { head: inner.head().tables.cursor, grants }
        })
        .await
    }

    async fn notified(&self) {
        self.waker.notified().await;
    }

    async fn heartbeat(&self, report: &ReplicaReport, nonce: u64) -> Result<Timestamp> {
        self.call(Call::Heartbeat, |inner, now| {
            // A report about diverged history counts for nothing.
            let cursor = Cursor { revision: report.applied, nonce };
            let ours = inner.history.iter().any(|committed| committed.tables.cursor == cursor);
            let applied = if ours { report.applied } else { Revision(0) };
            inner.replicas.insert(report.id, (ReplicaReport { applied, ..report.clone() }, now));
            inner.record_time(now);
            now
        })
        .await
    }

    async fn report_lost(&self, _: &[LostChange]) -> Result<()> {
        Ok(())
    }

    async fn mark_replaced(&self, _: &str) -> Result<()> {
        Ok(())
    }

    async fn end_replica(&self, replica: ReplicaId) -> Result<()> {
        self.call(Call::Heartbeat, |inner, _| {
            if let Some((_, reported)) = inner.replicas.get_mut(&replica) {
                *reported = Timestamp::EPOCH;
            }
        })
        .await
    }

    async fn remove_replicas(&self, _: &[(ReplicaId, Timestamp)]) -> Result<()> {
        Err(not_simulated())
    }

    async fn add_mark(&self, mark: Mark) -> Result<()> {
        self.call(Call::Mark, |inner, _| inner.marks.add(mark)).await
    }

    async fn grant(&self, digest: &Digest) -> Result<GrantRead> {
        self.call(Call::Grant, |inner, _| {
            let tables = &inner.visible_tables();
            GrantRead { head: tables.cursor, grant: tables.grant(digest) }
        })
        .await
    }

    async fn replicas(&self) -> Result<(Vec<Replica>, Revision)> {
        self.call(Call::Replicas, |inner, now| {
            let all = inner.replicas.values().cloned();
            let replicas = all.map(|(report, reported)| Replica { report, reported, age: now.since(reported) });
            (replicas.collect(), inner.head().tables.cursor.revision)
        })
        .await
    }

    async fn add_usage(&self, _: &[UsageIncrement]) -> Result<()> {
        Err(not_simulated())
    }

    async fn delete_expired(&self, now: Timestamp) -> Result<()> {
        self.call(Call::Heartbeat, |inner, _| inner.swept.push(now)).await
    }
}
