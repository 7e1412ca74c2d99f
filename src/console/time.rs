//! Times on pages: in UTC when rendered, in the user's time zone once the script has run.

use crate::model::time::Timestamp;

/// A time, for the macro `moment` of templates/macros.html.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

impl Moment {
    /// Formats the time in RFC 3339 to the second, for programs and for the tooltip.
    pub(super) fn exact(self) -> String {
        Timestamp::from_micros(self.0.as_micros().div_euclid(1_000_000) * 1_000_000).to_string()
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

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

/// The value of a time field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Read {
    /// An empty field.
    Nothing,
    /// A time.
    Time(Timestamp),
    /// Invalid text.
    Nonsense,
}

impl Read {
    /// Returns the time, if it is one.
    pub(super) const fn time(self) -> Option<Timestamp> {
        match self {
            Self::Time(time) => Some(time),
            Self::Nothing | Self::Nonsense => None,
        }
    }
}

/// Formats a time for `<input type=datetime-local>`, in UTC.
pub(super) fn written(time: Timestamp) -> String {
    let exact = Moment(time).exact();
    exact.strip_suffix('Z').unwrap_or(&exact).to_owned()
}

/// Parses the value of `<input type=datetime-local>`, with or without seconds, or a date alone; in UTC.
pub(super) fn read(text: &str) -> Read {
    if text.is_empty() {
        return Read::Nothing;
    }
    let text = text.replace(' ', "T");
    let zoned = match text.len() {
        10 => format!("{text}T00:00:00Z"),
        16 => format!("{text}:00Z"),
        _ if text.ends_with('Z') => text,
        _ => format!("{text}Z"),
    };
    zoned.parse().map_or(Read::Nonsense, Read::Time)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_browsers_and_people_write_them() {
        let told = |text: &str| read(text).time().map(|time| time.to_string());
        for text in ["2026-11-24T01:02", "2026-11-24 01:02", "2026-11-24T01:02:00", "2026-11-24T01:02:00Z"] {
            assert_eq!(told(text).as_deref(), Some("2026-11-24T01:02:00Z"), "{text}");
        }
        assert_eq!(told("2026-11-24").as_deref(), Some("2026-11-24T00:00:00Z"));
        assert_eq!((read(""), read("soon")), (Read::Nothing, Read::Nonsense));
    }

    #[test]
    fn a_moment_is_told_to_the_minute_and_exactly() {
        let moment = Moment("2026-11-24T01:02:03.456Z".parse().unwrap());
        assert_eq!(
            (moment.exact(), moment.short(), moment.date()),
            ("2026-11-24T01:02:03Z".to_owned(), "2026-11-24 01:02".to_owned(), "2026-11-24".to_owned())
        );
    }
}
