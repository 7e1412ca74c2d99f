//! The poll coalescer: calls wait for a poll of storage that is sent after they began to wait, and share such polls.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// Most calls of each kind that may wait for polls at once.
const MAX_WAITERS: [usize; 3] = [4_096, 4_096, 256];
/// Minimum time between the beginnings of two requested polls.
pub(super) const SPACING: Duration = Duration::from_millis(20);
/// Longest that a call waits for a poll.
const PATIENCE: Duration = Duration::from_secs(1);

/// Lets calls wait for polls, and notifies the follower that they do.
#[derive(Debug)]
pub(super) struct PollGate {
    counts: Mutex<Counts>,
    wanted: Notify,
    nudged: Notify,
    ended: watch::Sender<Ended>,
}

/// The kind of a waiting call. Each kind has its own limit, so one kind cannot crowd out another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Waits {
    /// A call about something known.
    Known,
    /// A call with an unknown token of a key, from a known caller.
    UnknownKey,
    /// A call from an unknown caller. Its body waits with it, unread.
    UnknownCaller,
}

#[derive(Debug, Default)]
struct Counts {
    /// Number of polls begun.
    begun: u64,
    waiters: [usize; MAX_WAITERS.len()],
}

/// The newest poll that ended, and the newest that succeeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ended {
    any: u64,
    good: u64,
}

/// Why a call stopped waiting before a poll succeeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoPoll {
    /// Too many calls are waiting.
    Crowded,
    /// The poll failed, or took too long.
    Failed,
}

impl PollGate {
    pub(super) fn new() -> Self {
        Self {
            counts: Mutex::default(),
            wanted: Notify::new(),
            nudged: Notify::new(),
            ended: watch::Sender::new(Ended::default()),
        }
    }

    /// Waits until a poll that begins after this call has been applied.
    pub(super) async fn pass(&self, what: Waits) -> Result<(), NoPoll> {
        let kind = what as usize;
        let needed = {
            let mut counts = self.counts.lock();
            if counts.waiters[kind] >= MAX_WAITERS[kind] {
                return Err(NoPoll::Crowded);
            }
            counts.waiters[kind] += 1;
            counts.begun + 1
        };
        let _leave = Leave(self, kind);
        let mut ended = self.ended.subscribe();
        self.wanted.notify_one();
        let wait = ended.wait_for(|ended| ended.any >= needed);
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(Ok(ended)) if ended.good >= needed => Ok(()),
            _ => Err(NoPoll::Failed),
        }
    }

    /// Requests a poll at once, without waiting for it: this process has written something.
    pub(super) fn nudge(&self) {
        self.nudged.notify_one();
    }

    /// Completes when a poll is requested at once.
    pub(super) async fn nudged(&self) {
        self.nudged.notified().await;
    }

    /// Completes when a poll is requested.
    pub(super) async fn asked(&self) {
        self.wanted.notified().await;
    }

    /// Records that a poll is about to be sent, and returns its number.
    pub(super) fn begin(&self) -> u64 {
        let mut counts = self.counts.lock();
        counts.begun += 1;
        counts.begun
    }

    /// Records that a poll has been applied, or has failed.
    pub(super) fn end(&self, number: u64, good: bool) {
        self.ended.send_modify(|ended| {
            ended.any = number;
            if good {
                ended.good = number;
            }
        });
    }
}

struct Leave<'a>(&'a PollGate, usize);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.counts.lock().waiters[self.1] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the tasks of a test end with it")]
    async fn a_poll_sent_before_one_waits_does_not_count() {
        let gate = Arc::new(PollGate::new());
        let early = gate.begin();
        let passing = Arc::clone(&gate);
        let waiter = tokio::spawn(async move { passing.pass(Waits::UnknownKey).await });
        gate.asked().await;
        gate.end(early, true);
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished(), "the poll was sent before the wait began");
        let later = gate.begin();
        gate.end(later, true);
        assert_eq!(waiter.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the tasks of a test end with it")]
    async fn a_poll_that_fails_decides_nothing() {
        let gate = Arc::new(PollGate::new());
        let passing = Arc::clone(&gate);
        let waiter = tokio::spawn(async move { passing.pass(Waits::UnknownKey).await });
        gate.asked().await;
        let poll = gate.begin();
        gate.end(poll, false);
        assert_eq!(waiter.await.unwrap(), Err(NoPoll::Failed));
    }

    #[tokio::test]
    #[expect(clippy::disallowed_methods, reason = "the tasks of a test end with it")]
    async fn waiters_are_bounded_and_lock_no_others_out() {
        let gate = Arc::new(PollGate::new());
        let most = MAX_WAITERS[Waits::UnknownKey as usize];
        let waiters: Vec<_> = (0..most)
            .map(|_| {
                let passing = Arc::clone(&gate);
                tokio::spawn(async move { passing.pass(Waits::UnknownKey).await })
            })
            .collect();
        tokio::task::yield_now().await;
        let waiting = || gate.counts.lock().waiters[Waits::UnknownKey as usize];
        while waiting() < most {
            tokio::task::yield_now().await;
        }
        assert_eq!(gate.pass(Waits::UnknownKey).await, Err(NoPoll::Crowded));
        let mut others = [Waits::Known, Waits::UnknownCaller].map(|kind| Box::pin(gate.pass(kind)));
        for other in &mut others {
            assert!(futures_util::poll!(other).is_pending(), "others have places of their own");
        }
        let poll = gate.begin();
        gate.end(poll, true);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), Ok(()));
        }
        drop(others);
        assert_eq!(gate.counts.lock().waiters, [0; 3]);
    }
}
