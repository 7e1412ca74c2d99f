//! The recent history: what the last revisions changed, for watchers, and which revision tokens belong to it.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::broadcast;

use super::coherence::{REMEMBERED, RecentCursors};
use crate::model::change::{Cursor, Revision};
use crate::storage::ChangeDetail;

/// Revisions that a watcher may fall behind.
const MAX_LAG: usize = 1_024;

/// An applied revision, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppliedRevision {
    /// The revision.
    pub cursor: Cursor,
    /// Kind, id and action of each changed subject. Empty for the position where a stream begins.
    pub subjects: Vec<ChangedSubject>,
}

/// Something that a revision changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangedSubject {
    /// `key`, `store`, `method`, `operator`, or a kind of a later version.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The action.
    pub action: String,
    /// Further details needed to repeat the action.
    pub detail: ChangeDetail,
}

/// What is known about a revision token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RevisionStatus {
    Applied,
    Ahead,
    /// Its number is applied with another nonce: it belongs to a diverged history.
    Foreign,
}

/// A stream of applied revisions, from a subscription on.
#[derive(Debug)]
pub struct Subscription {
    /// The starting position, without subjects, and the revisions since then.
    pub backlog: Vec<Arc<AppliedRevision>>,
    /// Revisions to come.
    pub live: broadcast::Receiver<Arc<AppliedRevision>>,
}

#[derive(Debug)]
pub(super) struct History {
    recent: VecDeque<Arc<AppliedRevision>>,
    /// After a full load they reach further back than `recent`: tokens of revisions that were not followed can be
    /// checked too.
    cursors: RecentCursors,
    live: broadcast::Sender<Arc<AppliedRevision>>,
}

impl History {
    pub(super) fn new() -> Self {
        Self { recent: VecDeque::new(), cursors: RecentCursors::default(), live: broadcast::Sender::new(MAX_LAG) }
    }

    /// Starts again with loaded data: `cursors` is the list of the last revisions up to `cursor`.
    pub(super) fn load(&mut self, cursor: Cursor, cursors: Vec<Cursor>) {
        // The list is empty if nothing was ever written.
        let cursors = if cursors.last() == Some(&cursor) { cursors } else { vec![cursor] };
        self.cursors = RecentCursors::new(cursors);
        self.restart(cursor);
    }

    /// Adds further revisions, before they count as applied.
    pub(super) fn extend(&mut self, revisions: &[Cursor]) {
        self.cursors.extend(revisions);
    }

    /// Returns the lost revisions: applied here and not part of `cursors`, the last revisions of storage.
    pub(super) fn lost(&self, cursors: &[Cursor]) -> Vec<Arc<AppliedRevision>> {
        let (Some(first), Some(last)) = (cursors.first(), cursors.last()) else {
            return self.recent.iter().filter(|applied| applied.cursor.revision.0 > 0).cloned().collect();
        };
        let is_lost = |applied: &&Arc<AppliedRevision>| {
            let cursor = applied.cursor;
            let at = cursors.binary_search_by_key(&cursor.revision, |known| known.revision);
            cursor.revision > last.revision
                || (cursor.revision >= first.revision && at.map_or(true, |at| cursors[at] != cursor))
        };
        self.recent.iter().filter(is_lost).cloned().collect()
    }

    /// Starts again at `cursor`. Watchers notice that they have fallen behind by the end of their stream.
    pub(super) fn restart(&mut self, cursor: Cursor) {
        self.live = broadcast::Sender::new(MAX_LAG);
        self.recent.clear();
        self.recent.push_back(Arc::new(AppliedRevision { cursor, subjects: Vec::new() }));
    }

    /// Adds an applied revision and publishes it. A subscription gets each exactly once, from the backlog or live,
    /// because it is created under the lock of the history.
    pub(super) fn add(&mut self, applied: AppliedRevision) {
        let applied = Arc::new(applied);
        self.recent.push_back(Arc::clone(&applied));
        if self.recent.len() > REMEMBERED {
            self.recent.pop_front();
        }
        let _ = self.live.send(applied);
    }

