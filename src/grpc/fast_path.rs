//! Authorize and BatchAuthorize directly on HTTP: the calls that every request of every other service waits for.
//!
//! ```text
//! request ─▶ one complete message of common fields? ──yes──▶ decide ─▶ response, encoded in place
//!                         │ no
//!                         └─▶ tonic, with the original body
//! ```
//!
//! A call through tonic takes a route, a stream of messages, buffers and boxes; nearly all calls need none of these and
//! cost a fifth less without. Unusual calls take that path, and the same functions serve them.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, FutureExt as _};
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response};
use http_body::{Body as _, Frame};
use http_body_util::BodyExt as _;
use prost::bytes::Bytes;
use tonic::Status;
use tonic::body::Body;
use tower::{Service, ServiceExt as _};

use super::decide::{authorize, batch_authorize};
use super::long_calls::{BufferedBody, LONG_CALL};
use super::wire::{self, Framed};
use crate::authority::Authority;

const AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/Authorize";
const BATCH_AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/BatchAuthorize";
/// The header that names the compression of messages.
static ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const OK: HeaderValue = HeaderValue::from_static("0");
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");

/// Handles the calls that it can, and passes the others to `S`.
#[derive(Debug, Clone)]
pub struct FastPath<S> {
    inner: S,
    authority: Authority,
}

/// The method of a call.
#[derive(Debug, Clone, Copy)]
enum Rpc {
    Authorize,
    BatchAuthorize,
}

/// The body of a response: one message, and trailers that report success.
struct UnaryBody {
    message: Option<Bytes>,
    ended: bool,
}

impl<S> FastPath<S> {
    /// Creates the service, which decides by `authority` in front of `inner`.
    pub(super) const fn new(inner: S, authority: Authority) -> Self {
        Self { inner, authority }
    }
}

impl<S> Service<Request<Body>> for FastPath<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible, Future: Send> + Clone + Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    // Always boxed: it is moved several times on its way into a task, and the inner future is large.
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Some(call) = Rpc::from_request(&request) else {
            return self.inner.call(request).boxed();
        };
        let (inner, authority) = (self.inner.clone(), self.authority.clone());
        let (parts, body) = request.into_parts();
        let response = async move {
            let buffered = match read_single_frame(body).await {
                Ok(framed) => match call.handle(&authority, &framed).await {
                    Some(response) => return Ok(response.map_or_else(Status::into_http, respond)),
                    None => BufferedBody::new([Ok(Frame::data(framed))], None),
                },
                Err(buffered) => buffered,
            };
            inner.oneshot(Request::from_parts(parts, Body::new(buffered))).boxed().await
        };
        response.boxed()
    }
}

impl Rpc {
    /// Returns the method of a request; `None` if its head shows that it is for the inner service.
    fn from_request(request: &Request<Body>) -> Option<Self> {
        let call = match request.uri().path() {
            AUTHORIZE => Self::Authorize,
            BATCH_AUTHORIZE => Self::BatchAuthorize,
            _ => return None,
        };
        let header = |name: &HeaderName| request.headers().get(name).map(HeaderValue::as_bytes);
        let usual = request.method() == Method::POST
            && matches!(header(&CONTENT_TYPE), Some(b"application/grpc" | b"application/grpc+proto"))
            && matches!(header(&ENCODING), None | Some(b"identity"));
        usual.then_some(call)
    }

    /// Handles the message in `framed`; returns `None` if it is unusual.
    async fn handle(self, authority: &Authority, framed: &[u8]) -> Option<Result<Bytes, Status>> {
        let message = wire::unframe(framed)?;
        let response = match self {
            Self::Authorize => authorize(authority, &wire::decode_request(message)?).await,
            Self::BatchAuthorize => batch_authorize(authority, &wire::decode_batch(message)?).boxed().await,
        };
        Some(response.and_then(Framed::into_bytes))
    }
}

/// Reads a body: all of it, if it is one short message. Anything else is returned as the error, from its beginning.
async fn read_single_frame(mut body: Body) -> Result<Bytes, BufferedBody> {
    let first = body.frame().await;
    let Some(framed) = first.as_ref().and_then(complete_message).cloned() else {
        return Err(BufferedBody::new(first, Some(body)));
    };
    // Many clients send the end separately, as a frame without data.
    while !body.is_end_stream() {
        match body.frame().await {
            None => break,
            Some(Ok(next)) if next.data_ref().is_some_and(Bytes::is_empty) => {}
            Some(next) => return Err(BufferedBody::new(first.into_iter().chain([next]), Some(body))),
        }
    }
    Ok(framed)
}

/// Returns the data of a frame that may be the complete message of a call.
fn complete_message(frame: &Result<Frame<Bytes>, Status>) -> Option<&Bytes> {
    let data = frame.as_ref().ok()?.data_ref()?;
    (data.len() <= LONG_CALL && wire::unframe(data).is_some()).then_some(data)
}

