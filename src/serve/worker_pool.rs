//! Threads that serve connections, each with its own runtime: a call never crosses from one thread to another.
//!
//! ```text
//! acceptor ─▶ the thread with the fewest connections ─▶ its runtime ─▶ connection
//!                 └─ heartbeat ─▶ watched: an unresponsive thread ends the process
//! ```
//!
//! The kernel could spread connections by itself (SO_REUSEPORT), but by a hash: of a mesh's few, long-lived
//! connections, one thread would get most.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;

use super::{Accepted, ConnectionConfig, HttpService, accept, connection};
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
    config: Arc<ConnectionConfig>,
}

#[derive(Debug)]
struct WorkerHandle {
    sender: mpsc::UnboundedSender<(Accepted, Load)>,
    load: Load,
}

/// The load of a thread: each of its connections holds a clone.
type Load = Arc<()>;

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
            let beat = Arc::new(AtomicBool::new(false));
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
        Ok(Self { threads, config: Arc::clone(config) })
    }

    /// Accepts connections of `listener` and passes each to the thread with the fewest, until `tasks` stop.
    ///
    /// # Errors
    /// A connection could not be passed to any thread.
    pub async fn accept(self, listener: TcpListener, tasks: Tasks) -> Result<(), String> {
        accept(listener, &self.config, &tasks, |accepted| {
            let fewest = self.threads.iter().min_by_key(|thread| Arc::strong_count(&thread.load));
            let thread = fewest.ok_or("there are no data threads")?;
            let sent = thread.sender.send((accepted, Arc::clone(&thread.load)));
            sent.map_err(|_| "a data thread no longer accepts connections".to_owned())
        })
        .await
    }
}

/// Runs a data thread: takes connections and serves them, until the process stops and they have ended.
async fn serve<S: HttpService>(
    mut assigned: mpsc::UnboundedReceiver<(Accepted, Load)>,
    calls: S,
    config: Arc<ConnectionConfig>,
    beat: Arc<AtomicBool>,
    interval: Duration,
    tasks: Tasks,
) {
    let connections = TaskTracker::new();
    let mut beats = tokio::time::interval(interval);
    loop {
        tokio::select! {
            _ = beats.tick() => beat.store(true, Ordering::Relaxed),
            next = assigned.recv(), if !connections.is_closed() => {
                let Some((accepted, load)) = next else {
                    // The acceptor has ended, so only a regular shutdown can follow.
                    connections.close();
                    continue;
                };
                let (calls, config, ending) = (calls.clone(), Arc::clone(&config), tasks.clone());
                drop(tasks.spawn(connections.track_future(async move {
                    connection::serve(accepted, calls, &config, &ending).await;
                    drop(load);
                })));
            }
            () = connections.wait() => return,
        }
    }
}

/// Checks that every thread has sent a heartbeat since the last check.
async fn run_watchdog(beats: Vec<Arc<AtomicBool>>, watchdog: Watchdog, tasks: Tasks) -> Result<(), String> {
    let mut missed = vec![0; beats.len()];
    while tasks.pause(watchdog.interval).await {
        for (number, (beat, missed)) in beats.iter().zip(&mut missed).enumerate() {
            *missed = if beat.swap(false, Ordering::Relaxed) { 0 } else { *missed + 1 };
            if *missed >= watchdog.max_missed {
                return Err(format!("thread {number} is unresponsive"));
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::SocketAddr;

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
        let ended = tasks.finish(Duration::ZERO).await;
        assert!(matches!(&ended, ShutdownOutcome::Failed(why) if why.contains("is unresponsive")), "{ended:?}");
    }
}