    pub(super) fn status(&self, cursor: Cursor) -> RevisionStatus {
        match self.cursors.ends() {
            Some((_, last)) if cursor.revision > last.revision => RevisionStatus::Ahead,
            None => RevisionStatus::Ahead,
            // Older than the remembered revisions: nothing contradicts it.
            Some((first, _)) if cursor.revision < first.revision => RevisionStatus::Applied,
            Some(_) if self.remembers(cursor) => RevisionStatus::Applied,
            Some(_) => RevisionStatus::Foreign,
        }
    }

    pub(super) fn remembers(&self, cursor: Cursor) -> bool {
        self.cursors.contains(cursor)
    }

    /// Subscribes from after `after`, or from now on. Returns `None` if `after` is unknown or no longer remembered.
    pub(super) fn subscribe(&self, after: Option<Cursor>) -> Option<Subscription> {
        let after = after.or_else(|| Some(self.recent.back()?.cursor))?;
        let first: Revision = self.recent.front()?.cursor.revision;
        let at = usize::try_from(after.revision.0.checked_sub(first.0)?).ok()?;
        self.recent.get(at).filter(|applied| applied.cursor == after)?;
        let start = Arc::new(AppliedRevision { cursor: after, subjects: Vec::new() });
        let backlog = std::iter::once(start).chain(self.recent.iter().skip(at + 1).cloned()).collect();
        Some(Subscription { backlog, live: self.live.subscribe() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::coherence::usability::tests::cursor;

    fn history() -> History {
        let mut history = History::new();
        history.load(cursor(10), (8..=10).map(cursor).collect());
        for number in 11..=15 {
            let subject = ChangedSubject {
                kind: "key".into(),
                id: number.to_string(),
                action: "update".into(),
                detail: ChangeDetail::default(),
            };
            history.extend(&[cursor(number)]);
            history.add(AppliedRevision { cursor: cursor(number), subjects: vec![subject] });
        }
        history
    }

    #[test]
    fn a_token_of_another_past_is_told_from_one_to_come() {
        let history = history();
        assert_eq!(history.status(cursor(12)), RevisionStatus::Applied);
        assert_eq!(history.status(cursor(3)), RevisionStatus::Applied);
        assert_eq!(history.status(cursor(16)), RevisionStatus::Ahead);
        assert_eq!(history.status(Cursor { nonce: 1, ..cursor(12) }), RevisionStatus::Foreign);
        assert_eq!(
            history.status(Cursor { nonce: 1, ..cursor(8) }),
            RevisionStatus::Foreign,
            "it was not followed here"
        );
        assert_eq!(history.status(Cursor { nonce: 1, ..cursor(7) }), RevisionStatus::Applied, "too old to be known");
        assert!(history.remembers(cursor(10)) && history.remembers(cursor(15)));
        for other in [cursor(3), cursor(16), Cursor { nonce: 1, ..cursor(12) }] {
            assert!(!history.remembers(other), "{other}");
        }
    }

    #[test]
    fn what_storage_does_not_have_any_more_is_lost() {
        let history = history();
        let lost = |cursors: &[Cursor]| {
            history.lost(cursors).iter().map(|applied| applied.cursor.revision.0).collect::<Vec<_>>()
        };
        let common: Vec<_> = (1..=12).map(cursor).collect();
        assert_eq!(lost(&common), [13, 14, 15]);
        let mut grown = common.clone();
        grown.extend((13..=20).map(|number| Cursor { nonce: 1, ..cursor(number) }));
        assert_eq!(lost(&grown), [13, 14, 15], "though there are others of these numbers");
        assert!(lost(&(1..=15).map(cursor).collect::<Vec<_>>()).is_empty());
        assert_eq!(lost(&[]), [10, 11, 12, 13, 14, 15]);
    }

    #[test]
    fn a_subscription_misses_nothing_and_repeats_nothing() {
        let mut history = history();
        let mut subscription = history.subscribe(Some(cursor(13))).unwrap();
        let numbers: Vec<_> = subscription.backlog.iter().map(|applied| applied.cursor.revision.0).collect();
        assert_eq!(numbers, [13, 14, 15]);
        history.add(AppliedRevision { cursor: cursor(16), subjects: Vec::new() });
        assert_eq!(subscription.live.try_recv().unwrap().cursor, cursor(16));
        assert!(history.subscribe(Some(cursor(9))).is_none());
        assert!(history.subscribe(Some(Cursor { nonce: 5, ..cursor(13) })).is_none());
    }
}
