//! The cache of grants.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use moka::notification::RemovalCause;
use parking_lot::Mutex;

use super::coherence::CachedGrant;
use super::table::Table;
use crate::model::id::KeyId;
use crate::model::token::Digest;

/// Sets of the first-level cache: when empty (1 MiB), and at most (256 MiB).
const FEWEST_SETS: usize = 1 << 14;
const MOST_SETS: usize = 1 << 22;
/// Mean number of grants per set from which on the first-level cache grows.
const FULL: usize = 3;
/// Sets that are created, filled or emptied before other tasks get a turn.
const PIECE: usize = 1 << 10;
/// Report one hit in N of a first-level set to moka; otherwise it would evict hot keys it never sees. More often when
/// moka is nearly full and its statistics decide what it evicts. Primes, so that two keys of a set used in turn are
/// both reported.
const TELL: u32 = 61;
const TELL_CROWDED: u32 = 7;

/// The cache of grants by digest: moka, which chooses what to evict, behind a faster first-level cache.
pub(super) struct Grants {
    cache: moka::sync::Cache<Digest, Arc<CachedGrant>, DigestHasher>,
    /// Also drops what moka evicts. Grows with moka.
    front: Arc<ArcSwap<Table>>,
    /// Former first-level caches that are not yet emptied.
    before: Mutex<Vec<Arc<Table>>>,
    capacity: u64,
    /// Whether moka is nearly full.
    crowded: AtomicBool,
    hash_key: u64,
}

/// Digests are already evenly spread; a key of this process keeps clients from choosing where theirs fall.
#[derive(Clone)]
struct DigestHasher(u64);

struct DigestHash {
    key: u64,
    hash: u64,
}

impl fmt::Debug for Grants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grants").field("len", &self.cache.entry_count()).finish_non_exhaustive()
    }
}

impl Grants {
    /// Creates a cache of at most `capacity` grants.
    pub(super) fn new(capacity: u64, hash_key: u64) -> Self {
        let front = Arc::new(ArcSwap::from_pointee(Table::new(FEWEST_SETS, hash_key)));
        let listening = Arc::clone(&front);
        let cache = moka::sync::Cache::builder()
            .max_capacity(capacity)
            .eviction_listener(move |digest: Arc<Digest>, _, cause| {
                if cause != RemovalCause::Replaced {
                    listening.load().forget(&digest);
                }
            })
            .build_with_hasher(DigestHasher(hash_key));
        Self { cache, front, before: Mutex::default(), capacity, crowded: AtomicBool::new(false), hash_key }
    }

    /// Returns the hash key that keeps clients from choosing where their digests fall.
    pub(super) const fn hash_key(&self) -> u64 {
        self.hash_key
    }

    /// Notes a hit in a first-level cache, with the number of hits of the grant's set there.
    pub(super) fn used(&self, grant: &Arc<CachedGrant>, hits: u32) {
        let every = if self.crowded.load(Ordering::Relaxed) { TELL_CROWDED } else { TELL };
        if hits.is_multiple_of(every) && self.cache.get(grant.digest()).is_none() {
            // Evicted just as the first-level cache took it. It is in use, so moka must track it again.
            self.cache.insert(*grant.digest(), Arc::clone(grant));
        }
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<CachedGrant>> {
        let front = self.front.load();
        if let Some((grant, hits)) = front.get(digest, |_| true) {
            self.used(&grant, hits);
            return Some(grant);
        }
        let grant = self.cache.get(digest)?;
        front.fill(Arc::clone(&grant));
        Some(grant)
    }

    /// Inserts a grant. An older one inserted later does no harm: the usability rule decides what may be used.
    pub(super) fn put(&self, grant: Arc<CachedGrant>) {
        self.front.load().put(Arc::clone(&grant));
        self.cache.insert(*grant.digest(), grant);
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.cache.contains_key(digest)
    }

    /// Returns the cached grants of keys for which `of` holds.
    pub(super) fn all(&self, of: impl Fn(KeyId) -> bool) -> Vec<Arc<CachedGrant>> {
        self.cache.iter().filter(|(_, grant)| of(grant.grant.key)).map(|(_, grant)| grant).collect()
    }

    /// Evicts the grant of a digest.
    pub(super) fn forget(&self, digest: &Digest) {
        self.cache.invalidate(digest);
        self.front.load().forget(digest);
    }

    /// Evicts all. Memory is freed later, by [`Grants::tidy`]: there may be millions.
    pub(super) fn clear(&self) {
        let before = self.front.swap(Arc::new(Table::new(FEWEST_SETS, self.hash_key)));
        self.before.lock().push(before);
        self.cache.invalidate_all();
    }

    pub(super) fn len(&self) -> u64 {
        self.cache.entry_count()
    }

    /// Runs moka's maintenance off the threads that decide, and grows the first-level cache once that is full.
    pub(super) async fn tidy(&self) {
        self.cache.run_pending_tasks();
        let held = self.len();
        self.crowded.store(held >= self.capacity - self.capacity / 4, Ordering::Relaxed);
        let before = std::mem::take(&mut *self.before.lock());
        for table in before {
            in_pieces(&table, |from, to| table.empty(from, to)).await;
        }
        let held = usize::try_from(held).unwrap_or(usize::MAX);
        let front = self.front.load_full();
        let sets = (held / FULL * 2).next_power_of_two().min(MOST_SETS);
        if held / FULL < front.sets() || sets <= front.sets() {
            return;
        }
        let larger = Arc::new(Table::new_gently(sets, self.hash_key, PIECE).await);
        // Not if the cache was cleared in the meantime.
        if Arc::ptr_eq(&self.front.compare_and_swap(&front, Arc::clone(&larger)), &front) {
            in_pieces(&front, |from, to| larger.take_over(&front, from, to)).await;
        }
    }
}

/// Applies `work` to all sets of a table in pieces, and yields between them.
async fn in_pieces(table: &Table, work: impl Fn(usize, usize)) {
    for from in (0..table.sets()).step_by(PIECE) {
        work(from, from + PIECE);
        tokio::task::yield_now().await;
    }
}

impl BuildHasher for DigestHasher {
    type Hasher = DigestHash;

