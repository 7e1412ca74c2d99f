//! Threads that serve connections, each with its own runtime: a call never crosses from one thread to another.
//!
//! ```text
//! acceptor ─▶ the thread with the fewest connections ─▶ its runtime ─▶ connection
//!                 └─ heartbeat ─▶ watched: an unresponsive thread ends the process
//! ```
//!
//! The kernel could spread connections by itself (SO_REUSEPORT), but by a hash: of a mesh's few, long-lived
//! connections, one thread would get most.

use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::{ConnectionConfig, HttpService, connection, linger, next_connection};
use crate::budget::{Account, Budget};
use crate::lifecycle::Tasks;

/// Settings for monitoring the threads of a worker pool.
#[derive(Debug, Clone, Copy)]
pub struct Watchdog {
    /// Time between two heartbeats of a thread, and between two checks of them.
    pub interval: Duration,
    /// Consecutive checks without a heartbeat after which a thread counts as lost. Checks rather than time: a stopped
    /// or starved process makes no checks.
    pub max_missed: u32,
}

impl Default for Watchdog {
    fn default() -> Self {
        Self { interval: Duration::from_secs(1), max_missed: 20 }
    }
}

/// Threads that serve connections. When dropped, they accept no more connections and end once theirs have ended.
#[derive(Debug)]
pub struct WorkerPool {
    threads: Vec<WorkerHandle>,
    slots: Arc<Semaphore>,
    budget: Arc<Budget>,
}

/// The acceptor's view of a thread.
#[derive(Debug)]
struct WorkerHandle {
    sender: mpsc::UnboundedSender<AssignedConnection>,
    load: Arc<AtomicUsize>,
}

/// A connection on its way to its thread.
#[derive(Debug)]
struct AssignedConnection {
    stream: TcpStream,
    peer: SocketAddr,
    slot: OwnedSemaphorePermit,
    account: Account,
    guard: LoadGuard,
}

/// One connection in a thread's load, for as long as it exists.
#[derive(Debug)]
struct LoadGuard(Arc<AtomicUsize>);

impl LoadGuard {
    fn new(load: &Arc<AtomicUsize>) -> Self {
        load.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(load))
    }
}

impl Drop for LoadGuard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl WorkerPool {
    /// Starts `count` threads, each of which serves what `calls` creates for it. One that ends or becomes unresponsive
    /// before `tasks` stop ends the process with a failure.
    ///
    /// # Errors
    /// A thread or its runtime could not be created.
    pub fn start<S: HttpService>(
        count: usize,
        config: &Arc<ConnectionConfig>,
        watchdog: Watchdog,
        tasks: &Tasks,
        mut calls: impl FnMut() -> S,
    ) -> std::io::Result<Self> {
        let (mut threads, mut beats) = (Vec::new(), Vec::new());
        for number in 0..count {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let (sender, assigned) = mpsc::unbounded_channel();
            let (done, ended) = oneshot::channel();
            let beat = Arc::new(AtomicU64::new(0));
            let serving =
                serve(assigned, calls(), Arc::clone(config), Arc::clone(&beat), watchdog.interval, tasks.clone());
            std::thread::Builder::new().name(format!("decide-{number}")).spawn(move || {
                runtime.block_on(serving);
                // Nobody listens any more once the process is stopping.
                let _ = done.send(());
            })?;
            // A thread that panics drops its sender without sending.
            tasks.supervise("data thread", async move { ended.await.map_err(|_| format!("thread {number} panicked")) });
            threads.push(WorkerHandle { sender, load: Arc::default() });
            beats.push(beat);
        }
        tasks.supervise("watchdog of data threads", run_watchdog(beats, watchdog, tasks.clone()));
        let slots = Arc::new(Semaphore::new(config.limits.connections));
        Ok(Self { threads, slots, budget: Arc::clone(&config.budget) })
    }

    /// Accepts connections of `listener` and distributes them until `tasks` stop.
    ///
    /// # Errors
    /// A connection could not be passed to any thread.
    pub async fn accept(self, listener: TcpListener, tasks: Tasks) -> Result<(), String> {
        let mut linger = pin!(linger(&tasks));
        while let Some(accepted) = next_connection(&listener, &self.slots, &self.budget, &tasks, linger.as_mut()).await
        {
            let (stream, peer, slot, account) = accepted;
            // Detached from this runtime, so that its thread can register it with its own.
            match stream.into_std() {
                Ok(stream) => self.assign(stream, peer, slot, account)?,
                Err(error) => tracing::warn!(%peer, error = %error, "a connection could not be passed to a thread"),
            }
        }
        Ok(())
    }

    fn assign(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        slot: OwnedSemaphorePermit,
        account: Account,
    ) -> Result<(), String> {
        let fewest = self.threads.iter().min_by_key(|thread| thread.load.load(Ordering::Relaxed));
        let thread = fewest.ok_or("there are no data threads")?;
        let guard = LoadGuard::new(&thread.load);
        thread
            .sender
            .send(AssignedConnection { stream, peer, slot, account, guard })
            .map_err(|_| "a data thread no longer accepts connections".to_owned())
    }
}

