//! The recent past: what the last revisions changed, for those who watch, and which tokens of revisions are ours.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::broadcast;

use crate::model::change::{Cursor, Revision};

/// Revisions remembered.
const REMEMBERED: usize = 8_192;
/// Revisions that a watcher may fall behind.
const LAG: usize = 1_024;

/// A revision that was applied, and what it changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The revision.
    pub cursor: Cursor,
    /// What it changed: kind, id and action of each subject. Empty for the place where a stream begins.
    pub subjects: Vec<Subject>,
}

/// Something that a revision changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// `key`, `store`, `method`, `operator`, or what a later version knows.
    pub kind: String,
    /// Which one.
    pub id: String,
    /// What was done.
    pub action: String,
}

/// What of a revision's token is known here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// It is applied.
    Applied,
    /// It is ahead of what is applied.
    Ahead,
    /// Its number is applied under another nonce: it is of another past.
    Foreign,
}

/// Revisions as they are applied, from a subscription on.
#[derive(Debug)]
pub struct Subscription {
    /// Where it begins, and what it has missed since: the first has no subjects.
    pub backlog: Vec<Arc<Applied>>,
    /// What comes.
    pub live: broadcast::Receiver<Arc<Applied>>,
}

#[derive(Debug)]
pub(super) struct History {
    recent: Mutex<VecDeque<Arc<Applied>>>,
    live: broadcast::Sender<Arc<Applied>>,
}

impl History {
    pub(super) fn new() -> Self {
        Self { recent: Mutex::default(), live: broadcast::Sender::new(LAG) }
    }

    /// Begins anew at `cursor`. Whoever watches is told that it has fallen behind, by the end of its stream.
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
        // Under the lock, so that a subscription sees each revision in the past or as it comes, never twice or not at all.
        let _ = self.live.send(applied);
    }

    /// What is known of `cursor`.
    pub(super) fn knows(&self, cursor: Cursor) -> Known {
        let recent = self.recent.lock();
        let (Some(first), Some(last)) = (recent.front(), recent.back()) else {
            return Known::Ahead;
        };
        if cursor.revision > last.cursor.revision {
            return Known::Ahead;
        }
        if cursor.revision < first.cursor.revision {
            // Older than what is remembered: nothing speaks against it.
            return Known::Applied;
        }
        let at = usize::try_from(cursor.revision.0 - first.cursor.revision.0).unwrap_or(usize::MAX);
        match recent.get(at) {
            Some(applied) if applied.cursor == cursor => Known::Applied,
            _ => Known::Foreign,
        }
    }

    /// Whether `cursor` is among the revisions that are remembered.
    pub(super) fn remembers(&self, cursor: Cursor) -> bool {
        let recent = self.recent.lock();
        let place = recent.front().and_then(|first| cursor.revision.0.checked_sub(first.cursor.revision.0));
        let at = place.and_then(|place| usize::try_from(place).ok());
        at.and_then(|at| recent.get(at)).is_some_and(|applied| applied.cursor == cursor)
    }

    /// Subscribes from after `after`, or from now on. None if that is no longer remembered, or was never here.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(number: u64) -> Cursor {
        Cursor { revision: Revision(number), nonce: number * 31 }
    }

    fn history() -> History {
        let mut history = History::new();
        history.restart(cursor(10));
        for number in 11..=15 {
            let subject = Subject { kind: "key".into(), id: number.to_string(), action: "update".into() };
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
        assert!(history.remembers(cursor(10)) && history.remembers(cursor(15)));
        for other in [cursor(3), cursor(16), Cursor { nonce: 1, ..cursor(12) }] {
            assert!(!history.remembers(other), "{other}");
        }
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
