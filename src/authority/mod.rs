//! The decision engine: answers from in-memory state and keeps that state in sync with storage.
//!
//! ```text
//! token ─▶ digest ─▶ cached grant, usable? ──yes──▶ decide(grant, World, request, now)          no I/O, no await
//!                         │ no
//!                         ├─ listed in the fingerprints ──▶ read through, check again
//!                         └─ not listed ──▶ wait for a poll sent after the request came ──▶ unknown
//! ```
//!
//! Decisions are never cached. Grants are, and may be used only if `grants::CachedGrant::usability` allows it.

mod desk;
mod drift;
mod find;
mod fingerprints;
mod floors;
mod follower;
mod freshness;
mod gate;
mod grants;
mod history;
mod house;
mod introspect;
mod key;
mod loads;
mod lost;
mod outages;
mod rehearse;
mod replaced;
mod rows;
mod settle;
mod state;
mod steps;
mod table;
mod usage;
mod witness;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::watch;

use self::desk::Desk;
use self::drift::Drift;
use self::find::{Found, look_at};
use self::fingerprints::Fingerprints;
use self::freshness::Freshness;
use self::gate::{PollGate, Waits};
use self::grants::Grants;
pub use self::history::{Applied, Subject, Subscription};
use self::history::{History, Known};
pub use self::introspect::{Introspection, Reach};
use self::loads::Loads;
use self::outages::Outages;
use self::state::State;
pub use self::steps::{Step, Steps};
use self::usage::Usage;
use self::witness::Witness;
use crate::clock::SharedClock;
use crate::lifecycle::Tasks;
use crate::model::book::Entry;
use crate::model::change::{Cursor, Revision};
use crate::model::decision::{Decision, Reason, Request, StoresFrom, decide};
use crate::model::id::ReplicaId;
use crate::model::marks::Moment;
use crate::model::time::Timestamp;
use crate::model::token::{self, Digest};
use crate::model::world::{MethodTable, OperatorEntry, StoreTable};
use crate::storage::Feed;
use crate::telemetry::metrics::Metrics;

/// Settings of an authority.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Id of this run of this replica.
    pub replica: ReplicaId,
    /// Name of the host.
    pub host: String,
    /// Most grants kept in memory.
    pub cache_capacity: u64,
    /// Longest time between polls.
    pub poll_interval: Duration,
    /// Longest time without proof of freshness during which calls are allowed.
    pub max_staleness: Duration,
    /// Longest that a call waits for a key to be read from storage.
    pub read_wait: Duration,
    /// Whether uses are counted.
    pub usage: bool,
    /// Random hash key that clients must not be able to predict.
    pub hash_key: [u8; 16],
}

/// A request to decide.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The token, as presented.
    pub token: &'a str,
    /// The call to decide on.
    pub request: Request<'a>,
    /// The oldest revision that the decision may be based on.
    pub min_revision: Option<Cursor>,
}

/// Why no decision was possible. Never means that the key is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// Not everything is loaded yet, or it has to be loaded again and the known state is too old or of no use here.
    #[error("the replica is loading its state; try again, or use another replica")]
    Loading,
    /// Freshness has not been proven for too long.
    #[error("the replica cannot prove that its state is current: storage has not responded for too long")]
    Stale,
    /// Storage can be read but accepts no heartbeats: other replicas no longer wait for this one.
    #[error(
        "the replica cannot prove that its state is current: it can read storage, but its heartbeats have failed for \
         {seconds} s, because {because}; without heartbeats, other replicas do not wait for it when they write"
    )]
    Unreported {
        /// Seconds since the last committed heartbeat.
        seconds: u64,
        /// The reason, in a few words.
        because: &'static str,
    },
    /// Storage had to be queried and did not respond.
    #[error("storage did not respond in time, and the key is not in memory")]
    Storage,
    /// Too many calls are waiting for storage.
    #[error("too many calls are waiting for storage")]
    Crowded,
    /// The requested minimum revision does not exist, and the latest revision of storage is behind it.
    #[error("min_revision is not part of the history of this storage, which may have been restored from a backup")]
    ForeignRevision,
}

