//! Bounded waiting for a condition. The only module of the tests that sleeps: a test that sleeps for "long enough" is
//! slow on a fast machine and wrong on a slow one.

use std::time::{Duration, Instant};

/// Time between two checks.
const PAUSE: Duration = Duration::from_millis(10);

/// A moment after which waiting ends.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end: Instant,
}

impl Deadline {
    /// Creates the deadline `bound` from now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a bound on waiting for another process is counted on the real clock"
    )]
    pub fn after(bound: Duration) -> Self {
        Self { end: Instant::now() + bound }
    }

    /// Returns the remaining time; zero once it has passed.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a bound on waiting for another process is counted on the real clock"
    )]
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Returns whether it has passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.left().is_zero()
    }
}

/// Lets time pass for an activity that a test needs: load, an outage, the expiry of a bound. Never use it to wait for a
/// result.
pub async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Calls `check` until it returns a value, and returns that. Calls it one last time after the bound, so that a stalled
/// machine does not cause a failure.
///
/// # Panics
///
/// When `bound` passes first: the message names `what`.
pub fn eventually<T>(what: &str, bound: Duration, mut check: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::after(bound);
    loop {
        let last = deadline.passed();
        if let Some(found) = check() {
            return found;
        }
        assert!(!last, "not within {bound:?}: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// Does the same as [`eventually`] for an async check. A check that hangs is cancelled at the bound.
///
/// # Panics
///
/// When `bound` passes first: the message names `what`.
pub async fn eventually_async<T>(what: &str, bound: Duration, mut check: impl AsyncFnMut() -> Option<T>) -> T {
    let polling = async {
        loop {
            if let Some(found) = check().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(bound, polling).await {
        Ok(found) => found,
        Err(elapsed) => panic!("not within {bound:?}: {what} ({elapsed})"),
    }
}
