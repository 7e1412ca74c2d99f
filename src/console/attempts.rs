//! Sign-ins that failed, counted by address, so that nobody can try tokens as fast as the network carries them.

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

    /// Whether `address` may try, and if not, how long it has to wait.
    pub(super) fn admit(&self, address: Option<IpAddr>) -> Result<(), Duration> {
        let now = self.clock.monotonic();
        match self.by_address.lock().get(&address) {
            Some((began, failures)) if *failures >= MOST => match SPAN.checked_sub(now.saturating_sub(*began)) {
                Some(left) if !left.is_zero() => Err(left),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    /// Counts a failure of `address`.
    pub(super) fn failed(&self, address: Option<IpAddr>) {
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
        *failures += 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::clock::Clock;
    use crate::model::time::Timestamp;

    #[derive(Debug, Default)]
    struct Stopped(Mutex<Duration>);

    impl Clock for Stopped {
        fn now(&self) -> Timestamp {
            Timestamp::EPOCH
        }

        fn monotonic(&self) -> Duration {
            *self.0.lock()
        }
    }

    #[test]
    fn an_address_that_fails_often_waits_and_others_do_not() {
        let clock = Arc::new(Stopped::default());
        let attempts = Attempts::new(Arc::clone(&clock) as SharedClock);
        let (one, other) = (Some(IpAddr::from([192, 0, 2, 1])), Some(IpAddr::from([192, 0, 2, 2])));
        for _ in 0..MOST {
            assert!(attempts.admit(one).is_ok());
            attempts.failed(one);
        }
        assert_eq!(attempts.admit(one), Err(SPAN));
        assert!(attempts.admit(other).is_ok());
        *clock.0.lock() = SPAN;
        assert!(attempts.admit(one).is_ok());
        attempts.failed(one);
        assert!(attempts.admit(one).is_ok(), "it begins anew");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let attempts = Attempts::new(Arc::new(Stopped::default()));
        for number in 0..u32::try_from(3 * ADDRESSES).unwrap() {
            attempts.failed(Some(IpAddr::from(number.to_be_bytes())));
        }
        assert!(attempts.by_address.lock().len() <= ADDRESSES);
    }
}
