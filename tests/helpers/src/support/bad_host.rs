//! Unusable hosts of two kinds: one accepts connections and sends nothing, and one drops packets.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tokio::net::TcpSocket;

/// A host that accepts connections and never sends anything, like a frozen one: only its kernel responds.
#[derive(Debug)]
pub struct SilentHost(TcpListener);

impl SilentHost {
    /// Starts one on a free port of `ip`, an address of this machine.
    ///
    /// # Panics
    ///
    /// When it cannot listen there.
    #[must_use]
    pub fn bind(ip: [u8; 4]) -> Self {
        Self(TcpListener::bind(SocketAddr::from((ip, 0))).expect("a port is free"))
    }

    /// Returns its address.
    ///
    /// # Panics
    ///
    /// When the system does not return it.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.0.local_addr().expect("a listener has an address")
    }
}

/// A host that drops the packets of new connections, like one that is switched off: the queue of its listener is full.
#[derive(Debug)]
pub struct DroppingHost {
    _runtime: tokio::runtime::Runtime,
    _listener: tokio::net::TcpListener,
    _queued: Vec<TcpStream>,
    address: SocketAddr,
}

impl DroppingHost {
    /// Starts one on a free port of `ip`, an address of this machine.
    ///
    /// # Panics
    ///
    /// When it cannot listen there, or accepts every connection.
    #[must_use]
    pub fn bind(ip: [u8; 4]) -> Self {
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            let listener = runtime.block_on(async {
                let socket = TcpSocket::new_v4().expect("a socket can be made");
                socket.bind(SocketAddr::from((ip, 0))).expect("a port is free");
                socket.listen(1).expect("a socket can listen")
            });
            let address = listener.local_addr().expect("a listener has an address");
            let mut queued = Vec::new();
            while let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_millis(300)) {
                queued.push(stream);
                assert!(queued.len() < 64, "the queue of {address} never fills");
            }
            Self { _runtime: runtime, _listener: listener, _queued: queued, address }
        })
        .join()
        .expect("a thread does not panic")
    }

    /// Returns its address.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}
