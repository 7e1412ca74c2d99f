//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker, ready};
use std::time::Duration;

use futures_util::future::{BoxFuture, Either, FutureExt as _};
use http::header::CONTENT_TYPE;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_rustls::TlsAcceptor;
use tonic::body::Body;
use tonic::transport::server::TcpConnectInfo;
use tower::ServiceExt as _;

use super::limits::{self, Patience};
use super::tls::Certificates;
use super::{Calls, deadline};
use crate::lifecycle::Tasks;
use crate::random::Random;

/// Bytes by which a peer has said what it speaks: the preface of HTTP/2. No call by HTTP/1.1 is shorter.
const GREETING: usize = 24;

/// What holds for every connection of a port.
pub struct Terms {
    /// Certificates, if the port speaks TLS.
    pub tls: Option<Arc<Certificates>>,
    /// How old a connection may become, a tenth less to a tenth more, so that those of one moment do not end in one
    /// moment; none: any age.
    pub age: Option<Duration>,
    /// Connections at once.
    pub connections: usize,
    /// Draws the tenths.
    pub random: Arc<dyn Random>,
    patience: Patience,
    builder: Builder<TokioExecutor>,
}

impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { tls, age, connections, .. } = self;
        f.debug_struct("Terms")
            .field("tls", tls)
            .field("age", age)
            .field("connections", connections)
            .finish_non_exhaustive()
    }
}

impl Terms {
    /// The terms of a port.
    pub fn new(
        tls: Option<Arc<Certificates>>,
        age: Option<Duration>,
        connections: usize,
        random: Arc<dyn Random>,
        patience: Patience,
    ) -> Self {
        Self { tls, age, connections, random, patience, builder: limits::builder(&patience) }
    }

    /// When a connection that begins now is too old.
    fn end(&self) -> Option<Instant> {
        let age = self.age?;
        let draw: [u8; 4] = self.random.bytes();
        // From 0.9 to 1.1 of it.
        let share = 0.9 + 0.2 * f64::from(u32::from_le_bytes(draw)) / f64::from(u32::MAX);
        Some(Instant::now() + age.mul_f64(share))
    }
}

/// Serves a connection to its end.
pub(super) async fn serve<S: Calls>(stream: TcpStream, peer: SocketAddr, calls: S, terms: &Terms, tasks: &Tasks) {
    // Without it small answers wait 40 ms for each other.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%peer, error = %error, "a connection was gone before it began");
        return;
    }
    let info = TcpConnectInfo { local_addr: stream.local_addr().ok(), remote_addr: Some(peer) };
    let Some(certificates) = &terms.tls else {
        return speak(stream, info, calls, terms, tasks).await;
    };
    let handshake = TlsAcceptor::from(certificates.current()).accept(stream);
    let shaken = tokio::select! {
        () = tasks.stopping() => return,
        shaken = timeout(terms.patience.greeting, handshake) => shaken,
    };
    match shaken {
        Ok(Ok(stream)) => speak(stream, info, calls, terms, tasks).await,
        Ok(Err(error)) => tracing::debug!(%peer, error = %error, "a TLS handshake failed"),
        Err(_) => tracing::debug!(%peer, "a TLS handshake took too long"),
    }
}

async fn speak<IO, S>(io: IO, info: TcpConnectInfo, calls: S, terms: &Terms, tasks: &Tasks)
where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: Calls,
{
    let peer = info.remote_addr;
    let heard = Arc::new(AtomicUsize::new(0));
    let io = TokioIo::new(Counted { io, heard: Arc::clone(&heard) });
    let service = service_fn(move |request| answer(&calls, request, &info));
    let mut connection = pin!(terms.builder.serve_connection(io, service));
    let mut end = terms.end();
    let mut greet_by = Some(Instant::now() + terms.patience.greeting);
    let mut leaving = false;
    // One timer for the greeting, the age and the grace: whichever comes next.
    let mut alarm = pin!(sleep_until(earlier(greet_by, end).unwrap_or_else(Instant::now)));
    loop {
        tokio::select! {
            biased;
            result = connection.as_mut() => {
                if let Err(error) = result {
                    tracing::debug!(peer = ?peer, error = %error, "a connection broke");
                }
                return;
            }
            () = tasks.stopping(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
                // Whoever ends the process says how long it waits.
                end = None;
            }
            () = alarm.as_mut(), if greet_by.is_some() || end.is_some() => {
                let now = Instant::now();
                if greet_by.take_if(|at| *at <= now).is_some() && heard.load(Ordering::Relaxed) < GREETING {
                    tracing::debug!(peer = ?peer, "a connection did not say in time what it speaks");
                    return;
                }
                if end.take_if(|at| *at <= now).is_some() {
                    if leaving {
                        tracing::debug!(peer = ?peer, "calls went on for too long on a connection that was too old");
                        return;
                    }
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                    end = Some(now + terms.patience.grace);
                }
                if let Some(next) = earlier(greet_by, end) {
                    alarm.as_mut().reset(next);
                }
            }
        }
    }
}

/// The earlier of two moments, of which each may not come.
fn earlier(one: Option<Instant>, other: Option<Instant>) -> Option<Instant> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        _ => one.or(other),
    }
}

/// Answers a call, within the time that its caller waits. What is answered is small: it is moved several times.
fn answer<S: Calls>(
    calls: &S,
    request: Request<Incoming>,
    info: &TcpConnectInfo,
) -> Either<S::Future, BoxFuture<'static, Result<Response<Body>, Infallible>>> {
    let mut calls = calls.clone();
    let mut request = request.map(Body::new);
    let is_grpc = |kind: &http::HeaderValue| kind.as_bytes().starts_with(b"application/grpc");
    let mut limit = None;
    if request.headers().get(CONTENT_TYPE).is_some_and(is_grpc) {
        limit = deadline::of(request.headers());
    } else {
        // Pages and proxies are answered by where they are; gRPC is not, and need not pay for it.
        request.extensions_mut().insert(info.clone());
    }
    let ready = calls.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready();
    match limit {
        // Nearly always: what is served here waits within a call, never before it.
        None if ready => Either::Left(calls.call(request)),
        None => Either::Right(calls.oneshot(request).boxed()),
        Some(limit) => {
            let call = timeout(limit, calls.oneshot(request));
            Either::Right(call.map(|answer| answer.unwrap_or_else(|_| Ok(deadline::exceeded()))).boxed())
        }
    }
}

/// Counts the bytes that come in.
struct Counted<IO> {
    io: IO,
    heard: Arc<AtomicUsize>,
}

impl<IO: AsyncRead + Unpin> AsyncRead for Counted<IO> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, into: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = into.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, into))?;
        self.heard.fetch_add(into.filled().len() - before, Ordering::Relaxed);
        Poll::Ready(Ok(()))
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
