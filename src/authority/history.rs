//! The recent history: what the last revisions changed, for watchers, and which revision tokens belong to it.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::model::change::{Cursor, Revision};
use crate::storage::Detail;

/// Revisions remembered.
const REMEMBERED: usize = 8_192;
/// Revisions that a watcher may fall behind.
const LAG: usize = 1_024;

/// An applied revision, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The revision.
    pub cursor: Cursor,
    /// Kind, id and action of each changed subject. Empty for the position where a stream begins.
    pub subjects: Vec<Subject>,
}

/// Something that a revision changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `key`, `store`, `method`, `operator`, or a kind of a later version.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The action.
    pub action: String,
    /// Further details needed to repeat the action.
    pub detail: Detail,
}

/// What is known about a revision token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// The revision is applied.
    Applied,
    /// It is ahead of the applied revision.
    Ahead,
    /// Its number is applied with another nonce: it belongs to a diverged history.
    Foreign,
}

/// A stream of applied revisions, from a subscription on.
#[derive(Debug)]
pub struct Subscription {
    /// The starting position, without subjects, and the revisions since then.
    pub backlog: Vec<Arc<Applied>>,
    /// Revisions to come.
    pub live: broadcast::Receiver<Arc<Applied>>,
}

#[derive(Debug)]
pub(super) struct History {
    recent: Mutex<VecDeque<Arc<Applied>>>,
    /// The last revisions, ascending and without a gap. After a full load they reach further back than `recent`: tokens
    /// of revisions that were not followed can be checked too.
    lineage: Mutex<VecDeque<Cursor>>,
    live: broadcast::Sender<Arc<Applied>>,
}

impl History {
    pub(super) fn new() -> Self {
        Self { recent: Mutex::default(), lineage: Mutex::default(), live: broadcast::Sender::new(LAG) }
    }

    /// Starts again with loaded data: `lineage` is the list of the last revisions up to `cursor`.
    pub(super) fn load(&mut self, cursor: Cursor, lineage: Vec<Cursor>) {
        let mut lineage = VecDeque::from(lineage);
        if lineage.back() != Some(&cursor) {
            // Nothing was ever written.
            lineage = VecDeque::from([cursor]);
        }
        *self.lineage.lock() = lineage;
        self.restart(cursor);
    }

    /// Adds further revisions, before they count as applied.
    pub(super) fn extend(&self, revisions: &[Cursor]) {
        let mut lineage = self.lineage.lock();
        lineage.extend(revisions);
        let surplus = lineage.len().saturating_sub(REMEMBERED);
        drop(lineage.drain(..surplus));
    }

    /// Returns the lost revisions: applied here and not part of `lineage`, the last revisions of storage.
    pub(super) fn lost(&self, lineage: &[Cursor]) -> Vec<Arc<Applied>> {
        let (Some(first), Some(last)) = (lineage.first(), lineage.last()) else {
            return self.recent.lock().iter().filter(|applied| applied.cursor.revision.0 > 0).cloned().collect();
        };
        let is_lost = |applied: &&Arc<Applied>| {
            let cursor = applied.cursor;
            let at = lineage.binary_search_by_key(&cursor.revision, |known| known.revision);
            cursor.revision > last.revision
                || (cursor.revision >= first.revision && at.map_or(true, |at| lineage[at] != cursor))
        };
        self.recent.lock().iter().filter(is_lost).cloned().collect()
    }

    /// Starts again at `cursor`. Watchers notice that they have fallen behind by the end of their stream.
    pub(super) fn restart(&mut self, cursor: Cursor) {
        self.live = broadcast::Sender::new(LAG);
        let mut recent = self.recent.lock();
        recent.clear();
        recent.push_back(Arc::new(Applied { cursor, subjects: Vec::new() }));
    }

    pub(super) fn add(&self, applied: Applied) {
        let applied = Arc::new(applied);
        let mut recent = self.recent.lock();
        recent.push_back(Arc::clone(&applied));
        if recent.len() > REMEMBERED {
            recent.pop_front();
        }
        // Under the lock, so that a subscription gets each revision exactly once, from the backlog or live.
        let _ = self.live.send(applied);
    }

