//! Freshness and time: what was last proven of storage, and what time it is by storage's clock.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::clock::SharedClock;
use crate::model::time::Timestamp;

/// A poll older than this leaves unknown tokens undecided: they may have been made meanwhile.
const UNKNOWN_BOUND: Duration = Duration::from_secs(2);
/// Nothing proven yet.
const NEVER: u64 = 0;

/// What was last proven, on a clock that runs through suspend.
#[derive(Debug)]
pub(super) struct Freshness {
    clock: SharedClock,
    max_staleness: Duration,
    /// When the newest successful poll was sent, in microseconds of the monotonic clock.
    polled: AtomicU64,
    /// When the newest successful renewal, a committed write on the primary, was sent.
    renewed: AtomicU64,
    /// Polls count from here on only. Moves when a renewal ends a silence: see [`Freshness::renewed`].
    heard_from: AtomicU64,
    /// What to add to the monotonic clock, in microseconds, to get storage's. Only grows, so that time never goes back.
    offset: AtomicI64,
}

impl Freshness {
    pub(super) fn new(clock: SharedClock, max_staleness: Duration) -> Self {
        Self {
            clock,
            max_staleness,
            polled: AtomicU64::new(NEVER),
            renewed: AtomicU64::new(NEVER),
            heard_from: AtomicU64::new(NEVER),
            offset: AtomicI64::new(i64::MIN),
        }
    }

