//! Maintenance: periodic tasks on the runtime of storage.

use std::sync::Arc;
use std::time::Duration;

use super::inner::Inner;
use super::usage::UsageCounts;

const FLUSH_INTERVAL: Duration = Duration::from_secs(10);
const SWEEP_INTERVAL: Duration = Duration::from_hours(1);

/// Flushes usage, sweeps storage and tidies the cache, for as long as the process lives.
pub(super) async fn run(inner: Arc<Inner>) -> Result<(), String> {
    let mut next_sweep = tokio::time::Instant::now();
    while inner.tasks.pause(FLUSH_INTERVAL).await {
        inner.flush().await;
        inner.grants.maintain().await;
        inner.metrics.fingerprints.set(i64::try_from(inner.fingerprints.load().len()).unwrap_or(i64::MAX));
        inner.update_gauges();
        // What is removed by age is gone permanently, so not by a clock that leapt recently or may have.
        if tokio::time::Instant::now() >= next_sweep && inner.freshness.steady_for() >= SWEEP_INTERVAL {
            next_sweep = tokio::time::Instant::now() + SWEEP_INTERVAL;
            if let Err(error) = inner.storage.delete_expired(inner.freshness.now()).await {
                tracing::warn!(error = %error, "expired rows could not be deleted from storage");
            }
            inner.remove_unresponsive().await;
        }
    }
    Ok(())
}

impl Inner {
    /// Writes the usage counts to storage; keeps them if that fails.
    pub(super) async fn flush(&self) {
        let workers = self.workers.lock().clone();
        let counts = UsageCounts::take(workers.iter().map(|worker| &worker.usage).chain([&self.usage]));
        if counts.is_empty() {
            return;
        }
        match self.storage.add_usage(&counts).await {
            Ok(()) => self.outages.usage.succeeded(),
            Err(error) => {
                self.outages.usage.failed(&error);
                self.metrics.usage_lost.inc_by(self.usage.put_back(counts));
            }
        }
    }
}
