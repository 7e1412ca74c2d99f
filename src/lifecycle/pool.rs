//! A bounded pool for work that a client can make long.
//!
//! ```text
//! caller ─▶ slot? ─▶ queue (bounded in calls, bytes and time) ─▶ worker threads ─▶ result
//!            │ no        │ not begun in time       └─ cancelled when the caller is gone
//!            └───────────┴─▶ Overload, at once
//! ```
//!
//! The threads do nothing else. Computation cannot be interrupted between two awaits: its input size bounds it.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::task::AbortOnDropHandle;

use super::{Tasks, Threads};

/// Limits of a pool.
#[derive(Debug, Clone, Copy)]
pub struct PoolLimits {
    /// Number of threads.
    pub threads: usize,
    /// Most calls queued or running.
    pub calls: usize,
    /// Most bytes held by queued and running calls together.
    pub bytes: usize,
    /// Longest time in the queue.
    pub queue: Duration,
    /// Longest time from the first step of a call to its end.
    pub run: Duration,
}

/// Why a pool refused or abandoned work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Overload {
    /// Too many calls are queued or running.
    #[error("too many long-running calls; try again, or use another replica")]
    Calls,
    /// The queued and running calls hold too many bytes.
    #[error("long-running calls use too much memory; try again, or use another replica")]
    Bytes,
    /// The work was not begun in time.
    #[error("the call waited too long in the queue; try again, or use another replica")]
    Queue,
    /// The work did not end in time.
    #[error("the call took too long")]
    Run,
    /// The work panicked.
    #[error("internal error")]
    Failed,
}

/// All reasons, for metrics.
pub const OVERLOADS: [Overload; 5] =
    [Overload::Calls, Overload::Bytes, Overload::Queue, Overload::Run, Overload::Failed];

impl Overload {
    /// Returns the name of the reason in metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Bytes => "bytes",
            Self::Queue => "queue_time",
            Self::Run => "run_time",
            Self::Failed => "failed",
        }
    }
}

/// Receives every refusal of a pool.
pub type RefusalObserver = Arc<dyn Fn(Overload) + Send + Sync>;

/// A bounded pool of threads. Cheap to clone.
#[derive(Clone)]
pub struct BoundedPool {
    shared: Arc<PoolInner>,
}

struct PoolInner {
    name: &'static str,
    threads: Threads,
    limits: PoolLimits,
    tasks: Tasks,
    calls: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    observer: RefusalObserver,
}

/// The right to run one call, with the bytes that it holds so far.
#[derive(Debug)]
pub struct Slot {
    _call: OwnedSemaphorePermit,
    bytes: Option<OwnedSemaphorePermit>,
}

impl std::fmt::Debug for BoundedPool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BoundedPool").field("name", &self.shared.name).field("limits", &self.shared.limits).finish()
    }
}

