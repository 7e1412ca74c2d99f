//! The poll gate: waiting for a poll of storage that was sent after one began to wait. Such polls are shared.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

/// Most calls that may wait for polls at once.
const MAX_WAITERS: usize = 4_096;
/// Least time between the beginnings of two polls that were asked for.
pub(super) const SPACING: Duration = Duration::from_millis(20);
/// Longest that a call waits for a poll.
const PATIENCE: Duration = Duration::from_secs(1);

/// Where calls wait for polls, and where the follower learns that they do.
#[derive(Debug)]
pub(super) struct PollGate {
    counts: Mutex<Counts>,
    wanted: Notify,
    nudged: Notify,
    ended: watch::Sender<Ended>,
}

#[derive(Debug, Default)]
struct Counts {
    /// Polls begun.
    begun: u64,
    waiters: usize,
}

/// The newest poll that ended, and the newest that succeeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Ended {
    any: u64,
    good: u64,
}

/// Why no poll was waited for to its success.
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
    pub(super) async fn pass(&self) -> Result<(), NoPoll> {
        let needed = {
            let mut counts = self.counts.lock();
            if counts.waiters >= MAX_WAITERS {
                return Err(NoPoll::Crowded);
            }
            counts.waiters += 1;
            counts.begun + 1
        };
        let _leave = Leave(self);
        let mut ended = self.ended.subscribe();
        self.wanted.notify_one();
        let wait = ended.wait_for(|ended| ended.any >= needed);
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(Ok(ended)) if ended.good >= needed => Ok(()),
            _ => Err(NoPoll::Failed),
        }
    }

    /// Asks for a poll at once and without waiting for it: this process has written something.
    pub(super) fn nudge(&self) {
        self.nudged.notify_one();
    }

    /// Completes when a poll is asked for at once.
    pub(super) async fn nudged(&self) {
        self.nudged.notified().await;
    }

    /// Completes when a poll is asked for.
    pub(super) async fn asked(&self) {
        self.wanted.notified().await;
    }

    /// A poll is about to be sent. Answers its number.
    pub(super) fn begin(&self) -> u64 {
        let mut counts = self.counts.lock();
        counts.begun += 1;
        counts.begun
    }

    /// A poll has been applied, or has failed.
    pub(super) fn end(&self, number: u64, good: bool) {
        self.ended.send_modify(|ended| {
            ended.any = number;
            if good {
                ended.good = number;
            }
        });
    }
}

struct Leave<'a>(&'a PollGate);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.counts.lock().waiters -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    #[tokio::test]
    async fn a_poll_sent_before_one_waits_does_not_count() {
        let gate = Arc::new(PollGate::new());
        let early = gate.begin();
        let passing = Arc::clone(&gate);
        let waiter = tokio::task::spawn(async move { passing.pass().await });
        gate.asked().await;
        gate.end(early, true);
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished(), "the poll was sent before the wait began");
        let later = gate.begin();
        gate.end(later, true);
        assert_eq!(waiter.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_poll_that_fails_decides_nothing() {
        let gate = Arc::new(PollGate::new());
        let passing = Arc::clone(&gate);
        let waiter = tokio::task::spawn(async move { passing.pass().await });
        gate.asked().await;
        let poll = gate.begin();
        gate.end(poll, false);
        assert_eq!(waiter.await.unwrap(), Err(NoPoll::Failed));
    }

    #[tokio::test]
    async fn waiters_are_bounded() {
        let gate = Arc::new(PollGate::new());
        let waiters: Vec<_> = (0..MAX_WAITERS)
            .map(|_| {
                let passing = Arc::clone(&gate);
                tokio::task::spawn(async move { passing.pass().await })
            })
            .collect();
        tokio::task::yield_now().await;
        while gate.counts.lock().waiters < MAX_WAITERS {
            tokio::task::yield_now().await;
        }
        assert_eq!(gate.pass().await, Err(NoPoll::Crowded));
        let poll = gate.begin();
        gate.end(poll, true);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), Ok(()));
        }
        assert_eq!(gate.counts.lock().waiters, 0);
    }
}
