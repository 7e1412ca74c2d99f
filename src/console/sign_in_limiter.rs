//! Failed sign-ins, counted per address. Beyond a few, an address gets a short response and no line in the log.
//!
//! The limit applies only to invalid tokens: many people may share an address, and one who tries invalid tokens must
//! not lock the others out. Tokens have 256 bits: no number of attempts finds one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::SharedClock;

/// Failures allowed per address within [`WINDOW`].
const MAX_FAILURES: u32 = 10;
/// How long they count.
const WINDOW: Duration = Duration::from_mins(1);
/// Addresses remembered; an attacker who uses more of them still has to guess 256 bits.
const MAX_ADDRESSES: usize = 10_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FailureLimit {
    Within,
    Exceeded {
        /// Whether this is the first one too many.
        first: bool,
        /// Time until they no longer count.
        retry_after: Duration,
    },
}

#[derive(Debug)]
pub(super) struct SignInLimiter {
    clock: SharedClock,
    by_address: Mutex<HashMap<Option<IpAddr>, (Duration, u32)>>,
}

impl SignInLimiter {
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, by_address: Mutex::default() }
    }

    /// Counts a failure of `address`.
    pub(super) fn record_failure(&self, address: Option<IpAddr>) -> FailureLimit {
        let now = self.clock.monotonic();
        let mut by_address = self.by_address.lock();
        if by_address.len() >= MAX_ADDRESSES {
            by_address.retain(|_, (began, _)| now.saturating_sub(*began) < WINDOW);
            if by_address.len() >= MAX_ADDRESSES {
                by_address.clear();
            }
        }
        let (began, failures) = by_address.entry(address).or_insert((now, 0));
        if now.saturating_sub(*began) >= WINDOW {
            (*began, *failures) = (now, 0);
        }
        *failures = failures.saturating_add(1);
        if *failures <= MAX_FAILURES {
            return FailureLimit::Within;
        }
        FailureLimit::Exceeded {
            first: *failures == MAX_FAILURES + 1,
            retry_after: WINDOW.saturating_sub(now.saturating_sub(*began)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ManualClock;

    #[test]
    fn failures_count_for_their_address_and_for_a_minute() {
        let clock = Arc::new(ManualClock::default());
        let attempts = SignInLimiter::new(Arc::clone(&clock) as SharedClock);
        let (one, other) = (Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([192, 0, 2, 2])));
        for _ in 0..MAX_FAILURES {
            assert_eq!(attempts.record_failure(one), FailureLimit::Within);
        }
        assert_eq!(attempts.record_failure(one), FailureLimit::Exceeded { first: true, retry_after: WINDOW });
        *clock.0.lock() = WINDOW / 2;
        assert_eq!(attempts.record_failure(one), FailureLimit::Exceeded { first: false, retry_after: WINDOW / 2 });
        assert_eq!(attempts.record_failure(other), FailureLimit::Within);
        *clock.0.lock() = WINDOW;
        assert_eq!(attempts.record_failure(one), FailureLimit::Within, "it starts again");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let attempts = SignInLimiter::new(Arc::new(ManualClock::default()));
        for number in 0..u32::try_from(3 * MAX_ADDRESSES).unwrap() {
            attempts.record_failure(Some(IpAddr::from(number.to_be_bytes())));
        }
        assert!(attempts.by_address.lock().len() <= MAX_ADDRESSES);
    }
}
