//! A service whose only method takes and returns an empty message: the cost of gRPC itself.

use std::convert::Infallible;
use std::future::{Future, Ready, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use latchkey::proto::LeanCodec;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::{Request, Response, Status};

/// Path of the method, as long as that of Authorize, because h2 decodes it for each call.
pub(crate) const PATH: &str = "/latchkey.bench.v1.NothingService/DoNothing";

/// The service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Nothing;

impl NamedService for Nothing {
    const NAME: &'static str = "latchkey.bench.v1.NothingService";
}

impl UnaryService<()> for Nothing {
    type Response = ();
    type Future = Ready<Result<Response<()>, Status>>;

    fn call(&mut self, _request: Request<()>) -> Self::Future {
        ready(Ok(Response::new(())))
    }
}

impl tower::Service<http::Request<Body>> for Nothing {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(async move { Ok(Grpc::new(LeanCodec::<(), ()>::default()).unary(Self, request).await) })
    }
}
