//! Times as people type and read them.
//!
//! A time is `2027-01-31` (its beginning, in UTC), `2027-01-31T12:00:00Z`, or a span such as `90d`, counted from now
//! into the future or the past, depending on the flag. Spans are `250ms`, `30s`, `5m`, `12h`, `90d`, `2w`.

use std::time::Duration;

use crate::clock::{Clock as _, SystemClock};
use crate::model::time::Timestamp;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimeArg {
    Absolute(Timestamp),
    /// A distance from now.
    Relative(Duration),
}

/// A time, or `never`. Not an `Option`, which would make the value of its flag optional.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TimeOrNever(Option<TimeArg>);

impl TimeArg {
    pub(super) fn in_future(self) -> prost_types::Timestamp {
        self.counted(Timestamp::plus)
    }

    pub(super) fn in_past(self) -> prost_types::Timestamp {
        self.counted(Timestamp::minus)
    }

    fn counted(self, count: fn(Timestamp, Duration) -> Timestamp) -> prost_types::Timestamp {
        let time = match self {
            Self::Absolute(time) => time,
            Self::Relative(span) => count(SystemClock.now(), span),
        };
        let (seconds, nanos) = time.as_seconds();
        prost_types::Timestamp { seconds, nanos }
    }
}

impl TimeOrNever {
    /// Returns the time, counting a span into the future; `None` for `never`.
    pub(super) fn in_future(self) -> Option<prost_types::Timestamp> {
        self.0.map(TimeArg::in_future)
    }
}

pub(super) fn parse_time(text: &str) -> Result<TimeArg, String> {
    let date = |text: &str| format!("{text}T00:00:00Z").parse::<Timestamp>();
    parse_duration(text)
        .map(TimeArg::Relative)
        .or_else(|_| text.parse().or_else(|_| date(text)).map(TimeArg::Absolute))
        .map_err(|_| "write a time as 2027-01-31, 2027-01-31T12:00:00Z, or relative to now as 90d, 12h, 30m".to_owned())
}

pub(super) fn parse_time_or_never(text: &str) -> Result<TimeOrNever, String> {
    if text == "never" {
        return Ok(TimeOrNever(None));
    }
    parse_time(text).map(|time| TimeOrNever(Some(time))).map_err(|sentence| format!("{sentence}, or never"))
}

pub(super) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wrong = || "write a duration as a whole number and a unit: 250ms, 30s, 5m, 12h, 90d, 2w".to_owned();
    let digits = text.find(|letter: char| !letter.is_ascii_digit()).ok_or_else(wrong)?;
    let number: u64 = text[..digits].parse().map_err(|_| wrong())?;
    let millis: u64 = match &text[digits..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        "w" => 604_800_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wrong)
}

/// Converts a span to a message of the contract.
pub(super) fn to_duration(span: Duration) -> prost_types::Duration {
    span.try_into().unwrap_or(prost_types::Duration { seconds: i64::MAX, nanos: 0 })
}

/// Formats a time for people: UTC to the second; empty for `None`.
pub(super) fn format_time(time: Option<&prost_types::Timestamp>) -> String {
    let read = time.and_then(|time| Timestamp::from_seconds(time.seconds, 0));
    read.map(|time| time.to_string().replace('T', " ")).unwrap_or_default()
}

/// Formats a time for people, or `never`.
pub(super) fn format_time_or_never(time: Option<&prost_types::Timestamp>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| format_time(Some(time)))
}

pub(super) fn is_past(time: Option<&prost_types::Timestamp>) -> bool {
    time.and_then(|time| Timestamp::from_seconds(time.seconds, time.nanos))
        .is_some_and(|time| time <= SystemClock.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_times_and_spans() {
        let at = |text: &str| Ok(TimeArg::Absolute(text.parse().unwrap()));
        assert_eq!(parse_time("2027-01-31"), at("2027-01-31T00:00:00Z"));
        assert_eq!(parse_time("2027-01-31T12:00:00+02:00"), at("2027-01-31T10:00:00Z"));
        assert_eq!(parse_time("90d"), Ok(TimeArg::Relative(Duration::from_hours(90 * 24))));
        assert_eq!(parse_time_or_never("never"), Ok(TimeOrNever(None)));
        for bad in ["", "tomorrow", "2027-13-01", "d", "1y", "-1d", "99999999999999999999d", "18446744073709551615w"] {
            assert!(parse_time(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_need_a_unit() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("0s"), Ok(Duration::ZERO));
        assert_eq!(parse_duration("2w"), Ok(Duration::from_hours(336)));
        assert!(parse_duration("10").is_err());
        assert_eq!(to_duration(Duration::from_millis(1_500)), prost_types::Duration { seconds: 1, nanos: 500_000_000 });
    }

    #[test]
    fn times_are_told_in_utc() {
        let time = prost_types::Timestamp { seconds: 1_795_482_123, nanos: 5 };
        assert_eq!(format_time(Some(&time)), "2026-11-24 01:02:03Z");
        assert_eq!(format_time_or_never(None), "never");
        assert!(is_past(Some(&prost_types::Timestamp { seconds: 1, nanos: 0 })) && !is_past(None));
    }
}