    fn build_hasher(&self) -> DigestHash {
        DigestHash { key: self.0, hash: 0 }
    }
}

impl Hasher for DigestHash {
    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk::<8>() {
            self.hash ^= u64::from_le_bytes(*first) ^ self.key;
        } else {
            for byte in bytes {
                self.hash = self.hash.rotate_left(8) ^ u64::from(*byte);
            }
        }
    }

    fn write_usize(&mut self, _: usize) {
        // The length prefix of a byte array, the same for every digest.
    }

    fn finish(&self) -> u64 {
        self.hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::authority::coherence::usability::tests::{cursor, read_at};

    fn numbered(number: u32) -> Digest {
        Digest::of(&number.to_le_bytes())
    }

    fn grant(number: u32) -> Arc<CachedGrant> {
        Arc::new(read_at(numbered(number), cursor(5)))
    }

    /// Creates a cache with grants of `count` digests.
    fn filled(capacity: u64, count: u32) -> Grants {
        let grants = Grants::new(capacity, 7);
        for number in 0..count {
            grants.put(grant(number));
        }
        grants
    }

    #[tokio::test]
    async fn the_table_in_front_grows_with_the_cache() {
        let count = 60_000;
        let grants = filled(100_000, count);
        let kept = |grants: &Grants| {
            let front = grants.front.load_full();
            (0..count).filter(|number| front.get(&numbered(*number), |_| true).is_some()).count()
        };
        let before = kept(&grants);
        assert_eq!(grants.front.load().sets(), FEWEST_SETS);
        grants.tidy().await;
        assert_eq!((grants.len(), grants.front.load().sets()), (count.into(), 4 * FEWEST_SETS));
        assert_eq!(kept(&grants), before, "what the smaller one had");
        for number in 0..count {
            assert!(grants.get(&numbered(number)).is_some());
        }
        assert!(kept(&grants) > 59_000, "what was found in the cache is in front of it now");
        grants.clear();
        assert_eq!(kept(&grants), 0);
        assert!((0..count).all(|number| grants.get(&numbered(number)).is_none()));
        let before = Arc::clone(&grants.before.lock()[0]);
        assert!(before.len() > 59_000);
        grants.tidy().await;
        assert_eq!((before.len(), grants.before.lock().len()), (0, 0));
    }

    #[tokio::test]
    async fn what_is_forgotten_while_the_table_grows_stays_forgotten() {
        let grants = filled(100_000, 60_000);
        let mut growing = Box::pin(grants.tidy());
        assert!(futures_util::poll!(&mut growing).is_pending(), "a larger one is being made");
        grants.clear();
        growing.await;
        assert_eq!((grants.front.load().sets(), grants.front.load().len()), (FEWEST_SETS, 0));
    }

    #[tokio::test]
    async fn keys_in_use_are_not_let_go_for_those_that_come_once() {
        let grants = filled(1_000, 300);
        let (mut next, mut lost) = (300, 0);
        for round in 0..200 {
            for number in 0..300 {
                if grants.get(&numbered(number)).is_none() {
                    grants.put(grant(number));
                    lost += usize::from(round > 20);
                }
            }
            for _ in 0..50 {
                // As a call does: it looks twice before it reads.
                assert!(grants.get(&numbered(next)).is_none() && grants.get(&numbered(next)).is_none());
                grants.put(grant(next));
                next += 1;
            }
            grants.tidy().await;
        }
        assert!(lost < 300 * 180 / 100, "{lost} reads of keys in use");
    }

    #[test]
    fn what_a_table_has_and_the_cache_does_not_is_looked_after_again() {
        let grants = filled(1_000, 1);
        grants.cache.invalidate(&numbered(0));
        let held = grant(0);
        (1..=TELL).for_each(|hits| grants.used(&held, hits));
        assert!(grants.contains(&numbered(0)));
        grants.forget(&numbered(0));
        assert!(grants.get(&numbered(0)).is_none() && !grants.contains(&numbered(0)));
    }

    #[tokio::test]
    async fn what_the_cache_lets_go_does_not_stay_in_front_of_it() {
        let grants = filled(1_000, 20_000);
        grants.tidy().await;
        assert!(grants.len() <= 1_000);
        let front = grants.front.load_full();
        assert!(front.len() <= 1_000 && front.len() > 500, "{}", front.len());
    }
}
