//! Liveness of the other replicas, by this replica's own clock.
//!
//! A replica that has been unresponsive for its `max_staleness` allows nothing, and only then may a write be
//! acknowledged without it. The time counts from when this replica *received* a report that it had not seen before, on
//! a monotonic clock. Storage's clock would not do: it can be set, and a failover brings another one. So a replica that
//! is seen for the first time counts as if it had just reported.

use std::collections::BTreeMap;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};

use super::settings::Settings;
use crate::model::change::Revision;
use crate::model::id::ReplicaId;
use crate::model::time::{LONGEST_STALENESS, Timestamp};
use crate::storage::{Replica, ReplicaReport};

/// Age at which a report is removed, by storage's clock and, second, by this replica's.
const REMOVED: (Duration, Duration) = (Duration::from_hours(24), Duration::from_hours(1));

/// The last report of each other replica.
#[derive(Debug, Default)]
pub(super) struct ReplicaLiveness(Mutex<Observed>);

type Observed = BTreeMap<ReplicaId, ObservedReplica>;

#[derive(Debug)]
pub(super) struct ObservedReplica {
    report: ReplicaReport,
    reported: Timestamp,
    /// When this report was first received, in microseconds of this replica's clock.
    since: u64,
    /// Whether this replica has observed it reporting.
    alive: bool,
    /// Whether the row is gone although the replica may still run: storage was restored, or lost commits.
    lost: bool,
    /// Whether the difference of its setting was logged.
    differs: bool,
}

/// Replicas that have not confirmed a write.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct UnconfirmedReplicas {
    /// Those that may still decide from a state before it.
    pub(super) pending: Vec<ReplicaId>,
    /// Whether one of them is live, and therefore worth waiting for.
    pub(super) live: bool,
}

/// All reports at one time, with the times of sending the query and of receiving the response by this replica's clock.
#[derive(Debug)]
pub(super) struct TimedReports {
    pub(super) sent: u64,
    pub(super) received: u64,
    pub(super) replicas: Vec<Replica>,
}

impl ObservedReplica {
    /// Returns how long ago this replica must have reported to be sure that it no longer allows anything based on an
    /// earlier state: its `max_staleness`, or the longest possible, and a margin for clock drift.
    fn staleness_bound(&self, settings: &Settings) -> Duration {
        let max_staleness = if cfg!(without_guard = "settings") {
            settings.max_staleness
        } else {
            self.report.max_staleness.unwrap_or(LONGEST_STALENESS)
        };
        max_staleness + max_staleness / 50
    }

    /// Returns the least time for which it has been unresponsive at `tick`.
    fn unresponsive_for(&self, tick: u64) -> Duration {
        Duration::from_micros(tick.saturating_sub(self.since))
    }

    /// Returns whether it is worth waiting for. A wrong guess is harmless, so storage's clock suffices at first.
    fn is_live(&self, settings: &Settings, unresponsive_for: Duration, age: Duration) -> bool {
        let bound = self.report.max_staleness.unwrap_or(settings.max_staleness) / 2;
        !self.lost && unresponsive_for <= bound && (self.alive || age <= bound)
    }
}

impl ReplicaLiveness {
    /// Records a check, and returns the replicas that have not confirmed `write`.
    pub(super) fn unconfirmed(
        &self,
        settings: &Settings,
        reports: &TimedReports,
        write: Revision,
    ) -> UnconfirmedReplicas {
        let seen = self.record(settings, reports);
        let ages: BTreeMap<_, _> = reports.replicas.iter().map(|replica| (replica.report.id, replica.age)).collect();
        let mut unconfirmed = UnconfirmedReplicas::default();
        for (id, observed) in &*seen {
            let age = ages.get(id).copied().unwrap_or(Duration::MAX);
            let unresponsive_for =
                if cfg!(without_guard = "witness") { age } else { observed.unresponsive_for(reports.sent) };
            let ended = observed.reported == Timestamp::EPOCH;
            // The applied revision in a lost row may be of a diverged history.
            let applied = observed.report.applied >= write && !observed.lost;
            // It reported before we received it: after the bound it allows nothing until it has polled again.
            if !ended && !applied && unresponsive_for <= observed.staleness_bound(settings) {
                unconfirmed.pending.push(*id);
                unconfirmed.live |= observed.is_live(settings, unresponsive_for, age);
            }
        }
        unconfirmed
    }

    /// Records a check. Returns the reports of replicas that can no longer decide.
    pub(super) fn unresponsive(&self, settings: &Settings, reports: &TimedReports) -> Vec<(ReplicaId, Timestamp)> {
        let seen = self.record(settings, reports);
        let expired = reports.replicas.iter().filter(|replica| {
            seen.get(&replica.report.id).is_some_and(|observed| {
                replica.age > REMOVED.0
                    && observed.unresponsive_for(reports.sent) > observed.staleness_bound(settings).max(REMOVED.1)
            })
        });
        expired.map(|replica| (replica.report.id, replica.reported)).collect()
    }

    /// Returns how long a replica has been unresponsive at `tick`, if this replica has observed it reporting.
    pub(super) fn unresponsive_for(&self, replica: &Replica, tick: u64) -> Option<Duration> {
        let seen = self.0.lock();
        let observed = seen.get(&replica.report.id).filter(|observed| observed.alive)?;
        Some(if observed.reported == replica.reported { observed.unresponsive_for(tick) } else { Duration::ZERO })
    }

    pub(super) fn record(&self, settings: &Settings, reports: &TimedReports) -> MutexGuard<'_, Observed> {
        let mut seen = self.0.lock();
        for replica in reports.replicas.iter().filter(|replica| replica.report.id != settings.replica) {
            let (report, reported) = (&replica.report, replica.reported);
            let observed = seen.entry(report.id).or_insert_with(|| ObservedReplica {
                report: report.clone(),
                reported,
                since: reports.received,
                alive: false,
                lost: false,
                differs: false,
            });
            // In either direction: of two concurrent checks the older may come second, which only lengthens the wait.
            if observed.reported != reported || observed.report != *report {
                (observed.reported, observed.since, observed.alive) = (reported, reports.received, true);
                observed.report.clone_from(report);
            }
            observed.lost = false;
            let other = report.max_staleness.filter(|other| *other != settings.max_staleness && !replica.has_ended());
            if let Some(other) = other.filter(|_| !observed.differs) {
                observed.differs = true;
                tracing::warn!(
                    replica = %report.id, host = report.host, its_seconds = other.as_secs(),
                    own_seconds = settings.max_staleness.as_secs(),
                    "replicas have different values of max_staleness: writes wait for each according to its own; set \
                     the same value on all"
                );
            }
        }
        seen.retain(|id, observed| {
            if reports.replicas.iter().any(|replica| replica.report.id == *id) {
                return true;
            }
            // A replica that shuts down cleanly leaves a final report, except in earlier versions. One still running
            // may have reported until the row was lost.
            if !observed.lost {
                (observed.lost, observed.since) = (
                    observed.reported != Timestamp::EPOCH && observed.report.max_staleness.is_some(),
                    reports.received,
                );
            }
            observed.lost && observed.unresponsive_for(reports.sent) <= observed.staleness_bound(settings)
        });
        seen
    }
}

#[cfg(test)]
mod tests;
