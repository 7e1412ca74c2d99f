//! Waiting until every live replica has applied a write.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::authority::Authority;
use crate::model::change::Cursor;
use crate::registry::{Convergence, Pending};
use crate::storage::{Feed as _, Storage};

/// The replicas to wait for: this one by its authority, the others by their reports to storage.
#[derive(Debug)]
pub(super) struct LiveReplicas {
    pub(super) authority: Authority,
    pub(super) storage: Arc<Storage>,
}

#[async_trait]
impl Convergence for LiveReplicas {
    async fn wait(&self, write: Cursor, at_most: Duration) -> Pending {
        let here = self.authority.wait_applied_cursor(write, at_most);
        let (here, others) = if self.storage.is_shared() {
            tokio::join!(here, self.authority.wait_applied_elsewhere(write.revision, at_most))
        } else {
            (here.await, Some(Vec::new()))
        };
        let Some(mut pending) = others else {
            return Pending::Unknown;
        };
        if !here {
            pending.push(self.authority.settings().replica);
        }
        Pending::Known(pending)
    }
}
