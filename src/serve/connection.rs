//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::future::{Either, FutureExt as _, ready};
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use http::{Request, Response, StatusCode, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tower::ServiceExt as _;

use super::body::{self, EvictableBody, MeteredBody};
use super::limits::{self, Limits, Timeouts};
use super::tls::Certificates;
use super::{HttpService, LINGER, deadline, linger};
use crate::budget::{Account, Budget, BudgetError, CallBudget};
use crate::lifecycle::Tasks;
use crate::random::Random;
use crate::telemetry::metrics::Shed;

/// Bytes that identify the peer's protocol: the preface of HTTP/2. No HTTP/1.1 call is shorter.
const PREFACE: usize = 24;

/// Configuration shared by every connection of a port.
pub struct ConnectionConfig {
    /// Certificates, if the port uses TLS.
    pub tls: Option<Arc<Certificates>>,
    /// Maximum age of a connection, plus or minus a tenth, so that connections opened together do not end together;
    /// `None`: no limit.
    pub age: Option<Duration>,
    /// Limits on the resources of its clients.
    pub limits: Limits,
    /// Source of the random tenths.
    pub random: Arc<dyn Random>,
    pub(super) budget: Arc<Budget>,
    timeouts: Timeouts,
    builder: Builder<TokioExecutor>,
}

impl std::fmt::Debug for ConnectionConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tls, age, limits, .. } = self;
        f.debug_struct("ConnectionConfig")
            .field("tls", tls)
            .field("age", age)
            .field("limits", limits)
            .finish_non_exhaustive()
    }
}

impl ConnectionConfig {
    /// Creates the configuration of a port.
    pub fn new(
        tls: Option<Arc<Certificates>>,
        age: Option<Duration>,
        limits: Limits,
        random: Arc<dyn Random>,
        timeouts: Timeouts,
        shed: Shed,
    ) -> Self {
        let (budget, builder) = (Budget::new(limits.bounds, shed), limits::builder(&limits, &timeouts));
        Self { tls, age, limits, random, budget: Arc::new(budget), timeouts, builder }
    }

    /// Returns when a connection that begins now reaches its maximum age.
    fn end(&self) -> Option<Instant> {
        let age = self.age?;
        let draw: [u8; 4] = self.random.bytes();
        // 0.9 to 1.1 of the age.
        let share = 0.9 + 0.2 * f64::from(u32::from_le_bytes(draw)) / f64::from(u32::MAX);
        Some(Instant::now() + age.mul_f64(share))
    }
}

