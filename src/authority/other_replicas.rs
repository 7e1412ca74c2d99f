//! What other replicas have applied, by this replica's own clock.

use std::time::Duration;

use tokio::time::Instant;

use super::Authority;
use super::watch::CHECK_TIMEOUT;
use crate::model::change::Revision;
use crate::model::id::ReplicaId;
use crate::storage::Replica;

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
            let unconfirmed = self
                .inner
                .read_reports(bound, |reports| self.inner.liveness.unconfirmed(self.settings(), reports, write))
                .await;
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
