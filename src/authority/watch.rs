//! Watching the other replicas: reads their reports, and removes those of replicas that are gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::inner::Inner;
use super::witness::Look;

/// Minimum time limit of one check, however short the wait.
pub(super) const LOOK: Duration = Duration::from_secs(1);

impl Inner {
    /// Reads the reports of all replicas, until `bound` at the latest.
    pub(super) async fn look<R>(&self, bound: Instant, judge: impl FnOnce(Look<'_>) -> R) -> Option<R> {
        let sent = self.freshness.tick();
        match tokio::time::timeout_at(bound, self.storage.replicas()).await {
            Ok(Ok((replicas, _))) => {
                self.outages.others.worked();
                Some(judge(Look { sent, received: self.freshness.tick(), replicas: &replicas }))
            }
            Ok(Err(error)) => {
                self.outages.others.failed(&error);
                None
            }
            Err(_) => {
                self.outages.others.failed("storage did not respond in time");
                None
            }
        }
    }

    /// Removes the reports of replicas that have been gone for a day.
    pub(super) async fn remove_silent(&self) {
        let bound = Instant::now() + LOOK * 5;
        let silent = self.look(bound, |look| self.witness.silent(&self.settings, look)).await.unwrap_or_default();
        if silent.is_empty() {
            return;
        }
        if let Err(error) = self.storage.remove_replicas(&silent).await {
            tracing::warn!(error = %error, "replicas that have been gone for a day stay listed in storage");
        }
    }
}

/// Checks the other replicas periodically, so that a write knows at once which are unresponsive, and for how long.
pub(super) async fn keep(inner: Arc<Inner>) -> Result<(), String> {
    loop {
        if inner.storage.is_shared() {
            let bound = Instant::now() + LOOK * 5;
            // The check itself records the reports.
            let _ = inner.look(bound, |look| inner.witness.note(&inner.settings, look)).await;
        }
        tokio::select! {
            biased;
            () = inner.tasks.stopping() => return Ok(()),
            () = tokio::time::sleep(inner.settings.max_staleness / 4) => {}
        }
    }
}
