//! Points in time, to the microsecond: the precision of both storage engines, and cheap to compare on every decision.

use std::fmt;
use std::time::Duration;

use super::text::serde_as_text;

/// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

/// The largest possible `max_staleness`. Part of the protocol between replicas: one of an earlier version, which does
/// not report its setting, may have this.
pub const LONGEST_STALENESS: Duration = Duration::from_hours(1);

/// The latest supported time: 9999-12-30T21:59:59.999999Z, which is in the year 9999 in every time zone.
const MAX_MICROS: i64 = 253_402_207_199_999_999;
/// The earliest supported time: the first microsecond of the year 1.
const MIN_MICROS: i64 = -62_135_596_800_000_000;

impl Timestamp {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// Returns the time `micros` microseconds after the epoch, clamped to the years 1 to 9999.
    pub const fn from_micros(micros: i64) -> Self {
        if micros > MAX_MICROS {
            Self(MAX_MICROS)
        } else if micros < MIN_MICROS {
            Self(MIN_MICROS)
        } else {
            Self(micros)
        }
    }

    /// Returns the time the given seconds and nanoseconds after the epoch; `None` outside the years 1 to 9999.
    /// Nanoseconds below one microsecond are dropped.
    pub fn from_seconds(seconds: i64, nanos: i32) -> Option<Self> {
        let micros = seconds.checked_mul(1_000_000)?.checked_add(i64::from(nanos) / 1_000)?;
        (MIN_MICROS..=MAX_MICROS).contains(&micros).then_some(Self(micros))
    }

    /// Returns the microseconds since the epoch.
    pub const fn as_micros(self) -> i64 {
        self.0
    }

    /// Returns whole seconds since the epoch, and the nanoseconds after them (0..1 000 000 000).
    pub fn as_seconds(self) -> (i64, i32) {
        let nanos = i32::try_from(self.0.rem_euclid(1_000_000) * 1_000).unwrap_or(0);
        (self.0.div_euclid(1_000_000), nanos)
    }

    /// Returns the time `duration` later, clamped to the latest supported time.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_add(micros))
    }

    /// Returns the time `duration` before, clamped to the beginning of the year 1.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let micros = i64::try_from(duration.as_micros()).unwrap_or(i64::MAX);
        Self::from_micros(self.0.saturating_sub(micros))
    }

    /// Returns the duration since `earlier`; zero if this time is not after it.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

impl fmt::Display for Timestamp {
    /// Formats as RFC 3339 in UTC.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        jiff::Timestamp::from_microsecond(self.0).map_err(|_| fmt::Error)?.fmt(f)
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Timestamp {
    type Err = jiff::Error;

    /// Parses RFC 3339.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<jiff::Timestamp>().map(|time| Self::from_micros(time.as_microsecond()))
    }
}

serde_as_text!(Timestamp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_rfc_3339() {
        let time: Timestamp = "2026-11-24T01:02:03.000004Z".parse().unwrap();
        assert_eq!(time.to_string(), "2026-11-24T01:02:03.000004Z");
        assert_eq!(time.as_seconds(), (1_795_482_123, 4_000));
        assert_eq!(Timestamp::from_seconds(1_795_482_123, 4_999), Some(time));
    }

    #[test]
    fn stays_within_the_years_that_can_be_written() {
        assert_eq!(Timestamp::from_micros(i64::MAX).plus(Duration::MAX).to_string(), "9999-12-30T21:59:59.999999Z");
        assert_eq!(Timestamp::from_seconds(i64::MAX, 0), None);
        assert_eq!(Timestamp::EPOCH.since(Timestamp::from_micros(5)), Duration::ZERO);
    }
}
