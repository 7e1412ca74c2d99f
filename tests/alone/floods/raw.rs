//! gRPC calls whose messages are already encoded, so that the client does as little work as possible.

use std::net::SocketAddr;
use std::time::Duration;

use prost::bytes::{Buf as _, BufMut as _, Bytes};
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

/// Codec that passes bytes unchanged.
#[derive(Debug, Clone, Copy, Default)]
struct RawCodec;

impl Codec for RawCodec {
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

impl Encoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.reserve(item.len());
        into.put(item);
        Ok(())
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        let length = from.remaining();
        Ok(Some(from.copy_to_bytes(length)))
    }
}

/// Path and message of a call.
#[derive(Debug, Clone)]
pub struct Call {
    /// The path of its RPC.
    pub path: &'static str,
    /// The encoded message.
    pub message: Bytes,
}

/// A connection to a port.
#[derive(Debug, Clone)]
pub struct Connection {
    channel: Channel,
    bearer: MetadataValue<Ascii>,
}

impl Connection {
    /// Creates a connection to `address` with an operator's token. Connects with the first call.
    pub fn new(address: SocketAddr, token: &str) -> Self {
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL");
        let channel = endpoint.connect_timeout(Duration::from_secs(20)).connect_lazy();
        Self { channel, bearer: format!("Bearer {token}").parse().expect("a token is ASCII") }
    }

    /// Makes a call and waits for its response, at most for `timeout`; then the call is cancelled.
    pub async fn call(&self, call: &Call, timeout: Duration) -> Result<Bytes, Status> {
        let mut grpc = tonic::client::Grpc::new(self.channel.clone()).max_decoding_message_size(usize::MAX);
        let mut request = Request::new(call.message.clone());
        request.metadata_mut().insert("authorization", self.bearer.clone());
        let answer = async {
            grpc.ready().await.map_err(|error| Status::unavailable(format!("no connection: {error}")))?;
            let path = http::uri::PathAndQuery::from_static(call.path);
            Ok(grpc.unary(request, path, RawCodec).await?.into_inner())
        };
        tokio::time::timeout(timeout, answer).await.unwrap_or_else(|_| Err(Status::cancelled("not answered in time")))
    }
}
