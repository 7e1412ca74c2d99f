//! gRPC calls whose messages are bytes already, so that the caller works as little as can be.

use std::net::SocketAddr;
use std::time::Duration;

use prost::bytes::{Buf as _, BufMut as _, Bytes};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// Bytes as they are.
#[derive(Debug, Clone, Copy, Default)]
struct AsIs;

impl Codec for AsIs {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.reserve(item.len());
        into.put(item);
        Ok(())
    }
}

impl Decoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length)))
    }
}

/// A call: its path and its message.
#[derive(Debug, Clone)]
pub struct Call {
    pub path: &'static str,
    pub message: Bytes,
}

/// A connection to a port.
#[derive(Debug, Clone)]
pub struct Line {
    channel: Channel,
    bearer: MetadataValue<Ascii>,
}

impl Line {
    /// A connection to `address`, made with its first call, on which an operator calls.
    pub fn new(address: SocketAddr, token: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL");
        let channel = endpoint.connect_timeout(Duration::from_secs(20)).connect_lazy();
        Self { channel, bearer: format!("Bearer {token}").parse().expect("a token is ASCII") }
    }

    /// Makes a call and waits for its answer, at most for `patience`; the call is cancelled then.
    pub async fn call(&self, call: &Call, patience: Duration) -> Result<Bytes, Status> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone()).max_decoding_message_size(usize::MAX);
        let mut request = Request::new(call.message.clone());
        request.metadata_mut().insert("authorization", self.bearer.clone());
        let answer = async {
            grpc.ready().await.map_err(|error| Status::unavailable(format!("no connection: {error}")))?;
            let path = http::uri::PathAndQuery::from_static(call.path);
            Ok(grpc.unary(request, path, AsIs).await?.into_inner())
        };
        tokio::time::timeout(patience, answer).await.unwrap_or_else(|_| Err(Status::cancelled("not answered in time")))
    }
}
