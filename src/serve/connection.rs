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

use super::body::{self, Guarded, Metered};
use super::limits::{self, Limits, Patience};
use super::tls::Certificates;
use super::{Calls, LINGER, deadline, over};
use crate::budget::{Account, Budget, Call, Refused};
use crate::lifecycle::Tasks;
use crate::random::Random;
use crate::telemetry::metrics::Shed;

/// Bytes that identify the peer's protocol: the preface of HTTP/2. No HTTP/1.1 call is shorter.
const GREETING: usize = 24;

/// Configuration shared by every connection of a port.
pub struct Terms {
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
    patience: Patience,
    builder: Builder<TokioExecutor>,
}

impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tls, age, limits, .. } = self;
        f.debug_struct("Terms").field("tls", tls).field("age", age).field("limits", limits).finish_non_exhaustive()
    }
}

impl Terms {
    /// Creates the configuration of a port.
    pub fn new(
        tls: Option<Arc<Certificates>>,
        age: Option<Duration>,
        limits: Limits,
        random: Arc<dyn Random>,
        patience: Patience,
        shed: Shed,
    ) -> Self {
        let (budget, builder) = (Budget::new(limits.bounds, shed), limits::builder(&limits, &patience));
        Self { tls, age, limits, random, budget: Arc::new(budget), patience, builder }
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
pub(super) async fn serve<S: Calls>(
    stream: TcpStream,
    peer: SocketAddr,
    account: Account,
    calls: S,
    terms: &Terms,
    tasks: &Tasks,
) {
    let account = Arc::new(account);
    // Without it small responses wait 40 ms for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, error = %error, "a connection was closed before it was accepted");
        return;
    }
    let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(peer) };
    let Some(certificates) = &terms.tls else {
        return speak(stream, info, account, calls, terms, tasks).await;
    };
    let handshake = TlsAcceptor::from(certificates.current()).accept(stream);
    let shaken = tokio::select! {
        () = over(tasks) => return,
        shaken = timeout(terms.patience.greeting, handshake) => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => speak(stream, info, account, calls, terms, tasks).await,
        Ok(Err(error)) => tracing::debug!(%peer, error = %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}

async fn speak<IO, S>(io: IO, info: TcpConnectInfo, account: Arc<Account>, calls: S, terms: &Terms, tasks: &Tasks)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Calls,
{
    let peer = info.remote_addr;
    let heard = Arc::new(Heard::default());
    let counted = Counted { io, heard: Arc::clone(&heard), speaks: Speaks::Perhaps2(0), account: Arc::clone(&account) };
    let io = TokioIo::new(counted);
    let last = Arc::new(AtomicBool::new(false));
    let line = Line {
        info,
        account: Arc::clone(&account),
        limits: terms.limits,
        patience: terms.patience,
        last: Arc::clone(&last),
        tasks: tasks.clone(),
    };
    let service = service_fn(move |request: Request<Incoming>| {
        if request.version() == Version::HTTP_2 {
            return Either::Left(answer(&calls, request, &line));
        }
        Either::Right(answer(&calls, request, &line).map(line.close()).boxed())
    });
    let mut connection = pin!(terms.builder.serve_connection(io, service));
    let mut end = terms.end();
    let mut greet_by = Some(Instant::now() + terms.patience.greeting);
    // Whether the peer was asked to make no more calls here, whether due to age, and whether the process is stopping.
    let (mut leaving, mut aged, mut stopping) = (false, false, false);
    // When to check whether calls have begun since the last check, and how many had begun then.
    let mut idle = Some((Instant::now() + terms.patience.idle, account.begun()));
    // Once the process stops: until when a client that has just connected may begin its first call.
    let mut begin_by = None;
    // One timer for the greeting, the age, the grace period and idleness: whichever comes next.
    let mut alarm = pin!(sleep_until(next_alarm([greet_by, end, idle.map(at), begin_by])));
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
                (stopping, leaving) = (true, true);
                last.store(true, Ordering::Relaxed);
                // The code that stops the process decides how long it waits.
                end = None;
                if heard.bytes() < GREETING {
                    // Before its greeting, a shutdown would close it at once, with the call sent along with it.
                    begin_by = Some(Instant::now() + LINGER);
                    alarm.as_mut().reset(next_alarm([greet_by, end, idle.map(at), begin_by]));
                } else {
                    connection.as_mut().graceful_shutdown();
                }
            }
            () = heard.greeted(), if begin_by.is_some() => {
                begin_by = None;
                connection.as_mut().graceful_shutdown();
            }
            () = alarm.as_mut() => {
                let (now, mut leave) = (Instant::now(), false);
                if begin_by.take_if(|at| *at <= now).is_some() {
                    connection.as_mut().graceful_shutdown();
                }
                if greet_by.take_if(|at| *at <= now).is_some() && heard.bytes() < GREETING {
                    tracing::debug!(peer = ?peer, "a connection did not send its preface in time");
                    return;
                }
                if end.take_if(|at| *at <= now).is_some() {
                    if aged {
                        tracing::debug!(peer = ?peer, "calls on a connection past its maximum age did not end in time");
                        return;
                    }
                    aged = true;
                    end = Some(now + terms.patience.grace);
                    if heard.is_http1() {
                        // A client may be about to call: its next response gives notice; nothing closes before.
                        last.store(true, Ordering::Relaxed);
                    } else {
                        leave = true;
                    }
                }
                if let Some((_, calls)) = idle.take_if(|(at, _)| *at <= now) {
                    if account.begun() != calls {
                        idle = Some((now + terms.patience.idle, account.begun()));
                    } else if !leaving {
                        // Calls in progress, such as a watch, run to their end.
                        account.budget().shed().idle.inc();
                        leave = true;
                    }
                }
                if leave && !std::mem::replace(&mut leaving, true) {
                    connection.as_mut().graceful_shutdown();
                }
                alarm.as_mut().reset(next_alarm([greet_by, end, idle.map(at), begin_by]));
            }
        }
    }
}