    /// The monotonic clock, in microseconds; never 0.
    pub(super) fn tick(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    /// A poll sent at `sent` succeeded and told storage's clock.
    pub(super) fn polled(&self, sent: u64, storage: Timestamp) {
        self.polled.fetch_max(sent, Ordering::Release);
        let elapsed = i64::try_from(self.tick()).unwrap_or(i64::MAX);
        self.offset.fetch_max(storage.as_micros().saturating_sub(elapsed), Ordering::AcqRel);
    }

    /// A renewal sent at `sent` was committed on the primary, and that was heard now.
    ///
    /// After a silence of `max_staleness` writers neither wait for this replica nor name it: what they wrote until the
    /// renewal was committed may be unknown here, however young the last poll is. So only polls from now on count.
    pub(super) fn renewed(&self, sent: u64) {
        let (last, now) = (self.renewed.load(Ordering::Acquire), self.tick());
        let silent = last == NEVER || Duration::from_micros(now.saturating_sub(last)) > self.max_staleness;
        if silent && !cfg!(feature = "guard-silence") {
            // First, so that whoever sees the renewal sees this too.
            self.heard_from.fetch_max(now, Ordering::Release);
        }
        self.renewed.fetch_max(sent, Ordering::Release);
    }

    /// Nothing is proven any more.
    pub(super) fn lost(&self) {
        self.polled.store(NEVER, Ordering::Release);
        self.renewed.store(NEVER, Ordering::Release);
    }

    /// How long ago freshness was proven; none if it never was, or was lost.
    pub(super) fn staleness(&self) -> Option<Duration> {
        self.staleness_at(self.tick())
    }

    fn staleness_at(&self, tick: u64) -> Option<Duration> {
        let (renewed, polled) = (self.renewed.load(Ordering::Acquire), self.polled.load(Ordering::Acquire));
        if polled < self.heard_from.load(Ordering::Acquire) {
            return None;
        }
        let proven = polled.min(renewed);
        (proven != NEVER).then(|| Duration::from_micros(tick.saturating_sub(proven)))
    }

    /// Whether calls may be allowed.
    pub(super) fn is_proven(&self) -> bool {
        self.is_proven_at(self.tick())
    }

    fn is_proven_at(&self, tick: u64) -> bool {
        let fresh = |staleness| staleness <= self.max_staleness;
        cfg!(feature = "guard-undecided") || self.staleness_at(tick).is_some_and(fresh)
    }

    /// The time by storage's clock, if calls may be allowed then. Reads the clock once.
    pub(super) fn proven_now(&self) -> Option<Timestamp> {
        let tick = self.tick();
        self.is_proven_at(tick).then(|| self.now_at(tick))
    }

    /// Whether the last poll is recent enough to go on asking storage about unknown tokens.
    pub(super) fn is_polling(&self) -> bool {
        let polled = self.polled.load(Ordering::Acquire);
        polled != NEVER && Duration::from_micros(self.tick().saturating_sub(polled)) <= UNKNOWN_BOUND
    }

    /// The time by storage's clock; before the first poll, this machine's.
    pub(super) fn now(&self) -> Timestamp {
        self.now_at(self.tick())
    }

    fn now_at(&self, tick: u64) -> Timestamp {
        match self.offset.load(Ordering::Acquire) {
            i64::MIN => self.clock.now(),
            offset => Timestamp::from_micros(offset.saturating_add(i64::try_from(tick).unwrap_or(i64::MAX))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;

    use super::*;
    use crate::clock::Clock;

    #[derive(Debug, Default)]
    struct ByHand(Mutex<Duration>);

    impl Clock for ByHand {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock()
        }
    }

    #[test]
    fn freshness_needs_both_proofs_and_ends() {
        let clock = Arc::new(ByHand::default());
        *clock.0.lock() = Duration::from_secs(100);
        let freshness = Freshness::new(Arc::<ByHand>::clone(&clock), Duration::from_mins(1));
        assert!(!freshness.is_proven());
        freshness.renewed(freshness.tick());
        assert!(!freshness.is_proven(), "nothing was polled");
        freshness.polled(freshness.tick(), Timestamp::from_micros(5));
        assert!(freshness.is_proven() && freshness.is_polling());
        *clock.0.lock() = Duration::from_secs(103);
        assert!(freshness.is_proven() && !freshness.is_polling());
        *clock.0.lock() = Duration::from_secs(161);
        assert!(!freshness.is_proven());
    }

    #[test]
    fn polls_alone_prove_nothing() {
        let clock = Arc::new(ByHand::default());
        let freshness = Freshness::new(Arc::<ByHand>::clone(&clock), Duration::from_mins(1));
        freshness.polled(freshness.tick(), Timestamp::from_micros(5));
        assert!(!freshness.is_proven(), "a poll alone may have been answered by a standby");
    }

    #[test]
    fn after_a_silence_only_polls_after_the_report_count() {
        let clock = Arc::new(ByHand::default());
        let at = |seconds| *clock.0.lock() = Duration::from_secs(seconds);
        let freshness = Freshness::new(Arc::<ByHand>::clone(&clock), Duration::from_mins(1));
        let poll = || freshness.polled(freshness.tick(), Timestamp::from_micros(5));
        at(100);
        freshness.renewed(freshness.tick());
        poll();
        // Polls go on, reports do not.
        at(150);
        poll();
        at(161);
        poll();
        assert!(!freshness.is_proven());
        at(162);
        let sent = freshness.tick();
        freshness.renewed(sent);
        assert!(!freshness.is_proven(), "others may have written, and not waited, since the last poll");
        poll();
        assert!(freshness.is_proven());
        // A report that was sent in time and committed late, as when the process was stopped between.
        at(220);
        let sent = freshness.tick();
        poll();
        at(223);
        freshness.renewed(sent);
        assert!(!freshness.is_proven(), "it was silent for longer than it may be");
        poll();
        assert!(freshness.is_proven());
        // An ordinary one asks for nothing.
        at(240);
        freshness.renewed(freshness.tick());
        assert!(freshness.is_proven());
    }

    #[test]
    fn time_follows_storage_and_never_goes_back() {
        let clock = Arc::new(ByHand::default());
        *clock.0.lock() = Duration::from_secs(1);
        let freshness = Freshness::new(Arc::<ByHand>::clone(&clock), Duration::from_mins(1));
        let noon = Timestamp::from_micros(1_000_000_000_000);
        freshness.polled(freshness.tick(), noon);
        assert_eq!(freshness.now(), noon);
        *clock.0.lock() = Duration::from_secs(3);
        assert_eq!(freshness.now(), noon.plus(Duration::from_secs(2)));
        freshness.polled(freshness.tick(), noon.minus(Duration::from_hours(1)));
        assert_eq!(freshness.now(), noon.plus(Duration::from_secs(2)), "storage's clock went back, time does not");
    }
}
