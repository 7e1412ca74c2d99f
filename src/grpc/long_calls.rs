//! Long calls: a call with a message longer than [`LONG_CALL`] is decoded, decided and encoded on a bounded pool, so
//! that it does not delay other calls.
//!
//! ```text
//! call ─▶ length of its message? ──short──▶ the service, on this thread
//!                  │ long
//!                  └─▶ a slot of the pool ─▶ the body is read here, counted as it comes ─▶ the service, on the pool
//!                            └─ none ─▶ UNAVAILABLE, before the body is read
//! ```

use std::collections::VecDeque;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::{BoxFuture, FutureExt as _};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use prost::bytes::Bytes;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Service, ServiceExt as _};

use crate::lifecycle::{BoundedPool, Overload, Slot};
use crate::status;

/// Length in bytes above which messages are long.
pub const LONG_CALL: usize = 16 * 1024;
/// Longest time to receive a long message.
const BODY_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes before a message: whether it is compressed, and its length.
const PREFIX: usize = 5;

/// Runs short calls on `S` here, and long ones on `L` in a pool.
#[derive(Debug, Clone)]
pub struct LongCalls<S, L = S> {
    short: S,
    long: L,
    pool: BoundedPool,
    /// Longest message that either accepts.
    max_length: usize,
}

/// A partly read body that can be read again from its beginning.
#[derive(Default)]
pub(super) struct BufferedBody {
    frames: VecDeque<Result<Frame<Bytes>, Status>>,
    /// `None` once it has ended.
    rest: Option<Body>,
    /// Bytes of `frames`.
    len: usize,
}

impl<S, L> Service<Request<Body>> for LongCalls<S, L>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    L: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.short.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        if !is_grpc(request.headers()) {
            if !is_long_form(&request) {
                return self.short.call(request).boxed();
            }
            let calls = self.clone();
            // The body is read on the pool: the page limits its length.
            let slot = self.pool.slot();
            return async move { Ok(calls.offload(slot, request).await) }.boxed();
        }
        // Bidirectional streams, where the server may send first.
        if request.uri().path().starts_with("/grpc.") {
            return self.short.call(request).boxed();
        }
        self.clone().read(request).boxed()
    }
}

impl<S, L> LongCalls<S, L>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
    L: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    /// Runs calls with messages of up to [`LONG_CALL`] bytes on `short`; longer ones, up to `max_length` bytes, on
    /// `long` in `pool`.
    pub const fn new(short: S, long: L, pool: BoundedPool, max_length: usize) -> Self {
        Self { short, long, pool, max_length }
    }

    /// Reads as much of a gRPC call as needed to know where it runs, and runs it there.
    async fn read(self, request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let (parts, body) = request.into_parts();
        let mut buffered = BufferedBody { rest: Some(body), ..BufferedBody::default() };
        let length = match tokio::time::timeout(BODY_TIMEOUT, buffered.read_length()).await {
            Err(_) => return Ok(too_slow()),
            Ok(Some(length)) if length <= self.max_length + PREFIX => length,
            // A message that is too long is refused by its length alone.
            Ok(_) => {
                let request = Request::from_parts(parts, Body::new(buffered));
                return self.short.oneshot(request).boxed().await;
            }
        };
        let slot = match self.pool.slot() {
            Ok(mut slot) => {
                match tokio::time::timeout(BODY_TIMEOUT, buffered.buffer(length, &self.pool, &mut slot)).await {
                    Ok(result) => result.map(|()| slot),
                    Err(_) => return Ok(too_slow()),
                }
            }
            refused => refused,
        };
        Ok(self.offload(slot, Request::from_parts(parts, Body::new(buffered))).await)
    }

    /// Runs a call on the pool, if it got a slot.
    async fn offload(self, slot: Result<Slot, Overload>, request: Request<Body>) -> Response<Body> {
        let done = match slot {
            Ok(slot) => self.pool.run(slot, self.long.oneshot(request)).await,
            Err(overload) => Err(overload),
        };
        match done {
            Ok(Ok(response)) => response,
            Ok(Err(never)) => match never {},
            Err(overload) => status::with_reason(Code::Unavailable, "OVERLOADED", overload.to_string()).into_http(),
        }
    }
}

fn too_slow() -> Response<Body> {
    let message = format!("the message was not received within {} s", BODY_TIMEOUT.as_secs());
    status::new(Code::DeadlineExceeded, message).into_http()
}

pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Returns whether a request other than gRPC has a long body, or one of unknown length.
fn is_long_form(request: &Request<Body>) -> bool {
    let length = request.headers().get(CONTENT_LENGTH).map(|length| length.to_str().ok()?.parse::<usize>().ok());
    match length {
        Some(Some(length)) => length > LONG_CALL,
        Some(None) => true,
        None => !matches!(*request.method(), Method::GET | Method::HEAD) && !request.body().is_end_stream(),
    }
}

impl BufferedBody {
    /// Creates a body of which `frames` were read and `rest` was not.
    pub(super) fn new(frames: impl IntoIterator<Item = Result<Frame<Bytes>, Status>>, rest: Option<Body>) -> Self {
        let mut buffered = Self { rest, ..Self::default() };
        for frame in frames {
            buffered.push(frame);
        }
        buffered
    }

    fn push(&mut self, frame: Result<Frame<Bytes>, Status>) {
        self.len += frame.as_ref().ok().and_then(Frame::data_ref).map_or(0, Bytes::len);
        self.frames.push_back(frame);
    }

    /// Reads one more frame. Returns its length; `None` at the end.
    async fn read_frame(&mut self) -> Option<usize> {
        let before = self.len;
        if let Some(frame) = self.rest.as_mut()?.frame().await {
            let failed = frame.is_err();
            self.push(frame);
            return (!failed).then_some(self.len - before);
        }
        self.rest = None;
        None
    }

    /// Reads until the length of the message is known, including its prefix. Returns `None` if it is short, or will not
    /// be read.
    async fn read_length(&mut self) -> Option<usize> {
        while self.len < PREFIX && self.read_frame().await.is_some() {}
        let frames = self.frames.iter().filter_map(|frame| frame.as_ref().ok()?.data_ref());
        let prefix: Vec<u8> = frames.flat_map(|data| data.iter().copied().take(PREFIX)).take(PREFIX).collect();
        let (_, length) = prefix.split_first()?;
        let length = length.try_into().map_or(0, u32::from_be_bytes);
        let length = usize::try_from(length).unwrap_or(usize::MAX).saturating_add(PREFIX);
        (length > LONG_CALL).then_some(length)
    }

    /// Reads the message of `length` bytes, counted in `slot` as they come.
    async fn buffer(&mut self, length: usize, pool: &BoundedPool, slot: &mut Slot) -> Result<(), Overload> {
        pool.hold(slot, self.len)?;
        while self.len < length {
            match self.read_frame().await {
                Some(bytes) => pool.hold(slot, bytes)?,
                None => break,
            }
        }
        Ok(())
    }
}

impl http_body::Body for BufferedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match (self.frames.pop_front(), &mut self.rest) {
            (Some(frame), _) => Poll::Ready(Some(frame)),
            (None, Some(rest)) => Pin::new(rest).poll_frame(context),
            (None, None) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.frames.is_empty() && self.rest.as_ref().is_none_or(http_body::Body::is_end_stream)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::stream;
    use http_body_util::{Full, StreamBody};

    use super::*;
    use crate::lifecycle::{PoolLimits, Tasks};

    const CALLS: usize = 2;
    const BYTES: usize = 256 * 1024;
    const LONGEST: usize = 1024 * 1024;

    /// Responds with the name of its thread and the number of bytes received.
    async fn describe(request: Request<Body>) -> Result<Response<Body>, Infallible> {
        let thread = std::thread::current().name().unwrap_or_default().to_owned();
        let bytes = request.into_body().collect().await.unwrap().to_bytes().len();
        Ok(Response::builder().header("thread", thread).header("bytes", bytes).body(Body::empty()).unwrap())
    }

    fn calls() -> (impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone, BoundedPool) {
        let limits = PoolLimits {
            threads: 1,
            calls: CALLS,
            bytes: BYTES,
            queue: Duration::from_secs(60),
            run: Duration::from_secs(60),
        };
        let pool = BoundedPool::start("there", limits, &Tasks::new(), Arc::new(|_| ())).unwrap();
        let service = tower::service_fn(describe);
        (LongCalls::new(service, service, pool.clone(), LONGEST), pool)
    }

