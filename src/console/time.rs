//! Times on pages: in UTC when rendered, in the user's time zone once the script has run.

use crate::model::time::Timestamp;

/// For templates, such as the macro `time` of templates/macros.html.
impl Timestamp {
    /// Formats the time in RFC 3339 to the second, for programs and for the tooltip.
    pub(super) fn exact(self) -> String {
        Self::from_micros(self.as_micros().div_euclid(1_000_000) * 1_000_000).to_string()
    }

    /// Formats date and time to the minute in UTC, for people.
    pub(super) fn short(self) -> String {
        self.exact().get(..16).map(|text| text.replace('T', " ")).unwrap_or_default()
    }

    /// Formats the date in UTC.
    pub(super) fn date(self) -> String {
        self.exact().get(..10).unwrap_or_default().to_owned()
    }
}

/// Formats a time for `<input type=datetime-local>`, in UTC.
pub(super) fn format_input(time: Timestamp) -> String {
    time.exact().trim_end_matches('Z').to_owned()
}

/// Parses the value of `<input type=datetime-local>`, with or without seconds, or a date alone; in UTC. Returns
/// `None` for an empty text.
pub(super) fn parse_input(text: &str) -> Result<Option<Timestamp>, jiff::Error> {
    let text = text.replace(' ', "T");
    let zoned = match text.len() {
        0 => return Ok(None),
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ if text.ends_with('Z') => text,
        _ => format!("{text}Z"),
    };
    zoned.parse().map(Some)
}

const SECOND: (u64, &str, &str) = (1, "a second", "seconds");
/// The units, the longest first: in seconds, one of it, and several.
const UNITS: [(u64, &str, &str); 4] =
    [(86_400, "a day", "days"), (3_600, "an hour", "hours"), (60, "a minute", "minutes"), SECOND];

/// Formats a duration exactly: "an hour", "90 seconds".
pub(super) fn in_words(seconds: u64) -> String {
    let whole = UNITS.into_iter().find(|(unit, ..)| seconds > 0 && seconds.is_multiple_of(*unit));
    let (unit, one, several) = whole.unwrap_or(SECOND);
    match seconds / unit {
        1 => one.to_owned(),
        count => format!("{count} {several}"),
    }
}

/// Formats a bound: one of minutes is rounded up to whole ones.
pub(super) fn up_to(seconds: u64) -> String {
    in_words(if seconds > 120 { seconds.next_multiple_of(60) } else { seconds })
}

/// Formats an age in the unit that fits, rounded down.
pub(super) fn format_age(seconds: u64) -> String {
    let (unit, _, several) = UNITS.into_iter().find(|(unit, ..)| seconds >= 2 * unit).unwrap_or(SECOND);
    if seconds == 1 { "1 second".to_owned() } else { format!("{} {several}", seconds / unit) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_in_words() {
        let exact = [1, 60, 90, 600, 3_600, 5_400, 86_400, 172_800].map(in_words);
        assert_eq!(
            exact,
            ["a second", "a minute", "90 seconds", "10 minutes", "an hour", "90 minutes", "a day", "2 days"]
        );
        assert_eq!([9, 100, 3_541, 3_600].map(up_to), ["9 seconds", "100 seconds", "an hour", "an hour"]);
        assert_eq!(
            [0, 1, 119, 120, 7_200, 172_800].map(format_age),
            ["0 seconds", "1 second", "119 seconds", "2 minutes", "2 hours", "2 days"]
        );
    }

    #[test]
    fn times_are_read_as_browsers_and_people_write_them() {
        let parsed = |text: &str| parse_input(text).unwrap().map(|time| time.to_string());
        for text in ["2026-11-24T01:02", "2026-11-24 01:02", "2026-11-24T01:02:00", "2026-11-24T01:02:00Z"] {
            assert_eq!(parsed(text).as_deref(), Some("2026-11-24T01:02:00Z"), "{text}");
        }
        assert_eq!(parsed("2026-11-24").as_deref(), Some("2026-11-24T00:00:00Z"));
        assert_eq!(parsed(""), None);
        assert!(parse_input("soon").is_err());
    }

    #[test]
    fn a_moment_is_told_to_the_minute_and_exactly() {
        let moment: Timestamp = "2026-11-24T01:02:03.456Z".parse().unwrap();
        assert_eq!(
            (moment.exact(), moment.short(), moment.date()),
            ("2026-11-24T01:02:03Z".to_owned(), "2026-11-24 01:02".to_owned(), "2026-11-24".to_owned())
        );
    }
}
