//! The follower: keeps the World, the floors and the fingerprints in step with storage.
//!
//! ```text
//! reload ─▶ wait (interval, wake-up, asked) ─▶ poll ─▶ apply: fingerprints → floors → World → refresh grants ─┐
//!    ▲               ▲                                                                                      │
//!    └── gap         └──────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! The order of applying is what coherence rests on; ARCHITECTURE.md, "Coherence", says why.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::Inner;
use super::freshness::Leap;
use super::gate::SPACING;
use super::history::{Applied, Subject};
use super::state::{Epoch, State};
use super::steps::Step;
use crate::model::change::{Cursor, SubjectKind};
use crate::model::marks::{Mark, Marks};
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::model::world::{MethodTable, OperatorTable, StoreTable, World};
use crate::storage::{self, Engine, Poll, SnapshotSink};

/// Subjects that a poll tells one by one; beyond that everything counts as changed.
const MAX_SUBJECTS: usize = 1_000;
/// Longest that a poll may take.
const POLL_BOUND: Duration = Duration::from_secs(5);
/// Least time between the beginnings of two polls caused by wake-ups.
const WAKE_SPACING: Duration = Duration::from_millis(1);
/// How much later than the time judged by a mark is, so that it is written before that time comes.
const MARK_AHEAD: Duration = Duration::from_secs(5);
/// Time between attempts to load everything, and the longest between a poll that failed and the next.
const RETRY: Duration = Duration::from_millis(250);

/// What made the follower poll.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cause {
    Interval,
    Woken,
    Asked,
}

/// How a poll went.
#[derive(Debug, PartialEq, Eq)]
enum Followed {
    Applied,
    Failed,
    /// Everything must be loaded anew.
    Reload,
}

struct Sink<'a>(&'a Inner);

impl SnapshotSink for Sink<'_> {
    fn digests(&mut self, digests: &[Digest]) {
        self.0.fingerprints.add(digests);
    }
}

/// Follows storage until the process stops.
///
/// # Errors
/// The reference book in storage cannot be compiled, which no write lets happen.
pub(super) async fn follow(inner: Arc<Inner>) -> Result<(), String> {
    loop {
        let number = inner.gate.begin();
        tokio::select! {
            biased;
            () = inner.tasks.stopping() => return Ok(()),
            loaded = reload(&inner) => match loaded {
                Ok(()) => inner.gate.end(number, true),
                Err(error) => {
                    inner.gate.end(number, false);
                    tracing::warn!(error = %error, "everything could not be loaded from storage; trying again");
                    tokio::time::sleep(RETRY).await;
                    continue;
                }
            },
        }
        if !follow_on(&inner).await {
            return Ok(());
        }
    }
}

/// Polls until everything must be loaded anew, or the process stops; answers whether it is the former.
async fn follow_on(inner: &Arc<Inner>) -> bool {
    let mut began = tokio::time::Instant::now();
    let mut interval = inner.settings.poll_interval;
    loop {
        // In this order, so that what happens depends on nothing but what happened; what is asked for with less delay first.
        let cause = tokio::select! {
            biased;
            () = inner.tasks.stopping() => return false,
            () = inner.storage.woken() => Cause::Woken,
            () = inner.gate.nudged() => Cause::Woken,
            () = inner.gate.asked() => Cause::Asked,
            () = tokio::time::sleep_until(began + interval) => Cause::Interval,
        };
        let spacing = match cause {
            Cause::Interval => Duration::ZERO,
            Cause::Woken => WAKE_SPACING,
            Cause::Asked => SPACING,
        };
        // What is asked for while this waits is answered by the poll that it waits for.
        tokio::time::sleep_until(began + spacing).await;
        began = tokio::time::Instant::now();
        let number = inner.gate.begin();
        let followed = poll(inner).await;
        inner.report();
        if followed == Followed::Reload {
            // Whoever waits for this poll is served by what is loaded now.
            return true;
        }
        inner.gate.end(number, followed == Followed::Applied);
        // A wake-up that led to a poll that failed is spent: what it was about must not wait for the next interval.
        let longest = if followed == Followed::Failed { RETRY } else { Duration::MAX };
        interval = inner.settings.poll_interval.min(longest);
    }
}

