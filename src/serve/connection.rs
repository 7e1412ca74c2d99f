//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use axum::response::IntoResponse as _;
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
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tower::ServiceExt as _;

use super::body::{self, EvictableBody, MeteredBody};
use super::limits::{self, Limits, Timeouts};
use super::tls::Certificates;
use super::{Accepted, HttpService, LINGER, deadline, linger};
use crate::budget::{Account, Budget, BudgetError, CallBudget};
use crate::lifecycle::Tasks;
use crate::random::Random;
use crate::telemetry::metrics::Shed;

/// Bytes that identify the peer's protocol: the preface of HTTP/2. No HTTP/1.1 call is shorter.
const PREFACE: usize = 24;

/// Configuration shared by every connection of a port.
#[derive(Debug)]
pub struct ConnectionConfig {
    tls: Option<Arc<Certificates>>,
    /// Maximum age of a connection, plus or minus a tenth, so that connections opened together do not end together;
    /// `None`: no limit.
    age: Option<Duration>,
    pub(super) limits: Limits,
    random: Arc<dyn Random>,
    /// Free places for connections.
    pub(super) slots: Arc<Semaphore>,
    pub(super) budget: Arc<Budget>,
    timeouts: Timeouts,
    builder: Builder<TokioExecutor>,
}

impl ConnectionConfig {
    /// Creates the configuration of a port, with certificates if it uses TLS. `random` spreads the ages of connections.
    pub fn new(
        tls: Option<Arc<Certificates>>,
        age: Option<Duration>,
        limits: Limits,
        random: Arc<dyn Random>,
        timeouts: Timeouts,
        shed: Shed,
    ) -> Self {
        let slots = Arc::new(Semaphore::new(limits.connections));
        let budget = Arc::new(Budget::new(limits.bounds, shed));
        let builder = limits::builder(&limits, &timeouts);
        Self { tls, age, limits, random, slots, budget, timeouts, builder }
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

pub(super) async fn serve<S: HttpService>(accepted: Accepted, calls: S, config: &Arc<ConnectionConfig>, tasks: &Tasks) {
    let Accepted { stream, peer, slot: _slot, account } = accepted;
    let account = Arc::new(account);
    let stream = match TcpStream::from_std(stream) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%peer, error = %error, "a connection could not be registered with its thread");
            return;
        }
    };
    // Without it small responses wait 40 ms for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, error = %error, "a connection was closed before it was accepted");
        return;
    }
    let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(peer) };
    let Some(certificates) = &config.tls else {
        return serve_http(stream, info, account, calls, config, tasks).await;
    };
    let handshake = TlsAcceptor::from(certificates.current.load_full()).accept(stream);
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
    config: &Arc<ConnectionConfig>,
    tasks: &Tasks,
) where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService,
{
    let peer = info.remote_addr;
    let received = Arc::new(Received::default());
    let counted = CountingIo { io, bytes: 0, received: Arc::clone(&received), account: Arc::clone(&account) };
    let io = TokioIo::new(counted);
    let last = Arc::new(AtomicBool::new(false));
    let context = ConnectionContext {
        info,
        account: Arc::clone(&account),
        config: Arc::clone(config),
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
    loop {
        // One timer for the preface, the age, the grace period and idleness: whichever comes next.
        let times = [preface_deadline, end, idle.map(|(at, _)| at), first_call_deadline];
        let next = times.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + Duration::from_hours(1));
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
                if received.preface.is_cancelled() {
                    connection.as_mut().graceful_shutdown();
                } else {
                    // Before its preface, a shutdown would close it at once, with the call sent along with it.
                    first_call_deadline = Some(Instant::now() + LINGER);
                }
            }
            () = received.preface.cancelled(), if first_call_deadline.is_some() => {
                first_call_deadline = None;
                connection.as_mut().graceful_shutdown();
            }
            () = sleep_until(next) => {
                let (now, mut drain) = (Instant::now(), false);
                if first_call_deadline.take_if(|at| *at <= now).is_some() {
                    connection.as_mut().graceful_shutdown();
                }
                if preface_deadline.take_if(|at| *at <= now).is_some() && !received.preface.is_cancelled() {
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
                    if received.is_http1.load(Ordering::Relaxed) {
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
                        config.budget.shed.idle.inc();
                        drain = true;
                    }
                }
                if drain && !std::mem::replace(&mut draining, true) {
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

type CallResult = Result<Response<Body>, Infallible>;

/// State shared by every call of a connection.
struct ConnectionContext {
    info: TcpConnectInfo,
    account: Arc<Account>,
    config: Arc<ConnectionConfig>,
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
    let ConnectionConfig { limits, timeouts, .. } = &*context.config;
    let open = !(limits.checks_caller)(&head) && (has_body || limits.counts_bodyless);
    let call = if open { context.account.begin_open(has_body) } else { Ok(context.account.begin_known()) };
    let call = match call {
        Ok(call) => call,
        Err(refused) => return Either::Right(ready(Ok(refusal(refused, is_grpc))).boxed()),
    };
    let body_timeout = if open { timeouts.open_body } else { timeouts.body };
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
    let result = tokio::select! {
        biased;
        result = result => result,
        () = or_never(limit.map(tokio::time::sleep)) => Ok(deadline::exceeded()),
        // If its caller has become known by then, the call is kept.
        () = or_never(call.ended()), if call.is_open() => Ok(refusal(BudgetError::Full, is_grpc)),
    };
    result.map(|response| response.map(|body| Body::new(EvictableBody::new(body, call))))
}

/// Completes with `future`, if there is one.
async fn or_never<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Returns the response to a call for which there is no room.
fn refusal(refused: BudgetError, is_grpc: bool) -> Response<Body> {
    if is_grpc {
        return body::refusal(refused).into_http();
    }
    let response = (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")], format!("{refused}\n"));
    response.into_response().map(Body::new)
}

/// No method of HTTP/1.1 that is supported here begins like this.
const HTTP2: &[u8] = b"PRI";

/// What has been received on a connection.
#[derive(Default)]
struct Received {
    /// Cancelled once the peer's protocol is known.
    preface: CancellationToken,
    is_http1: AtomicBool,
}

struct CountingIo<IO> {
    io: IO,
    bytes: usize,
    received: Arc<Received>,
    account: Arc<Account>,
}

impl<IO> CountingIo<IO> {
    /// Counts bytes read. With HTTP/1.1 a connection buffers what comes between two calls until a head is complete.
    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        let before = self.bytes;
        self.bytes += bytes.len();
        if before < PREFACE && self.bytes >= PREFACE {
            self.received.preface.cancel();
        }
        // All bytes before these were those of HTTP/2, unless it is known to be HTTP/1.1.
        let rest = HTTP2.get(before..).unwrap_or_default();
        if rest.iter().zip(bytes).any(|(expected, byte)| expected != byte) {
            self.received.is_http1.store(true, Ordering::Relaxed);
        }
        if self.received.is_http1.load(Ordering::Relaxed) {
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
