//! Liveness of the other replicas, by this replica's own clock.
//!
//! A replica that has been unresponsive for its `max_staleness` allows nothing, and only then may a write be
//! acknowledged without it. The time counts from when this replica *received* a report that it had not seen before, on
//! a monotonic clock. Storage's clock would not do: it can be set, and a failover brings another one. So a replica that
//! is seen for the first time counts as if it had just reported.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use super::{Authority, Inner, Settings};
use crate::model::change::{Cursor, Revision};
use crate::model::id::ReplicaId;
use crate::model::time::{LONGEST_STALENESS, Timestamp};
use crate::storage::{Replica, ReplicaReport};

/// Time between checks of the other replicas' reports: grows from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(50));
/// Minimum time limit of one check, however short the wait.
const LOOK: Duration = Duration::from_secs(1);
/// Age at which a report is removed, by storage's clock and, second, by this replica's.
const REMOVED: (Duration, Duration) = (Duration::from_hours(24), Duration::from_hours(1));

/// The last report of each other replica.
#[derive(Debug, Default)]
pub(super) struct Witness(Mutex<BTreeMap<ReplicaId, Seen>>);

#[derive(Debug)]
struct Seen {
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
struct Others {
    /// Those that may still decide from a state before it.
    pending: Vec<ReplicaId>,
    /// Whether one of them is live, and therefore worth waiting for.
    live: bool,
}

/// All reports at one time, with the times of sending the query and of receiving the response by this replica's clock.
#[derive(Debug, Clone, Copy)]
struct Look<'a> {
    sent: u64,
    received: u64,
    replicas: &'a [Replica],
}

impl Seen {
    /// Returns how long ago this replica must have reported to be sure that it no longer allows anything based on an
    /// earlier state: its `max_staleness`, or the longest possible, and a margin for clock drift.
    fn silence_bound(&self, settings: &Settings) -> Duration {
        let max_staleness = if cfg!(without_guard = "settings") {
            settings.max_staleness
        } else {
            self.report.max_staleness.unwrap_or(LONGEST_STALENESS)
        };
        max_staleness + max_staleness / 50
    }

    /// Returns the least time for which it has been unresponsive at `tick`.
    fn silence(&self, tick: u64) -> Duration {
        Duration::from_micros(tick.saturating_sub(self.since))
    }

    /// Returns whether it is worth waiting for. A wrong guess is harmless, so storage's clock suffices at first.
    fn is_live(&self, settings: &Settings, silence: Duration, age: Duration) -> bool {
        let bound = self.report.max_staleness.unwrap_or(settings.max_staleness) / 2;
        !self.lost && silence <= bound && (self.alive || age <= bound)
    }
}

impl Witness {
    /// Records a check, and returns the replicas that have not confirmed `write`.
    fn others(&self, settings: &Settings, look: Look<'_>, write: Revision) -> Others {
        let mut seen = self.0.lock();
        note(&mut seen, settings, look);
        let ages: BTreeMap<_, _> = look.replicas.iter().map(|replica| (replica.report.id, replica.age)).collect();
        let mut others = Others::default();
        for (id, of) in &*seen {
            let age = ages.get(id).copied().unwrap_or(Duration::MAX);
            let silence = if cfg!(without_guard = "witness") { age } else { of.silence(look.sent) };
            let ended = of.reported == Timestamp::EPOCH;
            // The applied revision in a lost row may be of a diverged history.
            let applied = of.report.applied >= write && !of.lost;
            // It reported before we received it: after the bound it allows nothing until it has polled again.
            if !ended && !applied && silence <= of.silence_bound(settings) {
                others.pending.push(*id);
                others.live |= of.is_live(settings, silence, age);
            }
        }
        others
    }

    /// Records a check. Returns the reports of replicas that can no longer decide.
    fn silent(&self, settings: &Settings, look: Look<'_>) -> Vec<(ReplicaId, Timestamp)> {
        let mut seen = self.0.lock();
        note(&mut seen, settings, look);
        let over = look.replicas.iter().filter(|replica| {
            seen.get(&replica.report.id).is_some_and(|of| {
                replica.age > REMOVED.0 && of.silence(look.sent) > of.silence_bound(settings).max(REMOVED.1)
            })
        });
        over.map(|replica| (replica.report.id, replica.reported)).collect()
    }

    /// Returns how long a replica has been unresponsive at `tick`, if this replica has observed it reporting.
    fn silence(&self, replica: &Replica, tick: u64) -> Option<Duration> {
        let seen = self.0.lock();
        let of = seen.get(&replica.report.id).filter(|of| of.alive)?;
        Some(if of.reported == replica.reported { of.silence(tick) } else { Duration::ZERO })
    }
}

