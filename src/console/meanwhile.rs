//! Two people change one thing at once: what the first changed, and what the second's form becomes. Keys, whose fields
//! hang together, have rules of their own (`keys::conflict`).

use serde_json::Value;

use super::diff::{Difference, differences};
use super::time::Moment;
use crate::model::change::Change;

/// What the first changed.
#[derive(Debug)]
pub(super) struct Meanwhile {
    /// Who, when and why, the oldest first.
    pub(super) changes: Vec<(Moment, String, String)>,
    /// What, over all of them.
    pub(super) differences: Vec<Difference>,
}

impl Meanwhile {
    /// What became of a thing by these changes, the oldest first.
    pub(super) fn of(changes: Vec<Change>, now: &Value) -> Self {
        let mut differences = differences(base(&changes), Some(now));
        differences.retain(|difference| !matches!(&*difference.field, "id" | "created"));
        let changes =
            changes.into_iter().map(|change| (Moment(change.at), change.actor_name, change.comment)).collect();
        Self { changes, differences }
    }
}

/// What the second began from: the image before the first change since.
pub(super) fn base(changes: &[Change]) -> Option<&Value> {
    changes.first().and_then(|change| change.before.as_ref())
}

/// Lays what the second typed over what is there now: a field that they left as it was takes what is there now.
pub(super) fn lay<const N: usize>(mine: [&mut String; N], base: [&mut String; N], theirs: [&mut String; N]) {
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
        super::lay([&mut a, &mut b], [&mut text("old"), &mut text("old")], [&mut text("old"), &mut text("theirs")]);
        assert_eq!((&*a, &*b), ("mine", "theirs"));
    }
}
