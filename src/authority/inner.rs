//! The state that an authority and its tasks share.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use arc_swap::{ArcSwap, ArcSwapOption};
use parking_lot::{Mutex, RwLock};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use super::coalescer::PollCoalescer;
use super::coherence::{Fingerprints, State, StepHook};
use super::drift::requests::Drift;
use super::freshness::Freshness;
use super::grants::GrantCache;
use super::history::History;
use super::liveness::ReplicaLiveness;
use super::outages::Outages;
use super::read::{CONCURRENT_LOADS, RunningLoads};
use super::settings::Settings;
use super::usage::UsageCounts;
use super::worker::WorkerState;
use crate::clock::SharedClock;
use crate::lifecycle::Tasks;
use crate::model::change::Revision;
use crate::model::time::Timestamp;
use crate::storage::Feed;
use crate::telemetry::metrics::Metrics;

pub(super) struct Inner {
    /// The runtime that drives storage's connections.
    pub(super) storage_runtime: Handle,
    pub(super) workers: Mutex<Vec<Arc<WorkerState>>>,
    pub(super) storage: Arc<dyn Feed>,
    pub(super) settings: Settings,
    pub(super) tasks: Tasks,
    pub(super) metrics: Arc<Metrics>,
    pub(super) started: Timestamp,
    pub(super) state: ArcSwapOption<State>,
    /// Whether storage is known to have another history, or other contents, than `state`: to be loaded once complete.
    pub(super) diverged: AtomicBool,
    /// Whether a reload is replacing `state` and all that belongs to it, which takes moments.
    pub(super) replacing: AtomicBool,
    pub(super) epochs: AtomicU64,
    pub(super) grants: GrantCache,
    pub(super) fingerprints: ArcSwap<Fingerprints>,
    pub(super) drift: Drift,
    pub(super) freshness: Freshness,
    pub(super) coalescer: PollCoalescer,
    pub(super) loads: Mutex<RunningLoads>,
    pub(super) load_slots: Semaphore,
    pub(super) outages: Outages,
    pub(super) history: RwLock<History>,
    pub(super) usage: UsageCounts,
    pub(super) step_hook: StepHook,
    /// Name of the followed database.
    pub(super) deployment: Mutex<Option<String>>,
    pub(super) applied: watch::Sender<Revision>,
    pub(super) liveness: ReplicaLiveness,
}

impl Inner {
    /// Creates the state before anything is loaded.
    pub(super) fn new(
        storage: Arc<dyn Feed>,
        settings: Settings,
        clock: &SharedClock,
        tasks: &Tasks,
        metrics: Arc<Metrics>,
        step_hook: StepHook,
    ) -> Self {
        let hash_key = settings.hash_key.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
        Self {
            storage_runtime: Handle::current(),
            workers: Mutex::default(),
            grants: GrantCache::new(settings.cache_capacity, hash_key),
            fingerprints: ArcSwap::from_pointee(Fingerprints::new(settings.hash_key)),
            drift: Drift::default(),
            freshness: Freshness::new(Arc::clone(clock), settings.max_staleness),
            started: clock.now(),
            storage,
            settings,
            tasks: tasks.clone(),
            metrics,
            state: ArcSwapOption::empty(),
            diverged: AtomicBool::new(false),
            replacing: AtomicBool::new(false),
            epochs: AtomicU64::new(0),
            coalescer: PollCoalescer::default(),
            loads: Mutex::default(),
            load_slots: Semaphore::new(CONCURRENT_LOADS),
            outages: Outages::new(clock),
            history: RwLock::new(History::new()),
            usage: UsageCounts::default(),
            step_hook,
            deployment: Mutex::default(),
            applied: watch::Sender::new(Revision::default()),
            liveness: ReplicaLiveness::default(),
        }
    }

    /// Records that storage has another history, or other contents, than `state`. Until everything is loaded again,
    /// `state` decides by what was read before the last poll that could be applied.
    pub(super) fn distrust(&self, state: &State) {
        state.epoch.end_at(self.freshness.polled_at());
        self.diverged.store(true, Ordering::Release);
    }

    pub(super) fn update_gauges(&self) {
        let gauge = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        self.metrics.applied_revision.set(gauge(self.applied.borrow().0));
        self.metrics.cached_grants.set(gauge(self.grants.len()));
        let staleness = self.freshness.staleness().map_or(-1, |age| i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        self.metrics.staleness.set(staleness);
    }
}
