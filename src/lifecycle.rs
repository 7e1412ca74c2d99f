//! Startup, failure and shutdown: supervised tasks that cannot die unnoticed, and a shutdown with a time limit.
//!
//! ```text
//! running ── SIGTERM ──▶ draining: health reports it, calls are still served
//!    │                      │ clients have had time to notice
//!    └── SIGINT, or a supervised task that ended ──▶ stopping ── all tracked tasks done, or the bound ──▶ stopped
//! ```

mod pool;
mod threads;

use std::fmt;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use self::pool::{BoundedPool, OVERLOADS, Overload, PoolLimits, RefusalObserver, Slot};
pub use self::threads::Threads;

/// Spawns tasks and observes their end. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    tracker: TaskTracker,
    /// Cancelled once every port accepts connections.
    open: CancellationToken,
    /// Cancelled no later than `stopping`.
    draining: CancellationToken,
    stopping: CancellationToken,
    failure: Arc<OnceLock<String>>,
}

/// The outcome of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ShutdownOutcome {
    /// A requested, complete shutdown.
    Orderly,
    /// A requested shutdown, but some tasks were still running at the time limit.
    TimedOut,
    /// A task that must not end has ended.
    Failed(String),
}

impl Tasks {
    /// Creates an empty set of tasks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs a task that ends by itself, such as one write. Shutdown waits for it; its caller need not.
    pub fn spawn<F>(&self, task: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn(task)
    }

    /// Does the same on a runtime other than the caller's.
    pub fn spawn_on<F>(&self, task: F, runtime: &Handle) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.tracker.spawn_on(task, runtime)
    }

    /// Runs a task for as long as the process lives. If it ends or panics before shutdown was requested, the whole
    /// process ends with a failure: a replica that has lost a part of itself must not keep looking healthy.
    pub fn supervise<F, E>(&self, name: &'static str, task: F)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        self.supervise_on(name, task, &Handle::current());
    }

    /// Does the same on a runtime other than the current one.
    pub fn supervise_on<F, E>(&self, name: &'static str, task: F, runtime: &Handle)
    where
        F: Future<Output = Result<(), E>> + Send + 'static,
        E: fmt::Display + Send + 'static,
    {
        let tasks = self.clone();
        let watched = async move {
            let ending = AssertUnwindSafe(task).catch_unwind().await;
            if tasks.stopping.is_cancelled() {
                return;
            }
            let what = match ending {
                Ok(Ok(())) => format!("the task `{name}` stopped unexpectedly"),
                Ok(Err(error)) => format!("the task `{name}` failed: {error}"),
                Err(_) => format!("the task `{name}` panicked"),
            };
            tasks.fail(what);
        };
        self.tracker.spawn_on(watched, runtime);
    }

    /// Shuts down because of a failure.
    pub fn fail(&self, what: String) {
        tracing::error!(what, "shutting down: a task has stopped");
        if !cfg!(without_guard = "supervision") {
            // The first failure is the cause; later ones follow from it.
            let _ = self.failure.set(what);
            self.stop();
        }
    }

    /// Records that every port accepts connections: from now on health may report that the process serves.
    pub fn open(&self) {
        self.open.cancel();
    }

    /// Returns whether every port accepts connections.
    pub fn is_open(&self) -> bool {
        self.open.is_cancelled()
    }

    /// Announces the shutdown, so that clients send their calls elsewhere. Everything keeps running.
    pub fn drain(&self) {
        self.draining.cancel();
    }

    /// Completes once shutdown is announced or in progress.
    pub async fn draining(&self) {
        self.draining.cancelled().await;
    }

    /// Returns whether shutdown is announced or in progress.
    pub fn is_draining(&self) -> bool {
        self.draining.is_cancelled()
    }

    /// Stops all tasks.
    pub fn stop(&self) {
        self.draining.cancel();
        self.stopping.cancel();
    }

    /// Completes once all tasks must stop.
    pub async fn stopping(&self) {
        self.stopping.cancelled().await;
    }

    /// Waits for `pause`. Returns whether tasks may continue: `false` once all must stop.
    pub async fn pause(&self, pause: Duration) -> bool {
        tokio::select! {
            biased;
            () = self.stopping() => false,
            () = tokio::time::sleep(pause) => true,
        }
    }

    /// Waits for every task to end, for `bound` at most.
    pub async fn finish(&self, bound: Duration) -> ShutdownOutcome {
        self.tracker.close();
        let in_time = tokio::time::timeout(bound, self.tracker.wait()).await.is_ok();
        match self.failure.get() {
            Some(what) => ShutdownOutcome::Failed(what.clone()),
            None if in_time => ShutdownOutcome::Orderly,
            None => ShutdownOutcome::TimedOut,
        }
    }
}

