//! Usage counts: decisions are counted in memory and written to storage in batches.

// Faster than the standard library's; clients cannot choose the ids used as keys.
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::model::book::MethodNumber;
use crate::model::decision::Decision;
use crate::model::id::{KeyId, SecretId};
use crate::model::store::StoreNumber;
use crate::model::time::Timestamp;
use crate::storage::UsageIncrement;

/// Shards, by the key.
const SHARDS: usize = 16;
/// Most distinct counts per shard between two flushes; further ones are lost, and counted as lost.
const MAX_PER_SHARD: usize = 16_384;

/// Uses not yet written to storage.
#[derive(Debug)]
pub(super) struct UsageCounts {
    shards: [Mutex<HashMap<UsageKey, (u64, Timestamp)>>; SHARDS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct UsageKey {
    key: KeyId,
    secret: SecretId,
    method: Option<MethodNumber>,
    store: Option<StoreNumber>,
    allowed: bool,
}

impl UsageCounts {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Counts a decision about a key. Returns whether there was room for it.
    pub(super) fn count(&self, decision: &Decision<'_>, now: Timestamp) -> bool {
        let Some((key, secret)) = decision.key else {
            return true;
        };
        let method = match decision.methods.as_slice() {
            [entry] if !entry.retired => Some(entry.number),
            _ => None,
        };
        let counted = UsageKey { key, secret, method, store: decision.store_number, allowed: decision.allowed() };
        let mut shard = self.shard(key).lock();
        if shard.len() >= MAX_PER_SHARD && !shard.contains_key(&counted) {
            return false;
        }
        let (calls, last) = shard.entry(counted).or_insert((0, now));
        *calls += 1;
        *last = (*last).max(now);
        true
    }

    /// Takes everything counted in `usages` since the last call, each distinct count once.
    pub(super) fn take<'a>(usages: impl Iterator<Item = &'a Self>) -> Vec<UsageIncrement> {
        let mut sums: HashMap<UsageKey, (u64, Timestamp)> = HashMap::new();
        for shard in usages.flat_map(|usage| &usage.shards) {
            let counts = std::mem::take(&mut *shard.lock());
            for (counted, (calls, last)) in counts {
                let sum = sums.entry(counted).or_insert((0, last));
                *sum = (sum.0 + calls, sum.1.max(last));
            }
        }
        let add = |(counted, (calls, last)): (UsageKey, (u64, Timestamp))| UsageIncrement {
            key: counted.key,
            secret: counted.secret,
            method: counted.method,
            store: counted.store,
            allowed: counted.allowed,
            calls,
            last,
        };
        let mut all: Vec<UsageIncrement> = sums.into_iter().map(add).collect();
        // The order in which storage locks rows.
        all.sort_unstable_by_key(|add| (add.key, add.secret));
        all
    }

    /// Puts back counts that storage did not accept. Returns the number of uses for which there was no room.
    pub(super) fn put_back(&self, adds: Vec<UsageIncrement>) -> u64 {
        let mut dropped = 0;
        for add in adds {
            let entry = UsageKey {
                key: add.key,
                secret: add.secret,
                method: add.method,
                store: add.store,
                allowed: add.allowed,
            };
            let mut shard = self.shard(add.key).lock();
            if shard.len() >= MAX_PER_SHARD && !shard.contains_key(&entry) {
                dropped += add.calls;
                continue;
            }
            let (calls, last) = shard.entry(entry).or_insert((0, add.last));
            *calls += add.calls;
            *last = (*last).max(add.last);
        }
        dropped
    }

    fn shard(&self, key: KeyId) -> &Mutex<HashMap<UsageKey, (u64, Timestamp)>> {
        &self.shards[usize::try_from(key.as_u128() % SHARDS as u128).unwrap_or(0)]
    }
}