/// Returns the earliest of the times.
fn next_alarm(moments: [Option<Instant>; 4]) -> Instant {
    moments.into_iter().flatten().min().unwrap_or_else(|| Instant::now() + Duration::from_hours(1))
}

/// Returns when an idleness check is due.
const fn at((at, _): (Instant, usize)) -> Instant {
    at
}

type Answer = Result<Response<Body>, Infallible>;

/// State shared by every call of a connection.
struct Line {
    info: TcpConnectInfo,
    account: Arc<Account>,
    limits: Limits,
    patience: Patience,
    /// Whether the next HTTP/1.1 call is the last one.
    last: Arc<AtomicBool>,
    tasks: Tasks,
}

impl Line {
    /// Marks the response as the connection's last if the connection must end. An HTTP/1.1 client has no other way to
    /// know: if its connection were closed between two calls, the next call could be lost.
    fn close(&self) -> impl FnOnce(Answer) -> Answer + use<> {
        let (last, tasks) = (Arc::clone(&self.last), self.tasks.clone());
        move |mut answer| {
            if (last.load(Ordering::Relaxed) || tasks.is_leaving())
                && let Ok(response) = &mut answer
            {
                response.headers_mut().insert(CONNECTION, http::HeaderValue::from_static("close"));
            }
            answer
        }
    }
}

