//! A TCP relay in front of a server, which a test can block in one or both directions, close, and point to another
//! target: a simulated network in one process. Nothing received is lost while it is blocked; it is passed on later.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Permitted traffic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Traffic {
    /// Everything.
    Open,
    /// Only data of clients; responses are held.
    ResponsesHeld,
    /// Nothing: connections are accepted and stay open.
    Silent,
    /// Nothing: connections are closed, and so is every new one.
    Closed,
}

#[derive(Debug, Clone, Copy)]
struct State {
    traffic: Traffic,
    target: SocketAddr,
    /// Incremented whenever all connections must end.
    generation: u64,
}

/// A running relay. Dropping ends it.
#[derive(Debug)]
pub struct Relay {
    address: SocketAddr,
    state: Arc<watch::Sender<State>>,
}

impl Relay {
    /// Listens on 127.0.0.1 and passes everything to `target`.
    ///
    /// # Panics
    ///
    /// When it cannot listen.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        Self::listen_on("127.0.0.1:0".parse().expect("an address"), target)
    }

    /// Does the same as [`Relay::to`], listening on another address.
    ///
    /// # Panics
    ///
    /// When it cannot listen there.
    #[must_use]
    pub fn listen_on(at: SocketAddr, target: SocketAddr) -> Self {
        let listener = std::net::TcpListener::bind(at).unwrap_or_else(|error| panic!("listen on {at}: {error}"));
        listener.set_nonblocking(true).expect("a listener can be told not to block");
        let address = listener.local_addr().expect("a listener has an address");
        let state = Arc::new(watch::Sender::new(State { traffic: Traffic::Open, target, generation: 0 }));
        let watched = Arc::downgrade(&state);
        let changes = state.subscribe();
        // A separate thread, because tests block theirs.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                let mut ended = changes.clone();
                tokio::select! {
                    () = accept(&listener, &changes) => {}
                    // Ends with the last sender.
                    () = async { while ended.changed().await.is_ok() {} } => {}
                }
                drop(watched);
            });
        });
        Self { address, state }
    }

    /// Returns its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Sets the permitted traffic.
    pub fn set(&self, traffic: Traffic) {
        self.state.send_modify(|state| {
            state.traffic = traffic;
            state.generation += u64::from(traffic == Traffic::Closed);
        });
    }

    /// Ends all connections, and forwards new ones to `target`.
    pub fn redirect_to(&self, target: SocketAddr) {
        self.state.send_modify(|state| {
            state.target = target;
            state.generation += 1;
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "connections end with the relay's runtime")]
async fn accept(listener: &TcpListener, state: &watch::Receiver<State>) {
    loop {
        if let Ok((client, _)) = listener.accept().await {
            tokio::spawn(connection(client, state.clone()));
        }
    }
}

async fn connection(client: TcpStream, mut state: watch::Receiver<State>) {
    let at_start = *state.borrow_and_update();
    if at_start.traffic == Traffic::Closed {
        return;
    }
    let mut ends = state.clone();
    let forwarding = async {
        state.wait_for(|state| state.traffic != Traffic::Silent).await.ok()?;
        let target = state.borrow().target;
        let server = TcpStream::connect(target).await.ok()?;
        for stream in [&client, &server] {
            stream.set_nodelay(true).ok()?;
        }
        let (from_client, to_client) = client.into_split();
        let (from_server, to_server) = server.into_split();
        // When one side ends, so does the other: half-open connections are not tested.
        tokio::select! {
            () = pump(from_client, to_server, state.clone(), false) => {}
            () = pump(from_server, to_client, state, true) => {}
        }
        Some(())
    };
    tokio::select! {
        _ = forwarding => {}
        _ = ends.wait_for(|now| now.generation != at_start.generation) => {}
    }
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut state: watch::Receiver<State>, is_response: bool) {
    let mut buffer = vec![0; 16 * 1024];
    while let Ok(read) = from.read(&mut buffer).await {
        let passes = |state: &State| match state.traffic {
            Traffic::Open | Traffic::Closed => true,
            Traffic::ResponsesHeld => !is_response,
            Traffic::Silent => false,
        };
        if read == 0 || state.wait_for(passes).await.is_err() || to.write_all(&buffer[..read]).await.is_err() {
            return;
        }
    }
}
