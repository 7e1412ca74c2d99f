//! CPU time of this thread and this process, and elapsed real time.

use std::time::Duration;

use latchkey::clock::{Clock as _, SystemClock};
use rustix::time::{ClockId, clock_gettime};

/// Returns the CPU time of this thread. Other load on the machine affects it only through caches and frequency.
#[must_use]
pub(crate) fn of_thread() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// Returns the CPU time of all threads of this process.
#[must_use]
pub(crate) fn of_process() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// Returns elapsed real time, counted from an arbitrary moment.
#[must_use]
pub(crate) fn wall() -> Duration {
    SystemClock.monotonic()
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
