//! Marks keep keys expired that were refused as expired before storage's clock went back.
//!
//! The time is storage's clock, in either direction. If the clock goes back, keys that had expired would work again. So
//! a mark in storage records: *this time had been reached for everything written up to this revision*. A key that has
//! not changed since has expired if its expiry is not after that time; later changes follow the clock alone.

use std::time::Duration;

use super::change::Revision;
use super::time::Timestamp;

/// The largest tolerated difference between storage's clock and the elapsed time: a larger one is a leap. Slewed
/// clocks, leap seconds and failover between hosts with synchronized clocks stay far below it; any clock that a person
/// would call wrong is above it.
pub const LEAP: Duration = Duration::from_secs(2);
/// The number of marks kept; more are merged.
const MAX_MARKS: usize = 16;

/// A time that storage's clock went back from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "(u64, i64)", into = "(u64, i64)")]
pub struct Mark {
    /// The last revision that it applies to.
    pub revision: Revision,
    /// The latest time that decisions may have used.
    pub reached: Timestamp,
}

/// All marks in effect: ascending by revision, descending by time.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(from = "Vec<Mark>")]
pub struct Marks(Vec<Mark>);

/// The time that a key or an operator is checked against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DecisionTime {
    /// Storage's clock.
    pub now: Timestamp,
    /// The latest time that the clock has reached; not before `now`.
    reached: Timestamp,
}

impl From<(u64, i64)> for Mark {
    fn from((revision, reached): (u64, i64)) -> Self {
        Self { revision: Revision(revision), reached: Timestamp::from_micros(reached) }
    }
}

impl From<Mark> for (u64, i64) {
    fn from(mark: Mark) -> Self {
        (mark.revision.0, mark.reached.as_micros())
    }
}

impl Mark {
    /// Returns whether this mark expires every key that `other` expires.
    fn covers(self, other: Self) -> bool {
        self.revision >= other.revision && self.reached >= other.reached
    }
}

impl From<Vec<Mark>> for Marks {
    fn from(all: Vec<Mark>) -> Self {
        let mut marks = Self::default();
        for mark in all {
            marks.add(mark);
        }
        marks
    }
}

impl Marks {
    /// Adds a mark. Removes the marks that it covers; if there are too many, the two oldest become one that covers
    /// both, so that no key becomes valid again.
    pub fn add(&mut self, mark: Mark) {
        if self.covers(mark) {
            return;
        }
        self.0.retain(|known| !mark.covers(*known));
        let index = self.0.partition_point(|known| known.revision < mark.revision);
        self.0.insert(index, mark);
        if self.0.len() > MAX_MARKS {
            let oldest = self.0.remove(0);
            self.0[0].reached = oldest.reached;
        }
    }

    /// Returns whether one of the marks covers `mark`.
    pub fn covers(&self, mark: Mark) -> bool {
        self.0.iter().any(|known| known.covers(mark))
    }

    /// Returns whether there are no marks.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the moment at `now` for a row that was last changed at `row_revision`.
    pub fn decision_time(&self, now: Timestamp, row_revision: Revision) -> DecisionTime {
        if cfg!(without_guard = "marks") {
            return now.into();
        }
        // The first mark not before the change has the latest time of all those.
        let first = self.0.iter().find(|mark| row_revision <= mark.revision);
        DecisionTime { now, reached: first.map_or(now, |mark| mark.reached.max(now)) }
    }
}

impl From<Timestamp> for DecisionTime {
    /// Returns the moment `now`, for a clock that has never gone back.
    fn from(now: Timestamp) -> Self {
        Self { now, reached: now }
    }
}

impl DecisionTime {
    /// Returns whether an expiry of `end` has passed.
    pub fn is_past(self, end: Timestamp) -> bool {
        end <= self.reached
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(revision: u64, reached: i64) -> Mark {
        (revision, reached).into()
    }

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(micros)
    }

    #[test]
    fn what_had_expired_before_the_clock_went_back_stays_expired_and_what_is_written_later_does_not() {
        let marks = Marks::from(vec![mark(7, 1_000)]);
        let past = |row, now| marks.decision_time(at(now), Revision(row)).is_past(at(500));
        assert!(past(7, 100) && past(1, 100), "it had been judged by 1000");
        assert!(!past(8, 100), "it was written after the clock went back");
        assert!(past(8, 500), "its end has come");
        assert!(!marks.decision_time(at(100), Revision(7)).is_past(at(1_001)));
        assert_eq!(marks.decision_time(at(100), Revision(7)).now, at(100), "whether it is valid yet goes by the clock");
    }

    #[test]
    fn a_mark_that_says_nothing_more_is_not_kept() {
        let mut marks = Marks::from(vec![mark(5, 100), mark(9, 50)]);
        marks.add(mark(5, 80));
        marks.add(mark(4, 100));
        assert_eq!(marks.0, [mark(5, 100), mark(9, 50)]);
        marks.add(mark(9, 70));
        assert_eq!(marks.0, [mark(5, 100), mark(9, 70)]);
        marks.add(mark(9, 100));
        assert_eq!(marks.0, [mark(9, 100)]);
        let text = serde_json::to_string(&marks).unwrap();
        assert_eq!(text, "[[9,100]]");
        assert_eq!(serde_json::from_str::<Marks>(&text).unwrap(), marks);
    }

    #[test]
    fn of_too_many_marks_the_oldest_are_merged_and_nothing_opens_again() {
        let all: Vec<_> = (0..40).map(|n| mark(10 + n, 1_000 - i64::try_from(n).unwrap())).collect();
        let marks = Marks::from(all.clone());
        assert_eq!(marks.0.len(), MAX_MARKS);
        assert!(all.iter().all(|mark| marks.covers(*mark)));
    }
}
