//! The state that decisions are based on: a World, and the part of its storage history known so far.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;

use super::row_hashes::RowHashes;
use super::watermarks::Watermarks;
use crate::model::change::Cursor;
use crate::model::world::World;

/// Revisions whose nonce is remembered; a read is confirmed within moments, or repeated.
pub(in crate::authority) const REMEMBERED: usize = 8_192;

/// A World, and the epoch that it belongs to. Swapped as a whole, so that a thread with a loaded state uses watermarks
/// of the same history, whatever happens to storage meanwhile.
#[derive(Debug)]
pub(in crate::authority) struct State {
    pub(in crate::authority) world: World,
    /// The rows that the World was built from, for comparison with storage.
    pub(in crate::authority) rows: RowHashes,
    pub(in crate::authority) epoch: Arc<Epoch>,
}

/// One history of storage, followed without a gap. Every full load begins another: when storage turns out to have a
/// diverged history (a restored dump, a failover that lost commits), nothing read before is valid after.
#[derive(Debug)]
pub(in crate::authority) struct Epoch {
    pub(in crate::authority) number: u64,
    /// The newest changes of keys in this history.
    pub(in crate::authority) watermarks: Watermarks,
    /// Until when storage was known to have this history, in microseconds of the monotonic clock: what was received later
    /// may be of another, or of a restore that is under way.
    known_until: AtomicU64,
    cursors: Mutex<RecentCursors>,
}

/// The last revisions of a history, ascending and without a gap.
#[derive(Debug, Default)]
pub(in crate::authority) struct RecentCursors(VecDeque<Cursor>);

impl RecentCursors {
    pub(in crate::authority) fn new(cursors: impl Into<VecDeque<Cursor>>) -> Self {
        Self(cursors.into())
    }

    pub(in crate::authority) fn extend(&mut self, revisions: &[Cursor]) {
        self.0.extend(revisions);
        let surplus = self.0.len().saturating_sub(REMEMBERED);
        drop(self.0.drain(..surplus));
    }

    pub(in crate::authority) fn contains(&self, cursor: Cursor) -> bool {
        let at = self.0.binary_search_by_key(&cursor.revision, |known| known.revision);
        at.is_ok_and(|at| self.0[at] == cursor)
    }

    pub(in crate::authority) fn ends(&self) -> Option<(Cursor, Cursor)> {
        Some((*self.0.front()?, *self.0.back()?))
    }
}

impl Epoch {
    /// Creates an epoch that begins at `start`.
    pub(in crate::authority) fn new(number: u64, start: Cursor) -> Self {
        Self {
            number,
            watermarks: Watermarks::new(),
            known_until: AtomicU64::new(u64::MAX),
            cursors: Mutex::new(RecentCursors::new([start])),
        }
    }

    /// Appends the next revisions, before the World that includes them is swapped in.
    pub(in crate::authority) fn extend(&self, revisions: &[Cursor]) {
        self.cursors.lock().extend(revisions);
    }

    /// Ends the trust in what was received from storage after `tick`: storage turned out to have other contents.
    pub(in crate::authority) fn end_at(&self, tick: u64) {
        self.known_until.fetch_min(tick, Ordering::Release);
    }

    /// Returns whether a response received at `tick` is of this history.
    pub(in crate::authority) fn covers(&self, tick: u64) -> bool {
        tick <= self.known_until.load(Ordering::Acquire)
    }

    /// Returns whether `cursor` is known to be one of its revisions.
    pub(in crate::authority) fn has(&self, cursor: Cursor) -> bool {
        self.cursors.lock().contains(cursor)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::coherence::usability::tests::cursor;

    #[test]
    fn an_epoch_knows_its_own_revisions_by_their_nonces_and_forgets_the_oldest() {
        let epoch = Epoch::new(1, cursor(10));
        epoch.extend(&[cursor(11), cursor(12)]);
        assert!((10..=12).all(|number| epoch.has(cursor(number))));
        assert!(!epoch.has(cursor(9)) && !epoch.has(cursor(13)));
        assert!(!epoch.has(Cursor { nonce: 1, ..cursor(11) }));
        let more: Vec<_> = (13..13 + u64::try_from(REMEMBERED).unwrap()).map(cursor).collect();
        epoch.extend(&more);
        assert!(!epoch.has(cursor(12)) && more.iter().all(|cursor| epoch.has(*cursor)));
    }
}
