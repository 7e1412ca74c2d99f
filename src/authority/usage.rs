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
#[derive(Debug, Default)]
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
        self.add(counted, 1, now)
    }

    /// Adds `calls`, the last of them at `last`. Returns whether there was room.
    fn add(&self, counted: UsageKey, calls: u64, last: Timestamp) -> bool {
        let shard = usize::try_from(counted.key.as_u128() % SHARDS as u128).unwrap_or(0);
        let mut shard = self.shards[shard].lock();
        if shard.len() >= MAX_PER_SHARD && !shard.contains_key(&counted) {
            return false;
        }
        let sum = shard.entry(counted).or_insert((0, last));
        *sum = (sum.0 + calls, sum.1.max(last));
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
        let mut all: Vec<_> = sums
            .into_iter()
            .map(|(UsageKey { key, secret, method, store, allowed }, (calls, last))| UsageIncrement {
                key,
                secret,
                method,
                store,
                allowed,
                calls,
                last,
            })
            .collect();
        // The order in which storage locks rows.
        all.sort_unstable_by_key(|add| (add.key, add.secret));
        all
    }

    /// Puts back counts that storage did not accept. Returns the number of uses for which there was no room.
    pub(super) fn put_back(&self, adds: Vec<UsageIncrement>) -> u64 {
        let mut dropped = 0;
        for UsageIncrement { key, secret, method, store, allowed, calls, last } in adds {
            if !self.add(UsageKey { key, secret, method, store, allowed }, calls, last) {
                dropped += calls;
            }
        }
        dropped
    }
}
