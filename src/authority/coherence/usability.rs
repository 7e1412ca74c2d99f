//! Cached grants, and the one rule that decides whether any of them may be used.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::state::State;
use crate::model::change::{Cursor, Revision};
use crate::model::grant::Grant;
use crate::model::token::Digest;

/// A grant, and when it is known to have been true.
#[derive(Debug)]
pub(in crate::authority) struct CachedGrant {
    digest: Digest,
    pub(in crate::authority) grant: Grant,
    /// The epoch in which the read began.
    epoch: u64,
    /// When it was received, in microseconds of the monotonic clock.
    received: u64,
    /// The latest revision, read in the same statement.
    head: Cursor,
    /// Whether that revision is confirmed as part of the epoch's history. Until then storage may have switched to a
    /// diverged history between the last poll and the read.
    confirmed: AtomicBool,
    /// The grant is true from its `row_revision` to this revision at least. Moves up when the exact map of changes
    /// shows that its key has not changed since.
    read_revision: AtomicU64,
}

/// Whether a grant may be used with a World.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::authority) enum Usability {
    Usable,
    /// Its key has changed since the read, or may have: read it again.
    Behind,
    /// It was read at a revision that the World has not reached: wait for the World.
    Ahead,
}

impl CachedGrant {
    /// Creates the entry for a grant found by a read that began in `epoch`, saw `head` as the latest revision and ended at
    /// the tick `received`.
    pub(in crate::authority) fn new(digest: Digest, grant: Grant, epoch: u64, received: u64, head: Cursor) -> Self {
        let read_revision = AtomicU64::new(head.revision.0);
        Self { digest, grant, epoch, received, head, confirmed: AtomicBool::new(false), read_revision }
    }

    pub(in crate::authority) const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// Returns the revision that the grant was read at.
    pub(in crate::authority) fn head(&self) -> Revision {
        self.head.revision
    }

    /// Applies the usability rule, which every cache must do before it uses a grant. `state` must have been loaded
    /// before the call: watermarks are raised before a World is swapped in, so a thread that sees the World sees them.
    pub(in crate::authority) fn usability(&self, state: &State) -> Usability {
        if self.epoch != state.epoch.number || !state.epoch.covers(self.received) {
            return Usability::Behind;
        }
        if !self.confirmed.load(Ordering::Acquire) {
            if self.head.revision > state.world.revision() {
                return Usability::Ahead;
            }
            if !state.epoch.has(self.head) {
                return Usability::Behind;
            }
            self.confirmed.store(true, Ordering::Release);
        }
        let watermarks = &state.epoch.watermarks;
        let watermark = watermarks.watermark(self.grant.key);
        let read = Revision(self.read_revision.load(Ordering::Acquire));
        if watermark > read && !cfg!(without_guard = "coherence") {
            if !watermarks.unchanged_since(self.grant.key, read) {
                return Usability::Behind;
            }
            self.read_revision.fetch_max(watermark.0, Ordering::AcqRel);
        }
        if self.grant.row_revision > state.world.revision() {
            return Usability::Ahead;
        }
        Usability::Usable
    }
}

#[cfg(test)]
pub(in crate::authority) mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::authority::coherence::row_hashes::RowHashes;
    use crate::authority::coherence::state::Epoch;
    use crate::model::world::{MethodTable, OperatorTable, StoreTable, World};

    pub(in crate::authority) fn cursor(number: u64) -> Cursor {
        Cursor { revision: Revision(number), nonce: number * 31 }
    }

    /// Creates a state of an empty World at a revision.
    pub(in crate::authority) fn state(epoch: &Arc<Epoch>, number: u64) -> State {
        let world = World {
            cursor: cursor(number),
            stores: Arc::new(StoreTable::default()),
            methods: Arc::new(MethodTable::new([]).unwrap()),
            operators: Arc::new(OperatorTable::default()),
        };
        State { world, rows: RowHashes::default(), epoch: Arc::clone(epoch) }
    }

    /// Creates a grant with access to everything, read at `head` in the first epoch.
    pub(in crate::authority) fn read_at(digest: Digest, head: Cursor) -> CachedGrant {
        CachedGrant::new(digest, Grant::to_everything(), 1, 1, head)
    }

    /// Creates the grant of the digest of a number.
    pub(in crate::authority) fn grant(number: u32) -> Arc<CachedGrant> {
        Arc::new(read_at(numbered(number), cursor(5)))
    }

    pub(in crate::authority) fn numbered(number: u32) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    fn digest() -> Digest {
        Digest::of(b"token")
    }

    #[test]
    fn a_grant_read_before_its_key_changed_is_never_used_again() {
        let epoch = Arc::new(Epoch::new(1, cursor(5)));
        let cached = read_at(digest(), cursor(5));
        assert_eq!(cached.usability(&state(&epoch, 5)), Usability::Usable);
        epoch.watermarks.raise(&[(cached.grant.key, Revision(6))]);
        epoch.extend(&[cursor(6)]);
        assert_eq!(cached.usability(&state(&epoch, 6)), Usability::Behind);
        assert_eq!(read_at(digest(), cursor(6)).usability(&state(&epoch, 6)), Usability::Usable);
    }

    #[test]
    fn a_grant_is_used_only_once_its_head_is_part_of_the_past_that_is_followed() {
        let epoch = Arc::new(Epoch::new(1, cursor(5)));
        let (ours, foreign) = (read_at(digest(), cursor(6)), read_at(digest(), Cursor { nonce: 1, ..cursor(6) }));
        assert_eq!(ours.usability(&state(&epoch, 5)), Usability::Ahead);
        assert_eq!(foreign.usability(&state(&epoch, 5)), Usability::Ahead);
        epoch.extend(&[cursor(6)]);
        assert_eq!(ours.usability(&state(&epoch, 6)), Usability::Usable);
        assert_eq!(foreign.usability(&state(&epoch, 6)), Usability::Behind, "it was read from a diverged history");
        assert_eq!(
            read_at(digest(), cursor(4)).usability(&state(&epoch, 6)),
            Usability::Behind,
            "not known to belong to this history"
        );
    }

    #[test]
    fn a_grant_read_after_its_history_ended_is_not_used() {
        let epoch = Arc::new(Epoch::new(1, cursor(5)));
        let read = |received| CachedGrant { received, ..read_at(digest(), cursor(5)) };
        assert_eq!(read(8).usability(&state(&epoch, 5)), Usability::Usable);
        epoch.end_at(7);
        assert_eq!(read(7).usability(&state(&epoch, 5)), Usability::Usable);
        assert_eq!(read(8).usability(&state(&epoch, 5)), Usability::Behind);
        epoch.end_at(9);
        assert_eq!(read(8).usability(&state(&epoch, 5)), Usability::Behind, "the end does not move on");
    }

    #[test]
    fn a_grant_of_another_epoch_is_not_used_and_floors_are_of_one_epoch() {
        let (first, second) = (Arc::new(Epoch::new(1, cursor(9))), Arc::new(Epoch::new(2, cursor(3))));
        let cached = read_at(digest(), cursor(9));
        first.extend(&[cursor(10)]);
        first.watermarks.raise(&[(cached.grant.key, Revision(10))]);
        assert_eq!(cached.usability(&state(&second, 3)), Usability::Behind);
        assert_eq!(cached.usability(&state(&first, 10)), Usability::Behind, "the second epoch lowered no watermark");
    }
}
