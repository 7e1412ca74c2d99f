//! Cached grants and the one rule by which any of them may be used.

use std::fmt;
use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::authority::floors::Floors;
use crate::authority::state::State;
use crate::model::change::Revision;
use crate::model::grant::Grant;
use crate::model::token::Digest;

/// A grant, and what is known about when it was true.
#[derive(Debug)]
pub(super) struct CachedGrant {
    pub(super) grant: Grant,
    /// Which history of storage it was read from: see [`State::epoch`].
    epoch: u64,
    /// It is true from its `row_revision` to this revision at least. Moves up when the exact map of changes shows that
    /// its key has not changed since.
    read_revision: AtomicU64,
}

/// Whether a grant may be used with a World.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Usability {
    /// It may.
    Usable,
    /// Its key has changed since it was read, or is not known not to have: read it again.
    Behind,
    /// Its key changed in a revision that the World does not have yet: wait for the World.
    Ahead,
}

impl CachedGrant {
    pub(super) fn new(grant: Grant, epoch: u64, read: Revision) -> Self {
        Self { grant, epoch, read_revision: AtomicU64::new(read.0) }
    }

    /// The usability rule: every cache, whatever it is, asks it before a grant is used. `state` must have been loaded
    /// before the call, because the floors are raised before a World is swapped in: whoever sees the World sees them.
    pub(super) fn usability(&self, state: &State, floors: &Floors) -> Usability {
        if self.epoch != state.epoch {
            return Usability::Behind;
        }
        let floor = floors.floor(self.grant.key);
        let read = Revision(self.read_revision.load(Ordering::Acquire));
        if floor > read {
            if !floors.unchanged_since(self.grant.key, read) {
                return Usability::Behind;
            }
            self.read_revision.fetch_max(floor.0, Ordering::AcqRel);
        }
        if self.grant.row_revision > state.world.revision() {
            return Usability::Ahead;
        }
        Usability::Usable
    }
}

/// The cache of grants, by digest.
pub(super) struct Grants {
    cache: moka::sync::Cache<Digest, Arc<CachedGrant>, DigestHasher>,
}

/// Digests are evenly spread already; a key of this process keeps outsiders from choosing where theirs fall.
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
    /// A cache of at most `capacity` grants.
    pub(super) fn new(capacity: u64, hash_key: u64) -> Self {
        Self { cache: moka::sync::Cache::builder().max_capacity(capacity).build_with_hasher(DigestHasher(hash_key)) }
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<CachedGrant>> {
        self.cache.get(digest)
    }

    /// Puts a grant in; an older one that is put in later is no harm, since the rule decides what may be used.
    pub(super) fn put(&self, digest: Digest, grant: Arc<CachedGrant>) {
        self.cache.insert(digest, grant);
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        self.cache.contains_key(digest)
    }

    pub(super) fn clear(&self) {
        self.cache.invalidate_all();
    }

    pub(super) fn len(&self) -> u64 {
        self.cache.entry_count()
    }

    /// The cache's own housekeeping, kept off the threads that decide.
    pub(super) fn tidy(&self) {
        self.cache.run_pending_tasks();
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
        // The length of an array of bytes, the same for every digest.
    }

    fn finish(&self) -> u64 {
        self.hash.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}