    /// Returns what is known about `cursor`.
    pub(super) fn knows(&self, cursor: Cursor) -> Known {
        let lineage = self.lineage.lock();
        let (Some(first), Some(last)) = (lineage.front(), lineage.back()) else {
            return Known::Ahead;
        };
        if cursor.revision > last.revision {
            return Known::Ahead;
        }
        if cursor.revision < first.revision {
            // Older than the remembered revisions: nothing contradicts it.
            return Known::Applied;
        }
        if position(&lineage, cursor) { Known::Applied } else { Known::Foreign }
    }

    /// Returns whether `cursor` is among the remembered revisions.
    pub(super) fn remembers(&self, cursor: Cursor) -> bool {
        position(&self.lineage.lock(), cursor)
    }

    /// Subscribes from after `after`, or from now on. Returns `None` if `after` is unknown or no longer remembered.
    pub(super) fn subscribe(&self, after: Option<Cursor>) -> Option<Subscription> {
        let recent = self.recent.lock();
        let live = self.live.subscribe();
        let last = recent.back()?;
        let Some(after) = after else {
            let start = Applied { cursor: last.cursor, subjects: Vec::new() };
            return Some(Subscription { backlog: vec![Arc::new(start)], live });
        };
        let first: Revision = recent.front()?.cursor.revision;
        let at = usize::try_from(after.revision.0.checked_sub(first.0)?).ok()?;
        let found = recent.get(at).filter(|applied| applied.cursor == after)?;
        let start = Arc::new(Applied { cursor: found.cursor, subjects: Vec::new() });
        let backlog = std::iter::once(start).chain(recent.iter().skip(at + 1).cloned()).collect();
        Some(Subscription { backlog, live })
    }
}

fn position(lineage: &VecDeque<Cursor>, cursor: Cursor) -> bool {
    let at = lineage.binary_search_by_key(&cursor.revision, |known| known.revision);
    at.is_ok_and(|at| lineage[at] == cursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(number: u64) -> Cursor {
        Cursor { revision: Revision(number), nonce: number * 31 }
    }

    fn history() -> History {
        let mut history = History::new();
        history.load(cursor(10), (8..=10).map(cursor).collect());
        for number in 11..=15 {
            let subject = Subject {
                kind: "key".into(),
                id: number.to_string(),
                action: "update".into(),
                detail: Detail::default(),
            };
            history.extend(&[cursor(number)]);
            history.add(Applied { cursor: cursor(number), subjects: vec![subject] });
        }
        history
    }

    #[test]
    fn a_token_of_another_past_is_told_from_one_to_come() {
        let history = history();
        assert_eq!(history.knows(cursor(12)), Known::Applied);
        assert_eq!(history.knows(cursor(3)), Known::Applied);
        assert_eq!(history.knows(cursor(16)), Known::Ahead);
        assert_eq!(history.knows(Cursor { nonce: 1, ..cursor(12) }), Known::Foreign);
        assert_eq!(history.knows(Cursor { nonce: 1, ..cursor(8) }), Known::Foreign, "it was not followed here");
        assert_eq!(history.knows(Cursor { nonce: 1, ..cursor(7) }), Known::Applied, "too old to be known");
        assert!(history.remembers(cursor(10)) && history.remembers(cursor(15)));
        for other in [cursor(3), cursor(16), Cursor { nonce: 1, ..cursor(12) }] {
            assert!(!history.remembers(other), "{other}");
        }
    }

    #[test]
    fn what_storage_does_not_have_any_more_is_lost() {
        let history = history();
        let lost = |lineage: &[Cursor]| {
            history.lost(lineage).iter().map(|applied| applied.cursor.revision.0).collect::<Vec<_>>()
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
        let history = history();
        let mut subscription = history.subscribe(Some(cursor(13))).unwrap();
        let numbers: Vec<_> = subscription.backlog.iter().map(|applied| applied.cursor.revision.0).collect();
        assert_eq!(numbers, [13, 14, 15]);
        history.add(Applied { cursor: cursor(16), subjects: Vec::new() });
        assert_eq!(subscription.live.try_recv().unwrap().cursor, cursor(16));
        assert!(history.subscribe(Some(cursor(9))).is_none());
        assert!(history.subscribe(Some(Cursor { nonce: 5, ..cursor(13) })).is_none());
    }
}