/// Handles the first signal: SIGTERM, by which an orchestrator ends a replica that still receives calls, makes `tasks`
/// drain; SIGINT, by which a person ends a server at a terminal, makes them stop. The second signal ends the process at
/// once, with failure.
///
/// # Errors
/// The signals cannot be handled.
pub fn handle_signals(tasks: &Tasks) -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};

    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let stopping = tasks.clone();
    // Not tracked: it keeps running while everything else ends.
    #[expect(clippy::disallowed_methods, reason = "this task outlives the tracked ones, to hear a second signal")]
    drop(tokio::spawn(async move {
        for first in [true, false] {
            let name = tokio::select! {
                _ = terminate.recv() => "SIGTERM",
                _ = interrupt.recv() => "SIGINT",
            };
            if first {
                tracing::info!(signal = name, "shutting down; a second signal exits immediately");
                if name == "SIGTERM" {
                    stopping.drain();
                } else {
                    stopping.stop();
                }
            } else {
                tracing::warn!(signal = name, "exiting immediately");
                std::process::exit(SECOND_SIGNAL);
            }
        }
    }));
    Ok(())
}

/// Exit code after a second signal: as if killed by SIGINT.
const SECOND_SIGNAL: i32 = 130;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_supervised_task_that_panics_ends_the_run_as_failed() {
        let tasks = Tasks::new();
        tasks.supervise("follower", async {
            assert!(tokio::task::try_id().is_none(), "lost");
            Ok::<(), String>(())
        });
        tokio::time::timeout(Duration::from_secs(5), tasks.stopping()).await.expect("a panic must stop the run");
        assert_eq!(
            tasks.finish(Duration::from_secs(5)).await,
            ShutdownOutcome::Failed("the task `follower` panicked".to_owned())
        );
    }

    #[tokio::test]
    async fn a_supervised_task_that_returns_ends_the_run_as_failed() {
        let tasks = Tasks::new();
        tasks.supervise("follower", async { Ok::<(), String>(()) });
        tokio::time::timeout(Duration::from_secs(5), tasks.stopping()).await.expect("an end must stop the run");
        assert!(matches!(tasks.finish(Duration::from_secs(5)).await, ShutdownOutcome::Failed(_)));
    }

    #[tokio::test]
    async fn leaving_is_not_yet_stopping_and_stopping_is_leaving() {
        let tasks = Tasks::new();
        tasks.drain();
        tasks.draining().await;
        assert!(tasks.is_draining() && !tasks.stopping.is_cancelled());
        let other = Tasks::new();
        other.stop();
        assert!(other.is_draining() && other.stopping.is_cancelled());
    }

    #[tokio::test]
    async fn stopping_waits_for_tasks_but_not_for_ever() {
        let tasks = Tasks::new();
        let (done, wait) = tokio::sync::oneshot::channel::<()>();
        let _task = tasks.spawn(wait);
        tasks.stop();
        assert_eq!(tasks.finish(Duration::from_millis(10)).await, ShutdownOutcome::TimedOut);
        drop(done);
        assert_eq!(tasks.finish(Duration::from_secs(5)).await, ShutdownOutcome::Orderly);
    }
}
