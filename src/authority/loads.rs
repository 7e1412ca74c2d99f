//! Reading grants through: one read per digest at a time, each of which outlives its callers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use super::Inner;
use super::grants::CachedGrant;
use crate::model::change::Cursor;
use crate::model::token::Digest;

/// Reads under way or waiting for their turn, at most.
const MAX_LOADS: usize = 1_024;
/// Reads under way at once, at most.
const CONCURRENT: usize = 32;
/// Longest that a read goes on after its callers have given up.
const BOUND: Duration = Duration::from_secs(5);

/// The reads under way.
#[derive(Debug)]
pub(super) struct Loads {
    running: Mutex<HashMap<Digest, watch::Receiver<Option<Loaded>>>>,
    slots: Arc<Semaphore>,
}

/// What a read found.
#[derive(Debug, Clone)]
pub(super) enum Loaded {
    /// A grant, now in the cache too.
    Grant(Arc<CachedGrant>),
    /// No secret has or had the digest, by a read that began in this epoch and was made at this head.
    Nothing { head: Cursor, epoch: u64 },
    /// Storage did not answer.
    Failed,
}

/// Why no read was waited for to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NoLoad {
    /// Too many are waiting.
    Crowded,
    /// It failed, or took too long.
    Failed,
}

impl Loads {
    pub(super) fn new() -> Self {
        Self { running: Mutex::default(), slots: Arc::new(Semaphore::new(CONCURRENT)) }
    }
}

impl Inner {
    /// Reads the grant of `digest` and puts it into the cache, or joins a read of it that is under way.
    pub(super) async fn load(self: &Arc<Self>, digest: Digest) -> Result<Loaded, NoLoad> {
        let mut result = self.start_load(digest).ok_or(NoLoad::Crowded)?;
        let wait = result.wait_for(Option::is_some);
        match tokio::time::timeout(self.settings.read_wait, wait).await {
            Ok(Ok(loaded)) => match &*loaded {
                Some(Loaded::Failed) | None => Err(NoLoad::Failed),
                Some(found) => Ok(found.clone()),
            },
            _ => Err(NoLoad::Failed),
        }
    }

    /// Begins to read the grant of `digest` unless that is under way; none if too many are.
    pub(super) fn start_load(self: &Arc<Self>, digest: Digest) -> Option<watch::Receiver<Option<Loaded>>> {
        let mut running = self.loads.running.lock();
        if let Some(result) = running.get(&digest) {
            return Some(result.clone());
        }
        if running.len() >= MAX_LOADS {
            return None;
        }
        let (answer, result) = watch::channel(None);
        running.insert(digest, result.clone());
        drop(running);
        self.metrics.cache_misses.inc();
        let inner = Arc::clone(self);
        // Where storage's connections are driven, whatever thread asks.
        let task = async move {
            let loaded = tokio::time::timeout(BOUND, inner.read_grant(&digest)).await.unwrap_or_else(|_| {
                inner.outages.reads.failed(format_args!("no response within {BOUND:?}"));
                Loaded::Failed
            });
            match &loaded {
                Loaded::Grant(grant) => inner.grants.put(Arc::clone(grant)),
                // One that is left of another past would be looked at, and read for, by every call.
                Loaded::Nothing { .. } => inner.grants.forget(&digest),
                Loaded::Failed => {}
            }
            // Out of the list before the answer: whoever is not content with it must be able to begin another read.
            inner.loads.running.lock().remove(&digest);
            answer.send_replace(Some(loaded));
        };
        drop(self.tasks.spawn_on("read grant", task, &self.control));
        Some(result)
    }

    async fn read_grant(&self, digest: &Digest) -> Loaded {
        let Ok(_slot) = self.loads.slots.acquire().await else {
            return Loaded::Failed;
        };
        // The epoch before the read: what is read while the past is being replaced belongs to none.
        let Some(epoch) = self.state.load().as_ref().map(|state| state.epoch.number) else {
            return Loaded::Failed;
        };
        match self.storage.grant(digest).await {
            Ok(read) => {
                self.outages.reads.worked();
                match read.grant {
                    Some(grant) => Loaded::Grant(Arc::new(CachedGrant::new(*digest, grant, epoch, read.head))),
                    None => Loaded::Nothing { head: read.head, epoch },
                }
            }
            Err(error) => {
                self.outages.reads.failed(error);
                Loaded::Failed
            }
        }
    }
}
