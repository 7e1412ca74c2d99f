//! Fingerprints: 44 bits of the digest of every current and former secret, so that unknown tokens cost no read.
//!
//! A superset is enough because a listed digest is still read: a collision costs one read and decides nothing. With ten
//! million digests that affects one unknown token in 1.7 million. The hash is SipHash-1-3 under a key of this process,
//! so clients cannot aim at a collision or a shard.

use hashbrown::HashTable;
use parking_lot::RwLock;
use siphasher::sip::SipHasher13;

use crate::model::token::Digest;
use crate::storage::SnapshotSink;

/// Shards, selected by twelve bits of the hash, which the entries therefore need not store.
const SHARDS: usize = 1 << 12;

pub(in crate::authority) struct Fingerprints {
    key: [u8; 16],
    shards: Box<[RwLock<HashTable<u32>>]>,
}

impl Fingerprints {
    pub(in crate::authority) fn new(key: [u8; 16]) -> Self {
        Self { key, shards: (0..SHARDS).map(|_| RwLock::default()).collect() }
    }

    pub(in crate::authority) fn add(&self, digests: &[Digest]) {
        for digest in digests {
            let (shard, fingerprint) = self.locate(digest);
            let mut shard = shard.write();
            if shard.find(spread(fingerprint), |known| *known == fingerprint).is_none() {
                shard.insert_unique(spread(fingerprint), fingerprint, |known| spread(*known));
            }
        }
    }

    pub(in crate::authority) fn contains(&self, digest: &Digest) -> bool {
        let (shard, fingerprint) = self.locate(digest);
        shard.read().find(spread(fingerprint), |known| *known == fingerprint).is_some()
    }

    pub(in crate::authority) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.read().len()).sum()
    }

    /// Returns the shard of a digest, and the bits that are stored there.
    fn locate(&self, digest: &Digest) -> (&RwLock<HashTable<u32>>, u32) {
        let hash = SipHasher13::new_with_key(&self.key).hash(digest.as_bytes());
        let shard = usize::try_from(hash >> 32).unwrap_or(0) % SHARDS;
        (&self.shards[shard], u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0))
    }
}

impl SnapshotSink for Fingerprints {
    fn digests(&mut self, digests: &[Digest]) {
        self.add(digests);
    }
}

/// Spreads the stored bits for the hash table, which uses the lowest bits for the slot and the highest seven as tags.
fn spread(fingerprint: u32) -> u64 {
    u64::from(fingerprint).wrapping_mul(0x9e37_79b9_7f4a_7c15)
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