/// Runs a data thread: takes connections and serves them, until the process stops and they have ended.
async fn serve<S: HttpService>(
    mut assigned: mpsc::UnboundedReceiver<AssignedConnection>,
    calls: S,
    config: Arc<ConnectionConfig>,
    beat: Arc<AtomicU64>,
    interval: Duration,
    tasks: Tasks,
) {
    let connections = TaskTracker::new();
    let mut beats = tokio::time::interval(interval);
    loop {
        tokio::select! {
            _ = beats.tick() => {
                beat.fetch_add(1, Ordering::Relaxed);
            }
            next = assigned.recv() => {
                let Some(AssignedConnection { stream, peer, slot, account, guard }) = next else {
                    // The acceptor has ended, so only a regular shutdown can follow.
                    break;
                };
                let stream = match tokio::net::TcpStream::from_std(stream) {
                    Ok(stream) => stream,
                    Err(error) => {
                        tracing::warn!(%peer, error = %error, "a connection could not be registered with its thread");
                        continue;
                    }
                };
                let (calls, config, ending) = (calls.clone(), Arc::clone(&config), tasks.clone());
                drop(tasks.spawn("connection", connections.track_future(async move {
                    let _held = (slot, guard);
                    connection::serve(stream, peer, account, calls, &config, &ending).await;
                })));
            }
        }
    }
    connections.close();
    loop {
        tokio::select! {
            () = connections.wait() => return,
            _ = beats.tick() => {
                beat.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Checks that every thread has sent a heartbeat since the last check.
async fn run_watchdog(beats: Vec<Arc<AtomicU64>>, watchdog: Watchdog, tasks: Tasks) -> Result<(), String> {
    let mut seen: Vec<(u64, u32)> = beats.iter().map(|beat| (beat.load(Ordering::Relaxed), 0)).collect();
    loop {
        tokio::select! {
            () = tasks.stopping() => return Ok(()),
            () = tokio::time::sleep(watchdog.interval) => {}
        }
        for (number, (beat, (last, missed))) in beats.iter().zip(&mut seen).enumerate() {
            let now = beat.load(Ordering::Relaxed);
            *missed = if now == *last { *missed + 1 } else { 0 };
            *last = now;
            if *missed >= watchdog.max_missed {
                return Err(format!("thread {number} is unresponsive"));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http::Response;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tonic::body::Body;

    use super::*;
    use crate::lifecycle::ShutdownOutcome;
    use crate::random::OsRandom;
    use crate::serve::{Limits, Timeouts};
    use crate::telemetry::metrics::Shed;

    const SOON: Duration = Duration::from_secs(20);

    /// Starts a port with `count` threads; each responds with its name, and blocks on request.
    async fn port(count: usize, watchdog: Watchdog) -> (SocketAddr, Tasks) {
        let tasks = Tasks::new();
        let limits = Limits::decisions(64, 64, |_| false);
        let config =
            ConnectionConfig::new(None, None, limits, Arc::new(OsRandom), Timeouts::default(), Shed::default());
        let config = Arc::new(config);
        let calls = || {
            tower::service_fn(|request: http::Request<Body>| async move {
                if request.uri().path() == "/block" {
                    std::thread::park();
                }
                let thread = std::thread::current().name().unwrap_or_default().to_owned();
                let response = Response::builder().header("thread", thread).body(Body::empty());
                Ok::<_, Infallible>(response.unwrap())
            })
        };
        let workers = WorkerPool::start(count, &config, watchdog, &tasks, calls).unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tasks.supervise("port", workers.accept(listener, tasks.clone()));
        (address, tasks)
    }

    /// Opens a connection, and returns it with the thread that responded.
    async fn call(address: SocketAddr) -> (tokio::net::TcpStream, String) {
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        let mut bytes = Vec::new();
        while !bytes.ends_with(b"\r\n\r\n") {
            assert!(stream.read_buf(&mut bytes).await.unwrap() > 0);
        }
        let text = String::from_utf8(bytes).unwrap();
        let thread = text.lines().find_map(|line| line.strip_prefix("thread: ")).unwrap().to_owned();
        (stream, thread)
    }

    #[tokio::test]
    async fn connections_go_to_the_thread_with_the_fewest() {
        let (address, tasks) = port(3, Watchdog::default()).await;
        let mut held = Vec::new();
        let mut count = std::collections::BTreeMap::new();
        for _ in 0..12 {
            let (stream, thread) = call(address).await;
            *count.entry(thread).or_insert(0) += 1;
            held.push(stream);
        }
        assert_eq!(count.values().copied().collect::<Vec<_>>(), [4, 4, 4], "{count:?}");
        tasks.stop();
        assert_eq!(tasks.finish(SOON).await, ShutdownOutcome::Orderly);
    }

    #[tokio::test]
    async fn a_thread_that_falls_silent_ends_the_run_as_failed() {
        let (address, tasks) = port(2, Watchdog { interval: Duration::from_millis(20), max_missed: 20 }).await;
        let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
        stream.write_all(b"GET /block HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        tokio::time::timeout(SOON, tasks.stopping()).await.expect("silence is noticed");
        assert!(tasks.failure().is_some_and(|why| why.contains("is unresponsive")), "{:?}", tasks.failure());
    }
}