impl BoundedPool {
    /// Starts the threads. Their work counts among `tasks`, and `observer` receives every refusal.
    ///
    /// # Errors
    /// The threads could not be started.
    pub fn start(
        name: &'static str,
        limits: PoolLimits,
        tasks: &Tasks,
        observer: RefusalObserver,
    ) -> std::io::Result<Self> {
        let shared = PoolInner {
            name,
            threads: Threads::start_low_priority(name, limits.threads)?,
            limits,
            tasks: tasks.clone(),
            calls: Arc::new(Semaphore::new(limits.calls)),
            bytes: Arc::new(Semaphore::new(limits.bytes)),
            observer,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Takes a slot for a call.
    ///
    /// # Errors
    /// The limit of queued and running calls is reached.
    pub fn slot(&self) -> Result<Slot, Overload> {
        let call = Arc::clone(&self.shared.calls).try_acquire_owned().map_err(|_| self.refused(Overload::Calls))?;
        Ok(Slot { _call: call, bytes: None })
    }

    /// Counts `more` bytes that the call of `slot` holds from now on.
    ///
    /// # Errors
    /// All calls together would exceed the limit of bytes.
    pub fn hold(&self, slot: &mut Slot, more: usize) -> Result<(), Overload> {
        let full = || self.refused(Overload::Bytes);
        let more = u32::try_from(more).map_err(|_| full())?;
        let more = Arc::clone(&self.shared.bytes).try_acquire_many_owned(more).map_err(|_| full())?;
        match &mut slot.bytes {
            Some(held) => held.merge(more),
            none => *none = Some(more),
        }
        Ok(())
    }

    /// Runs `work` on the pool's threads. Dropping the returned future cancels the work, or keeps it from beginning.
    ///
    /// # Errors
    /// The work was not begun or did not end in time, or it panicked.
    pub async fn run<F>(&self, slot: Slot, work: F) -> Result<F::Output, Overload>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        // Set by whichever is first: the work as it begins, or the caller as it gives up.
        let taken = Arc::new(AtomicBool::new(false));
        let given_up = Arc::clone(&taken);
        let task = async move {
            // Held until the work and its data are dropped.
            let _slot = slot;
            if given_up.swap(true, Ordering::Relaxed) { None } else { Some(work.await) }
        };
        let task = self.shared.tasks.spawn_on(task, self.shared.threads.handle());
        let mut task = AbortOnDropHandle::new(task);
        let limits = &self.shared.limits;
        let result = if let Ok(done) = tokio::time::timeout(limits.queue, &mut task).await {
            Ok(done)
        } else {
            if !taken.swap(true, Ordering::Relaxed) {
                return Err(self.refused(Overload::Queue));
            }
            tokio::time::timeout(limits.run, &mut task).await
        };
        match result {
            Ok(Ok(Some(output))) => Ok(output),
            Ok(Ok(None)) => Err(self.refused(Overload::Queue)),
            Ok(Err(_)) => Err(self.refused(Overload::Failed)),
            Err(_) => Err(self.refused(Overload::Run)),
        }
    }

    fn refused(&self, why: Overload) -> Overload {
        (self.shared.observer)(why);
        why
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::sync::atomic::AtomicUsize;

    use super::*;
    use crate::lifecycle::ShutdownOutcome;

    const LONG: Duration = Duration::from_secs(60);

    fn pool(limits: PoolLimits) -> (BoundedPool, Tasks, Arc<Mutex<Vec<Overload>>>) {
        let (tasks, counted) = (Tasks::new(), Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&counted);
        let observer: RefusalObserver = Arc::new(move |why| seen.lock().unwrap().push(why));
        (BoundedPool::start("long", limits, &tasks, observer).unwrap(), tasks, counted)
    }

    fn limits() -> PoolLimits {
        PoolLimits { threads: 1, calls: 2, bytes: 100, queue: LONG, run: LONG }
    }

    /// Occupies the only thread until the sender is dropped.
    fn occupy(pool: &BoundedPool) -> (std::sync::mpsc::Sender<()>, impl Future<Output = Result<(), Overload>> + use<>) {
        let (end, ended) = std::sync::mpsc::channel::<()>();
        let (pool, slot) = (pool.clone(), pool.slot().unwrap());
        let busy = async move {
            let work = async move {
                let _ = ended.recv();
            };
            pool.run(slot, work).await
        };
        (end, busy)
    }

    #[tokio::test]
    async fn work_runs_on_threads_of_its_own_and_what_is_too_much_is_refused_at_once() {
        let (pool, _tasks, counted) = pool(limits());
        let name = pool.run(pool.slot().unwrap(), async { std::thread::current().name().map(str::to_owned) }).await;
        assert_eq!(name.unwrap().as_deref(), Some("long"));

        let (mut one, two) = (pool.slot().unwrap(), pool.slot().unwrap());
        assert_eq!(pool.slot().unwrap_err(), Overload::Calls);
        pool.hold(&mut one, 60).unwrap();
        pool.hold(&mut one, 40).unwrap();
        assert_eq!(pool.hold(&mut one, 1).unwrap_err(), Overload::Bytes);
        drop((one, two));
        let mut again = pool.slot().unwrap();
        pool.hold(&mut again, 100).expect("what ended holds nothing");
        assert_eq!(*counted.lock().unwrap(), [Overload::Calls, Overload::Bytes]);
    }

    #[tokio::test]
    async fn what_is_not_begun_in_time_is_refused_and_never_begins() {
        let (pool, _tasks, _) = pool(PoolLimits { queue: Duration::from_millis(20), ..limits() });
        let (end, busy) = occupy(&pool);
        let mut busy = std::pin::pin!(busy);
        let begun = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&begun);
        // The first takes the thread before the second.
        assert!(futures_util::poll!(busy.as_mut()).is_pending());
        let late = pool.run(pool.slot().unwrap(), async move { count.fetch_add(1, Ordering::Relaxed) }).await;
        assert_eq!(late.unwrap_err(), Overload::Queue);
        drop(end);
        busy.await.unwrap();
        // One thread runs them in order: when this one ends, the late one was handled.
        pool.run(pool.slot().unwrap(), async {}).await.unwrap();
        assert_eq!(begun.load(Ordering::Relaxed), 0);
    }

    #[tokio::test]
    async fn work_is_cancelled_when_its_caller_is_gone() {
        let (pool, tasks, _) = pool(limits());
        let (held, gone) = tokio::sync::oneshot::channel::<()>();
        let work = async move {
            let _held = held;
            std::future::pending::<()>().await;
        };
        let call = pool.run(pool.slot().unwrap(), work);
        assert!(tokio::time::timeout(Duration::from_millis(20), call).await.is_err(), "it waits for ever");
        assert!(gone.await.is_err(), "its work was dropped");
        tasks.stop();
        assert_eq!(tasks.finish(LONG).await, ShutdownOutcome::Orderly);
    }

    #[tokio::test]
    async fn work_that_waits_too_long_or_panics_is_refused() {
        let (pool, _tasks, _) =
            pool(PoolLimits { queue: Duration::from_millis(5), run: Duration::from_millis(5), ..limits() });
        let stuck = pool.run(pool.slot().unwrap(), std::future::pending::<()>()).await;
        assert!(matches!(stuck, Err(Overload::Run | Overload::Queue)), "{stuck:?}");
        let (pool, _tasks, _) = self::pool(limits());
        let failed = pool.run(pool.slot().unwrap(), async { assert!(tokio::task::try_id().is_none(), "lost") }).await;
        assert_eq!(failed.unwrap_err(), Overload::Failed);
    }
}