/// Serves a connection to its end.
pub(super) async fn serve<S: HttpService>(
    stream: TcpStream,
    peer: SocketAddr,
    account: Account,
    calls: S,
    config: &ConnectionConfig,
    tasks: &Tasks,
) {
    let account = Arc::new(account);
    // Without it small responses wait 40 ms for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, error = %error, "a connection was closed before it was accepted");
        return;
    }
    let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(peer) };
    let Some(certificates) = &config.tls else {
        return serve_http(stream, info, account, calls, config, tasks).await;
    };
    let handshake = TlsAcceptor::from(certificates.current()).accept(stream);
    let accepted = tokio::select! {
        () = linger(tasks) => return,
        accepted = timeout(config.timeouts.preface, handshake) => accepted,
    };
    match accepted {
        Ok(Ok(stream)) => serve_http(stream, info, account, calls, config, tasks).await,
        Ok(Err(error)) => tracing::debug!(%peer, error = %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}

async fn serve_http<IO, S>(
    io: IO,
    info: TcpConnectInfo,
    account: Arc<Account>,
    calls: S,
    config: &ConnectionConfig,
    tasks: &Tasks,
) where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService,
{
    let peer = info.remote_addr;
    let received = Arc::new(Received::default());
    let counted = CountingIo {
        io,
        received: Arc::clone(&received),
        protocol: Protocol::MaybeHttp2(0),
        account: Arc::clone(&account),
    };
    let io = TokioIo::new(counted);
    let last = Arc::new(AtomicBool::new(false));
    let context = ConnectionContext {
        info,
        account: Arc::clone(&account),
        limits: config.limits,
        timeouts: config.timeouts,
        last: Arc::clone(&last),
        tasks: tasks.clone(),
    };
    let service = service_fn(move |request: Request<Incoming>| {
        if request.version() == Version::HTTP_2 {
            return Either::Left(handle_call(&calls, request, &context));
        }
        Either::Right(handle_call(&calls, request, &context).map(context.close()).boxed())
    });
    let mut connection = pin!(config.builder.serve_connection(io, service));
    let mut end = config.end();
    let mut preface_deadline = Some(Instant::now() + config.timeouts.preface);
    // Whether the peer was asked to make no more calls here, whether due to age, and whether the process is stopping.
    let (mut draining, mut aged, mut stopping) = (false, false, false);
    // When to check whether calls have begun since the last check, and how many had begun then.
    let mut idle = Some((Instant::now() + config.timeouts.idle, account.begun()));
    // Once the process stops: until when a client that has just connected may begin its first call.
    let mut first_call_deadline = None;
    // One timer for the preface, the age, the grace period and idleness: whichever comes next.
    let mut alarm = pin!(sleep_until(next_alarm([preface_deadline, end, idle.map(due), first_call_deadline])));
    loop {
        tokio::select! {
            biased;
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(peer = ?peer, error = %error, "connection lost");
                }
                return;
            }
            () = tasks.stopping(), if !stopping => {
                (stopping, draining) = (true, true);
                last.store(true, Ordering::Relaxed);
                // The code that stops the process decides how long it waits.
                end = None;
                if received.bytes() < PREFACE {
                    // Before its preface, a shutdown would close it at once, with the call sent along with it.
                    first_call_deadline = Some(Instant::now() + LINGER);
                    alarm.as_mut().reset(next_alarm([preface_deadline, end, idle.map(due), first_call_deadline]));
                } else {
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = received.preface_received(), if first_call_deadline.is_some() => {
                first_call_deadline = None;
                connection.as_mut().graceful_shutdown();
            }
            () = alarm.as_mut() => {
                let (now, mut drain) = (Instant::now(), false);
                if first_call_deadline.take_if(|at| *at <= now).is_some() {
                    connection.as_mut().graceful_shutdown();
                }
                if preface_deadline.take_if(|at| *at <= now).is_some() && received.bytes() < PREFACE {
                    tracing::debug!(peer = ?peer, "a connection did not send its preface in time");
                    return;
                }
                if end.take_if(|at| *at <= now).is_some() {
                    if aged {
                        tracing::debug!(peer = ?peer, "calls on a connection past its maximum age did not end in time");
                        return;
                    }
                    aged = true;
                    end = Some(now + config.timeouts.grace);
                    if received.is_http1() {
                        // A client may be about to call: its next response gives notice; nothing closes before.
                        last.store(true, Ordering::Relaxed);
                    } else {
                        drain = true;
                    }
                }
                if let Some((_, calls)) = idle.take_if(|(at, _)| *at <= now) {
                    if account.begun() != calls {
                        idle = Some((now + config.timeouts.idle, account.begun()));
                    } else if !draining {
                        // Calls in progress, such as a watch, run to their end.
                        account.budget().shed().idle.inc();
                        drain = true;
                    }
                }
                if drain && !std::mem::replace(&mut draining, true) {
                    connection.as_mut().graceful_shutdown();
                }
                alarm.as_mut().reset(next_alarm([preface_deadline, end, idle.map(due), first_call_deadline]));
            }
        }
    }
}

/// Returns the earliest of the times.
fn next_alarm(moments: [Option<Instant>; 4]) -> Instant {
    moments.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + Duration::from_hours(1))
}

/// Returns when an idleness check is due.
const fn due((at, _): (Instant, usize)) -> Instant {
    at
}

type CallResult = Result<Response<Body>, Infallible>;

/// State shared by every call of a connection.
struct ConnectionContext {
    info: TcpConnectInfo,
    account: Arc<Account>,
    limits: Limits,
    timeouts: Timeouts,
    /// Whether the next HTTP/1.1 call is the last one.
    last: Arc<AtomicBool>,
    tasks: Tasks,
}

impl ConnectionContext {
    /// Marks the response as the connection's last if the connection must end. An HTTP/1.1 client has no other way to
    /// know: if its connection were closed between two calls, the next call could be lost.
    fn close(&self) -> impl FnOnce(CallResult) -> CallResult + use<> {
        let (last, tasks) = (Arc::clone(&self.last), self.tasks.clone());
        move |mut result| {
            if (last.load(Ordering::Relaxed) || tasks.is_draining())
                && let Ok(response) = &mut result
            {
                response.headers_mut().insert(CONNECTION, http::HeaderValue::from_static("close"));
            }
            result
        }
    }
}

