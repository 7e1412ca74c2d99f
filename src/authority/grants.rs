//! The cache of grants.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use moka::notification::RemovalCause;
use parking_lot::Mutex;

use super::coherence::CachedGrant;
use super::table::{GrantTable, WAYS, spread};
use crate::model::id::KeyId;
use crate::model::token::Digest;

/// Sets of the first-level cache: when empty (1 MiB, less if the capacity is small), and at most (256 MiB).
const MIN_SETS: usize = 1 << 14;
const MAX_SETS: usize = 1 << 22;
/// Mean number of grants per set from which on the first-level cache grows.
const GROWTH_THRESHOLD: usize = 3;
/// Sets that are created, filled or emptied before other tasks get a turn.
const CHUNK: usize = 1 << 10;
/// Report one hit in N of a first-level set to moka; otherwise it would evict hot keys it never sees. More often when
/// moka is nearly full and its statistics decide what it evicts. Primes, so that two keys of a set used in turn are
/// both reported.
const SAMPLE_EVERY: u32 = 61;
const SAMPLE_EVERY_NEARLY_FULL: u32 = 7;

/// The cache of grants by digest: moka, which chooses what to evict, behind a faster first-level cache.
pub(super) struct GrantCache {
    cache: moka::sync::Cache<Digest, Arc<CachedGrant>, DigestHasher>,
    /// Also drops what moka evicts. Grows with moka.
    first_level: Arc<ArcSwap<GrantTable>>,
    /// Former first-level caches that are not yet emptied.
    retired_tables: Mutex<Vec<Arc<GrantTable>>>,
    capacity: u64,
    /// Whether moka is nearly full.
    nearly_full: AtomicBool,
    hash_key: u64,
}

/// Hashes a digest as [`spread`] does. Contains the key until then.
#[derive(Clone)]
struct DigestHasher(u64);

impl GrantCache {
    /// Creates a cache of at most `capacity` grants.
    pub(super) fn new(capacity: u64, hash_key: u64) -> Self {
        let first_level = Arc::new(ArcSwap::from_pointee(first_table(capacity, hash_key)));
        let listening = Arc::clone(&first_level);
        let cache = moka::sync::Cache::builder()
            .max_capacity(capacity)
            .eviction_listener(move |digest: Arc<Digest>, _, cause| {
                if cause != RemovalCause::Replaced {
                    listening.load().evict(&digest);
                }
            })
            .build_with_hasher(DigestHasher(hash_key));
        Self {
            cache,
            first_level,
            retired_tables: Mutex::default(),
            capacity,
            nearly_full: AtomicBool::new(false),
            hash_key,
        }
    }

    /// Notes a hit in the first-level cache, with the number of hits of the grant's set there.
    fn record_hit(&self, grant: &Arc<CachedGrant>, hits: u32) {
        let every = if self.nearly_full.load(Ordering::Relaxed) { SAMPLE_EVERY_NEARLY_FULL } else { SAMPLE_EVERY };
        if hits.is_multiple_of(every) && self.cache.get(grant.digest()).is_none() {
            // Evicted just as the first-level cache took it. It is in use, so moka must track it again.
            self.cache.insert(*grant.digest(), Arc::clone(grant));
        }
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<CachedGrant>> {
        let first_level = self.first_level.load();
        if let Some((grant, hits)) = first_level.get(digest) {
            self.record_hit(&grant, hits);
            return Some(grant);
        }
        let grant = self.cache.get(digest)?;
        first_level.insert_if_absent(Arc::clone(&grant));
        Some(grant)
    }

    /// Inserts a grant. An older one inserted later does no harm: the usability rule decides what may be used.
    pub(super) fn insert(&self, grant: Arc<CachedGrant>) {
        self.first_level.load().insert(Arc::clone(&grant));
        self.cache.insert(*grant.digest(), grant);
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.cache.contains_key(digest)
    }

    /// Returns the cached grants of keys for which `matches` holds.
    pub(super) fn matching(&self, matches: impl Fn(KeyId) -> bool) -> Vec<Arc<CachedGrant>> {
        self.cache.iter().filter(|(_, grant)| matches(grant.grant.key)).map(|(_, grant)| grant).collect()
    }

    pub(super) fn evict(&self, digest: &Digest) {
        self.cache.invalidate(digest);
        self.first_level.load().evict(digest);
    }

    /// Evicts all. Memory is freed later, by [`GrantCache::maintain`]: there may be millions.
    pub(super) fn clear(&self) {
        let before = self.first_level.swap(Arc::new(first_table(self.capacity, self.hash_key)));
        self.retired_tables.lock().push(before);
        self.cache.invalidate_all();
    }

    pub(super) fn len(&self) -> u64 {
        self.cache.entry_count()
    }

    /// Runs moka's maintenance off the threads that decide, and grows the first-level cache once that is full.
    pub(super) async fn maintain(&self) {
        self.cache.run_pending_tasks();
        let held = self.len();
        self.nearly_full.store(held >= self.capacity - self.capacity / 4, Ordering::Relaxed);
        let before = std::mem::take(&mut *self.retired_tables.lock());
        for table in before {
            in_chunks(&table, |from, to| table.clear(from, to)).await;
        }
        let held = usize::try_from(held).unwrap_or(usize::MAX);
        let first_level = self.first_level.load_full();
        let sets = (held / GROWTH_THRESHOLD * 2).next_power_of_two().min(MAX_SETS);
        if held / GROWTH_THRESHOLD < first_level.sets() || sets <= first_level.sets() {
            return;
        }
        let larger = Arc::new(GrantTable::new_yielding(sets, self.hash_key, CHUNK).await);
        // Not if the cache was cleared in the meantime.
        if Arc::ptr_eq(&self.first_level.compare_and_swap(&first_level, Arc::clone(&larger)), &first_level) {
            in_chunks(&first_level, |from, to| larger.move_from(&first_level, from, to)).await;
        }
    }
}

/// Creates the first-level cache of an empty cache of at most `capacity` grants.
fn first_table(capacity: u64, hash_key: u64) -> GrantTable {
    // Twice the room that they need, because they fall to sets unevenly.
    let sets = usize::try_from(capacity).unwrap_or(usize::MAX).div_ceil(WAYS / 2);
    GrantTable::new(sets.min(MIN_SETS).next_power_of_two(), hash_key)
}

/// Applies `work` to all sets of a table in pieces, and yields between them.
async fn in_chunks(table: &GrantTable, work: impl Fn(usize, usize)) {
    for from in (0..table.sets()).step_by(CHUNK) {
        work(from, from + CHUNK);
        tokio::task::yield_now().await;
    }
}

impl BuildHasher for DigestHasher {
    type Hasher = Self;

