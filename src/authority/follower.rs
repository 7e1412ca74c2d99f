//! The follower: keeps the World, the watermarks and the fingerprints in sync with storage.
//!
//! ```text
//! reload ─▶ wait (interval, wake-up, request) ─▶ poll ─▶ apply: fingerprints → watermarks → World → refresh grants ─┐
//!    ▲                 ▲                                                                                            │
//!    └── gap           └────────────────────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Coherence depends on the order of applying; ARCHITECTURE.md, "Coherence", explains why.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::coalescer::SPACING;
use super::coherence::apply::{Memory, apply, incomplete_table};
use super::coherence::row_hashes::RowHashes;
use super::coherence::{ApplyStep, Epoch, Fingerprints, State};
use super::freshness::Leap;
use super::history::{AppliedRevision, ChangedSubject};
use super::inner::Inner;
use super::{lost, replaced, settle};
use crate::model::change::{Revision, SubjectKind};
use crate::model::marks::{Mark, Marks};
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::model::world::{MethodTable, OperatorTable, StoreTable, World};
use crate::storage::{self, Poll, Snapshot};

/// Changed subjects that a poll lists one by one; beyond this number everything counts as changed.
const MAX_SUBJECTS: usize = 1_000;
pub(super) const POLL_BOUND: Duration = Duration::from_secs(5);
/// Minimum time between the beginnings of two polls caused by wake-ups.
const WAKE_SPACING: Duration = Duration::from_millis(1);
/// How far a mark is ahead of the time used for decisions, so that it is written before that time comes.
const MARK_AHEAD: Duration = Duration::from_secs(5);
/// Time between attempts to load everything, and the longest time between a failed poll and the next.
pub(super) const RETRY: Duration = Duration::from_millis(250);

