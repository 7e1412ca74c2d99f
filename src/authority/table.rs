//! The first-level cache of grants: fast and lossy. Evicted grants are still in the cache behind it; the usability rule
//! decides whether an entry may be used.
//!
//! ```text
//! digest ─▶ spread ─┬─ upper bits: which set     a set, one line of the CPU's cache:
//!                   └─ lower bits: tag           lock │ 4 × tag │ 4 × grant, the one used last first │ counts
//! ```
//!
//! A look-up in a large one waits for memory twice, for the set and for the grant; a cache that keeps entries, nodes
//! and keys apart waits half a dozen times, half a microsecond each once there are millions of keys.

use std::sync::Arc;

use parking_lot::Mutex;

use super::coherence::CachedGrant;
use crate::model::token::Digest;

/// Grants in a set.
pub(super) const WAYS: usize = 4;
/// Index of the least recently used grant.
const LAST: usize = WAYS - 1;

/// A set-associative cache of grants.
pub(super) struct GrantTable {
    sets: Box<[Set]>,
    key: u64,
}

/// Locked briefly, by each look-up of one of its few grants.
#[derive(Default)]
#[repr(align(64))]
struct Set(Mutex<Ways>);

#[derive(Default)]
struct Ways {
    tags: [u32; WAYS],
    grants: [Option<Arc<CachedGrant>>; WAYS],
    /// Wraps around after four billion.
    hits: u32,
}

