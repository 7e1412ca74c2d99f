//! Waiting until every live replica has applied a write.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::authority::Authority;
use crate::model::change::Revision;
use crate::model::id::ReplicaId;
use crate::registry::Convergence;
use crate::storage::{Engine, Storage};

/// Time between looks at what the other replicas have reported: grows from the first to the second.
const PAUSE: (Duration, Duration) = (Duration::from_millis(4), Duration::from_millis(50));

/// This replica by its authority, the others by what they report to storage.
#[derive(Debug)]
pub(super) struct Replicas {
    pub(super) authority: Authority,
    pub(super) storage: Arc<dyn Storage>,
}

#[async_trait]
impl Convergence for Replicas {
    async fn wait(&self, revision: Revision, at_most: Duration) -> Vec<ReplicaId> {
        let this = self.authority.settings().replica;
        let here = self.authority.wait_applied(revision, at_most);
        if self.storage.engine() == Engine::Sqlite {
            return if here.await { Vec::new() } else { vec![this] };
        }
        let (here, mut pending) = tokio::join!(here, self.others(revision, at_most));
        if !here {
            pending.push(this);
        }
        pending
    }
}

impl Replicas {
    async fn others(&self, revision: Revision, at_most: Duration) -> Vec<ReplicaId> {
        let deadline = tokio::time::Instant::now() + at_most;
        let mut pause = PAUSE.0;
        loop {
            let pending: Vec<ReplicaId> = match self.storage.replicas().await {
                Ok((replicas, _)) => replicas
                    .into_iter()
                    .filter(|replica| replica.report.id != self.authority.settings().replica)
                    .filter(|replica| replica.age <= self.authority.settings().live_bound())
                    .filter(|replica| replica.report.applied < revision)
                    .map(|replica| replica.report.id)
                    .collect(),
                // The write stands; which replicas have applied it cannot be told.
                Err(error) => {
                    tracing::warn!(error = %error, "the other replicas could not be asked after a write");
                    return Vec::new();
                }
            };
            if pending.is_empty() || tokio::time::Instant::now() + pause >= deadline {
                return pending;
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(PAUSE.1);
        }
    }
}
