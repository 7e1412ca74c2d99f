//! Freshness and time: when storage was last proven reachable, and the current time by storage's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::clock::SharedClock;
use crate::model::change::Revision;
use crate::model::marks::{DecisionTime, LEAP, Marks};
use crate::model::time::Timestamp;

/// Once the last poll is older than this, unknown tokens get no decision: they may have been created since.
const UNKNOWN_BOUND: Duration = Duration::from_secs(2);
/// Nothing is proven yet.
const NEVER: u64 = 0;

/// The last proofs of freshness, on a clock that keeps running during suspend.
#[derive(Debug)]
pub(super) struct Freshness {
    clock: SharedClock,
    max_staleness: Duration,
    /// When the newest successful poll was sent, in microseconds of the monotonic clock.
    poll_sent: AtomicU64,
    /// When the newest successful heartbeat, a committed write on the primary, was sent.
    heartbeat_sent: AtomicU64,
    /// Only polls sent after this count. Moves when a heartbeat ends an outage: see [`Freshness::record_heartbeat`].
    polls_valid_since: AtomicU64,
    /// Offset of storage's clock from the monotonic clock, in microseconds.
    offset: AtomicI64,
    /// Upper bound of the offset, by the last reading.
    highest: AtomicI64,
    /// When storage's clock was last read.
    read: AtomicU64,
    /// When storage's clock was first read, or last leapt.
    steady_from: AtomicU64,
    /// The times that storage's clock went back from.
    marks: ArcSwap<Marks>,
    /// Whether `marks` has any.
    marked: AtomicBool,
}

/// A reading of storage's clock, compared with the elapsed time.
#[derive(Debug, Clone, Copy)]
pub(super) struct ClockReading {
    /// Bounds of the offset: the clock was read between sending and receiving.
    bounds: (i64, i64),
    received: u64,
    pub(super) leap: Option<Leap>,
}

/// A jump of storage's clock that no delay explains.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leap {
    Forward(Duration),
    Back(Duration),
}

impl Freshness {
    pub(super) fn new(clock: SharedClock, max_staleness: Duration) -> Self {
        Self {
            clock,
            max_staleness,
            poll_sent: AtomicU64::new(NEVER),
            heartbeat_sent: AtomicU64::new(NEVER),
            polls_valid_since: AtomicU64::new(NEVER),
            offset: AtomicI64::new(i64::MIN),
            highest: AtomicI64::new(i64::MIN),
            read: AtomicU64::new(NEVER),
            steady_from: AtomicU64::new(NEVER),
            marks: ArcSwap::default(),
            marked: AtomicBool::new(false),
        }
    }

    /// Returns the monotonic clock in microseconds; never 0.
    pub(super) fn tick(&self) -> u64 {
        u64::try_from(self.clock.monotonic().as_micros()).unwrap_or(u64::MAX).max(1)
    }

    /// Records that a poll sent at `sent` succeeded and that its result is applied.
    pub(super) fn record_poll(&self, sent: u64) {
        self.poll_sent.fetch_max(sent, Ordering::Release);
    }

    pub(super) fn polled_at(&self) -> u64 {
        self.poll_sent.load(Ordering::Acquire)
    }

    /// Compares storage's clock, read in the response to a request sent at `sent`, with the elapsed time.
    pub(super) fn read_clock(&self, sent: u64, storage: Timestamp) -> ClockReading {
        let signed = |tick| i64::try_from(tick).unwrap_or(i64::MAX);
        let received = self.tick();
        let (low, high) = (storage.as_micros() - signed(received), storage.as_micros() - signed(sent));
        let (offset, highest) = (self.offset.load(Ordering::Acquire), self.highest.load(Ordering::Acquire));
        let apart =
            |later: i64, earlier: i64| Duration::from_micros(later.saturating_sub(earlier).max(0).unsigned_abs());
        let leap = if offset == i64::MIN {
            None
        } else if apart(low, highest) > LEAP {
            Some(Leap::Forward(apart(low, offset)))
        } else if apart(offset, high) > LEAP {
            Some(Leap::Back(apart(offset, high)))
        } else {
            None
        };
        ClockReading { bounds: (low, high), received, leap }
    }

    /// Adopts storage's clock and its marks. Only the follower calls it. A leap is followed at once; if time here is a
    /// little ahead, it runs at half speed until storage's clock has caught up, so that it never goes back.
    pub(super) fn adopt_clock(&self, reading: &ClockReading, marks: Marks) {
        let ClockReading { bounds: (low, high), received, leap } = *reading;
        let offset = self.offset.load(Ordering::Acquire);
        let passed = received.saturating_sub(self.read.swap(received, Ordering::AcqRel));
        let next = if offset == i64::MIN || leap.is_some() {
            self.steady_from.store(received, Ordering::Release);
            low
        } else {
            let held_back = offset.saturating_sub(i64::try_from(passed / 2).unwrap_or(i64::MAX));
            offset.min(high.max(held_back)).max(low)
        };
        // The marks first: a thread that sees the time after a leap must also see them.
        if **self.marks.load() != marks {
            let marked = !marks.is_empty();
            self.marks.store(Arc::new(marks));
            self.marked.store(marked, Ordering::Release);
        }
        self.highest.store(high, Ordering::Release);
        self.offset.store(next, Ordering::Release);
    }

