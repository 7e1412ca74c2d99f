//! What this replica has seen of the others, by its own clock.
//!
//! A replica that has been silent for its `max_staleness` allows nothing, and only then may a write be acknowledged
//! without it. How long it has been silent is counted from when this replica *received* a report that it had not seen
//! before, on a clock that nobody can set. Storage's clock cannot count it: it is set, and a failover brings another one.
//! So a replica that is seen for the first time counts as if it had just reported.

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

/// Time between looks at what the other replicas have reported: grows from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(50));
/// What one look may take at least, however short the wait.
const LOOK: Duration = Duration::from_secs(1);
/// How old a report is before it is removed, by storage's clock and, in the second place, by this replica's.
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
    /// Whether it was seen to report while this replica was looking.
    alive: bool,
    /// Whether the row has gone although the replica may not have ended: storage was restored, or lost commits.
    lost: bool,
    /// Whether it was logged that its setting is another one.
    differs: bool,
}

/// What the reports of the other replicas say of a write.
#[derive(Debug, Default, PartialEq, Eq)]
struct Others {
    /// Those that may still decide from before it.
    pending: Vec<ReplicaId>,
    /// Whether one of them is live, so that it is worth waiting for.
    live: bool,
}

/// A look at all reports: when it was sent and when its answer was received, by this replica's clock.
#[derive(Debug, Clone, Copy)]
struct Look<'a> {
    sent: u64,
    received: u64,
    replicas: &'a [Replica],
}

impl Seen {
    /// How long ago this replica must have reported to be sure that it allows nothing from before now: its own
    /// `max_staleness`, or the longest that there can be, and a little for clocks that do not run alike.
    fn silence_bound(&self, settings: &Settings) -> Duration {
        let max_staleness = if cfg!(without_guard = "settings") {
            settings.max_staleness
        } else {
            self.report.max_staleness.unwrap_or(LONGEST_STALENESS)
        };
        max_staleness + max_staleness / 50
    }

    /// How long it has been silent at `tick`, at least.
    fn silence(&self, tick: u64) -> Duration {
        Duration::from_micros(tick.saturating_sub(self.since))
    }

    /// Whether it is worth waiting for. A guess that harms nobody, so that storage's clock will do at first sight.
    fn is_live(&self, settings: &Settings, silence: Duration, age: Duration) -> bool {
        let bound = self.report.max_staleness.unwrap_or(settings.max_staleness) / 2;
        !self.lost && silence <= bound && (self.alive || age <= bound)
    }
}

impl Witness {
    /// Takes note of a look, and tells what it says of `write`.
    fn others(&self, settings: &Settings, look: Look<'_>, write: Revision) -> Others {
        let mut seen = self.0.lock();
        note(&mut seen, settings, look);
        let ages: BTreeMap<_, _> = look.replicas.iter().map(|replica| (replica.report.id, replica.age)).collect();
        let mut others = Others::default();
        for (id, of) in &*seen {
            let age = ages.get(id).copied().unwrap_or(Duration::MAX);
            let silence = if cfg!(without_guard = "witness") { age } else { of.silence(look.sent) };
            let ended = of.reported == Timestamp::EPOCH;
            // What a lost row said of what is applied may be of another past.
            let applied = of.report.applied >= write && !of.lost;
            // Its report was sent before it was received here: later than this it allows nothing until it has polled again.
            if !ended && !applied && silence <= of.silence_bound(settings) {
                others.pending.push(*id);
                others.live |= of.is_live(settings, silence, age);
            }
        }
        others
    }

    /// Takes note of a look. Returns the reports that tell of nobody who may still decide.
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

    /// How long a replica has been silent at `tick`, if it was seen to report while this replica was looking.
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
        // In whichever direction: of two looks at once the older one may come second, which only lengthens the wait.
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
        // A replica that ends in order leaves a report that says so, but for those of earlier versions. One that has not ended
        // may have reported until the row was lost.
        if !of.lost {
            (of.lost, of.since) = (of.reported != Timestamp::EPOCH && of.report.max_staleness.is_some(), look.received);
        }
        of.lost && of.silence(look.sent) <= of.silence_bound(settings)
    });
}

impl Authority {
    /// Waits until no other replica that is live may decide from before `write`. Returns those that still may; `None` if
    /// that cannot be found out.
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

    /// What a replica reported, with the time since by this replica's own clock where it knows. Of itself a replica knows
    /// more than it has last reported.
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

    /// Whether a replica counts as live: writes wait for it.
    pub fn is_live(&self, replica: &Replica) -> bool {
        replica.age <= replica.report.max_staleness.unwrap_or(self.settings().max_staleness) / 2
    }
}

impl Inner {
    /// Reports to storage what is applied.
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

    /// Looks at the reports of all replicas, until `bound` at the latest.
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

/// Looks at the other replicas every now and then, so that a write knows at once who has been silent, and for how long.
pub(super) async fn keep(inner: Arc<Inner>) -> Result<(), String> {
    loop {
        if inner.storage.is_shared() {
            let bound = Instant::now() + LOOK * 5;
            // The look alone takes note.
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
