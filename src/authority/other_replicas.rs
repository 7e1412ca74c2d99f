//! The other replicas: what they have applied, by this replica's own clock, and the removal of those that are gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::Authority;
use super::inner::Inner;
use super::liveness::TimedReports;
use crate::model::change::Revision;
use crate::model::id::ReplicaId;
use crate::storage::Replica;

/// Minimum time limit of one check, however short the wait.
const CHECK_TIMEOUT: Duration = Duration::from_secs(1);
/// Time between checks of the other replicas' reports: grows from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(50));

impl Authority {
    /// Waits until no other live replica can decide from a state before `write`. Returns those that still can; `None`
    /// if that cannot be determined.
    pub async fn wait_applied_elsewhere(&self, write: Revision, at_most: Duration) -> Option<Vec<ReplicaId>> {
        let deadline = Instant::now() + at_most;
        let mut pause = PAUSE.0;
        loop {
            let bound = deadline.max(Instant::now() + CHECK_TIMEOUT);
            let reports = self.inner.read_reports(bound).await;
            let unconfirmed = reports.map(|reports| self.inner.liveness.unconfirmed(self.settings(), &reports, write));
            let settled = unconfirmed.as_ref().is_some_and(|unconfirmed| !unconfirmed.live);
            if settled || Instant::now() + pause >= deadline {
                return unconfirmed.map(|unconfirmed| unconfirmed.pending);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }

    /// Returns a replica's report with the time since then by this replica's own clock, if known. About itself a
    /// replica knows more than its last report.
    #[must_use]
    pub fn with_own_view(&self, mut replica: Replica) -> Replica {
        if replica.report.id == self.settings().replica {
            replica.report.applied = self.revision();
            replica.reported = self.now();
            replica.age = Duration::ZERO;
        } else if let Some(unresponsive_for) =
            self.inner.liveness.unresponsive_for(&replica, self.inner.freshness.tick())
        {
            replica.age = unresponsive_for;
        }
        replica
    }

    /// Returns whether a replica counts as live: writes wait for it.
    pub fn is_live(&self, replica: &Replica) -> bool {
        replica.age <= replica.report.max_staleness.unwrap_or(self.settings().max_staleness) / 2
    }
}

impl Inner {
    /// Reads the reports of all replicas, until `bound` at the latest.
    async fn read_reports(&self, bound: Instant) -> Option<TimedReports> {
        let sent = self.freshness.tick();
        match tokio::time::timeout_at(bound, self.storage.replicas()).await {
            Ok(Ok((replicas, _))) => {
                self.outages.replicas.succeeded();
                return Some(TimedReports { sent, received: self.freshness.tick(), replicas });
            }
            Ok(Err(error)) => self.outages.replicas.failed(&error),
            Err(_) => self.outages.replicas.failed("storage did not respond in time"),
        }
        None
    }

    /// Removes the reports of replicas that have been gone for a day.
    pub(super) async fn remove_unresponsive(&self) {
        let bound = Instant::now() + CHECK_TIMEOUT * 5;
        let Some(reports) = self.read_reports(bound).await else { return };
        let unresponsive = self.liveness.unresponsive(&self.settings, &reports);
        if unresponsive.is_empty() {
            return;
        }
        if let Err(error) = self.storage.remove_replicas(&unresponsive).await {
            tracing::warn!(error = %error, "replicas that have been gone for a day stay listed in storage");
        }
    }
}

/// Checks the other replicas periodically, so that a write knows at once which are unresponsive, and for how long.
pub(super) async fn watch(inner: Arc<Inner>) -> Result<(), String> {
    loop {
        if inner.storage.is_shared() {
            let bound = Instant::now() + CHECK_TIMEOUT * 5;
            if let Some(reports) = inner.read_reports(bound).await {
                drop(inner.liveness.record(&inner.settings, &reports));
            }
        }
        if !inner.tasks.pause(inner.settings.max_staleness / 4).await {
            return Ok(());
        }
    }
}
