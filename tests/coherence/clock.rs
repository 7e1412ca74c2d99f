//! The simulation's clock: the runtime's own, which jumps from one timer to the next.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use latchkey::clock::{Clock, SharedClock};
use latchkey::model::time::Timestamp;

/// Time of day when a life begins.
const START: i64 = 1_700_000_000_000_000;

/// Counts from the moment it was made, by the runtime's clock.
#[derive(Debug)]
pub(crate) struct Virtual(tokio::time::Instant);

impl Virtual {
    pub(crate) fn new() -> Self {
        Self(tokio::time::Instant::now())
    }
}

impl Clock for Virtual {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(START).plus(self.0.elapsed())
    }

    fn monotonic(&self) -> Duration {
        // As if the machine had run for a while.
        Duration::from_secs(1_000) + self.0.elapsed()
    }
}

/// Storage's clock: another's time of day, which somebody sets. The time that passes is the same.
#[derive(Debug)]
pub(crate) struct Settable {
    clock: SharedClock,
    /// In microseconds.
    ahead: AtomicI64,
}

impl Settable {
    pub(crate) fn new(clock: &SharedClock) -> Arc<Self> {
        Arc::new(Self { clock: Arc::clone(clock), ahead: AtomicI64::new(0) })
    }

    /// Sets it forward by so many seconds, or back.
    pub(crate) fn leap(&self, seconds: i64) {
        self.ahead.fetch_add(seconds * 1_000_000, Ordering::Relaxed);
    }
}

impl Clock for Settable {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.clock.now().as_micros() + self.ahead.load(Ordering::Relaxed))
    }

    fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }
}

/// Lets `time` of the simulation pass. Nobody waits for it: the runtime's clock jumps as soon as nothing else can go on.
pub(crate) async fn pass(time: Duration) {
    let _ = tokio::time::timeout(time, std::future::pending::<()>()).await;
}
