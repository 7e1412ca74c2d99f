//! Ports: accepting connections and serving HTTP/1.1 and HTTP/2 on them, gRPC included, with limits on everything that the
//! other end may use up.
//!
//! ```text
//! listener ─▶ slot (connections are counted, in all and of each peer) ─▶ TLS ─▶ greeting ─▶ calls ─▶ GOAWAY (age, or the end) ─▶ closed
//! ```
//!
//! [`serve`] does this on the runtime that it is called on, [`Plane`] on threads of its own.
//!
//! tonic has a server of its own; this one exists because certificates must be renewable, connections must end one after
//! another and not all at once, and every limit of HTTP/2 must be set: tonic switches hyper's off where it is not told one.

mod body;
mod connection;
mod deadline;
mod limits;
mod plane;
pub mod tls;

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

pub use self::connection::Terms;
pub use self::limits::{Limits, Patience, raise_open_files};
pub use self::plane::{Plane, Watch};
use crate::budget::{Account, Budget};
use crate::lifecycle::Tasks;

/// How long new connections are served after the end has begun: one that was made before it still carries a call.
const LINGER: Duration = Duration::from_millis(250);
/// Time until the next attempt after the system could not give a connection.
const PAUSE: Duration = Duration::from_millis(100);

/// A service that answers calls: whatever the answer, there is one.
pub trait Calls:
    Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

impl<S> Calls for S where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static
{
}

/// Serves `calls` on `listener` until `tasks` are to stop. Each connection is a task of its own that goes on until its
/// calls have ended.
///
/// # Errors
/// Never: the result is what supervised tasks answer.
pub async fn serve<S: Calls>(listener: TcpListener, calls: S, terms: Arc<Terms>, tasks: Tasks) -> Result<(), String> {
    let slots = Arc::new(Semaphore::new(terms.limits.connections));
    // Beyond the bound the others wait in the listener's queue, and the system refuses what does not fit there.
    let mut over = pin!(over(&tasks));
    while let Some(taken) = taken(&listener, &slots, &terms.budget, &tasks, over.as_mut()).await {
        let (stream, peer, slot, account) = taken;
        let (calls, terms, ending) = (calls.clone(), Arc::clone(&terms), tasks.clone());
        drop(tasks.spawn("connection", async move {
            let _slot = slot;
            connection::serve(stream, peer, account, calls, &terms, &ending).await;
        }));
    }
    Ok(())
}

/// Completes a moment after `tasks` are to stop.
async fn over(tasks: &Tasks) {
    tasks.stopping().await;
    tokio::time::sleep(LINGER).await;
}

/// The next connection until `tasks` are to stop; then those that clients have already made, at most until it is `over`.
async fn taken(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
    budget: &Arc<Budget>,
    tasks: &Tasks,
    over: Pin<&mut impl Future<Output = ()>>,
) -> Option<Taken> {
    tokio::select! {
        biased;
        () = over => None,
        taken = next(listener, slots, budget) => taken,
        () = tasks.stopping() => None,
    }
}

/// A connection, its peer, the slot that it takes and its account.
type Taken = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit, Account);

/// The next connection; `None` if there are no slots any more.
async fn next(listener: &TcpListener, slots: &Arc<Semaphore>, budget: &Arc<Budget>) -> Option<Taken> {
    let slot = Arc::clone(slots).acquire_owned().await.ok()?;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                if let Some(account) = budget.connect(peer.ip()) {
                    return Some((stream, peer, slot, account));
                }
                // Closed at once: if it waited, it would take a place in the queue that others come from.
                tracing::debug!(%peer, "a connection was refused: too many from this peer");
            }
            // It broke before it was accepted, or there are too many open files for a moment.
            Err(error) => {
                tracing::warn!(error = %error, "a connection could not be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}