/// Decides calls and follows storage. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    inner: Arc<Inner>,
    /// The per-thread cache of a data thread; `None` elsewhere.
    desk: Option<Arc<Desk>>,
}

struct Inner {
    /// The runtime that drives storage's connections.
    control: Handle,
    desks: Mutex<Vec<Arc<Desk>>>,
    storage: Arc<dyn Feed>,
    settings: Settings,
    tasks: Tasks,
    metrics: Arc<Metrics>,
    started: Timestamp,
    state: ArcSwapOption<State>,
    /// Whether storage is known to have another history, or other contents, than `state`: to be loaded once complete.
    diverged: AtomicBool,
    /// Number of epochs begun.
    epochs: AtomicU64,
    grants: Grants,
    fingerprints: ArcSwap<Fingerprints>,
    drift: Drift,
    freshness: Freshness,
    gate: PollGate,
    loads: Loads,
    outages: Outages,
    history: RwLock<History>,
    usage: Usage,
    steps: Steps,
    /// Name of the followed database.
    deployment: Mutex<Option<String>>,
    applied: watch::Sender<Revision>,
    witness: Witness,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("revision", &self.revision()).finish_non_exhaustive()
    }
}

impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("request", &self.request).finish_non_exhaustive()
    }
}

// === impl Authority ===

impl Authority {
    /// Creates an authority over `storage` and starts to follow it.
    pub fn start(
        storage: Arc<impl Feed>,
        settings: Settings,
        clock: &SharedClock,
        tasks: &Tasks,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self::start_stepwise(storage, settings, clock, tasks, metrics, Steps::default())
    }

    /// Does the same, and reports each step of applying a poll to `steps`.
    pub fn start_stepwise(
        storage: Arc<dyn Feed>,
        settings: Settings,
        clock: &SharedClock,
        tasks: &Tasks,
        metrics: Arc<Metrics>,
        steps: Steps,
    ) -> Self {
        let hash_key = settings.hash_key.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        let inner = Arc::new(Inner {
            control: Handle::current(),
            desks: Mutex::default(),
            grants: Grants::new(settings.cache_capacity, hash_key),
            fingerprints: ArcSwap::from_pointee(Fingerprints::new(settings.hash_key)),
            drift: Drift::new(),
            freshness: Freshness::new(Arc::clone(clock), settings.max_staleness),
            started: clock.now(),
            storage,
            settings,
            tasks: tasks.clone(),
            metrics,
            state: ArcSwapOption::empty(),
            diverged: AtomicBool::new(false),
            epochs: AtomicU64::new(0),
            gate: PollGate::new(),
            loads: Loads::new(),
            outages: Outages::new(clock),
            history: RwLock::new(History::new()),
            usage: Usage::new(),
            steps,
            deployment: Mutex::default(),
            applied: watch::Sender::new(Revision::default()),
            witness: Witness::default(),
        });
        tasks.supervise("follow storage", follower::follow(Arc::clone(&inner)));
        tasks.supervise("report to storage", follower::renew(Arc::clone(&inner)));
        tasks.supervise("watch other replicas", witness::keep(Arc::clone(&inner)));
        tasks.supervise("compare with storage", drift::compare(Arc::clone(&inner)));
        tasks.supervise("housekeeping", house::keep(Arc::clone(&inner)));
        Self { inner, desk: None }
    }

