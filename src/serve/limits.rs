//! What one connection may use up, and how many there may be.

use std::time::Duration;

use http::request::Parts;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::budget::{Bound, Bounds};

/// Streams reset by the peer before they were accepted. hyper's 20 would end the connection of a mesh whose calls time
/// out in a burst, and all that arrive in one read count together.
const PENDING_RESETS: usize = 8_192;
/// Streams reset by us for errors of the peer (RUSTSEC-2024-0003).
const LOCAL_RESETS: usize = 1_024;
/// Bytes of all headers of a call.
const HEADER_LIST: u32 = 16 * 1024;
/// Bytes that wait to be sent on a stream, for a peer that does not read.
const SEND_BUFFER: usize = 64 * 1024;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// How much the clients of a port may use up.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Connections at once; further ones wait.
    pub connections: usize,
    /// Connections of one peer, and bytes of calls under way.
    pub bounds: Bounds,
    /// Calls at once on a connection.
    pub streams: u32,
    /// Bytes that a peer may send on a connection by HTTP/2 before they are read.
    pub connection_window: u32,
    /// The same on one of its streams.
    pub stream_window: u32,
    /// Bytes of the head of a call by HTTP/1.1.
    pub http1_head: usize,
    /// Whether calls of unknown callers count that have no body. They are short where many of them are usual.
    pub counts_bodyless: bool,
    /// Whether a call is answered before its body is read unless its caller is known.
    pub checks_caller: fn(&Parts) -> bool,
}

impl Limits {
    /// The limits of a port for decisions: many calls, from few peers. `checks_caller` is [`Limits::checks_caller`].
    pub const fn decisions(connections: usize, of_peer: usize, checks_caller: fn(&Parts) -> bool) -> Self {
        let open = Bound { all: 16 * MIB, peer: 8 * MIB };
        // A mesh may come from one address: it has most of the room and not all.
        let known = Bound { all: 64 * MIB, peer: 48 * MIB };
        Self {
            connections,
            bounds: Bounds { connections: of_peer, open, known },
            // Too few would starve an Envoy, which opens one connection per worker.
            streams: 1_024,
            connection_window: 1024 * 1024,
            stream_window: 256 * 1024,
            // More than by HTTP/2: a proxy repeats in it what it was asked for.
            http1_head: 64 * KIB,
            counts_bodyless: false,
            checks_caller,
        }
    }

    /// The limits of a port for people and scripts: few calls, some of them large.
    pub const fn administration(connections: usize, of_peer: usize, checks_caller: fn(&Parts) -> bool) -> Self {
        let open = Bound { all: 16 * MIB, peer: 8 * MIB };
        // One message may have 64 MiB.
        let known = Bound { all: 96 * MIB, peer: 72 * MIB };
        Self {
            connections,
            bounds: Bounds { connections: of_peer, open, known },
            streams: 64,
            connection_window: 256 * 1024,
            stream_window: 64 * 1024,
            http1_head: 16 * KIB,
            counts_bodyless: true,
            checks_caller,
        }
    }
}

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
    /// For a body to come whose sender is not known.
    pub open_body: Duration,
    /// For a body to come whose sender is known.
    pub body: Duration,
    /// Time without a new call after which a client is asked to end the connection: twice that at most.
    pub idle: Duration,
}

impl Patience {
    /// For a port whose calls are small and whose clients keep their connections.
    pub fn decisions() -> Self {
        Self { body: Duration::from_secs(10), idle: Duration::from_mins(10), ..Self::default() }
    }
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            greeting: Duration::from_secs(10),
            head: Duration::from_secs(30),
            ping: Duration::from_secs(30),
            pong: Duration::from_secs(10),
            grace: Duration::from_secs(30),
            open_body: Duration::from_secs(10),
            // 64 MiB at half a megabyte a second.
            body: Duration::from_mins(2),
            idle: Duration::from_secs(30),
        }
    }
}

/// The limits of a connection, as hyper takes them. None of its own defaults is relied on.
pub(super) fn builder(limits: &Limits, patience: &Patience) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(LOCAL_RESETS)
        .max_header_list_size(HEADER_LIST)
        .initial_connection_window_size(limits.connection_window)
        .initial_stream_window_size(limits.stream_window)
        .max_send_buf_size(SEND_BUFFER)
        .keep_alive_interval(patience.ping)
        .keep_alive_timeout(patience.pong);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(patience.head).max_buf_size(limits.http1_head);
    builder
}

/// Raises the number of files that the process may have open to what the system lets it have, and answers that: many
/// systems give 1 024 unless asked for more. None: there is no bound.
pub fn raise_open_files() -> Option<u64> {
    let limits = getrlimit(Resource::Nofile);
    if limits.current != limits.maximum {
        let raised = Rlimit { current: limits.maximum, maximum: limits.maximum };
        if let Err(error) = setrlimit(Resource::Nofile, raised) {
            tracing::warn!(error = %error, "the limit on open files could not be raised");
        }
    }
    getrlimit(Resource::Nofile).current
}
