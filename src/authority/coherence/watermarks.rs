//! Invalidation watermarks: the newest change per slot that keys hash to. Grants read before their watermark are stale.
//!
//! Several keys share a slot. When a slot blocks a grant, the exact map of recent changes settles whether this key
//! changed, so that a change of one key never costs another key a read.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::RwLock;

use crate::model::change::Revision;
use crate::model::id::KeyId;

/// Slots; 512 KiB.
const SLOTS: usize = 1 << 16;
/// Keys in one generation of the exact map, which keeps two generations.
const GENERATION: usize = 1 << 16;

#[derive(Debug)]
pub(in crate::authority) struct Watermarks {
    slots: Box<[AtomicU64]>,
    recent: RwLock<Recent>,
}

/// The newest change of each key that changed after `horizon`.
#[derive(Debug, Default)]
struct Recent {
    young: HashMap<KeyId, Revision>,
    old: HashMap<KeyId, Revision>,
    /// Changes up to this revision may be missing from the maps.
    horizon: Revision,
}

impl Watermarks {
    pub(in crate::authority) fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| AtomicU64::new(0)).collect(), recent: RwLock::default() }
    }

    /// Raises the watermarks of changed keys, each to the newest revision that touched it.
    pub(in crate::authority) fn raise(&self, changed: &[(KeyId, Revision)]) {
        // The exact map first: a thread that sees a watermark must find every change up to it in the map.
        self.recent.write().add(changed);
        for (key, revision) in changed {
            self.slot(*key).fetch_max(revision.0, Ordering::Release);
        }
    }

    /// Raises the watermarks of all keys, when too much changed to list.
    pub(in crate::authority) fn raise_all(&self, revision: Revision) {
        *self.recent.write() = Recent { horizon: revision, ..Recent::default() };
        for slot in &self.slots {
            slot.fetch_max(revision.0, Ordering::Release);
        }
    }

    pub(in crate::authority) fn watermark(&self, key: KeyId) -> Revision {
        Revision(self.slot(key).load(Ordering::Acquire))
    }

    /// Returns whether `key` itself is known to be unchanged since `read`, although its slot has a higher watermark.
    pub(in crate::authority) fn unchanged_since(&self, key: KeyId, read: Revision) -> bool {
        let recent = self.recent.read();
        match recent.young.get(&key).or_else(|| recent.old.get(&key)) {
            Some(changed) => *changed <= read,
            None => recent.horizon <= read,
        }
    }

    fn slot(&self, key: KeyId) -> &AtomicU64 {
        // The low bits of a UUIDv7 are random.
        let slot = usize::try_from(key.as_u128() % SLOTS as u128).unwrap_or(0);
        &self.slots[slot]
    }
}

impl Recent {
    fn add(&mut self, changed: &[(KeyId, Revision)]) {
        for (key, revision) in changed {
            if self.young.len() >= GENERATION {
                let forgotten = self.old.values().max().copied().unwrap_or_default();
                self.horizon = self.horizon.max(forgotten);
                self.old = std::mem::take(&mut self.young);
            }
            let newest = self.young.entry(*key).or_default();
            *newest = (*newest).max(*revision);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;

    fn key(number: u32) -> KeyId {
        let mut random = [0; 10];
        random[6..].copy_from_slice(&number.to_be_bytes());
        KeyId::new(Timestamp::EPOCH, random)
    }

    #[test]
    fn a_change_blocks_its_own_key_and_no_other_of_the_place() {
        let watermarks = Watermarks::new();
        let (changed, neighbour) = (key(7), key(7 + (1 << 16)));
        watermarks.raise(&[(changed, Revision(5))]);
        assert_eq!(watermarks.watermark(changed), Revision(5));
        assert_eq!(
            watermarks.watermark(neighbour),
            Revision(5),
            "the two must share a slot for this test to mean anything"
        );
        assert!(!watermarks.unchanged_since(changed, Revision(4)));
        assert!(watermarks.unchanged_since(changed, Revision(5)));
        assert!(watermarks.unchanged_since(neighbour, Revision(4)));
    }

    #[test]
    fn what_the_map_has_forgotten_counts_as_changed() {
        let watermarks = Watermarks::new();
        let changes: Vec<_> =
            (0..3 * u32::try_from(GENERATION).unwrap()).map(|n| (key(n), Revision(u64::from(n) + 1))).collect();
        watermarks.raise(&changes);
        assert!(!watermarks.unchanged_since(key(0), Revision(0)), "forgotten, so not known to be unchanged");
        let (last, at) = changes[changes.len() - 1];
        assert!(!watermarks.unchanged_since(last, Revision(at.0 - 1)));
        assert!(watermarks.unchanged_since(last, at));
    }

    #[test]
    fn raising_all_blocks_every_key_until_it_is_read_again() {
        let watermarks = Watermarks::new();
        watermarks.raise_all(Revision(9));
        assert_eq!(watermarks.watermark(key(1)), Revision(9));
        assert!(!watermarks.unchanged_since(key(1), Revision(8)));
        assert!(watermarks.unchanged_since(key(1), Revision(9)));
    }
}
