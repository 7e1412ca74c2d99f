//! The simulation's clock: the runtime's paused clock, which jumps from one timer to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use latchkey::clock::{Clock, SharedClock};
use latchkey::model::time::Timestamp;

/// Time of day when a simulation run starts.
const START: i64 = 1_700_000_000_000_000;

/// Monotonic clock that counts from its creation, by the runtime's clock.
#[derive(Debug)]
pub(crate) struct VirtualClock(tokio::time::Instant);

impl VirtualClock {
    pub(crate) fn new() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(START).plus(self.0.elapsed())
    }

    fn monotonic(&self) -> Duration {
        // As if the machine had run for a while.
        Duration::from_secs(1_000) + self.0.elapsed()
    }
}

/// Storage's clock: a time of day that can be set. Elapsed time is the same as in [`VirtualClock`].
#[derive(Debug)]
pub(crate) struct SettableClock {
    clock: SharedClock,
    /// Offset in microseconds.
    ahead: AtomicI64,
}

impl SettableClock {
    pub(crate) fn new(clock: &SharedClock) -> Arc<Self> {
        Arc::new(Self { clock: Arc::clone(clock), ahead: AtomicI64::new(0) })
    }

    /// Sets the clock forward by this number of seconds, or back.
    pub(crate) fn leap(&self, seconds: i64) {
        self.ahead.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.now().as_micros() + self.ahead.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

/// Lets simulated time pass. It takes no real time: the runtime's clock jumps as soon as every task is waiting.
pub(crate) async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}