/// Hashes a digest, whose bytes are spread evenly already. A key of this process keeps clients from choosing where
/// theirs fall; the multiplication brings it into all of the upper bits.
pub(super) fn spread(digest: &[u8], key: u64) -> u64 {
    let first = digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes));
    (first ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl GrantTable {
    /// Creates an empty table of `sets` sets, a power of two.
    pub(super) fn new(sets: usize, key: u64) -> Self {
        Self::from_sets((0..sets).map(|_| Set::default()).collect(), key)
    }

    fn from_sets(sets: Box<[Set]>, key: u64) -> Self {
        debug_assert!(sets.len().is_power_of_two(), "a set is found by its bits");
        Self { sets, key }
    }

    /// Does the same in pieces, so that a runtime's thread runs other tasks in between.
    pub(super) async fn new_yielding(sets: usize, key: u64, chunk: usize) -> Self {
        let mut made = Vec::with_capacity(sets);
        while made.len() < sets {
            made.resize_with(sets.min(made.len() + chunk), Set::default);
            tokio::task::yield_now().await;
        }
        Self::from_sets(made.into(), key)
    }

    pub(super) fn sets(&self) -> usize {
        self.sets.len()
    }

    /// Returns the grant of `digest` and the number of hits of its set, including this one.
    pub(super) fn get(&self, digest: &Digest) -> Option<(Arc<CachedGrant>, u32)> {
        let (set, tag) = self.locate(digest);
        let mut ways = set.0.lock();
        let at = ways.find(tag, digest)?;
        ways.move_to_front(at);
        ways.hits = ways.hits.wrapping_add(1);
        let hits = ways.hits;
        ways.grants[0].clone().map(|grant| (grant, hits))
    }

    /// Inserts a grant in place of an older one of its digest, or of the least recently used one of its set.
    pub(super) fn insert(&self, grant: Arc<CachedGrant>) {
        self.insert_at(grant, |ways, held| held.or_else(|| ways.free_way()).or(Some(LAST)));
    }

    /// Inserts a grant unless its digest has one, which may be newer.
    pub(super) fn insert_if_absent(&self, grant: Arc<CachedGrant>) {
        self.insert_at(grant, |ways, held| held.is_none().then(|| ways.free_way().unwrap_or(LAST)));
    }

    /// Inserts a grant at the index that `choose` returns, which receives the index of one with the same digest.
    fn insert_at(&self, grant: Arc<CachedGrant>, choose: impl FnOnce(&Ways, Option<usize>) -> Option<usize>) {
        let (set, tag) = self.locate(grant.digest());
        let mut ways = set.0.lock();
        let held = ways.find(tag, grant.digest());
        let evicted = match choose(&ways, held) {
            Some(at) => ways.replace(at, tag, grant),
            None => Some(grant),
        };
        // The evicted grant is freed after the lock.
        drop(ways);
        drop(evicted);
    }

    pub(super) fn evict(&self, digest: &Digest) {
        let (set, tag) = self.locate(digest);
        let mut ways = set.0.lock();
        if let Some(at) = ways.find(tag, digest) {
            ways.grants[at] = None;
        }
    }

    /// Moves the grants in the sets `from` to before `to` of another table into this one, except those that it already
    /// has or has no room for.
    pub(super) fn move_from(&self, other: &Self, from: usize, to: usize) {
        for grant in other.drain(from, to) {
            self.insert_at(grant, |ways, held| held.is_none().then(|| ways.free_way()).flatten());
        }
    }

    /// Empties the sets `from` to before `to`.
    pub(super) fn clear(&self, from: usize, to: usize) {
        self.drain(from, to).for_each(drop);
    }

    /// Drains the sets `from` to before `to`; the most recently used grant of each comes last.
    fn drain(&self, from: usize, to: usize) -> impl Iterator<Item = Arc<CachedGrant>> {
        let sets = self.sets[from..to.min(self.sets.len())].iter();
        sets.flat_map(|set| std::mem::take(&mut set.0.lock().grants).into_iter().rev().flatten())
    }

    /// Returns the set of a digest, and its tag there.
    fn locate(&self, digest: &Digest) -> (&Set, u32) {
        let spread = spread(digest.as_bytes(), self.key);
        let bits = self.sets.len().trailing_zeros();
        // With a single set no bits are left.
        let place = spread.checked_shr(u64::BITS - bits).unwrap_or(0);
        let tag = u32::try_from(spread & u64::from(u32::MAX)).unwrap_or(0);
        (&self.sets[usize::try_from(place).unwrap_or(0)], tag)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.sets.iter().map(|set| set.0.lock().grants.iter().flatten().count()).sum()
    }
}

impl Ways {
    fn find(&self, tag: u32, digest: &Digest) -> Option<usize> {
        let is = |at: &usize| {
            self.tags[*at] == tag && self.grants[*at].as_ref().is_some_and(|grant| grant.digest() == digest)
        };
        (0..WAYS).find(is)
    }

    fn free_way(&self) -> Option<usize> {
        self.grants.iter().position(Option::is_none)
    }

    /// Puts a grant first, in exchange for the one at `at`.
    fn replace(&mut self, at: usize, tag: u32, grant: Arc<CachedGrant>) -> Option<Arc<CachedGrant>> {
        self.move_to_front(at);
        self.tags[0] = tag;
        self.grants[0].replace(grant)
    }

    fn move_to_front(&mut self, at: usize) {
        self.tags[..=at].rotate_right(1);
        self.grants[..=at].rotate_right(1);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use proptest::prelude::*;

    use super::*;
    use crate::authority::coherence::usability::tests::{grant, numbered};

    const SETS: usize = 1_024;

    fn get(table: &GrantTable, number: u32) -> Option<Arc<CachedGrant>> {
        table.get(&numbered(number)).map(|(grant, _)| grant)
    }

    #[test]
    fn a_set_is_one_line_of_the_cpu_cache() {
        assert_eq!(size_of::<Set>(), 64);
    }

    #[test]
    fn it_is_bounded_and_forgets_what_was_used_longest_ago() {
        let table = GrantTable::new(SETS, 7);
        let kept = grant(0);
        table.insert(Arc::clone(&kept));
        for number in 1..20 * 1_024 {
            table.insert(grant(number));
            assert!(get(&table, 0).is_some_and(|grant| Arc::ptr_eq(&grant, &kept)), "what is used all the time stays");
        }
        assert!(table.len() > SETS * WAYS / 2 && table.len() <= SETS * WAYS, "{}", table.len());
    }

    #[test]
    fn grants_fall_to_sets_evenly_whatever_their_number() {
        for sets in [1, 2, 64, SETS] {
            let table = GrantTable::new(sets, 7);
            let fits = u32::try_from(2 * sets).unwrap();
            (0..fits).for_each(|number| table.insert(grant(number)));
            // With a mean of two per set, 19 of 20 find one of its four slots; in the smallest tables all do.
            let least = if sets < 64 { 2 * sets } else { 2 * sets * 19 / 20 };
            assert!(table.len() >= least, "{} of {fits} in {sets} sets", table.len());
        }
    }

    #[test]
    fn hits_of_a_set_are_counted() {
        let table = GrantTable::new(1, 7);
        (0..2).for_each(|number| table.insert(grant(number)));
        for hits in 1..100 {
            assert_eq!(
                table.get(&numbered(hits % 3)).map(|(_, hits)| hits),
                (hits % 3 != 2).then_some(hits - hits / 3)
            );
        }
    }

    #[test]
    fn only_the_very_digest_gets_a_grant() {
        let table = GrantTable::new(1, 7);
        table.insert(grant(0));
        // The same bits where the set and the tag are taken from.
        let mut alike = *numbered(0).as_bytes();
        alike[31] ^= 1;
        let alike = Digest::from_bytes(alike);
        assert!(table.get(&alike).is_none());
        table.evict(&alike);
        assert!(get(&table, 0).is_some());
        table.evict(&numbered(0));
        assert!(get(&table, 0).is_none());
    }

    #[tokio::test]
    async fn a_larger_one_takes_over_what_it_does_not_have() {
        let (small, large) = (GrantTable::new(64, 7), GrantTable::new_yielding(SETS, 7, 100).await);
        (0..128).for_each(|number| small.insert(grant(number)));
        let held: Vec<u32> = (0..128).filter(|number| get(&small, *number).is_some()).collect();
        let newer = grant(held[0]);
        large.insert(Arc::clone(&newer));
        (0..64).step_by(10).for_each(|from| large.move_from(&small, from, from + 10));
        assert_eq!((large.sets(), small.len()), (SETS, 0));
        assert!(held.iter().all(|number| get(&large, *number).is_some()));
        assert!(get(&large, held[0]).is_some_and(|grant| Arc::ptr_eq(&grant, &newer)));
        assert_eq!(large.len(), held.len());
    }

    #[test]
    fn what_it_is_filled_with_takes_no_place_of_a_newer_one_nor_of_any_while_there_is_room() {
        let table = GrantTable::new(1, 7);
        let newer = grant(0);
        table.insert(Arc::clone(&newer));
        table.insert_if_absent(grant(0));
        assert!(get(&table, 0).is_some_and(|grant| Arc::ptr_eq(&grant, &newer)));
        (1..4).for_each(|number| table.insert_if_absent(grant(number)));
        table.evict(&numbered(3));
        table.insert(grant(4));
        assert!([0, 1, 2, 4].into_iter().all(|number| get(&table, number).is_some()));
        table.insert_if_absent(grant(5));
        assert!(get(&table, 5).is_some() && get(&table, 0).is_none());
        table.clear(0, 1);
        assert_eq!(table.len(), 0);
    }

    #[derive(Debug, Clone)]
    enum Operation {
        Put(u32),
        Fill(u32),
        Get(u32),
        Forget(u32),
    }

    fn steps() -> impl Strategy<Value = Vec<Operation>> {
        let step = prop_oneof![
            (0..40_u32).prop_map(Operation::Put),
            (0..40_u32).prop_map(Operation::Fill),
            (0..40_u32).prop_map(Operation::Get),
            (0..40_u32).prop_map(Operation::Forget),
        ];
        proptest::collection::vec(step, 1..200)
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

        /// Every grant returned was the last inserted under its digest; what was evicted does not come back.
        #[test]
        fn nothing_older_comes_back(steps in steps(), sets in prop_oneof![Just(1_usize), Just(4), Just(64)]) {
            let table = GrantTable::new(sets, 7);
            let mut held: HashMap<u32, Arc<CachedGrant>> = HashMap::new();
            for step in steps {
                match step {
                    Operation::Put(number) => {
                        let new = grant(number);
                        table.insert(Arc::clone(&new));
                        held.insert(number, new);
                    }
                    Operation::Fill(number) => {
                        let new = grant(number);
                        table.insert_if_absent(Arc::clone(&new));
                        // The table holds it too: it was inserted.
                        if Arc::strong_count(&new) > 1 {
                            held.insert(number, new);
                        }
                    }
                    Operation::Forget(number) => {
                        table.evict(&numbered(number));
                        held.remove(&number);
                    }
                    Operation::Get(number) => {
                        if let Some(got) = get(&table, number) {
                            prop_assert!(held.get(&number).is_some_and(|held| Arc::ptr_eq(held, &got)));
                        }
                    }
                }
            }
        }
    }
}