#[derive(Debug, PartialEq, Eq)]
enum PollOutcome {
    Applied,
    Failed,
    Reload(ReloadReason),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ReloadReason {
    Start,
    /// The history of storage differs from the one that was followed.
    Diverged,
    /// A later version made a kind of change that this version does not know.
    Unknown,
    /// The contents of storage differ from memory without a write that explains it.
    Drifted,
}

/// Follows storage until the process stops.
pub(super) async fn follow(inner: Arc<Inner>) -> Result<(), String> {
    let mut reason = ReloadReason::Start;
    loop {
        let number = inner.coalescer.begin();
        let loaded = tokio::select! {
            biased;
            () = inner.tasks.stopping() => return Ok(()),
            loaded = reload(&inner, reason) => loaded,
        };
        inner.coalescer.end(number, loaded.is_ok());
        if let Err(error) = loaded {
            inner.outages.loads.failed(&error);
            tokio::time::sleep(RETRY).await;
            continue;
        }
        inner.outages.loads.succeeded();
        match poll_until_reload(&inner).await {
            Some(again) => reason = again,
            None => return Ok(()),
        }
    }
}

/// Polls until everything must be loaded again, and returns why; `None` once the process stops.
async fn poll_until_reload(inner: &Arc<Inner>) -> Option<ReloadReason> {
    let mut began = tokio::time::Instant::now();
    let mut interval = inner.settings.poll_interval;
    loop {
        // In this order, so that the outcome is deterministic; requests with less delay first.
        let spacing = tokio::select! {
            biased;
            () = inner.tasks.stopping() => return None,
            () = inner.drift.found.notified() => return Some(ReloadReason::Drifted),
            () = inner.storage.notified() => WAKE_SPACING,
            () = inner.coalescer.nudged.notified() => WAKE_SPACING,
            () = inner.coalescer.requested.notified() => SPACING,
            () = tokio::time::sleep_until(began + interval) => Duration::ZERO,
        };
        // Requests made during this wait are served by the poll that follows it.
        tokio::time::sleep_until(began + spacing).await;
        began = tokio::time::Instant::now();
        let number = inner.coalescer.begin();
        let followed = poll(inner).await;
        inner.update_gauges();
        if let PollOutcome::Reload(reason) = followed {
            // Callers that wait for this poll are served by the reload.
            return Some(reason);
        }
        inner.coalescer.end(number, followed == PollOutcome::Applied);
        // A wake-up that led to a failed poll is spent: its change must not wait for the next interval.
        let longest = if followed == PollOutcome::Failed { RETRY } else { Duration::MAX };
        interval = inner.settings.poll_interval.min(longest);
    }
}

async fn poll(inner: &Arc<Inner>) -> PollOutcome {
    let Some(state) = inner.state.load_full() else {
        return PollOutcome::Reload(ReloadReason::Diverged);
    };
    inner.metrics.polls.inc();
    let sent = inner.freshness.tick();
    let polled = tokio::time::timeout(POLL_BOUND, inner.storage.poll(state.world.cursor, MAX_SUBJECTS)).await;
    let poll = match polled {
        Ok(Ok(poll)) => poll,
        failed => {
            inner.metrics.polls_failed.inc();
            if let Ok(Err(error)) = failed {
                inner.outages.polls.failed(&error);
                replaced::mark(inner, &error).await;
            } else {
                inner.outages.polls.failed(format_args!("no response within {POLL_BOUND:?}"));
            }
            return PollOutcome::Failed;
        }
    };
    inner.outages.polls.succeeded();
    if !poll.continuous {
        tracing::error!(
            followed = %state.world.cursor, head = %poll.head,
            "the history of storage has diverged from the one followed (a restored dump, or a failover that lost \
             commits): reloading all state once storage is complete"
        );
        inner.distrust(&state);
        return PollOutcome::Reload(ReloadReason::Diverged);
    }
    // Before anything is applied: what was written since is judged by the current clock, never by an earlier time.
    if let Err(error) = follow_clock(inner, sent, poll.now, poll.marks.clone()).await {
        tracing::warn!(error = %error, "the clock of storage went back and could not be followed");
        return PollOutcome::Failed;
    }
    if poll.subjects.iter().any(|(_, kind, _, _)| SubjectKind::parse(kind) == SubjectKind::Other) {
        tracing::info!(
            "a later version of Latchkey changed something that this version does not know: reloading all state"
        );
        // Until then the known state remains true, at its revision.
        return PollOutcome::Reload(ReloadReason::Unknown);
    }
    if let Some(table) = incomplete_table(&state, &poll).filter(|_| !cfg!(without_guard = "whole")) {
        tracing::error!(
            table,
            "storage lacks rows that no write removed: reloading all state once storage is complete"
        );
        inner.distrust(&state);
        return PollOutcome::Reload(ReloadReason::Diverged);
    }
    if let Err(error) = apply(inner, &inner.step_hook, &state, poll) {
        tracing::error!(error, "the changes in storage cannot be applied");
        return PollOutcome::Failed;
    }
    inner.freshness.record_poll(sent);
    PollOutcome::Applied
}

/// Follows storage's clock, read in the response to a request sent at `sent`, in either direction. Before following it
/// backwards, leaves a mark in storage of the time used for decisions: nothing that was refused as expired becomes
/// valid again, on any replica, now or after a restart.
async fn follow_clock(inner: &Inner, sent: u64, now: Timestamp, mut marks: Marks) -> storage::Result<()> {
    let reading = inner.freshness.read_clock(sent, now);
    if matches!(reading.leap, Some(Leap::Back(_))) {
        let revision = *inner.applied.borrow();
        let mark_ahead_by = |ahead| Mark { revision, reached: inner.freshness.now().plus(ahead) };
        if !marks.covers(mark_ahead_by(MARK_AHEAD / 2)) {
            let mark = mark_ahead_by(MARK_AHEAD);
            let marked = tokio::time::timeout(MARK_AHEAD, inner.storage.add_mark(mark)).await;
            marked.map_err(|_| storage::Error::unavailable("the previous time could not be stored soon enough"))??;
            marks.add(mark);
        }
        if !marks.covers(mark_ahead_by(Duration::ZERO)) {
            return Err(storage::Error::unavailable("the previous time was stored too late"));
        }
    }
    inner.freshness.adopt_clock(&reading, marks);
    let (direction, by) = match reading.leap {
        None => return Ok(()),
        Some(Leap::Forward(by)) => ("forward", by),
        Some(Leap::Back(by)) => ("back", by),
    };
    inner.metrics.clock_leap(direction).inc();
    tracing::warn!(
        direction,
        by_seconds = by.as_secs_f64(),
        now = %now,
        "the clock of storage jumped; its new time is used, and keys that had already expired stay expired until \
         they are changed"
    );
    Ok(())
}

/// Memory as the follower applies polls to it.
impl Memory for Arc<Inner> {
    fn list(&self, digests: &[Digest]) {
        self.fingerprints.load().add(digests);
    }

