//! Failed sign-ins, counted per address. Beyond a few, an address gets a short response and no line in the log.
//!
//! The limit applies only to invalid tokens: many people may share an address, and one who tries invalid tokens must
//! not lock the others out. Tokens have 256 bits: no number of attempts finds one.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::SharedClock;

/// Failures allowed per address within [`SPAN`].
const MOST: u32 = 10;
/// How long they count.
const SPAN: Duration = Duration::from_mins(1);
/// Addresses remembered; an attacker who uses more of them still has to guess 256 bits.
const ADDRESSES: usize = 10_000;

/// The number of failed sign-ins of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failed {
    /// Not many.
    Few,
    /// Too many.
    Many {
        /// Whether this is the first one too many.
        first: bool,
        /// Time until they no longer count.
        left: Duration,
    },
}

/// Recent failures.
#[derive(Debug)]
pub(super) struct Attempts {
    clock: SharedClock,
    by_address: Mutex<HashMap<Option<IpAddr>, (Duration, u32)>>,
}

impl Attempts {
    /// Creates an empty record.
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
    use crate::clock::ManualClock;

    #[test]
    fn failures_count_for_their_address_and_for_a_minute() {
        let clock = Arc::new(ManualClock::default());
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
        let attempts = Attempts::new(Arc::new(ManualClock::default()));
        for number in 0..u32::try_from(3 * ADDRESSES).unwrap() {
            attempts.failed(Some(IpAddr::from(number.to_be_bytes())));
        }
        assert!(attempts.by_address.lock().len() <= ADDRESSES);
    }
}