    /// Returns for how long storage's clock has been read without a leap.
    pub(super) fn steady_for(&self) -> Duration {
        self.age(&self.steady_from).unwrap_or_default()
    }

    /// Returns the moment by which a row last changed at `row_revision` is judged. `now` must have been read before.
    pub(super) fn decision_time(&self, now: Timestamp, row_revision: Revision) -> DecisionTime {
        if self.marked.load(Ordering::Acquire) {
            self.marks.load().decision_time(now, row_revision)
        } else {
            now.into()
        }
    }

    /// Records that a heartbeat sent at `sent` was committed on the primary, as of now.
    ///
    /// After an outage of `max_staleness` writers neither wait for this replica nor name it: their writes before the
    /// heartbeat may be unknown here, however recent the last poll is. So only polls from now on count.
    pub(super) fn record_heartbeat(&self, sent: u64) {
        let (last, now) = (self.heartbeat_sent.load(Ordering::Acquire), self.tick());
        let overdue = last == NEVER || Duration::from_micros(now.saturating_sub(last)) > self.max_staleness;
        if overdue && !cfg!(without_guard = "silence") {
            // First, so that a thread that sees the heartbeat sees this too.
            self.polls_valid_since.fetch_max(now, Ordering::Release);
        }
        self.heartbeat_sent.fetch_max(sent, Ordering::Release);
    }

    /// Discards all proofs.
    pub(super) fn reset(&self) {
        self.poll_sent.store(NEVER, Ordering::Release);
        self.heartbeat_sent.store(NEVER, Ordering::Release);
    }

    /// Returns how long ago freshness was proven; `None` if it never was, or if the proof was lost.
    pub(super) fn staleness(&self) -> Option<Duration> {
        self.staleness_at(self.tick())
    }

    fn staleness_at(&self, tick: u64) -> Option<Duration> {
        let (heartbeat_sent, poll_sent) =
            (self.heartbeat_sent.load(Ordering::Acquire), self.poll_sent.load(Ordering::Acquire));
        if poll_sent < self.polls_valid_since.load(Ordering::Acquire) {
            return None;
        }
        let proven = poll_sent.min(heartbeat_sent);
        (proven != NEVER).then(|| Duration::from_micros(tick.saturating_sub(proven)))
    }

    /// Returns how long no heartbeat has been committed, if polls succeed and only that prevents proof of freshness.
    pub(super) fn overdue_heartbeat(&self) -> Option<Duration> {
        let heartbeat = self.age(&self.heartbeat_sent).filter(|age| *age > self.max_staleness)?;
        self.age(&self.poll_sent).filter(|age| *age <= self.max_staleness).map(|_| heartbeat)
    }

    /// Returns the time since `at`, if that is known.
    fn age(&self, at: &AtomicU64) -> Option<Duration> {
        match at.load(Ordering::Acquire) {
            NEVER => None,
            at => Some(Duration::from_micros(self.tick().saturating_sub(at))),
        }
    }

    /// Returns the time by storage's clock if calls may be allowed at that time. Reads the clock once.
    pub(super) fn proven_now(&self) -> Option<Timestamp> {
        let tick = self.tick();
        let is_proven = self.staleness_at(tick).is_some_and(|staleness| staleness <= self.max_staleness);
        (is_proven || cfg!(without_guard = "undecided")).then(|| self.now_at(tick))
    }

    /// Returns whether the last poll is recent enough to keep checking unknown tokens against storage.
    pub(super) fn is_polling(&self) -> bool {
        self.age(&self.poll_sent).is_some_and(|age| age <= UNKNOWN_BOUND)
    }

    /// Returns the time by storage's clock; before the first poll, by this machine's.
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
    use super::*;
    use crate::clock::ManualClock;

    /// Creates a replica with a `max_staleness` of a minute, and a clock to set in seconds.
    fn replica() -> (impl Fn(u64), Freshness) {
        let clock = Arc::new(ManualClock::default());
        let freshness = Freshness::new(Arc::<ManualClock>::clone(&clock), Duration::from_mins(1));
        (move |seconds| *clock.0.lock() = Duration::from_secs(seconds), freshness)
    }

    #[test]
    fn freshness_needs_both_proofs_and_ends() {
        let (at, freshness) = replica();
        at(100);
        assert!(freshness.proven_now().is_none());
        freshness.record_heartbeat(freshness.tick());
        assert!(freshness.proven_now().is_none(), "nothing was polled");
        freshness.record_poll(freshness.tick());
        assert!(freshness.proven_now().is_some() && freshness.is_polling());
        at(103);
        assert!(freshness.proven_now().is_some() && !freshness.is_polling());
        at(161);
        assert!(freshness.proven_now().is_none());
    }

