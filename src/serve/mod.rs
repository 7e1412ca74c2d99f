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
use std::net::{SocketAddr, TcpStream};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use http::{Request, Response};
use tokio::net::TcpListener;
use tokio::sync::{AcquireError, OwnedSemaphorePermit};
use tonic::body::Body;
use tower::Service;

pub use self::connection::ConnectionConfig;
pub use self::limits::{Limits, Timeouts, raise_open_files};
pub use self::worker_pool::{Watchdog, WorkerPool};
use crate::budget::Account;
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
    let (of_connections, spawner) = (Arc::clone(&config), tasks.clone());
    // Owns the service, which threads need not be able to share.
    let spawn = move |accepted| {
        let (calls, config, ending) = (calls.clone(), Arc::clone(&of_connections), spawner.clone());
        drop(spawner.spawn(async move { connection::serve(accepted, calls, &config, &ending).await }));
        Ok(())
    };
    accept(listener, &config, &tasks, spawn).await
}

/// A connection and its share of the port's limits. Detached from the runtime that accepted it, so that the one that
/// serves it can register it.
#[derive(Debug)]
struct Accepted {
    stream: TcpStream,
    peer: SocketAddr,
    slot: OwnedSemaphorePermit,
    account: Account,
}

/// Passes each connection to `take` until `tasks` stop, and those that clients have already made until [`LINGER`] is
/// over.
async fn accept(
    listener: TcpListener,
    config: &ConnectionConfig,
    tasks: &Tasks,
    mut take: impl FnMut(Accepted) -> Result<(), String>,
) -> Result<(), String> {
    let mut linger = pin!(linger(tasks));
    loop {
        let accepted = tokio::select! {
            biased;
            () = linger.as_mut() => return Ok(()),
            accepted = next_connection(&listener, config) => accepted,
            () = tasks.stopping() => return Ok(()),
        };
        take(accepted.map_err(|error| error.to_string())?)?;
    }
}

/// Completes a moment after `tasks` stop.
async fn linger(tasks: &Tasks) {
    tasks.stopping().await;
    tokio::time::sleep(LINGER).await;
}

/// Returns the next connection. Beyond the limit, connections wait in the listener's backlog, and the system refuses
/// what does not fit there.
async fn next_connection(listener: &TcpListener, config: &ConnectionConfig) -> Result<Accepted, AcquireError> {
    let slot = Arc::clone(&config.slots).acquire_owned().await?;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            // The connection broke before it was accepted, or there are too many open files for a moment.
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
                continue;
            }
        };
        let Some(account) = config.budget.connect(peer.ip()) else {
            // Closed at once: if it waited, it would take room in the backlog from other peers.
            tracing::debug!(%peer, "a connection was refused: too many from this peer");
            continue;
        };
        match stream.into_std() {
            Ok(stream) => return Ok(Accepted { stream, peer, slot, account }),
            Err(error) => tracing::warn!(%peer, error = %error, "a connection could not be passed to a thread"),
        }
    }
}