    fn build_hasher(&self) -> Self {
        self.clone()
    }
}

impl Hasher for DigestHasher {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = spread(bytes, self.0);
    }

    fn write_usize(&mut self, _: usize) {
        // The length prefix of a byte array, the same for every digest.
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::coherence::usability::tests::{grant, numbered};

    /// Creates a cache with grants of `count` digests.
    fn filled(capacity: u64, count: u32) -> GrantCache {
        let grants = GrantCache::new(capacity, 7);
        for number in 0..count {
            grants.insert(grant(number));
        }
        grants
    }

    #[tokio::test]
    async fn the_table_in_front_grows_with_the_cache() {
        let count = 60_000;
        let grants = filled(100_000, count);
        let count_cached = |grants: &GrantCache| {
            let first_level = grants.first_level.load_full();
            (0..count).filter(|number| first_level.get(&numbered(*number)).is_some()).count()
        };
        let before = count_cached(&grants);
        assert_eq!(grants.first_level.load().sets(), MIN_SETS);
        grants.maintain().await;
        assert_eq!((grants.len(), grants.first_level.load().sets()), (count.into(), 4 * MIN_SETS));
        assert_eq!(count_cached(&grants), before, "what the smaller one had");
        for number in 0..count {
            assert!(grants.get(&numbered(number)).is_some());
        }
        assert!(count_cached(&grants) > 59_000, "what was found in the cache is in front of it now");
        grants.clear();
        assert_eq!(count_cached(&grants), 0);
        assert!((0..count).all(|number| grants.get(&numbered(number)).is_none()));
        let before = Arc::clone(&grants.retired_tables.lock()[0]);
        assert!(before.len() > 59_000);
        grants.maintain().await;
        assert_eq!((before.len(), grants.retired_tables.lock().len()), (0, 0));
    }

    #[tokio::test]
    async fn what_is_forgotten_while_the_table_grows_stays_forgotten() {
        let grants = filled(100_000, 60_000);
        let mut growing = Box::pin(grants.maintain());
        assert!(futures_util::poll!(&mut growing).is_pending(), "a larger one is being made");
        grants.clear();
        growing.await;
        assert_eq!((grants.first_level.load().sets(), grants.first_level.load().len()), (MIN_SETS, 0));
    }

    #[tokio::test]
    async fn keys_in_use_are_not_let_go_for_those_that_come_once() {
        let grants = filled(1_000, 300);
        let (mut next, mut lost) = (300, 0);
        for round in 0..200 {
            for number in 0..300 {
                if grants.get(&numbered(number)).is_none() {
                    grants.insert(grant(number));
                    lost += usize::from(round > 20);
                }
            }
            for _ in 0..50 {
                // As a call does: it looks twice before it reads.
                assert!(grants.get(&numbered(next)).is_none() && grants.get(&numbered(next)).is_none());
                grants.insert(grant(next));
                next += 1;
            }
            grants.maintain().await;
        }
        assert!(lost < 300 * 180 / 100, "{lost} reads of keys in use");
    }

    #[test]
    fn what_a_table_has_and_the_cache_does_not_is_looked_after_again() {
        let grants = filled(1_000, 1);
        grants.cache.invalidate(&numbered(0));
        let held = grant(0);
        (1..=SAMPLE_EVERY).for_each(|hits| grants.record_hit(&held, hits));
        assert!(grants.contains(&numbered(0)));
        grants.evict(&numbered(0));
        assert!(grants.get(&numbered(0)).is_none() && !grants.contains(&numbered(0)));
    }

    #[tokio::test]
    async fn what_the_cache_lets_go_does_not_stay_in_front_of_it() {
        let grants = filled(1_000, 20_000);
        grants.maintain().await;
        assert!(grants.len() <= 1_000);
        let first_level = grants.first_level.load_full();
        assert!(first_level.len() <= 1_000 && first_level.len() > 500, "{}", first_level.len());
    }
}
