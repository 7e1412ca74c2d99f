//! Limits on the resources of one connection, and on the number of connections.

use std::time::Duration;

use http::request::Parts;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::budget::{BudgetLimits, ByteLimit};

/// Streams reset by the peer before they were accepted. hyper's default of 20 would end the connection of a mesh whose
/// calls time out in a burst, and all resets received in one read count together.
const PENDING_RESETS: usize = 8_192;
/// Streams reset by us for errors of the peer (RUSTSEC-2024-0003).
const LOCAL_RESETS: usize = 1_024;
/// Largest size of all headers of a call, in bytes.
const HEADER_LIST: u32 = 16 * 1024;
/// Bytes buffered for sending on a stream whose peer does not read.
const SEND_BUFFER: usize = 64 * 1024;
const KIB: usize = 1024;
const MIB: usize = 1024 * KIB;

/// Limits on the resources of a port's clients.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most connections at once; further ones wait.
    pub connections: usize,
    /// Bounds on connections per peer, and on bytes of calls in progress.
    pub bounds: BudgetLimits,
    /// Most calls at once per connection.
    pub streams: u32,
    /// Bytes that a peer may send on an HTTP/2 connection before they are read.
    pub connection_window: u32,
    /// The same for one of its streams.
    pub stream_window: u32,
    /// Largest head of an HTTP/1.1 call, in bytes.
    pub http1_head: usize,
    /// Whether calls without a body count if their caller is unknown. Such calls are short where they are common.
    pub counts_bodyless: bool,
    /// Returns whether a call is refused before its body is read unless its caller is known.
    pub checks_caller: fn(&Parts) -> bool,
}

impl Limits {
    /// Returns the limits of a decision port: many calls, from few peers. `checks_caller` is [`Limits::checks_caller`].
    pub const fn decisions(connections: usize, per_peer: usize, checks_caller: fn(&Parts) -> bool) -> Self {
        let open = ByteLimit { total: 16 * MIB, per_peer: 8 * MIB };
        // A mesh may connect from one address: it gets most of the room, but not all.
        let known = ByteLimit { total: 64 * MIB, per_peer: 48 * MIB };
        Self {
            connections,
            bounds: BudgetLimits { connections: per_peer, open, known },
            // Too few would starve an Envoy, which opens one connection per worker.
            streams: 1_024,
            connection_window: 1024 * 1024,
            stream_window: 256 * 1024,
            // More than with HTTP/2: a proxy repeats the original request in it.
            http1_head: 64 * KIB,
            counts_bodyless: false,
            checks_caller,
        }
    }

    /// Returns the limits of a port for people and scripts: few calls, some of them large.
    pub const fn administration(connections: usize, per_peer: usize, checks_caller: fn(&Parts) -> bool) -> Self {
        let open = ByteLimit { total: 16 * MIB, per_peer: 8 * MIB };
        // One message may have 64 MiB.
        let known = ByteLimit { total: 96 * MIB, per_peer: 72 * MIB };
        Self {
            connections,
            bounds: BudgetLimits { connections: per_peer, open, known },
            streams: 64,
            connection_window: 256 * 1024,
            stream_window: 64 * 1024,
            http1_head: 16 * KIB,
            counts_bodyless: true,
            checks_caller,
        }
    }
}

/// Timeouts of a connection.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the TLS handshake, and then for the bytes that identify the protocol.
    pub preface: Duration,
    /// For the head of an HTTP/1.1 call, and between two calls.
    pub head: Duration,
    /// Time between pings on an HTTP/2 connection that receives nothing.
    pub ping: Duration,
    /// For the response to a ping.
    pub pong: Duration,
    /// For calls to end once the connection is too old.
    pub grace: Duration,
    /// For a complete body from an unknown caller.
    pub open_body: Duration,
    /// For a complete body from a known caller.
    pub body: Duration,
    /// Time without a new call after which a client is asked to end the connection, within twice that time at most.
    pub idle: Duration,
}

impl Timeouts {
    /// Returns the timeouts of a port with small calls and long-lived connections.
    pub fn decisions() -> Self {
        Self { body: Duration::from_secs(10), idle: Duration::from_mins(10), ..Self::default() }
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            preface: Duration::from_secs(10),
            head: Duration::from_secs(30),
            ping: Duration::from_secs(30),
            pong: Duration::from_secs(10),
            grace: Duration::from_secs(30),
            open_body: Duration::from_secs(10),
            // 64 MiB at half a megabyte per second.
            body: Duration::from_mins(2),
            idle: Duration::from_secs(30),
        }
    }
}

/// Configures hyper with the limits of a connection. Relies on none of hyper's defaults.
pub(super) fn builder(limits: &Limits, timeouts: &Timeouts) -> Builder<TokioExecutor> {
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
        .keep_alive_interval(timeouts.ping)
        .keep_alive_timeout(timeouts.pong);
    builder.http1().timer(TokioTimer::new()).header_read_timeout(timeouts.head).max_buf_size(limits.http1_head);
    builder
}

/// Raises the process's limit of open files to the system's maximum and returns it: many systems default to 1,024.
/// Returns `None` if there is no limit.
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