/// Handles a call within its caller's deadline. The returned future is small because it is moved several times.
fn handle_call<S: HttpService>(
    calls: &S,
    request: Request<Incoming>,
    context: &ConnectionContext,
) -> impl Future<Output = CallResult> + use<S> {
    let mut calls = calls.clone();
    let (mut head, body) = request.into_parts();
    let is_grpc = |kind: &http::HeaderValue| kind.as_bytes().starts_with(b"application/grpc");
    let is_grpc = head.headers.get(CONTENT_TYPE).is_some_and(is_grpc);
    let has_body = !body.is_end_stream();
    let open = !(context.limits.checks_caller)(&head) && (has_body || context.limits.counts_bodyless);
    let call = if open { context.account.begin_open(has_body) } else { Ok(context.account.begin_known()) };
    let call = match call {
        Ok(call) => call,
        Err(refused) => return Either::Right(ready(Ok(refusal(refused, is_grpc))).boxed()),
    };
    let body_timeout = if open { context.timeouts.open_body } else { context.timeouts.body };
    let mut limit = None;
    if is_grpc {
        limit = deadline::from_headers(&head.headers);
    } else {
        // Needed only by pages and proxies; gRPC need not pay for it.
        head.extensions.insert(context.info.clone());
        head.extensions.insert(Arc::clone(&call));
    }
    let body =
        if has_body { Body::new(MeteredBody::new(body, Arc::clone(&call), body_timeout)) } else { Body::empty() };
    let request = Request::from_parts(head, body);
    let ready = calls.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
    if open {
        return Either::Right(handle_open_call(calls.oneshot(request), limit, call, is_grpc).boxed());
    }
    // Counted until the response is ready, even after its body has been read.
    let counted = move |result| {
        drop(call);
        result
    };
    match limit {
        // Nearly always: the services here wait within a call, never before it.
        None if ready => Either::Left(calls.call(request).map(counted)),
        None => Either::Right(calls.oneshot(request).map(counted).boxed()),
        Some(limit) => {
            let result = timeout(limit, calls.oneshot(request));
            Either::Right(result.map(|result| result.unwrap_or_else(|_| Ok(deadline::exceeded()))).map(counted).boxed())
        }
    }
}

/// Handles a call of an unknown caller, which ends early when others need its room.
async fn handle_open_call(
    result: impl Future<Output = CallResult>,
    limit: Option<Duration>,
    call: Arc<CallBudget>,
    is_grpc: bool,
) -> CallResult {
    let waits = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => std::future::pending().await,
        }
    };
    let ended = async {
        match call.ended() {
            Some(ended) => ended.await,
            None => std::future::pending().await,
        }
    };
    let result = tokio::select! {
        biased;
        result = result => result,
        () = waits => Ok(deadline::exceeded()),
        // If its caller has become known by then, the call is kept.
        () = ended, if call.is_open() => Ok(refusal(BudgetError::Full, is_grpc)),
    };
    result.map(|response| response.map(|body| Body::new(EvictableBody::new(body, call))))
}

/// Returns the response to a call for which there is no room.
fn refusal(refused: BudgetError, is_grpc: bool) -> Response<Body> {
    if is_grpc {
        return body::refusal(refused).into_http();
    }
    let mut response = Response::new(Body::new(format!("{refused}\n")));
    *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    response.headers_mut().insert(RETRY_AFTER, http::HeaderValue::from_static("1"));
    response.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

/// Protocol of a peer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    /// Number of received bytes that match the preface of HTTP/2; nothing else was received.
    MaybeHttp2(usize),
    Http1,
    Http2,
}

/// No method of HTTP/1.1 that is supported here begins like this.
const HTTP2: &[u8] = b"PRI";

/// What has been received on a connection.
#[derive(Default)]
struct Received {
    bytes: AtomicUsize,
    http1: AtomicBool,
    preface: Notify,
}

impl Received {
    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn is_http1(&self) -> bool {
        self.http1.load(Ordering::Relaxed)
    }

    /// Completes once the peer's protocol is known.
    async fn preface_received(&self) {
        while self.bytes() < PREFACE {
            self.preface.notified().await;
        }
    }

    fn count(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before < PREFACE && before + bytes >= PREFACE {
            self.preface.notify_one();
        }
    }
}

/// Counts the received bytes.
struct CountingIo<IO> {
    io: IO,
    received: Arc<Received>,
    protocol: Protocol,
    account: Arc<Account>,
}

impl<IO> CountingIo<IO> {
    /// Counts bytes read. With HTTP/1.1 a connection buffers what comes between two calls until a head is complete.
    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.received.count(bytes.len());
        if let Protocol::MaybeHttp2(before) = self.protocol {
            let rest = &HTTP2[before..];
            let shared = rest.len().min(bytes.len());
            self.protocol = match bytes[..shared] == rest[..shared] {
                false => Protocol::Http1,
                true if shared == rest.len() => Protocol::Http2,
                true => Protocol::MaybeHttp2(before + shared),
            };
        }
        if self.protocol == Protocol::Http1 {
            self.received.http1.store(true, Ordering::Relaxed);
            self.account.read_head(bytes.len()).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for CountingIo<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, into))?;
        Poll::Ready(self.count(&into.filled()[before..]))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for CountingIo<IO> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