fn respond(message: Bytes) -> Response<Body> {
    let mut response = Response::new(Body::new(UnaryBody { message: Some(message), ended: false }));
    response.headers_mut().insert(CONTENT_TYPE, GRPC);
    response
}

impl http_body::Body for UnaryBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if let Some(message) = self.message.take() {
            return Poll::Ready(Some(Ok(Frame::data(message))));
        }
        if std::mem::replace(&mut self.ended, true) {
            return Poll::Ready(None);
        }
        let mut trailers = HeaderMap::with_capacity(1);
        trailers.insert(Status::GRPC_STATUS, OK);
        Poll::Ready(Some(Ok(Frame::trailers(trailers))))
    }

    fn is_end_stream(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use http_body_util::StreamBody;

    use super::*;

    const FRAMED: &[u8] = &[0, 0, 0, 0, 2, 8, 1];

    type Frames = Vec<Result<Frame<Bytes>, Status>>;

    fn data(bytes: &[u8]) -> Result<Frame<Bytes>, Status> {
        Ok(Frame::data(Bytes::copy_from_slice(bytes)))
    }

    fn trailers() -> Result<Frame<Bytes>, Status> {
        let mut trailers = HeaderMap::new();
        trailers.insert("later", OK);
        Ok(Frame::trailers(trailers))
    }

    /// Reads `frames`, and returns whether they are a message, and a description of each.
    async fn read_frames(frames: Frames) -> (bool, Vec<String>) {
        let (message, mut body) = match read_single_frame(Body::new(StreamBody::new(stream::iter(frames)))).await {
            Ok(framed) => (true, BufferedBody::new([Ok(Frame::data(framed))], None)),
            Err(buffered) => (false, buffered),
        };
        let mut frames = Vec::new();
        while let Some(frame) = body.frame().await {
            frames.push(frame);
        }
        assert!(body.is_end_stream() || !message);
        (message, describe(&frames))
    }

    fn describe(frames: &[Result<Frame<Bytes>, Status>]) -> Vec<String> {
        let describe = |frame: &Result<Frame<Bytes>, Status>| match frame {
            Ok(frame) => format!("{:?} {:?}", frame.data_ref(), frame.trailers_ref()),
            Err(status) => status.message().to_owned(),
        };
        frames.iter().map(describe).collect()
    }

    #[tokio::test]
    async fn one_whole_message_is_taken_whether_the_end_comes_with_it_or_after_it() {
        for frames in [vec![data(FRAMED)], vec![data(FRAMED), data(&[])], vec![data(FRAMED), data(&[]), data(&[])]] {
            assert_eq!(read_frames(frames).await, (true, describe(&[data(FRAMED)])));
        }
    }

    #[tokio::test]
    async fn anything_else_comes_out_as_it_went_in() {
        let broken = || Err(Status::internal("broken"));
        // Longer than a data thread reads by itself.
        let long = [&[0, 0, 0, 0x80, 0][..], &[0; 0x8000]].concat();
        let others: [&dyn Fn() -> Frames; 9] = [
            &Vec::new,
            &|| vec![data(&FRAMED[..5]), data(&FRAMED[5..])],
            &|| vec![data(FRAMED), data(FRAMED)],
            &|| vec![data(FRAMED), trailers()],
            &|| vec![trailers()],
            &|| vec![data(&[]), data(FRAMED)],
            &|| vec![broken()],
            &|| vec![data(FRAMED), broken()],
            &|| vec![data(&long)],
        ];
        for other in others {
            let expected = describe(&other());
            assert_eq!(read_frames(other()).await, (false, expected));
        }
    }

    #[test]
    fn only_usual_calls_are_taken() {
        let call = |method: Method, path: &str, headers: &[(&'static str, &'static str)]| {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            Rpc::from_request(&request.body(Body::empty()).unwrap()).is_some()
        };
        let post = |path, headers: &[(&'static str, &'static str)]| call(Method::POST, path, headers);
        assert!(post(AUTHORIZE, &[("content-type", "application/grpc")]));
        assert!(post(BATCH_AUTHORIZE, &[("content-type", "application/grpc+proto"), ("grpc-encoding", "identity")]));
        assert!(!post(AUTHORIZE, &[("content-type", "application/grpc"), ("grpc-encoding", "gzip")]));
        assert!(!post(AUTHORIZE, &[("content-type", "application/grpc-web")]));
        assert!(!post(AUTHORIZE, &[]), "gRPC says what it is");
        assert!(!post("/latchkey.v1.AuthorizationService/IntrospectKey", &[("content-type", "application/grpc")]));
        assert!(!call(Method::GET, AUTHORIZE, &[("content-type", "application/grpc")]));
    }
}