    #[test]
    fn polls_alone_prove_nothing() {
        let (_, freshness) = replica();
        freshness.record_poll(freshness.tick());
        assert!(freshness.proven_now().is_none(), "a poll alone may have been answered by a standby");
    }

    #[test]
    fn after_a_silence_only_polls_after_the_report_count() {
        let (at, freshness) = replica();
        let heartbeat = || freshness.record_heartbeat(freshness.tick());
        let poll = || freshness.record_poll(freshness.tick());
        at(100);
        heartbeat();
        poll();
        // Polls continue, heartbeats do not.
        at(150);
        poll();
        at(161);
        assert_eq!(freshness.overdue_heartbeat(), Some(Duration::from_secs(61)), "the reports alone are missing");
        poll();
        assert!(freshness.proven_now().is_none());
        at(162);
        heartbeat();
        assert!(freshness.proven_now().is_none(), "others may have written, and not waited, since the last poll");
        poll();
        assert!(freshness.proven_now().is_some());
        // A heartbeat sent in time and committed late, as when the process was stopped in between.
        at(220);
        let sent = freshness.tick();
        poll();
        at(223);
        freshness.record_heartbeat(sent);
        assert!(freshness.proven_now().is_none(), "it was silent for longer than it may be");
        poll();
        assert!(freshness.proven_now().is_some());
        // An ordinary heartbeat requires nothing else.
        at(240);
        heartbeat();
        assert!(freshness.proven_now().is_some());
    }

    /// Creates a replica that has read noon, at second 1.
    fn at_noon() -> (impl Fn(u64), Freshness, Timestamp) {
        let (at, freshness) = replica();
        at(1);
        let noon = Timestamp::from_micros(1_000_000_000_000);
        assert_eq!(read(&freshness, freshness.tick(), noon), None, "there is nothing to compare it with");
        (at, freshness, noon)
    }

    fn read(freshness: &Freshness, sent: u64, storage: Timestamp) -> Option<Leap> {
        let reading = freshness.read_clock(sent, storage);
        freshness.adopt_clock(&reading, Marks::default());
        reading.leap
    }

    #[test]
    fn time_follows_a_leap_of_storages_clock_in_either_direction() {
        let (at, freshness, noon) = at_noon();
        assert_eq!(freshness.now(), noon);
        at(11);
        assert_eq!(freshness.now(), noon.plus(Duration::from_secs(10)));
        assert_eq!(freshness.steady_for(), Duration::from_secs(10));
        let hour = Duration::from_hours(1);
        let ahead = noon.plus(hour + Duration::from_secs(10));
        assert_eq!(read(&freshness, freshness.tick(), ahead), Some(Leap::Forward(hour)));
        assert_eq!((freshness.now(), freshness.steady_for()), (ahead, Duration::ZERO));
        at(21);
        let right = noon.plus(Duration::from_secs(20));
        assert_eq!(read(&freshness, freshness.tick(), right), Some(Leap::Back(hour)));
        assert_eq!(freshness.now(), right);
    }

    #[test]
    fn time_that_is_a_little_ahead_waits_and_does_not_go_back() {
        let (at, freshness, noon) = at_noon();
        let mut last = freshness.now();
        for second in 0..10 {
            at(1 + second);
            let storage = noon.plus(Duration::from_secs(second)).minus(Duration::from_millis(1_500));
            assert_eq!(read(&freshness, freshness.tick(), storage), None);
            let now = freshness.now();
            assert!(now >= last, "{now} after {last}");
            last = now;
        }
        let storage = noon.plus(Duration::from_secs(9)).minus(Duration::from_millis(1_500));
        assert_eq!(freshness.now(), storage, "storage's clock has caught up");
    }

    #[test]
    fn an_answer_that_was_long_on_its_way_is_no_leap() {
        let (at, freshness, noon) = at_noon();
        let sent = freshness.tick();
        at(6);
        assert_eq!(read(&freshness, sent, noon), None, "the clock was read early, and the answer late");
        assert_eq!(freshness.now(), noon.plus(Duration::from_secs(5)));
        let sent = freshness.tick();
        at(11);
        assert_eq!(read(&freshness, sent, noon.plus(Duration::from_secs(10))), None, "it was read late");
    }

    #[test]
    fn what_was_refused_before_a_leap_back_is_judged_by_the_mark() {
        let (_, freshness, noon) = at_noon();
        let hour = Duration::from_hours(1);
        let reading = freshness.read_clock(freshness.tick(), noon.minus(hour));
        let mark = crate::model::marks::Mark { revision: Revision(7), reached: noon };
        freshness.adopt_clock(&reading, Marks::from(vec![mark]));
        let now = freshness.now();
        assert_eq!(now, noon.minus(hour));
        assert!(freshness.decision_time(now, Revision(7)).is_past(noon));
        assert!(!freshness.decision_time(now, Revision(8)).is_past(noon));
    }
}