/// Handles a call within its caller's deadline. The returned future is small because it is moved several times.
fn answer<S: Calls>(calls: &S, request: Request<Incoming>, line: &Line) -> impl Future<Output = Answer> + use<S> {
    let mut calls = calls.clone();
    let (mut head, body) = request.into_parts();
    let is_grpc = |kind: &http::HeaderValue| kind.as_bytes().starts_with(b"application/grpc");
    let is_grpc = head.headers.get(CONTENT_TYPE).is_some_and(is_grpc);
    let has_body = !body.is_end_stream();
    let open = !(line.limits.checks_caller)(&head) && (has_body || line.limits.counts_bodyless);
    let call = if open { line.account.open(has_body) } else { Ok(line.account.known()) };
    let call = match call {
        Ok(call) => call,
        Err(refused) => return Either::Right(ready(Ok(refusal(refused, is_grpc))).boxed()),
    };
    let patience = if open { line.patience.open_body } else { line.patience.body };
    let mut limit = None;
    if is_grpc {
        limit = deadline::of(&head.headers);
    } else {
        // Needed only by pages and proxies; gRPC need not pay for it.
        head.extensions.insert(line.info.clone());
        head.extensions.insert(Arc::clone(&call));
    }
    let body = if has_body { Body::new(Metered::new(body, Arc::clone(&call), patience)) } else { Body::empty() };
    let request = Request::from_parts(head, body);
    let ready = calls.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
    if open {
        return Either::Right(answer_open(calls.oneshot(request), limit, call, is_grpc).boxed());
    }
    // Counted until the response is ready, even after its body has been read.
    let counted = move |answer| {
        drop(call);
        answer
    };
    match limit {
        // Nearly always: the services here wait within a call, never before it.
        None if ready => Either::Left(calls.call(request).map(counted)),
        None => Either::Right(calls.oneshot(request).map(counted).boxed()),
        Some(limit) => {
            let answer = timeout(limit, calls.oneshot(request));
            Either::Right(answer.map(|answer| answer.unwrap_or_else(|_| Ok(deadline::exceeded()))).map(counted).boxed())
        }
    }
}

/// Handles a call of an unknown caller, which ends early when others need its room.
async fn answer_open(
    answer: impl Future<Output = Answer>,
    limit: Option<Duration>,
    call: Arc<Call>,
    is_grpc: bool,
) -> Answer {
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
    let answer = tokio::select! {
        biased;
        answer = answer => answer,
        () = waits => Ok(deadline::exceeded()),
        // If its caller has become known by then, the call is kept.
        () = ended, if call.is_open() => Ok(refusal(Refused::Full, is_grpc)),
    };
    answer.map(|response| response.map(|body| Body::new(Guarded::new(body, call))))
}

/// Returns the response to a call for which there is no room.
fn refusal(refused: Refused, is_grpc: bool) -> Response<Body> {
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
enum Speaks {
    /// Number of received bytes that match the preface of HTTP/2; nothing else was received.
    Perhaps2(usize),
    Http1,
    Http2,
}

/// No method of HTTP/1.1 that is supported here begins like this.
const HTTP2: &[u8] = b"PRI";

/// What has been received on a connection.
#[derive(Default)]
struct Heard {
    bytes: AtomicUsize,
    http1: AtomicBool,
    greeted: Notify,
}

impl Heard {
    fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn is_http1(&self) -> bool {
        self.http1.load(Ordering::Relaxed)
    }

    /// Completes once the peer's protocol is known.
    async fn greeted(&self) {
        while self.bytes() < GREETING {
            self.greeted.notified().await;
        }
    }

    fn count(&self, bytes: usize) {
        let before = self.bytes.fetch_add(bytes, Ordering::Relaxed);
        if before < GREETING && before + bytes >= GREETING {
            self.greeted.notify_one();
        }
    }
}

/// Counts the received bytes.
struct Counted<IO> {
    io: IO,
    heard: Arc<Heard>,
    speaks: Speaks,
    account: Arc<Account>,
}

impl<IO> Counted<IO> {
    /// Counts bytes read. With HTTP/1.1 a connection buffers what comes between two calls until a head is complete.
    fn count(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.heard.count(bytes.len());
        if let Speaks::Perhaps2(before) = self.speaks {
            let rest = &HTTP2[before..];
            let shared = rest.len().min(bytes.len());
            self.speaks = match bytes[..shared] == rest[..shared] {
                false => Speaks::Http1,
                true if shared == rest.len() => Speaks::Http2,
                true => Speaks::Perhaps2(before + shared),
            };
        }
        if self.speaks == Speaks::Http1 {
            self.heard.http1.store(true, Ordering::Relaxed);
            self.account.read_head(bytes.len()).map_err(io::Error::other)?;
        }
        Ok(())
    }
}

impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, into))?;
        Poll::Ready(self.count(&into.filled()[before..]))
    }
}

impl<IO: AsyncWrite + Unpin> AsyncWrite for Counted<IO> {
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