    fn swap(&self, state: State) {
        self.state.store(Some(Arc::new(state)));
    }

    fn remember(&self, poll: &mut Poll) {
        self.history.write().extend(&poll.revisions);
        if poll.overflow {
            // Too many changes to list: watchers are notified that they have fallen behind.
            if let Some(last) = poll.revisions.last() {
                self.history.write().restart(*last);
            }
            return;
        }
        let mut subjects = std::mem::take(&mut poll.subjects).into_iter().peekable();
        for cursor in &poll.revisions {
            let mut changed = Vec::new();
            while let Some((_, kind, id, action)) = subjects.next_if(|(revision, ..)| *revision == cursor.revision) {
                let of = poll.details.iter().find(|(revision, of, _)| *revision == cursor.revision && *of == id);
                let detail = of.map(|(.., detail)| detail.clone()).unwrap_or_default();
                changed.push(ChangedSubject { kind, id, action, detail });
            }
            self.history.write().add(AppliedRevision { cursor: *cursor, subjects: changed });
        }
    }

    fn refresh(&self, digest: Digest) {
        if self.grants.contains(&digest) {
            let _ = self.start_load(digest);
        }
    }

    fn applied(&self, revision: Revision) {
        self.applied.send_replace(revision);
    }
}

/// Loads everything as a new epoch. Nothing read before is used after it, because storage may have switched to a
/// diverged history between the last poll and this. Until then the known state decides, for as long as the last poll
/// that could be applied proves it fresh: just as if that poll had been the last to succeed.
async fn reload(inner: &Arc<Inner>, reason: ReloadReason) -> storage::Result<()> {
    let sent = inner.freshness.tick();
    inner.send_heartbeat().await?;
    // Before the request to load is sent, so that the load counts as a poll after the heartbeat.
    inner.freshness.record_heartbeat(sent);
    if reason == ReloadReason::Diverged && !cfg!(without_guard = "whole") {
        settle::wait(inner).await?;
    }
    let (mut poll_sent, mut fingerprints, mut snapshot) = snapshot(inner).await?;
    if matches!(reason, ReloadReason::Start | ReloadReason::Unknown)
        && !snapshot.incomplete_tables.is_empty()
        && !cfg!(without_guard = "whole")
    {
        settle::wait(inner).await?;
        (poll_sent, fingerprints, snapshot) = self::snapshot(inner).await?;
    }
    replaced::check(inner, &snapshot.deployment).await?;
    follow_clock(inner, poll_sent, snapshot.now, snapshot.marks.clone()).await?;
    lost::report(inner, &snapshot).await;
    let rows = RowHashes::of(&snapshot.stores, &snapshot.methods, &snapshot.operators);
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
    inner.replacing.store(true, Ordering::Release);
    inner.fingerprints.store(Arc::new(fingerprints));
    inner.grants.clear();
    inner.step_hook.completed(ApplyStep::Cleared);
    inner.state.store(Some(Arc::new(State { world, rows, epoch })));
    inner.history.write().load(snapshot.head, snapshot.recent_revisions);
    // Last: until here `min_revision` would be compared with the former history.
    inner.diverged.store(false, Ordering::Release);
    inner.freshness.record_poll(poll_sent);
    inner.replacing.store(false, Ordering::Release);
    inner.applied.send_replace(revision);
    inner.drift.loaded();
    inner.update_gauges();
    tracing::info!(revision = %snapshot.head, "loaded all state from storage");
    Ok(())
}

/// Reads everything. Returns when the request was sent, the fingerprints of all secrets, and the rest.
async fn snapshot(inner: &Inner) -> storage::Result<(u64, Fingerprints, Snapshot)> {
    let sent = inner.freshness.tick();
    // Built from scratch, so that digests which storage no longer has are no longer listed.
    let mut fingerprints = Fingerprints::new(inner.settings.hash_key);
    let snapshot = inner.storage.snapshot(&mut fingerprints).await?;
    Ok((sent, fingerprints, snapshot))
}
