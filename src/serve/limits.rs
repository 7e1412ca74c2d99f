//! What one connection may use up, and how many there may be.

use std::time::Duration;

use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Calls at once on a connection. Too few would starve an Envoy, which opens one connection per worker.
const CONCURRENT_STREAMS: u32 = 1_024;
/// Streams reset by the peer before they were accepted. hyper's 20 would end the connection of a mesh whose calls time
/// out in a burst, and all that arrive in one read count together.
const PENDING_RESETS: usize = 8_192;
/// Streams reset by us for errors of the peer (RUSTSEC-2024-0003).
const LOCAL_RESETS: usize = 1_024;
/// Bytes of all headers of a call.
const HEADER_LIST: u32 = 16 * 1024;
/// Bytes of the head of a call by HTTP/1.1. More than by HTTP/2: a proxy repeats in it what it was asked for.
const HTTP1_HEAD: usize = 64 * 1024;
/// Bytes that a peer may send on a connection, and on a stream of it, before they are read.
const CONNECTION_WINDOW: u32 = 1024 * 1024;
const STREAM_WINDOW: u32 = 256 * 1024;
/// Bytes that wait to be sent on a stream, for a peer that does not read.
const SEND_BUFFER: usize = 64 * 1024;
/// How long a connection waits for what its peer must do.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// For the handshake of TLS, and then for saying which protocol is spoken.
    pub greeting: Duration,
    /// For the head of a call by HTTP/1.1, and between two calls.
    pub head: Duration,
    /// Time between pings on a connection by HTTP/2 on which nothing comes in.
    pub ping: Duration,
    /// For the answer to a ping.
    pub pong: Duration,
    /// For calls to end once the connection is too old.
    pub grace: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            greeting: Duration::from_secs(10),
            head: Duration::from_secs(30),
            ping: Duration::from_secs(30),
            pong: Duration::from_secs(10),
            grace: Duration::from_secs(30),
        }
    }
}

/// The limits of a connection, as hyper takes them. None of its own defaults is relied on.
pub(super) fn builder(patience: &Patience) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(CONCURRENT_STREAMS)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .max_header_list_size(HEADER_LIST)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .initial_stream_window_size(STREAM_WINDOW)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(patience.ping)
        .keep_alive_timeout(patience.pong);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(HTTP1_HEAD);
    builder
}

/// Raises the number of files that the process may have open to what the system lets it have, and answers that: many
/// systems give 1 024 unless asked for more. None: there is no bound.
pub fn raise_open_files() -> Option<u64> {
    let limits = getrlimit(Resource::Nofile);
    if limits.current != limits.maximum {
        let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(error = %error, "the number of open files stays as it is");
        }
    }
    getrlimit(Resource::Nofile).current
}
