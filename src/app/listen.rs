//! The three ports, and the file that contains their addresses.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::{TcpListener, TcpSocket};

use super::Error;
use crate::config::{Config, TlsFiles};
use crate::lifecycle::Threads;
use crate::serve::tls::Certificates;

const DECISION_ADDR: &str = "LATCHKEY_DECISION_ADDR";
/// Name of the file in the data folder with the addresses of a running server, as JSON.
const ADDRESSES: &str = "addresses.json";

/// Backlog of the decision port: connections that wait to be accepted; the system refuses further ones.
const BACKLOG: u32 = 1_024;

/// The ports: bound, but not serving yet.
#[derive(Debug)]
pub(super) struct Ports {
    /// Bound and refusing connections: load-balanced clients use another server until this one can decide.
    pub(super) decision: TcpSocket,
    pub(super) decision_tls: Option<Arc<Certificates>>,
    pub(super) admin: TcpListener,
    pub(super) admin_tls: Option<Arc<Certificates>>,
    pub(super) ops: TcpListener,
}

/// Addresses of the ports; known only after binding if port 0 was requested.
#[derive(Debug, serde::Serialize)]
pub(super) struct PortAddresses {
    decision: SocketAddr,
    pub(super) admin: SocketAddr,
    ops: SocketAddr,
}

impl Ports {
    /// Binds all three ports and reads their certificates.
    pub(super) async fn bind(config: &Config) -> Result<Self, Error> {
        let decision_tls = read_tls("decision", config.decision_tls.as_ref())?;
        let admin_tls = read_tls("administration", config.admin_tls.as_ref())?;
        Ok(Self {
            decision: reserve("decision", config.decision_addr, DECISION_ADDR)?,
            decision_tls,
            admin: bind("administration", config.admin_addr, "LATCHKEY_ADMIN_ADDR").await?,
            admin_tls,
            ops: bind("operations", config.ops_addr, "LATCHKEY_OPS_ADDR").await?,
        })
    }

    pub(super) fn addresses(&self) -> Result<PortAddresses, Error> {
        let settings = "LATCHKEY_DECISION_ADDR, LATCHKEY_ADMIN_ADDR or LATCHKEY_OPS_ADDR";
        let of = |port, address: io::Result<_>| address.map_err(failed(port, "an unknown address", settings));
        Ok(PortAddresses {
            decision: of("decision", self.decision.local_addr())?,
            admin: of("administration", self.admin.local_addr())?,
            ops: of("operations", self.ops.local_addr())?,
        })
    }
}

impl PortAddresses {
    /// Publishes the addresses in the log and, if this server `owns_folder`, in a file there.
    pub(super) fn publish(&self, config: &Config, owns_folder: bool) -> Result<(), Error> {
        tracing::info!(admin = %self.admin, ops = %self.ops, "listening");
        if !owns_folder {
            return Ok(());
        }
        let path = path(config);
        let text = serde_json::to_string(self).unwrap_or_default();
        // Written to another file and moved into place, so that no reader sees half of it.
        let temporary = path.with_extension("json.new");
        std::fs::write(&temporary, text)
            .and_then(|()| std::fs::rename(&temporary, &path))
            .map_err(|source| Error::Failed(format!("the address file {} cannot be used: {source}", path.display())))
    }

    /// Removes the file from the data folder if this server `owns_folder`, unless it was overwritten since.
    pub(super) fn withdraw(&self, config: &Config, owns_folder: bool) {
        let path = path(config);
        let written = serde_json::to_string(self).unwrap_or_default();
        if owns_folder && std::fs::read_to_string(&path).is_ok_and(|text| text == written) {
            // A file left behind does no harm: nothing listens on its addresses.
            let _ = std::fs::remove_file(&path);
        }
    }
}

fn path(config: &Config) -> PathBuf {
    config.data_dir.join(ADDRESSES)
}

/// Moves `listener` to the runtime of `threads`, which is woken by its connections from now on.
pub(super) fn move_to_threads(listener: TcpListener, threads: &Threads) -> io::Result<TcpListener> {
    let listener = listener.into_std()?;
    let _within = threads.handle().enter();
    TcpListener::from_std(listener)
}

/// Listens on the decision port, on the runtime of `threads`.
pub(super) fn start_listening(socket: TcpSocket, threads: &Threads) -> Result<TcpListener, Error> {
    let address = socket.local_addr().map_or_else(|_| "an unknown address".to_owned(), |address| address.to_string());
    let _within = threads.handle().enter();
    let listener = socket.listen(BACKLOG).map_err(failed("decision", &address, DECISION_ADDR))?;
    tracing::info!(decision = %address, "listening");
    Ok(listener)
}

/// Binds an address without listening on it yet. Fails if another socket listens on it.
fn reserve(port: &'static str, address: SocketAddr, setting: &'static str) -> Result<TcpSocket, Error> {
    let taken = || {
        let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        // As for listeners: connections of the last process may linger. Not for port 0: two could get the same port.
        socket.set_reuseaddr(address.port() != 0)?;
        socket.bind(address)?;
        Ok(socket)
    };
    taken().map_err(failed(port, address, setting))
}

async fn bind(port: &'static str, address: SocketAddr, setting: &'static str) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(failed(port, address, setting))
}

/// Returns the function that explains why a port cannot listen.
fn failed(port: &'static str, address: impl ToString, setting: &'static str) -> impl FnOnce(io::Error) -> Error {
    move |source| {
        let advice = match source.kind() {
            io::ErrorKind::AddrInUse => {
                format!("stop the program that uses this address, or set {setting} to another one")
            }
            io::ErrorKind::PermissionDenied => {
                format!("set {setting} to a port above 1023, or permit this user to use it")
            }
            _ => format!("set {setting} to an address of this machine"),
        };
        Error::Failed(format!("the {port} port cannot listen on {}: {source}; {advice}", address.to_string()))
    }
}

fn read_tls(port: &'static str, files: Option<&TlsFiles>) -> Result<Option<Arc<Certificates>>, Error> {
    let read = |files: &TlsFiles| Certificates::read(files.clone()).map(Arc::new);
    let certificates = files.map(read).transpose();
    certificates.map_err(|why| Error::Failed(format!("the certificates of the {port} port cannot be used: {why}")))
}