fn note(seen: &mut BTreeMap<ReplicaId, Seen>, settings: &Settings, look: Look<'_>) {
    for replica in look.replicas.iter().filter(|replica| replica.report.id != settings.replica) {
        let (report, reported) = (&replica.report, replica.reported);
        let of = seen.entry(report.id).or_insert_with(|| Seen {
            report: report.clone(),
            reported,
            since: look.received,
            alive: false,
            lost: false,
            differs: false,
        });
        // In either direction: of two concurrent checks the older may come second, which only lengthens the wait.
        if of.reported != reported || of.report != *report {
            (of.reported, of.since, of.alive) = (reported, look.received, true);
            of.report.clone_from(report);
        }
        of.lost = false;
        let other = report.max_staleness.filter(|other| *other != settings.max_staleness && !replica.has_ended());
        if let Some(other) = other.filter(|_| !of.differs) {
            of.differs = true;
            tracing::warn!(
                replica = %report.id, host = report.host, its_seconds = other.as_secs(),
                own_seconds = settings.max_staleness.as_secs(),
                "replicas have different values of max_staleness: writes wait for each according to its own; set the \
                 same value on all"
            );
        }
    }
    seen.retain(|id, of| {
        if look.replicas.iter().any(|replica| replica.report.id == *id) {
            return true;
        }
        // A replica that shuts down cleanly leaves a final report, except in earlier versions. One still running may
        // have reported until the row was lost.
        if !of.lost {
            (of.lost, of.since) = (of.reported != Timestamp::EPOCH && of.report.max_staleness.is_some(), look.received);
        }
        of.lost && of.silence(look.sent) <= of.silence_bound(settings)
    });
}

impl Authority {
    /// Waits until no other live replica can decide from a state before `write`. Returns those that still can; `None`
    /// if that cannot be determined.
    pub async fn wait_elsewhere(&self, write: Revision, at_most: Duration) -> Option<Vec<ReplicaId>> {
        let deadline = Instant::now() + at_most;
        let mut pause = PAUSE.0;
        loop {
            let bound = deadline.max(Instant::now() + LOOK);
            let others = self.inner.look(bound, |look| self.inner.witness.others(self.settings(), look, write)).await;
            let settled = others.as_ref().is_some_and(|others| !others.live);
            if settled || Instant::now() + pause >= deadline {
                return others.map(|others| others.pending);
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
        } else if let Some(silence) = self.inner.witness.silence(&replica, self.inner.freshness.tick()) {
            replica.age = silence;
        }
        replica
    }

    /// Returns whether a replica counts as live: writes wait for it.
    pub fn is_live(&self, replica: &Replica) -> bool {
        replica.age <= replica.report.max_staleness.unwrap_or(self.settings().max_staleness) / 2
    }
}

impl Inner {
    /// Reports the applied revision to storage.
    pub(super) async fn renew_now(&self) -> crate::storage::Result<()> {
        let cursor = self.state.load().as_ref().map_or(Cursor::default(), |state| state.world.cursor);
        let report = ReplicaReport {
            id: self.settings.replica,
            host: self.settings.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            applied: cursor.revision,
            max_staleness: Some(self.settings.max_staleness),
        };
        self.storage.heartbeat(&report, cursor.nonce).await.map(|_| ())
    }

    /// Reads the reports of all replicas, until `bound` at the latest.
    async fn look<R>(&self, bound: Instant, judge: impl FnOnce(Look<'_>) -> R) -> Option<R> {
        let sent = self.freshness.tick();
        match tokio::time::timeout_at(bound, self.storage.replicas()).await {
            Ok(Ok((replicas, _))) => {
                self.outages.others.worked();
                Some(judge(Look { sent, received: self.freshness.tick(), replicas: &replicas }))
            }
            Ok(Err(error)) => {
                self.outages.others.failed(&error);
                None
            }
            Err(_) => {
                self.outages.others.failed("storage did not respond in time");
                None
            }
        }
    }

    /// Removes the reports of replicas that have been gone for a day.
    pub(super) async fn remove_silent(&self) {
        let bound = Instant::now() + LOOK * 5;
        let silent = self.look(bound, |look| self.witness.silent(&self.settings, look)).await.unwrap_or_default();
        if silent.is_empty() {
            return;
        }
        if let Err(error) = self.storage.remove_replicas(&silent).await {
            tracing::warn!(error = %error, "replicas that have been gone for a day stay listed in storage");
        }
    }
}

/// Checks the other replicas periodically, so that a write knows at once which are unresponsive, and for how long.
pub(super) async fn keep(inner: Arc<Inner>) -> Result<(), String> {
    loop {
        if inner.storage.is_shared() {
            let bound = Instant::now() + LOOK * 5;
            // The check itself records the reports.
            let _ = inner.look(bound, |look| note(&mut inner.witness.0.lock(), &inner.settings, look)).await;
        }
        tokio::select! {
            biased;
            () = inner.tasks.stopping() => return Ok(()),
            () = tokio::time::sleep(inner.settings.max_staleness / 4) => {}
        }
    }
}

#[cfg(test)]
mod tests;
