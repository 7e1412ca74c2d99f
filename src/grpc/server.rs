//! The gRPC servers: which services stand on which port, and the limits that every connection is held to.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::TcpListener;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Certificate, Identity, Server, ServerTlsConfig};

use super::auth::{CallerAuth, CallerAuthLayer};
use crate::authority::Authority;
use crate::lifecycle::Tasks;

/// Streams of one connection at once. Too few would starve an Envoy, which opens one connection per worker.
const CONCURRENT_STREAMS: u32 = 4_096;
/// Streams reset by the peer before they were accepted. hyper's 20 would end the connection of a mesh whose calls time
/// out in a burst.
const PENDING_RESETS: usize = 4_096;
/// Streams reset by us for errors of the peer. tonic's None would switch the limit off (RUSTSEC-2024-0003).
const LOCAL_RESETS: usize = 1_024;
/// Bytes of all headers of a call.
const HEADER_LIST: u32 = 16 * 1024;
/// Time between pings on a silent connection.
const KEEPALIVE: Duration = Duration::from_secs(30);
/// Time that a ping may go unanswered.
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(10);

/// Certificates of a port.
#[derive(Clone)]
pub struct Tls {
    /// Certificate chain and private key, PEM.
    pub identity: (String, String),
    /// Certificates that clients' certificates must lead to, PEM; none: clients need no certificate.
    pub client_ca: Option<String>,
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tls").field("client_ca", &self.client_ca.is_some()).finish_non_exhaustive()
    }
}

/// Serves `routes` on `listener` until `tasks` are to stop, and then until every call has ended.
///
/// # Errors
/// The certificates cannot be used, or the listener failed.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    authority: Authority,
    auth: CallerAuth,
    tls: Option<Tls>,
    tasks: Tasks,
) -> Result<(), tonic::transport::Error> {
    let mut server = Server::builder()
        // Browsers speak it when the port has no TLS, and proxies that ask by forward-auth.
        .accept_http1(true)
        .max_concurrent_streams(CONCURRENT_STREAMS)
        .http2_max_pending_accept_reset_streams(Some(PENDING_RESETS))
        .http2_max_local_error_reset_streams(Some(LOCAL_RESETS))
        .http2_max_header_list_size(HEADER_LIST)
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE_TIMEOUT));
    if let Some(tls) = tls {
        let mut config = ServerTlsConfig::new().identity(Identity::from_pem(tls.identity.0, tls.identity.1));
        if let Some(ca) = tls.client_ca {
            config = config.client_ca_root(Certificate::from_pem(ca));
        }
        server = server.tls_config(config)?;
    }
    // tonic sets TCP_NODELAY only on listeners of its own: without it small answers wait 40 ms.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let stopping = {
        let tasks = tasks.clone();
        async move { tasks.stopping().await }
    };
    server
        .layer(CallerAuthLayer::new(authority, auth))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stopping)
        .await
}

/// Where a listener listens, for messages.
pub fn address(listener: &TcpListener) -> SocketAddr {
    listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)))
}
