//! Time as a parameter: the only place that reads the system's clocks.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

use crate::model::time::Timestamp;

/// A source of time.
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the time of day. May jump in either direction.
    fn now(&self) -> Timestamp;

    /// Returns the time since some moment before the process began. Never goes back, and keeps running while the
    /// machine sleeps, so that a suspended replica notices that it is stale.
    fn monotonic(&self) -> Duration;
}

/// A clock shared between components.
pub type SharedClock = Arc<dyn Clock>;

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let time = clock_gettime(ClockId::Realtime);
        Timestamp::from_micros(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000)
    }

    fn monotonic(&self) -> Duration {
        let time = clock_gettime(ClockId::Boottime);
        Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
    }
}

/// A clock for unit tests, with a monotonic time set by hand and a fixed time of day.
#[cfg(test)]
#[derive(Debug, Default)]
pub(crate) struct ManualClock(pub(crate) parking_lot::Mutex<Duration>);

#[cfg(test)]
impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::EPOCH
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock()
    }
}
