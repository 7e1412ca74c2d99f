//! Times as people type and read them.
//!
//! A moment is `2027-01-31` (its beginning, in UTC), `2027-01-31T12:00:00Z`, or a span such as `90d`, counted from now
//! into the future or the past, depending on the flag. Spans are `250ms`, `30s`, `5m`, `12h`, `90d`, `2w`.

use std::time::Duration;

use crate::clock::{Clock as _, SystemClock};
use crate::model::time::Timestamp;

/// A moment as typed: fixed, or relative to now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// A fixed moment.
    At(Timestamp),
    /// A distance from now.
    Away(Duration),
}

/// A moment, or none at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MomentOrNever {
    /// This moment.
    Moment(Moment),
    /// `never`.
    Never,
}

impl Moment {
    /// Returns the moment, counting a span into the future.
    pub(super) fn ahead(self) -> prost_types::Timestamp {
        match self {
            Self::At(time) => to_proto(time),
            Self::Away(span) => to_proto(SystemClock.now().plus(span)),
        }
    }

    /// Returns the moment, counting a span into the past.
    pub(super) fn back(self) -> prost_types::Timestamp {
        match self {
            Self::At(time) => to_proto(time),
            Self::Away(span) => to_proto(SystemClock.now().minus(span)),
        }
    }
}

impl MomentOrNever {
    /// Returns the moment, counting a span into the future; `None` for `never`.
    pub(super) fn ahead(self) -> Option<prost_types::Timestamp> {
        match self {
            Self::Moment(moment) => Some(moment.ahead()),
            Self::Never => None,
        }
    }
}

/// Parses a moment.
pub(super) fn moment(text: &str) -> Result<Moment, String> {
    let date = |text: &str| format!("{text}T00:00:00Z").parse::<Timestamp>();
    span(text)
        .map(Moment::Away)
        .or_else(|_| text.parse().or_else(|_| date(text)).map(Moment::At))
        .map_err(|_| "write a time as 2027-01-31, 2027-01-31T12:00:00Z, or relative to now as 90d, 12h, 30m".to_owned())
}

/// Parses a moment or `never`.
pub(super) fn moment_or_never(text: &str) -> Result<MomentOrNever, String> {
    if text == "never" {
        return Ok(MomentOrNever::Never);
    }
    moment(text).map(MomentOrNever::Moment).map_err(|sentence| format!("{sentence}, or never"))
}

/// Parses a span.
pub(super) fn span(text: &str) -> Result<Duration, String> {
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
    prost_types::Duration {
        seconds: i64::try_from(span.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(span.subsec_nanos()).unwrap_or(0),
    }
}

fn to_proto(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.as_seconds();
    prost_types::Timestamp { seconds, nanos }
}

/// Formats a time for people: UTC to the second; empty for `None`.
pub(super) fn told(time: Option<&prost_types::Timestamp>) -> String {
    let read = time.and_then(|time| Timestamp::from_seconds(time.seconds, 0));
    read.map(|time| time.to_string().replace('T', " ")).unwrap_or_default()
}

/// Formats a time for people, or `never`.
pub(super) fn told_or_never(time: Option<&prost_types::Timestamp>) -> String {
    time.map_or_else(|| "never".to_owned(), |time| told(Some(time)))
}

/// Returns whether the time has passed.
pub(super) fn is_past(time: Option<&prost_types::Timestamp>) -> bool {
    time.and_then(|time| Timestamp::from_seconds(time.seconds, time.nanos))
        .is_some_and(|time| time <= SystemClock.now())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_dates_times_and_spans() {
        let at = |text: &str| Ok(Moment::At(text.parse().unwrap()));
        assert_eq!(moment("2027-01-31"), at("2027-01-31T00:00:00Z"));
        assert_eq!(moment("2027-01-31T12:00:00+02:00"), at("2027-01-31T10:00:00Z"));
        assert_eq!(moment("90d"), Ok(Moment::Away(Duration::from_hours(90 * 24))));
        assert_eq!(moment_or_never("never"), Ok(MomentOrNever::Never));
        for bad in ["", "tomorrow", "2027-13-01", "d", "1y", "-1d", "99999999999999999999d", "18446744073709551615w"] {
            assert!(moment(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_need_a_unit() {
        assert_eq!(span("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(span("0s"), Ok(Duration::ZERO));
        assert_eq!(span("2w"), Ok(Duration::from_hours(336)));
        assert!(span("10").is_err());
        assert_eq!(to_duration(Duration::from_millis(1_500)), prost_types::Duration { seconds: 1, nanos: 500_000_000 });
    }

    #[test]
    fn times_are_told_in_utc() {
        let time = prost_types::Timestamp { seconds: 1_795_482_123, nanos: 5 };
        assert_eq!(told(Some(&time)), "2026-11-24 01:02:03Z");
        assert_eq!(told_or_never(None), "never");
        assert!(is_past(Some(&prost_types::Timestamp { seconds: 1, nanos: 0 })) && !is_past(None));
    }
}
