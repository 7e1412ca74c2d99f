//! gRPC calls byte by byte: any path, any headers, any body, on a plain HTTP/2 connection.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use tonic::body::Body;
use tonic::codegen::{Bytes, Service as _};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// Timeout of one call.
const BOUND: Duration = Duration::from_secs(40);

/// Message of the status of a call with a response.
pub const ANSWERED: &str = "a message came back";

/// Returns a connection to `address`, opened by the first call.
pub fn channel(address: SocketAddr) -> Channel {
    Endpoint::from_shared(format!("http://{address}")).expect("an address makes a URL").connect_lazy()
}

/// Encodes `message` in a gRPC frame: not compressed, its length, itself.
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message of less than 4 GiB");
    [&[0][..], &length.to_be_bytes(), message].concat()
}

/// Calls `path` with `body` unchanged, and returns the status. A call whose response has begun is OK: streams may never
/// end.
pub async fn call(channel: &Channel, path: &str, authorization: &[&str], body: Vec<u8>) -> Status {
    match tokio::time::timeout(BOUND, attempt(channel.clone(), path, authorization, body)).await {
        Ok(status) => status,
        Err(elapsed) => panic!("{path} is not answered: {elapsed}"),
    }
}

async fn attempt(mut channel: Channel, path: &str, authorization: &[&str], body: Vec<u8>) -> Status {
    let mut request = http::Request::post(path).header("content-type", "application/grpc").header("te", "trailers");
    for value in authorization {
        request = request.header("authorization", *value);
    }
    let request = request.body(Body::new(Full::new(Bytes::from(body)))).expect("a request");
    std::future::poll_fn(|context| channel.poll_ready(context)).await.expect("the server is there");
    let answer = channel.call(request).await.expect("the server answers");
    assert_eq!(answer.status(), 200, "gRPC answers travel in HTTP 200, whatever they say");
    if let Some(status) = Status::from_header_map(answer.headers()) {
        return status;
    }
    let mut body = answer.into_body();
    while let Some(frame) = body.frame().await {
        let frame = frame.expect("the answer goes on to its end");
        if frame.is_data() {
            return Status::new(Code::Ok, ANSWERED);
        }
        if let Some(status) = frame.trailers_ref().and_then(Status::from_header_map) {
            return status;
        }
    }
    Status::new(Code::Unknown, "the answer ended without a status")
}

/// Returns the path of every call of every service in the reflection of `address`.
pub async fn reflected(address: SocketAddr) -> Vec<String> {
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let client = ServerReflectionClient::new(channel(address));
    let ask = async |message: MessageRequest| {
        let request =
            tonic_reflection::pb::v1::ServerReflectionRequest { host: String::new(), message_request: Some(message) };
        let answers = client.clone().server_reflection_info(tokio_stream::once(request)).await;
        let answer = answers.expect("reflection answers").into_inner().message().await.expect("it goes on");
        answer.expect("an answer").message_response.expect("it says something")
    };
    let MessageResponse::ListServicesResponse(listed) = ask(MessageRequest::ListServices(String::new())).await else {
        panic!("services are listed")
    };
    let mut paths = Vec::new();
    for service in listed.service {
        let MessageResponse::FileDescriptorResponse(files) =
            ask(MessageRequest::FileContainingSymbol(service.name.clone())).await
        else {
            panic!("{} is described", service.name)
        };
        for file in files.file_descriptor_proto {
            let file = prost_types::FileDescriptorProto::decode(file.as_slice()).expect("a description");
            for described in &file.service {
                let name = format!("{}.{}", file.package(), described.name());
                if name == service.name {
                    paths.extend(described.method.iter().map(|method| format!("/{name}/{}", method.name())));
                }
            }
        }
    }
    paths.sort();
    paths
}
