//! Conflicting changes of an object by two people: what the first changed, and the second's form merged with it. Keys,
//! whose fields depend on each other, have rules of their own (`keys::conflict`).

use serde_json::Value;

use super::diff::{FieldDifference, differences};
use super::time::DisplayTime;
use crate::model::change::Change;

/// The changes of the first.
#[derive(Debug)]
pub(super) struct ConcurrentEdit {
    /// Time, operator and reason, the oldest first.
    pub(super) changes: Vec<(DisplayTime, String, String)>,
    /// The fields changed by all of them together.
    pub(super) differences: Vec<FieldDifference>,
}

impl ConcurrentEdit {
    /// Summarizes these changes of an object, the oldest first.
    pub(super) fn new(changes: Vec<Change>, now: &Value) -> Self {
        let mut differences = differences(base_image(&changes), Some(now));
        differences.retain(|difference| !matches!(&*difference.field, "id" | "created"));
        let changes =
            changes.into_iter().map(|change| (DisplayTime(change.at), change.actor_name, change.comment)).collect();
        Self { changes, differences }
    }
}

/// Returns the second's base: the image before the first change since then.
pub(super) fn base_image(changes: &[Change]) -> Option<&Value> {
    changes.first().and_then(|change| change.before.as_ref())
}

/// Merges the second's input with the current values: a field that they left unchanged takes the current value.
pub(super) fn merge_fields<const N: usize>(mine: [&mut String; N], base: [&mut String; N], theirs: [&mut String; N]) {
    for ((mine, base), theirs) in mine.into_iter().zip(base).zip(theirs) {
        if mine == base {
            mine.clone_from(theirs);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn neither_loses_anything() {
        let text = |text: &str| text.to_owned();
        let (mut a, mut b) = (text("mine"), text("old"));
        super::merge_fields(
            [&mut a, &mut b],
            [&mut text("old"), &mut text("old")],
            [&mut text("old"), &mut text("theirs")],
        );
        assert_eq!((&*a, &*b), ("mine", "theirs"));
    }
}
