//! Watching the other replicas: reads their reports, and removes those of replicas that are gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::inner::Inner;
use super::liveness::TimedReports;

/// Minimum time limit of one check, however short the wait.
pub(super) const CHECK_TIMEOUT: Duration = Duration::from_secs(1);

impl Inner {
    /// Reads the reports of all replicas, until `bound` at the latest.
    pub(super) async fn read_reports<R>(
        &self,
        bound: Instant,
        inspect: impl FnOnce(TimedReports<'_>) -> R,
    ) -> Option<R> {
        let sent = self.freshness.tick();
        match tokio::time::timeout_at(bound, self.storage.replicas()).await {
            Ok(Ok((replicas, _))) => {
                self.outages.replicas.succeeded();
                Some(inspect(TimedReports { sent, received: self.freshness.tick(), replicas: &replicas }))
            }
            Ok(Err(error)) => {
                self.outages.replicas.failed(&error);
                None
            }
            Err(_) => {
                self.outages.replicas.failed("storage did not respond in time");
                None
            }
        }
    }

    /// Removes the reports of replicas that have been gone for a day.
    pub(super) async fn remove_unresponsive(&self) {
        let bound = Instant::now() + CHECK_TIMEOUT * 5;
        let unresponsive = self
            .read_reports(bound, |reports| self.liveness.unresponsive(&self.settings, reports))
            .await
            .unwrap_or_default();
        if unresponsive.is_empty() {
            return;
        }
        if let Err(error) = self.storage.remove_replicas(&unresponsive).await {
            tracing::warn!(error = %error, "replicas that have been gone for a day stay listed in storage");
        }
    }
}

/// Checks the other replicas periodically, so that a write knows at once which are unresponsive, and for how long.
pub(super) async fn run(inner: Arc<Inner>) -> Result<(), String> {
    loop {
        if inner.storage.is_shared() {
            let bound = Instant::now() + CHECK_TIMEOUT * 5;
            // The check itself records the reports.
            let _ = inner.read_reports(bound, |reports| inner.liveness.record(&inner.settings, reports)).await;
        }
        tokio::select! {
            biased;
            () = inner.tasks.stopping() => return Ok(()),
            () = tokio::time::sleep(inner.settings.max_staleness / 4) => {}
        }
    }
}
