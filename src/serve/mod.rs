//! Ports: accepting connections and serving HTTP/1.1 and HTTP/2 on them, including gRPC, with limits on every resource
//! that a client can use.
//!
//! ```text
//! listener ─▶ slot (limits in total and per peer) ─▶ TLS ─▶ preface ─▶ calls ─▶ GOAWAY (age or shutdown) ─▶ closed
//! ```
//!
//! [`serve`] does this on the current runtime, [`WorkerPool`] on threads of its own.
//!
//! tonic has its own server; this one exists because certificates must be renewable, connections must end one after
//! another rather than all at once, and all HTTP/2 limits must be set: tonic disables hyper's limits that are not set.

mod body;
mod connection;
mod deadline;
mod limits;
pub mod tls;
mod worker_pool;

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tonic::body::Body;
use tower::Service;

pub use self::connection::ConnectionConfig;
pub use self::limits::{Limits, Timeouts, raise_open_files};
pub use self::worker_pool::{Watchdog, WorkerPool};
use crate::budget::{Account, Budget};
use crate::lifecycle::Tasks;

/// How long new connections are served after shutdown begins: one opened before it may still carry a call.
const LINGER: Duration = Duration::from_millis(250);
/// Time between attempts when the system cannot accept a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A service that responds to every call.
pub trait HttpService:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> HttpService for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// Serves `calls` on `listener` until `tasks` stop. Each connection is a task of its own that runs until its calls have
/// ended.
///
/// # Errors
/// Never: the result is the type of supervised tasks.
pub async fn serve<S: HttpService>(
    listener: TcpListener,
    calls: S,
    config: Arc<ConnectionConfig>,
    tasks: Tasks,
) -> Result<(), String> {
    let slots = Arc::new(Semaphore::new(config.limits.connections));
    // Beyond the limit, connections wait in the listener's backlog, and the system refuses what does not fit there.
    let mut linger = pin!(linger(&tasks));
    while let Some(accepted) = next_connection(&listener, &slots, &config.budget, &tasks, linger.as_mut()).await {
        let (stream, peer, slot, account) = accepted;
        let (calls, config, ending) = (calls.clone(), Arc::clone(&config), tasks.clone());
        drop(tasks.spawn("connection", async move {
            let _slot = slot;
            connection::serve(stream, peer, account, calls, &config, &ending).await;
        }));
    }
    Ok(())
}

/// Completes a moment after `tasks` stop.
async fn linger(tasks: &Tasks) {
    tasks.stopping().await;
    tokio::time::sleep(LINGER).await;
}

/// Returns the next connection until `tasks` stop, and those that clients have already made until `linger` completes.
async fn next_connection(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    budget: &Arc<Budget>,
    tasks: &Tasks,
    linger: Pin<&mut impl Future<Output = ()>>,
) -> Option<Accepted> {
    tokio::select! {
        biased;
        () = linger => None,
        accepted = accept(listener, slots, budget) => accepted,
        () = tasks.stopping() => None,
    }
}

/// A connection, its peer, its slot and its account.
type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit, Account);

/// Returns the next connection; `None` once the slots are closed.
async fn accept(listener: &TcpListener, slots: &Arc<Semaphore>, budget: &Arc<Budget>) -> Option<Accepted> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Some(account) = budget.connect(peer.ip()) {
                    return Some((stream, peer, slot, account));
                }
                // Closed at once: if it waited, it would take room in the backlog from other peers.
                tracing::debug!(%peer, "a connection was refused: too many from this peer");
            }
            // The connection broke before it was accepted, or there are too many open files for a moment.
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
