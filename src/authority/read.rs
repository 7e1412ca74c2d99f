//! Read-through of grants: one read per digest at a time, which outlives its callers.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::coherence::CachedGrant;
use super::inner::Inner;
use super::undecided::Undecided;
use crate::model::change::Cursor;
use crate::model::token::Digest;

/// The result of a read.
#[derive(Debug, Clone)]
pub(super) enum LoadResult {
    /// A grant, now also cached.
    Grant(Arc<CachedGrant>),
    /// No current or former secret has the digest, by a read that began in this epoch at this latest revision.
    Nothing { head: Cursor, epoch: u64 },
}

/// The reads in progress; `None` means that storage did not respond.
pub(super) type RunningLoads = HashMap<Digest, Loading>;
type Loading = watch::Receiver<Option<Option<LoadResult>>>;

/// Most reads running or queued.
const MAX_LOADS: usize = 1_024;
/// Most reads running at once.
pub(super) const CONCURRENT_LOADS: usize = 32;
/// Longest duration of a read, even after its callers have given up.
const READ_TIMEOUT: Duration = Duration::from_secs(5);

impl Inner {
    /// Reads the grant of `digest` into the cache, or joins a read of it that is in progress.
    pub(super) async fn load(self: &Arc<Self>, digest: Digest) -> Result<LoadResult, Undecided> {
        let mut result = self.start_load(digest).ok_or(Undecided::Overloaded)?;
        let wait = result.wait_for(Option::is_some);
        match tokio::time::timeout(self.settings.read_wait, wait).await {
            Ok(Ok(loaded)) => loaded.clone().flatten().ok_or(Undecided::Storage),
            _ => Err(Undecided::Storage),
        }
    }

    /// Starts a read of the grant of `digest`, or joins one in progress; returns `None` if too many are.
    pub(super) fn start_load(self: &Arc<Self>, digest: Digest) -> Option<Loading> {
        let mut running = self.loads.lock();
        if let Some(result) = running.get(&digest) {
            return Some(result.clone());
        }
        if running.len() >= MAX_LOADS {
            return None;
        }
        let (sender, result) = watch::channel(None);
        running.insert(digest, result.clone());
        drop(running);
        self.metrics.cache_misses.inc();
        let inner = Arc::clone(self);
        // On the runtime that drives storage's connections, whatever the calling thread.
        let task = async move {
            let loaded = tokio::time::timeout(READ_TIMEOUT, inner.read_grant(&digest)).await.unwrap_or_else(|_| {
                inner.outages.reads.failed(format_args!("no response within {READ_TIMEOUT:?}"));
                None
            });
            match &loaded {
                Some(LoadResult::Grant(grant)) => inner.grants.insert(Arc::clone(grant)),
                // A cached grant of a diverged history would cost every call a look-up and a read.
                Some(LoadResult::Nothing { .. }) => inner.grants.evict(&digest),
                None => {}
            }
            // Unlisted before the result is sent: a caller that cannot use it must be able to start another.
            inner.loads.lock().remove(&digest);
            sender.send_replace(Some(loaded));
        };
        drop(self.tasks.spawn_on(task, &self.storage_runtime));
        Some(result)
    }

    async fn read_grant(&self, digest: &Digest) -> Option<LoadResult> {
        let _slot = self.load_slots.acquire().await.ok()?;
        // The epoch before the read: a read made while the history is being replaced belongs to neither.
        let epoch = self.state.load().as_ref()?.epoch.number;
        let read = match self.storage.grant(digest).await {
            Ok(read) => read,
            Err(error) => {
                self.outages.reads.failed(error);
                return None;
            }
        };
        self.outages.reads.succeeded();
        let received = self.freshness.tick();
        Some(match read.grant {
            Some(grant) => LoadResult::Grant(Arc::new(CachedGrant::new(*digest, grant, epoch, received, read.head))),
            None => LoadResult::Nothing { head: read.head, epoch },
        })
    }
}
