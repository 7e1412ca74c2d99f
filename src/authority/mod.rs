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
mod coherence;
mod decide;
mod desk;
mod drift;
mod elsewhere;
mod find;
mod follower;
mod found;
mod freshness;
mod gate;
mod grants;
mod heartbeat;
mod history;
mod house;
mod inner;
mod introspect;
mod key;
mod loads;
mod lost;
mod operators;
mod outages;
mod query;
mod read;
mod rehearse;
mod replaced;
mod settings;
mod settle;
mod table;
mod undecided;
mod usage;
mod watch;
mod witness;

use std::fmt;
use std::sync::Arc;

pub use self::coherence::{Step, Steps};
use self::desk::Desk;
pub use self::history::{Applied, Subject, Subscription};
use self::inner::Inner;
pub use self::introspect::{Introspection, Reach};
pub use self::query::Query;
pub use self::settings::Settings;
pub use self::undecided::Undecided;
use crate::clock::SharedClock;
use crate::lifecycle::Tasks;
use crate::storage::Feed;
use crate::telemetry::metrics::Metrics;

/// Decides calls and follows storage. Cheap to clone.
#[derive(Clone)]
pub struct Authority {
    inner: Arc<Inner>,
    /// The per-thread cache of a data thread; `None` elsewhere.
    desk: Option<Arc<Desk>>,
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("revision", &self.revision()).finish_non_exhaustive()
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
        let inner = Arc::new(Inner::new(storage, settings, clock, tasks, metrics, steps));
        tasks.supervise("follow storage", follower::follow(Arc::clone(&inner)));
        tasks.supervise("report to storage", heartbeat::renew(Arc::clone(&inner)));
        tasks.supervise("watch other replicas", watch::keep(Arc::clone(&inner)));
        tasks.supervise("compare with storage", drift::compare(Arc::clone(&inner)));
        tasks.supervise("housekeeping", house::keep(Arc::clone(&inner)));
        Self { inner, desk: None }
    }

    /// Returns a handle of this authority for one data thread, which must be the only one that decides with it: it has
    /// its own small cache and counters, and a limit on its waiting calls.
    #[must_use]
    pub fn at_desk(&self) -> Self {
        let desk = Arc::new(Desk::new(self.inner.settings.cache_capacity, self.inner.grants.hash_key()));
        self.inner.desks.lock().push(Arc::clone(&desk));
        Self { inner: Arc::clone(&self.inner), desk: Some(desk) }
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
