//! Fingerprints: 64 bits of each digest that any secret has or had, so that unknown tokens cost no read.
//!
//! A superset is enough and a listed digest is still read, so a collision costs one read and decides nothing. The hash
//! is SipHash-1-3 under a key of this process: nobody outside can aim at a collision or at a shard.

use hashbrown::HashTable;
use parking_lot::RwLock;
use siphasher::sip::SipHasher13;

use crate::model::token::Digest;

/// Shards, by the top bits of the hash.
const SHARDS: usize = 256;

/// The fingerprints of all digests.
pub(super) struct Fingerprints {
    key: [u8; 16],
    shards: Box<[RwLock<HashTable<u64>>]>,
}

impl std::fmt::Debug for Fingerprints {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Fingerprints").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl Fingerprints {
    pub(super) fn new(key: [u8; 16]) -> Self {
        Self { key, shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    pub(super) fn add(&self, digests: &[Digest]) {
        for digest in digests {
            let hash = self.hash(digest);
            let mut shard = self.shard(hash).write();
            if shard.find(hash, |known| *known == hash).is_none() {
                shard.insert_unique(hash, hash, |known| *known);
            }
        }
    }

    pub(super) fn contains(&self, digest: &Digest) -> bool {
        let hash = self.hash(digest);
        self.shard(hash).read().find(hash, |known| *known == hash).is_some()
    }

    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    fn hash(&self, digest: &Digest) -> u64 {
        SipHasher13::new_with_key(&self.key).hash(digest.as_bytes())
    }

    fn shard(&self, hash: u64) -> &RwLock<HashTable<u64>> {
        // The table uses the low bits for the place and the top seven for its tags; these are between them.
        &self.shards[usize::from(hash.to_le_bytes()[5])]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_is_listed_and_nothing_else() {
        let fingerprints = Fingerprints::new([7; 16]);
        let digests: Vec<_> = (0..1_000_u32).map(|n| Digest::of(&n.to_be_bytes())).collect();
        fingerprints.add(&digests);
        fingerprints.add(&digests);
        assert_eq!(fingerprints.len(), 1_000);
        assert!(digests.iter().all(|digest| fingerprints.contains(digest)));
        assert!(!(1_000..50_000_u32).any(|n| fingerprints.contains(&Digest::of(&n.to_be_bytes()))));
    }
}
