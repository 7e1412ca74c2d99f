//! Sign-ins that failed, counted by address. Those beyond a few get a short answer and no line in the log.
//!
//! It is asked only after a token turned out to be wrong: many people may share an address, and one who tries wrong tokens
//! must not keep the others out. Tokens have 256 bits: no number of attempts finds one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::SharedClock;

/// Failures that an address may have within [`SPAN`].
const MOST: u32 = 10;
/// How long they count.
const SPAN: Duration = Duration::from_mins(1);
/// Addresses remembered; an attacker with more of them meets tokens of 256 bits all the same.
const ADDRESSES: usize = 10_000;

/// How many sign-ins failed at an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// Not many.
    Few,
    /// Too many.
    Many {
        /// Whether this is the first one too many.
        first: bool,
        /// Until they do not count any more.
        left: Duration,
    },
}

/// What failed lately.
#[derive(Debug)]
pub(super) struct Attempts {
    clock: SharedClock,
    by_address: Mutex<HashMap<Option<IpAddr>, (Duration, u32)>>,
}

impl Attempts {
    /// Nothing has failed yet.
    pub(super) fn new(clock: SharedClock) -> Self {
        Self { clock, by_address: Mutex::default() }
    }

    /// Counts a failure of `address`.
    pub(super) fn failed(&self, address: Option<IpAddr>) -> Failed {
        let now = self.clock.monotonic();
        let mut by_address = self.by_address.lock();
        if by_address.len() >= ADDRESSES {
            by_address.retain(|_, (began, _)| now.saturating_sub(*began) < SPAN);
            if by_address.len() >= ADDRESSES {
                by_address.clear();
            }
        }
        let (began, failures) = by_address.entry(address).or_insert((now, 0));
        if now.saturating_sub(*began) >= SPAN {
            (*began, *failures) = (now, 0);
        }
        *failures = failures.saturating_add(1);
        if *failures <= MOST {
            return Failed::Few;
        }
        Failed::Many { first: *failures == MOST + 1, left: SPAN.saturating_sub(now.saturating_sub(*began)) }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::ByHand;

    #[test]
    fn failures_count_for_their_address_and_for_a_minute() {
        let clock = Arc::new(ByHand::default());
        let attempts = Attempts::new(Arc::clone(&clock) as SharedClock);
        let (one, other) = (Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([192, 0, 2, 2])));
        for _ in 0..MOST {
            assert_eq!(attempts.failed(one), Failed::Few);
        }
        assert_eq!(attempts.failed(one), Failed::Many { first: true, left: SPAN });
        *clock.0.lock() = SPAN / 2;
        assert_eq!(attempts.failed(one), Failed::Many { first: false, left: SPAN / 2 });
        assert_eq!(attempts.failed(other), Failed::Few);
        *clock.0.lock() = SPAN;
        assert_eq!(attempts.failed(one), Failed::Few, "it starts again");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let attempts = Attempts::new(Arc::new(ByHand::default()));
        for number in 0..u32::try_from(3 * ADDRESSES).unwrap() {
            attempts.failed(Some(IpAddr::from(number.to_be_bytes())));
        }
        assert!(attempts.by_address.lock().len() <= ADDRESSES);
    }
}
