//! The decision engine: answers from in-memory state and keeps that state in sync with storage.
//!
//! ```text
//! token ─▶ digest ─▶ cached grant, usable? ──yes──▶ decide(grant, World, request, now)          no I/O, no await
//!                         │ no
//!                         ├─ listed in the fingerprints ──▶ read through, check again
//!                         └─ not listed ──▶ wait for a poll sent after the request came ──▶ unknown
//! ```
//!
//! Decisions are never cached. Grants are, and may be used only if `coherence::CachedGrant::usability` allows it.

mod applied;
mod coalescer;
mod coherence;
mod decide;
mod drift;
mod dry_run;
mod find;
mod follower;
mod freshness;
mod grants;
mod heartbeat;
mod history;
mod inner;
mod introspect;
mod liveness;
mod lost;
mod maintenance;
mod operators;
mod other_replicas;
mod outages;
mod read;
mod replaced;
mod settings;
mod settle;
mod table;
mod undecided;
mod usage;
mod worker;

use std::fmt;
use std::sync::Arc;

pub use self::coherence::{ApplyStep, StepHook};
pub use self::decide::Query;
pub use self::history::{AppliedRevision, ChangedSubject, Subscription};
use self::inner::Inner;
pub use self::introspect::{Introspection, TokenAccess};
pub use self::settings::Settings;
pub use self::undecided::Undecided;
use self::worker::WorkerState;
use crate::clock::SharedClock;
use crate::lifecycle::Tasks;
use crate::storage::Feed;
use crate::telemetry::metrics::Metrics;

/// Decides calls and follows storage. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    inner: Arc<Inner>,
    /// The counters and read permits of a decision thread; `None` elsewhere.
    worker: Option<Arc<WorkerState>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("revision", &self.revision()).finish_non_exhaustive()
    }
}

impl Authority {
    /// Creates an authority over `storage` and starts to follow it.
    pub fn start(
        storage: Arc<impl Feed>,
        settings: Settings,
        clock: &SharedClock,
        tasks: &Tasks,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self::start_with_hook(storage, settings, clock, tasks, metrics, StepHook::default())
    }

    /// Does the same, and reports each step of applying a poll to `step_hook`.
    pub fn start_with_hook(
        storage: Arc<dyn Feed>,
        settings: Settings,
        clock: &SharedClock,
        tasks: &Tasks,
        metrics: Arc<Metrics>,
        step_hook: StepHook,
    ) -> Self {
        let inner = Arc::new(Inner::new(storage, settings, clock, tasks, metrics, step_hook));
        tasks.supervise("follow storage", follower::follow(Arc::clone(&inner)));
        tasks.supervise("report to storage", heartbeat::send_heartbeats(Arc::clone(&inner)));
        tasks.supervise("watch other replicas", other_replicas::watch(Arc::clone(&inner)));
        tasks.supervise("compare with storage", drift::compare(Arc::clone(&inner)));
        tasks.supervise("housekeeping", maintenance::run(Arc::clone(&inner)));
        Self { inner, worker: None }
    }

    /// Returns a handle of this authority for one decision thread, which must be the only one that decides with it: it
    /// has its own counters, and a limit on its waiting calls.
    #[must_use]
    pub fn for_worker(&self) -> Self {
        let worker = Arc::new(WorkerState::new());
        self.inner.workers.lock().push(Arc::clone(&worker));
        Self { inner: Arc::clone(&self.inner), worker: Some(worker) }
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
