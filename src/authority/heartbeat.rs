//! Heartbeats: reports of the applied revision, written to storage.

use std::sync::Arc;

use super::follower::{POLL_BOUND, RETRY};
use super::inner::Inner;
use crate::model::change::Cursor;
use crate::storage::ReplicaReport;

/// Reports the applied revision to storage by committed writes, for as long as the process lives. This proves that the
/// primary is reachable, and writers on other replicas wait for it.
pub(super) async fn send_heartbeats(inner: Arc<Inner>) -> Result<(), String> {
    let mut applied = inner.applied.subscribe();
    let shared = inner.storage.is_shared();
    loop {
        tokio::select! {
            biased;
            () = inner.tasks.stopping() => return Ok(()),
            () = tokio::time::sleep(inner.settings.heartbeat_interval()) => {}
            // Only replicas on other machines need a report of every revision.
            changed = applied.changed(), if shared => changed.map_err(|error| error.to_string())?,
        }
        if inner.state.load().is_none() {
            continue;
        }
        let sent = inner.freshness.tick();
        match tokio::time::timeout(POLL_BOUND, inner.send_heartbeat()).await {
            Ok(Ok(())) => {
                inner.outages.heartbeats.succeeded();
                inner.freshness.record_heartbeat(sent);
            }
            Ok(Err(error)) => {
                inner.outages.heartbeat_failed(error.because(), &error);
                tokio::time::sleep(RETRY).await;
            }
            Err(_) => inner.outages.heartbeat_failed(None, format_args!("no response within {POLL_BOUND:?}")),
        }
    }
}

impl Inner {
    pub(super) async fn send_heartbeat(&self) -> crate::storage::Result<()> {
        let cursor = self.state.load().as_ref().map_or(Cursor::default(), |state| state.world.cursor);
        let report = ReplicaReport {
            id: self.settings.replica,
            host: self.settings.host.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            started: self.started,
            applied: cursor.revision,
            max_staleness: Some(self.settings.max_staleness),
        };
        self.storage.heartbeat(&report, cursor.nonce).await.map(|_| ())
    }
}
