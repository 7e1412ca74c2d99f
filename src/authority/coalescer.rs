//! The poll coalescer: calls wait for a poll of storage that is sent after they began to wait, and share such polls.

use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

use super::undecided::Undecided;

/// Most calls of each kind that may wait for polls at once.
const MAX_WAITERS: [usize; 3] = [4_096, 4_096, 256];
/// Minimum time between the beginnings of two requested polls.
pub(super) const SPACING: Duration = Duration::from_millis(20);
/// Longest that a call waits for a poll.
const WAIT_TIMEOUT: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(super) struct PollCoalescer {
    counts: Mutex<Counts>,
    /// Notified when a poll is requested.
    pub(super) requested: Notify,
    /// Notified when one is requested at once, because this process has written something.
    pub(super) nudged: Notify,
    finished: watch::Sender<FinishedPolls>,
}

/// The kind of a waiting call. Each kind has its own limit, so one kind cannot crowd out another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WaiterKind {
    /// A call about something known.
    Known,
    /// A call with an unknown token of a key, from a known caller.
    UnknownKey,
    /// A call from an unknown caller. Its body waits with it, unread.
    UnknownCaller,
}

#[derive(Debug, Default)]
struct Counts {
    begun: u64,
    waiters: [usize; MAX_WAITERS.len()],
}

/// The newest poll that finished, and the newest that succeeded.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct FinishedPolls {
    any: u64,
    succeeded: u64,
}

impl PollCoalescer {
    /// Waits until a poll that begins after this call has been applied.
    pub(super) async fn wait(&self, kind: WaiterKind) -> Result<(), Undecided> {
        let kind = kind as usize;
        let needed = {
            let mut counts = self.counts.lock();
            if counts.waiters[kind] >= MAX_WAITERS[kind] {
                return Err(Undecided::Overloaded);
            }
            counts.waiters[kind] += 1;
            counts.begun + 1
        };
        let _guard = WaiterGuard(self, kind);
        let mut finished = self.finished.subscribe();
        self.requested.notify_one();
        let wait = finished.wait_for(|finished| finished.any >= needed);
        match tokio::time::timeout(WAIT_TIMEOUT, wait).await {
            Ok(Ok(finished)) if finished.succeeded >= needed => Ok(()),
            _ => Err(Undecided::Storage),
        }
    }

    /// Records that a poll is about to be sent, and returns its number.
    pub(super) fn begin(&self) -> u64 {
        let mut counts = self.counts.lock();
        counts.begun += 1;
        counts.begun
    }

    /// Records that a poll has been applied, or has failed.
    pub(super) fn end(&self, number: u64, succeeded: bool) {
        self.finished.send_modify(|finished| {
            finished.any = number;
            if succeeded {
                finished.succeeded = number;
            }
        });
    }
}

struct WaiterGuard<'a>(&'a PollCoalescer, usize);

impl Drop for WaiterGuard<'_> {
    fn drop(&mut self) {
        self.0.counts.lock().waiters[self.1] -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use tokio::task::JoinHandle;

    use super::*;

    /// Starts a call with an unknown token that waits for a poll.
    #[expect(clippy::disallowed_methods, reason = "the tasks of a test end with it")]
    fn wait(coalescer: &Arc<PollCoalescer>) -> JoinHandle<Result<(), Undecided>> {
        let shared = Arc::clone(coalescer);
        tokio::spawn(async move { shared.wait(WaiterKind::UnknownKey).await })
    }

    #[tokio::test]
    async fn a_poll_sent_before_one_waits_does_not_count() {
        let coalescer = Arc::<PollCoalescer>::default();
        let early = coalescer.begin();
        let waiter = wait(&coalescer);
        coalescer.requested.notified().await;
        coalescer.end(early, true);
        tokio::task::yield_now().await;
        assert!(!waiter.is_finished(), "the poll was sent before the wait began");
        let later = coalescer.begin();
        coalescer.end(later, true);
        assert_eq!(waiter.await.unwrap(), Ok(()));
    }

    #[tokio::test]
    async fn a_poll_that_fails_decides_nothing() {
        let coalescer = Arc::default();
        let waiter = wait(&coalescer);
        coalescer.requested.notified().await;
        let poll = coalescer.begin();
        coalescer.end(poll, false);
        assert_eq!(waiter.await.unwrap(), Err(Undecided::Storage));
    }

    #[tokio::test]
    async fn waiters_are_bounded_and_lock_no_others_out() {
        let coalescer = Arc::default();
        let most = MAX_WAITERS[WaiterKind::UnknownKey as usize];
        let waiters: Vec<_> = (0..most).map(|_| wait(&coalescer)).collect();
        tokio::task::yield_now().await;
        let waiting = || coalescer.counts.lock().waiters[WaiterKind::UnknownKey as usize];
        while waiting() < most {
            tokio::task::yield_now().await;
        }
        assert_eq!(coalescer.wait(WaiterKind::UnknownKey).await, Err(Undecided::Overloaded));
        let mut others = [WaiterKind::Known, WaiterKind::UnknownCaller].map(|kind| Box::pin(coalescer.wait(kind)));
        for other in &mut others {
            assert!(futures_util::poll!(other).is_pending(), "others have places of their own");
        }
        let poll = coalescer.begin();
        coalescer.end(poll, true);
        for waiter in waiters {
            assert_eq!(waiter.await.unwrap(), Ok(()));
        }
        drop(others);
        assert_eq!(coalescer.counts.lock().waiters, [0; 3]);
    }
}
