//! Usage: counting what was decided, in memory, and handing the counts to storage in batches.

// Quicker than the standard library's; nobody chooses the ids that are its keys.
use hashbrown::HashMap;
use parking_lot::Mutex;

use crate::model::book::MethodNumber;
use crate::model::decision::Decision;
use crate::model::id::{KeyId, SecretId};
use crate::model::store::StoreNumber;
use crate::model::time::Timestamp;
use crate::storage::UsageAdd;

/// Shards, by the key.
const SHARDS: usize = 16;
/// Different counts that one shard holds between two flushes; further ones are lost, and counted as lost.
const MAX_PER_SHARD: usize = 16_384;

/// Uses not yet handed to storage.
#[derive(Debug)]
pub(super) struct Usage {
    shards: [Mutex<HashMap<Counted, (u64, Timestamp)>>; SHARDS],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Counted {
    key: KeyId,
    secret: SecretId,
    method: Option<MethodNumber>,
    store: Option<StoreNumber>,
    allowed: bool,
}

impl Usage {
    pub(super) fn new() -> Self {
        Self { shards: std::array::from_fn(|_| Mutex::default()) }
    }

    /// Counts a decision about a key. Answers whether there was room to.
    pub(super) fn count(&self, decision: &Decision<'_>, now: Timestamp) -> bool {
        let Some((key, secret)) = decision.key else {
            return true;
        };
        let method = match decision.methods.as_slice() {
            [entry] if !entry.retired => Some(entry.number),
            _ => None,
        };
        let counted = Counted { key, secret, method, store: decision.store_number, allowed: decision.allowed() };
        let mut shard = self.shard(key).lock();
        if shard.len() >= MAX_PER_SHARD && !shard.contains_key(&counted) {
            return false;
        }
        let (calls, last) = shard.entry(counted).or_insert((0, now));
        *calls += 1;
        *last = (*last).max(now);
        true
    }

    /// Takes everything counted since the last time in `usages`, each count once.
    pub(super) fn take<'a>(usages: impl Iterator<Item = &'a Self>) -> Vec<UsageAdd> {
        let mut sums: HashMap<Counted, (u64, Timestamp)> = HashMap::new();
        for shard in usages.flat_map(|usage| &usage.shards) {
            let counts = std::mem::take(&mut *shard.lock());
            for (counted, (calls, last)) in counts {
                let sum = sums.entry(counted).or_insert((0, last));
                *sum = (sum.0 + calls, sum.1.max(last));
            }
        }
        let add = |(counted, (calls, last)): (Counted, (u64, Timestamp))| UsageAdd {
            key: counted.key,
            secret: counted.secret,
            method: counted.method,
            store: counted.store,
            allowed: counted.allowed,
            calls,
            last,
        };
        let mut all: Vec<UsageAdd> = sums.into_iter().map(add).collect();
        // The order in which storage locks rows.
        all.sort_unstable_by_key(|add| (add.key, add.secret));
        all
    }

    /// Takes back what storage could not take. Answers how many uses found no room.
    pub(super) fn give_back(&self, adds: Vec<UsageAdd>) -> u64 {
        let mut dropped = 0;
        for add in adds {
            let entry = Counted {
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

    fn shard(&self, key: KeyId) -> &Mutex<HashMap<Counted, (u64, Timestamp)>> {
        &self.shards[usize::try_from(key.as_u128() % SHARDS as u128).unwrap_or(0)]
    }
}