    /// Creates a call with a message of `length` bytes, of which `sent` come in pieces; also counts bytes read.
    fn call(length: usize, sent: usize, piece: usize) -> (Request<Body>, Arc<AtomicUsize>) {
        let mut bytes = vec![0; PREFIX + sent];
        bytes[1..PREFIX].copy_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
        let bytes = Bytes::from(bytes);
        let pieces: Vec<Bytes> =
            (0..bytes.len()).step_by(piece).map(|at| bytes.slice(at..bytes.len().min(at + piece))).collect();
        let read = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&read);
        let frames = pieces.into_iter().map(move |piece| {
            count.fetch_add(piece.len(), Ordering::Relaxed);
            Ok::<_, Status>(Frame::data(piece))
        });
        let body = Body::new(StreamBody::new(stream::iter(frames)));
        (Request::post("/a.Service/Call").header("content-type", "application/grpc").body(body).unwrap(), read)
    }

    async fn send(
        calls: &(impl Service<Request<Body>, Response = Response<Body>, Error = Infallible> + Clone),
        request: Request<Body>,
    ) -> (String, String) {
        let response = calls.clone().oneshot(request).await.unwrap();
        if let Some(status) = Status::from_header_map(response.headers()) {
            return (format!("{:?}", status.code()), status.message().to_owned());
        }
        let header = |name| response.headers()[name].to_str().unwrap().to_owned();
        (header("thread"), header("bytes"))
    }

    #[tokio::test]
    async fn long_messages_are_for_the_pool_however_they_come() {
        let (calls, _) = calls();
        let here = std::thread::current().name().unwrap().to_owned();
        for (length, place) in [(10, &*here), (LONG_CALL - PREFIX, &*here), (LONG_CALL, "there"), (BYTES / 2, "there")]
        {
            for piece in [3, 5, 1_000, LONGEST] {
                let (request, _) = call(length, length, piece);
                let expected = (place.to_owned(), (PREFIX + length).to_string());
                assert_eq!(send(&calls, request).await, expected, "{length} bytes in pieces of {piece}");
            }
        }
        // The service itself refuses a message that is too long, by its length alone.
        let (request, read) = call(LONGEST + 1, 100, 100);
        assert_eq!(send(&calls, request).await.0, here);
        assert_eq!(read.load(Ordering::Relaxed), PREFIX + 100);
        // The service must refuse a body that ends too early.
        let (request, _) = call(LONG_CALL, 100, 100);
        assert_eq!(send(&calls, request).await, ("there".to_owned(), (PREFIX + 100).to_string()));
    }

    #[tokio::test]
    async fn long_forms_are_for_the_pool() {
        let (calls, _) = calls();
        let here = std::thread::current().name().unwrap().to_owned();
        for (length, place) in [(10, &*here), (LONG_CALL + 1, "there")] {
            let form = Request::post("/keys").header("content-length", length);
            let form = form.body(Body::new(Full::from(vec![0; length]))).unwrap();
            assert_eq!(send(&calls, form).await, (place.to_owned(), length.to_string()));
        }
        let unknown = Request::post("/keys").body(Body::new(Full::from(vec![0; 10]))).unwrap();
        assert_eq!(send(&calls, unknown).await.0, "there");
        assert_eq!(send(&calls, Request::get("/keys").body(Body::empty()).unwrap()).await.0, here);
    }

    #[tokio::test]
    async fn what_is_too_much_is_refused_at_once() {
        let (calls, pool) = calls();
        let (length, piece) = (100 * 1024, 10 * 1024);
        let mut held: Vec<Slot> = (0..CALLS).map(|_| pool.slot().unwrap()).collect();
        let (request, read) = call(length, length, piece);
        let (code, why) = send(&calls, request).await;
        assert_eq!((code.as_str(), why.contains("too many long-running calls")), ("Unavailable", true), "{why}");
        assert_eq!(read.load(Ordering::Relaxed), piece, "the body is not read");

        held.pop();
        pool.hold(&mut held[0], BYTES - length / 2).unwrap();
        let (request, read) = call(length, length, piece);
        let (code, why) = send(&calls, request).await;
        assert_eq!((code.as_str(), why.contains("use too much memory")), ("Unavailable", true), "{why}");
        assert!(read.load(Ordering::Relaxed) <= length / 2 + piece, "no more is read than may be held");

        held.clear();
        let (request, _) = call(length, length, piece);
        assert_eq!(send(&calls, request).await.0, "there");
        // Short calls need no slot.
        let _held: Vec<Slot> = (0..CALLS).map(|_| pool.slot().unwrap()).collect();
        assert_ne!(send(&calls, call(10, 10, 10).0).await.0, "Unavailable");
    }
}
