//! The three ports, and the file that tells where they are.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use tokio::net::TcpListener;

use super::Error;
use crate::config::{Config, TlsFiles};
use crate::lifecycle::Threads;
use crate::serve::tls::Certificates;

/// Name of the file in the data folder that tells where a running server listens, as JSON.
const ADDRESSES: &str = "addresses.json";

/// The listeners, bound and not yet answering.
#[derive(Debug)]
pub(super) struct Ports {
    pub(super) decision: TcpListener,
    pub(super) decision_tls: Option<Arc<Certificates>>,
    pub(super) admin: TcpListener,
    pub(super) admin_tls: Option<Arc<Certificates>>,
    pub(super) ops: TcpListener,
}

/// Where the ports are; known only now if port 0 was asked for.
#[derive(Debug, serde::Serialize)]
pub(super) struct Addresses {
    decision: SocketAddr,
    admin: SocketAddr,
    ops: SocketAddr,
}

impl Ports {
    /// Binds all three ports and reads their certificates.
    pub(super) async fn bind(config: &Config) -> Result<Self, Error> {
        let decision_tls = read_tls("decision", config.decision_tls.as_ref())?;
        let admin_tls = read_tls("administration", config.admin_tls.as_ref())?;
        Ok(Self {
            decision: bind("decision", config.decision_addr, "LATCHKEY_DECISION_ADDR").await?,
            decision_tls,
            admin: bind("administration", config.admin_addr, "LATCHKEY_ADMIN_ADDR").await?,
            admin_tls,
            ops: bind("operations", config.ops_addr, "LATCHKEY_OPS_ADDR").await?,
        })
    }

    /// Where they listen.
    pub(super) fn addresses(&self) -> Result<Addresses, Error> {
        let of = |port, listener: &TcpListener| {
            listener.local_addr().map_err(|source| Error::Listen {
                port,
                address: "an unknown address".to_owned(),
                setting: "LATCHKEY_DECISION_ADDR, LATCHKEY_ADMIN_ADDR or LATCHKEY_OPS_ADDR",
                source,
            })
        };
        Ok(Addresses {
            decision: of("decision", &self.decision)?,
            admin: of("administration", &self.admin)?,
            ops: of("operations", &self.ops)?,
        })
    }
}

impl Addresses {
    /// The administration port's.
    pub(super) const fn admin(&self) -> SocketAddr {
        self.admin
    }

    /// Tells the log and, in a data folder that is `ours`, everybody who looks into it where the ports are.
    pub(super) fn publish(&self, config: &Config, ours: bool) -> Result<(), Error> {
        tracing::info!(decision = %self.decision, admin = %self.admin, ops = %self.ops, "listening");
        if !ours {
            return Ok(());
        }
        let path = path(config);
        let text = serde_json::to_string(self).unwrap_or_default();
        // Written aside and moved into place, so that nobody reads half of it.
        let aside = path.with_extension("json.new");
        std::fs::write(&aside, text)
            .and_then(|()| std::fs::rename(&aside, &path))
            .map_err(|source| Error::File { what: format!("the file of addresses {}", path.display()), source })
    }

    /// Removes the file again from a data folder that is `ours`, unless something else was written there since.
    pub(super) fn withdraw(&self, config: &Config, ours: bool) {
        let path = path(config);
        let written = serde_json::to_string(self).unwrap_or_default();
        if ours && std::fs::read_to_string(&path).is_ok_and(|text| text == written) {
            // What stays behind misleads nobody: its addresses do not answer.
            let _ = std::fs::remove_file(&path);
        }
    }
}

fn path(config: &Config) -> PathBuf {
    config.data_dir.join(ADDRESSES)
}

/// `listener` as one of `threads`, which are woken by its connections from now on.
pub(super) fn moved(listener: TcpListener, threads: &Threads) -> std::io::Result<TcpListener> {
    let listener = listener.into_std()?;
    let _within = threads.handle().enter();
    TcpListener::from_std(listener)
}

async fn bind(port: &'static str, address: SocketAddr, setting: &'static str) -> Result<TcpListener, Error> {
    TcpListener::bind(address).await.map_err(|source| Error::Listen {
        port,
        address: address.to_string(),
        setting,
        source,
    })
}

fn read_tls(port: &'static str, files: Option<&TlsFiles>) -> Result<Option<Arc<Certificates>>, Error> {
    let read = |files: &TlsFiles| Certificates::read(files.clone()).map(Arc::new);
    files.map(read).transpose().map_err(|source| Error::Tls { port, source: Box::new(source) })
}