async fn poll(inner: &Arc<Inner>) -> Followed {
    let Some(state) = inner.state.load_full() else {
        return Followed::Reload;
    };
    inner.metrics.polls.inc();
    let sent = inner.freshness.tick();
    let polled = tokio::time::timeout(POLL_BOUND, inner.storage.poll(state.world.cursor, MAX_SUBJECTS)).await;
    let poll = match polled {
        Ok(Ok(poll)) => poll,
        Ok(Err(error)) => {
            inner.metrics.polls_failed.inc();
            tracing::warn!(error = %error, "a poll of storage failed");
            return Followed::Failed;
        }
        Err(_) => {
            inner.metrics.polls_failed.inc();
            tracing::warn!("a poll of storage took longer than {POLL_BOUND:?}");
            return Followed::Failed;
        }
    };
    if !poll.continuous {
        tracing::error!(
            followed = %state.world.cursor, head = %poll.head,
            "storage has another past than was followed (a restored dump, a failover that lost commits): loading all anew"
        );
        inner.forget();
        return Followed::Reload;
    }
    // Before anything is applied: what was written since is judged by the clock as it is, and by no time before.
    if let Err(error) = follow_clock(inner, sent, poll.now, poll.marks.clone()).await {
        tracing::warn!(error = %error, "storage's clock went back, and could not be followed");
        return Followed::Failed;
    }
    if poll.subjects.iter().any(|(_, kind, _, _)| SubjectKind::of(kind) == SubjectKind::Other) {
        tracing::info!("a later version changed something unknown here: loading all anew");
        // Until then what is known goes on being true, at its revision.
        return Followed::Reload;
    }
    if let Err(error) = apply(inner, &state, poll) {
        tracing::error!(error, "what storage holds cannot be applied");
        return Followed::Failed;
    }
    inner.freshness.polled(sent);
    Followed::Applied
}

/// Follows storage's clock, read in the answer to what was sent at `sent`, in either direction. Before it is followed
/// back, storage has a mark of what was judged here by the time before: nothing that was refused as expired opens again,
/// here or on another replica, now or after a restart.
async fn follow_clock(inner: &Inner, sent: u64, now: Timestamp, mut marks: Marks) -> storage::Result<()> {
    let reading = inner.freshness.read_clock(sent, now);
    let (direction, by) = match reading.leap {
        None => ("", Duration::ZERO),
        Some(Leap::Forward(by)) => ("forward", by),
        Some(Leap::Back(by)) => ("back", by),
    };
    if matches!(reading.leap, Some(Leap::Back(_))) {
        let revision = *inner.applied.borrow();
        let judged = |ahead| Mark { revision, reached: inner.freshness.now().plus(ahead) };
        if !marks.covers(judged(MARK_AHEAD / 2)) {
            let mark = judged(MARK_AHEAD);
            let marked = tokio::time::timeout(MARK_AHEAD, inner.storage.mark(mark)).await;
            marked
                .map_err(|_| storage::Error::unavailable("it did not take the mark of the time before in time"))??;
            marks.add(mark);
        }
        if !marks.covers(judged(Duration::ZERO)) {
            return Err(storage::Error::unavailable("it took the mark of the time before too late"));
        }
    }
    inner.freshness.take_clock(&reading, marks);
    if reading.leap.is_some() {
        inner.metrics.clock_leap(direction).inc();
        tracing::warn!(
            direction,
            by_seconds = by.as_secs_f64(),
            now = %now,
            "storage's clock leapt, and is followed; keys that had expired stay expired until they are changed"
        );
    }
    Ok(())
}

/// Applies what a poll found. In this order: fingerprints, floors and lineage, World, refresh.
fn apply(inner: &Arc<Inner>, state: &State, poll: Poll) -> Result<(), String> {
    if poll.revisions.is_empty() {
        return Ok(());
    }
    let world = &state.world;
    let next = World {
        cursor: poll.head,
        stores: poll.stores.map_or_else(|| Arc::clone(&world.stores), |stores| Arc::new(StoreTable::new(stores))),
        methods: match poll.methods {
            Some(methods) => Arc::new(MethodTable::new(methods).map_err(|error| error.to_string())?),
            None => Arc::clone(&world.methods),
        },
        operators: poll
            .operators
            .map_or_else(|| Arc::clone(&world.operators), |operators| Arc::new(OperatorTable::new(operators))),
    };
    inner.fingerprints.add(&poll.digests);
    inner.steps.taken(Step::Fingerprints);
    if poll.overflow {
        state.epoch.floors.raise_all(poll.head.revision);
    } else {
        state.epoch.floors.raise(&poll.keys);
    }
    state.epoch.extend(&poll.revisions);
    inner.steps.taken(Step::Floors);
    inner.state.store(Some(Arc::new(State { world: next, epoch: Arc::clone(&state.epoch) })));
    inner.steps.taken(Step::World);
    remember(inner, &poll.revisions, poll.subjects, poll.overflow);
    // Refreshed, not dropped: a key in use must not cost its next caller a read because somebody edited its name.
    if !poll.overflow {
        for digest in poll.digests.into_iter().filter(|digest| inner.grants.contains(digest)) {
            let _ = inner.start_load(digest);
        }
    }
    inner.steps.taken(Step::Refresh);
    inner.applied.send_replace(poll.head.revision);
    inner.steps.taken(Step::Applied);
    Ok(())
}

