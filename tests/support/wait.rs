//! Waiting for something to become true, with a bound. The only place in the tests that sleeps: a test that sleeps for
//! "long enough" is slow on a fast machine and wrong on a slow one.

use std::time::{Duration, Instant};

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// A moment after which waiting is given up.
#[derive(Debug, Clone, Copy)]
pub struct Deadline {
    end: Instant,
}

impl Deadline {
    /// The moment `bound` from now.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a bound on waiting for another process is counted on the real clock"
    )]
    pub fn after(bound: Duration) -> Self {
        Self { end: Instant::now() + bound }
    }

    /// What is left; zero once it has passed.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "a bound on waiting for another process is counted on the real clock"
    )]
    pub fn left(&self) -> Duration {
        self.end.saturating_duration_since(Instant::now())
    }

    /// Whether it has passed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.left().is_zero()
    }
}

/// Lets time pass while something else goes on that a test is about: load, an outage, the running out of a bound. Never to
/// wait for something to be done.
pub async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

/// Looks until `look` gives something, and returns that. It looks once more after the bound, so that a machine that
/// stood still is not taken for a failure.
///
/// # Panics
///
/// When `bound` passes first: the message names `what`.
pub fn eventually<T>(what: &str, bound: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let deadline = Deadline::after(bound);
    loop {
        let last = deadline.passed();
        if let Some(found) = look() {
            return found;
        }
        assert!(!last, "not within {bound:?}: {what}");
        std::thread::sleep(PAUSE);
    }
}

/// [`eventually`] for a look that awaits. A look that hangs is cut off at the bound.
///
/// # Panics
///
/// When `bound` passes first: the message names `what`.
pub async fn eventually_async<T>(what: &str, bound: Duration, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looking = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    match tokio::time::timeout(bound, looking).await {
        Ok(found) => found,
        Err(elapsed) => panic!("not within {bound:?}: {what} ({elapsed})"),
    }
}
