//! Points in time on pages: in UTC as the page is made, in the reader's zone once its script has run.

use crate::model::time::Timestamp;

/// A point in time, for the macro `moment` of templates/macros.html.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Moment(pub(super) Timestamp);

impl Moment {
    /// RFC 3339 to the second, for programs and for the hint.
    pub(super) fn exact(self) -> String {
        Timestamp::from_micros(self.0.as_micros().div_euclid(1_000_000) * 1_000_000).to_string()
    }

    /// Date and time to the minute in UTC, for people.
    pub(super) fn short(self) -> String {
        self.exact().get(..16).map(|text| text.replace('T', " ")).unwrap_or_default()
    }

    /// The date in UTC.
    pub(super) fn date(self) -> String {
        self.exact().get(..10).unwrap_or_default().to_owned()
    }
}

impl From<Timestamp> for Moment {
    fn from(time: Timestamp) -> Self {
        Self(time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_to_the_minute_and_exactly() {
        let moment = Moment("2026-11-24T01:02:03.456Z".parse().unwrap());
        assert_eq!(
            (moment.exact(), moment.short(), moment.date()),
            ("2026-11-24T01:02:03Z".to_owned(), "2026-11-24 01:02".to_owned(), "2026-11-24".to_owned())
        );
    }
}