fn remember(
    inner: &Inner,
    revisions: &[Cursor],
    subjects: Vec<(crate::model::change::Revision, String, String, String)>,
    overflow: bool,
) {
    if overflow {
        // Too much to tell one by one: watchers are told that they have fallen behind.
        if let Some(last) = revisions.last() {
            inner.history.write().restart(*last);
        }
        return;
    }
    let history = inner.history.read();
    let mut subjects = subjects.into_iter().peekable();
    for cursor in revisions {
        let mut of_this = Vec::new();
        while let Some((_, kind, id, action)) = subjects.next_if(|(revision, ..)| *revision == cursor.revision) {
            of_this.push(Subject { kind, id, action });
        }
        history.add(Applied { cursor: *cursor, subjects: of_this });
    }
}

/// Loads everything, as the beginning of another epoch: nothing that was read before is used after it, for storage may
/// have got another past between the last poll and this.
async fn reload(inner: &Arc<Inner>) -> storage::Result<()> {
    let sent = inner.freshness.tick();
    inner.renew_now().await?;
    // Before what is loaded is sent for, so that it counts as a poll after the report.
    inner.freshness.renewed(sent);
    let poll_sent = inner.freshness.tick();
    let snapshot = inner.storage.snapshot(&mut Sink(inner)).await?;
    follow_clock(inner, poll_sent, snapshot.now, snapshot.marks).await?;
    let methods = MethodTable::new(snapshot.methods).map_err(|error| storage::Error::corrupt(error.to_string()))?;
    let world = World {
        cursor: snapshot.head,
        stores: Arc::new(StoreTable::new(snapshot.stores)),
        methods: Arc::new(methods),
        operators: Arc::new(OperatorTable::new(snapshot.operators)),
    };
    inner.metrics.reloads.inc();
    let revision = snapshot.head.revision;
    let number = inner.epochs.fetch_add(1, Ordering::AcqRel) + 1;
    let epoch = Arc::new(Epoch::new(number, snapshot.head));
    inner.grants.clear();
    inner.state.store(Some(Arc::new(State { world, epoch })));
    inner.history.write().restart(snapshot.head);
    inner.freshness.polled(poll_sent);
    inner.applied.send_replace(revision);
    inner.report();
    tracing::info!(revision = %snapshot.head, "loaded everything from storage");
    Ok(())
}

/// Reports to storage what was applied, by committed writes, for as long as the process lives: proof that the primary
/// is there, and what writers on other replicas wait for.
pub(super) async fn renew(inner: Arc<Inner>) -> Result<(), String> {
    let mut applied = inner.applied.subscribe();
    let others = inner.storage.engine() == Engine::Postgres;
    loop {
        tokio::select! {
            biased;
            () = inner.tasks.stopping() => return Ok(()),
            () = tokio::time::sleep(inner.settings.max_staleness / 4) => {}
            // Only replicas on other machines need to hear of every revision.
            changed = applied.changed(), if others => changed.map_err(|error| error.to_string())?,
        }
        if inner.state.load().is_none() {
            continue;
        }
        let sent = inner.freshness.tick();
        match tokio::time::timeout(POLL_BOUND, inner.renew_now()).await {
            Ok(Ok(())) => inner.freshness.renewed(sent),
            Ok(Err(error)) => {
                tracing::warn!(error = %error, "storage did not take this replica's report");
                tokio::time::sleep(RETRY).await;
            }
            Err(_) => tracing::warn!("storage did not take this replica's report within {POLL_BOUND:?}"),
        }
    }
}
