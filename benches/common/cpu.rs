//! Time: of this thread on a CPU, of this process, and on the wall.

use std::time::Duration;

use latchkey::clock::{Clock as _, SystemClock};
use rustix::time::{ClockId, clock_gettime};

/// What this thread has spent on a CPU. Not disturbed by what else the machine does, but for caches and frequency.
#[must_use]
pub(crate) fn of_thread() -> Duration {
    read(ClockId::ThreadCPUTime)
}

/// What all threads of this process have spent on CPUs.
#[must_use]
pub(crate) fn of_process() -> Duration {
    read(ClockId::ProcessCPUTime)
}

/// Time on the wall, from some moment on.
#[must_use]
pub(crate) fn wall() -> Duration {
    SystemClock.monotonic()
}

fn read(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}