    /// Decides without waiting if everything needed is in memory; returns `None` otherwise.
    pub fn decide_now<R>(&self, query: &Query<'_>, answer: impl FnOnce(&Decision<'_>) -> R) -> Option<R> {
        let inner = &*self.inner;
        let guard = inner.state.load();
        let state = guard.as_ref()?;
        let now = inner.freshness.proven_now()?;
        if !inner.has_applied(query.min_revision, state) {
            return None;
        }
        if let Some(reason) = look_at(query.token) {
            let decision = Decision::without_key(reason, state.world.revision());
            return Some(inner.conclude(self.counts(), &decision, None, answer));
        }
        let cached = self.usable_now(&Digest::of(query.token.as_bytes()), state)?;
        inner.metrics.cache_hits.inc();
        let moment = inner.freshness.moment(now, cached.grant.row_revision);
        let decision = decide(&cached.grant, &state.world, &query.request, moment);
        Some(inner.conclude(self.counts(), &decision, Some(now), answer))
    }

    /// Decides a query, waiting for storage if necessary.
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn decide<R: Send>(
        &self,
        query: &Query<'_>,
        answer: impl FnOnce(&Decision<'_>) -> R + Send,
    ) -> Result<R, Undecided> {
        let began = self.inner.freshness.tick();
        let found = self.find(query.token, query.min_revision).await;
        let waited = Duration::from_micros(self.inner.freshness.tick().saturating_sub(began));
        self.inner.metrics.waited.observe(waited.as_secs_f64());
        match found {
            Ok(Found::Grant(state, cached)) => {
                let now = self.inner.freshness.now();
                let moment = self.inner.freshness.moment(now, cached.grant.row_revision);
                let decision = decide(&cached.grant, &state.world, &query.request, moment);
                Ok(self.inner.conclude(self.counts(), &decision, Some(now), answer))
            }
            Ok(Found::Nothing(reason, revision)) => {
                self.inner.metrics.decided(Some(reason));
                Ok(answer(&Decision::without_key(reason, revision)))
            }
            Err(undecided) => {
                self.inner.metrics.undecided.inc();
                Err(undecided)
            }
        }
    }

    /// Returns the access of a token.
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn introspect(&self, token: &str, min_revision: Option<Cursor>) -> Result<Introspection, Undecided> {
        Ok(match self.find(token, min_revision).await? {
            Found::Grant(state, cached) => {
                let now = self.moment(cached.grant.row_revision);
                introspect::introspect(&cached.grant, &state.world, now, |_| Some(StoresFrom::Service))
            }
            Found::Nothing(reason, revision) => Introspection { refused: Some(reason), access: None, revision },
        })
    }

    /// Does the same for a call from `client` through a gateway: refuses clients outside the key's networks. `best` is
    /// the most evidence of stores that calls of a method can give; `None` if the gateway does not govern it.
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn introspect_from(
        &self,
        token: &str,
        client: Option<IpAddr>,
        best: impl Fn(&Entry) -> Option<StoresFrom> + Send,
    ) -> Result<Introspection, Undecided> {
        Ok(match self.find(token, None).await? {
            Found::Grant(state, cached) if !cached.grant.admits(client) => {
                let told =
                    introspect::introspect(&cached.grant, &state.world, self.moment(cached.grant.row_revision), |_| {
                        None
                    });
                Introspection { refused: told.refused.or(Some(Reason::NetworkDenied)), access: None, ..told }
            }
            Found::Grant(state, cached) => {
                introspect::introspect(&cached.grant, &state.world, self.moment(cached.grant.row_revision), best)
            }
            Found::Nothing(reason, revision) => Introspection { refused: Some(reason), access: None, revision },
        })
    }

    /// Returns the current reference book and stores, if calls can be decided.
    pub fn tables(&self) -> Option<(Arc<MethodTable>, Arc<StoreTable>)> {
        let guard = self.inner.state.load();
        let world = &guard.as_ref()?.world;
        Some((Arc::clone(&world.methods), Arc::clone(&world.stores)))
    }

    /// Returns the active operator of this token; `None` if there is none.
    ///
    /// # Errors
    /// The operator could not be determined.
    pub async fn operator(&self, token: &[u8]) -> Result<Option<OperatorEntry>, Undecided> {
        if token::check_operator_token(token).is_err() {
            return Ok(None);
        }
        let digest = Digest::of(token);
        for round in 0..2 {
            let state = self.inner.ready_state()?;
            if let Some(operator) = state.world.operators.get(&digest, |row| self.moment(row)) {
                return Ok(Some(operator.clone()));
            }
            if round == 0 {
                // The token may have been created on another replica a moment ago.
                self.inner.pass_gate(Waits::UnknownCaller).await?;
            }
        }
        Ok(None)
    }

    /// Passes the operator of this token to `look`, if it can be found without waiting.
    pub fn operator_now<R>(&self, token: &[u8], look: impl FnOnce(&OperatorEntry) -> R) -> Option<R> {
        let guard = self.inner.state.load();
        let now = self.inner.freshness.proven_now()?;
        let moment = |row| self.inner.freshness.moment(now, row);
        guard.as_ref()?.world.operators.get(&Digest::of(token), moment).map(look)
    }

    /// Streams applied revisions, from after `after` or from now on; returns `None` if `after` is no longer remembered.
    pub fn subscribe(&self, after: Option<Cursor>) -> Option<Subscription> {
        self.inner.history.read().subscribe(after)
    }

    /// Waits until this exact revision, made by a committed write, is applied here. Returns whether that happened in
    /// time. The number alone would not do: storage may have been restored or failed over just before the write.
    pub async fn wait_followed(&self, cursor: Cursor, at_most: Duration) -> bool {
        let mut applied = self.inner.applied.subscribe();
        self.inner.gate.nudge();
        let wait = async {
            loop {
                let knows = |_: &Revision| self.inner.history.read().knows(cursor) == Known::Applied;
                if applied.wait_for(knows).await.is_err() {
                    return false;
                }
                // Older than the remembered revisions: a poll shows whether the followed history contains it.
                if self.inner.history.read().remembers(cursor) || self.inner.gate.pass(Waits::Known).await.is_ok() {
                    return true;
                }
            }
        };
        tokio::time::timeout(at_most, wait).await.unwrap_or(false)
    }

    /// Waits until `revision` is applied here. Returns whether that happened in time.
    pub async fn wait_applied(&self, revision: Revision, at_most: Duration) -> bool {
        let mut applied = self.inner.applied.subscribe();
        self.inner.gate.nudge();
        let wait = applied.wait_for(|applied| *applied >= revision);
        matches!(tokio::time::timeout(at_most, wait).await, Ok(Ok(_)))
    }

    /// Returns whether calls can be decided: everything is loaded and proven fresh.
    pub fn is_ready(&self) -> bool {
        self.readiness().is_ok()
    }

    /// Returns the obstacle, if calls cannot be decided.
    ///
    /// # Errors
    /// Why no call can be decided.
    pub fn readiness(&self) -> Result<(), Undecided> {
        self.inner.ready_state().map(drop)
    }

    /// Returns the applied revision; 0 before everything is loaded.
    pub fn revision(&self) -> Revision {
        self.inner.state.load().as_ref().map_or(Revision::default(), |state| state.world.revision())
    }

    /// Returns the time by storage's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.freshness.now()
    }

    /// Returns the moment by which a row last changed at `row_revision` is judged now.
    pub fn moment(&self, row_revision: Revision) -> Moment {
        let now = self.now();
        self.inner.freshness.moment(now, row_revision)
    }

    /// Returns the settings of this authority.
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Writes the usage counts to storage and removes this replica's report, at the end of the process.
    pub async fn finish(&self) {
        self.inner.flush().await;
        if let Err(error) = self.inner.storage.end_replica(self.inner.settings.replica).await {
            tracing::warn!(error = %error, "this replica stays listed in storage for a while");
        }
    }
}

// === impl Inner ===

impl Inner {
    /// Counts a decision and returns the result of `answer`.
    fn conclude<R>(
        &self,
        counts: &Usage,
        decision: &Decision<'_>,
        now: Option<Timestamp>,
        answer: impl FnOnce(&Decision<'_>) -> R,
    ) -> R {
        self.metrics.decided(decision.failed.first());
        // Never the requested method itself: a query string may contain a token.
        tracing::trace!(
            key = decision.key.map(|(key, _)| tracing::field::display(key)),
            reason = decision.failed.first().map_or("ALLOWED", Reason::as_str),
            revision = decision.revision.0,
            "decided"
        );
        if let Some(now) = now.filter(|_| self.settings.usage)
            && !counts.count(decision, now)
        {
            self.metrics.usage_lost.inc();
        }
        answer(decision)
    }

    /// Discards all knowledge of storage.
    fn forget(&self) {
        self.freshness.lost();
        self.state.store(None);
    }

    /// Updates the gauges.
    fn report(&self) {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.metrics.applied_revision.set(gauge(self.applied.borrow().0));
        self.metrics.cached_grants.set(gauge(self.grants.len()));
        let staleness = self.freshness.staleness().map_or(-1, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        self.metrics.staleness.set(staleness);
    }
}
