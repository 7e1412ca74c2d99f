//! A call's message, split into frames in any way and with any contents. The usual form is handled without tonic, other
//! forms by it: clients must not notice a difference.

use h2::client::SendRequest;
use http::{HeaderMap, Request};
use latchkey::proto::v1 as proto;
use prost::Message as _;
use prost::bytes::Bytes;
use tokio::net::TcpStream;

use crate::http2::frames::message;
use crate::http2::server::{AUTHORIZE, TestServer};
use helpers::calls::{METHODS, STATUSES, STORES};

const BATCH_AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/BatchAuthorize";

/// Ways to split a body.
const SPLITS: [Split; 5] = [Split::Whole, Split::EndApart, Split::FrameApart, Split::Halves, Split::Bytes];

#[derive(Debug, Clone, Copy)]
enum Split {
    /// One frame, which also ends the stream.
    Whole,
    /// One frame, and an empty one that ends the stream.
    EndApart,
    /// The header of the message, then the message.
    FrameApart,
    /// Two halves.
    Halves,
    /// A frame for each byte.
    Bytes,
}

impl Split {
    fn apply(self, body: &[u8]) -> Vec<Bytes> {
        let (one, other) = match self {
            Self::Whole => (body, None),
            Self::EndApart => (body, Some(&[][..])),
            Self::FrameApart => (&body[..5.min(body.len())], Some(&body[5.min(body.len())..])),
            Self::Halves => (&body[..body.len() / 2], Some(&body[body.len() / 2..])),
            Self::Bytes => return body.iter().map(|byte| Bytes::copy_from_slice(&[*byte])).collect(),
        };
        [Some(one), other].into_iter().flatten().map(Bytes::copy_from_slice).collect()
    }
}

/// A response: the bytes of the body, and the final code and message.
#[derive(Debug, PartialEq, Eq)]
struct RawResponse {
    body: Vec<u8>,
    code: String,
    message: String,
}

async fn connect(server: &TestServer) -> SendRequest<Bytes> {
    let stream = TcpStream::connect(server.decisions()).await.expect("the server accepts connections");
    let (calls, connection) = h2::client::handshake(stream).await.expect("both speak HTTP/2");
    #[expect(clippy::disallowed_methods, reason = "it ends with the test")]
    drop(tokio::spawn(connection));
    calls
}

async fn send(calls: &SendRequest<Bytes>, server: &TestServer, path: &str, pieces: Vec<Bytes>) -> RawResponse {
    let request = Request::post(format!("http://latchkey{path}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {}", server.admin))
        .body(())
        .expect("a request");
    let mut calls = calls.clone().ready().await.expect("the connection goes on");
    let (answer, mut body) = calls.send_request(request, pieces.is_empty()).expect("a call can be made");
    let last = pieces.len().saturating_sub(1);
    for (at, piece) in pieces.into_iter().enumerate() {
        // A response may have ended the stream before everything was sent.
        if body.send_data(piece, at == last).is_err() {
            break;
        }
    }
    let (head, mut stream) = answer.await.expect("a call is answered").into_parts();
    let mut body = Vec::new();
    while let Some(data) = stream.data().await {
        let data = data.expect("the answer comes whole");
        stream.flow_control().release_capacity(data.len()).expect("it was received");
        body.extend(data);
    }
    let trailers = stream.trailers().await.expect("the answer comes whole");
    let end: &HeaderMap = trailers.as_ref().unwrap_or(&head.headers);
    let trailer = |name| end.get(name).map(|value| value.to_str().expect("ASCII").to_owned()).unwrap_or_default();
    assert_eq!(head.headers["content-type"], "application/grpc");
    RawResponse { body, code: trailer("grpc-status"), message: trailer("grpc-message") }
}

/// Returns valid and invalid bodies, each with a label.
fn bodies(server: &TestServer) -> Vec<(&'static str, &'static str, Vec<u8>)> {
    let usual = proto::AuthorizeRequest {
        key: server.token.clone(),
        method: STATUSES.to_owned(),
        store: STORES[0].to_owned(),
        client_address: "192.0.2.7".to_owned(),
        ..Default::default()
    };
    let denied = proto::AuthorizeRequest { method: METHODS[2].replace('*', "5"), ..usual.clone() };
    let several = proto::AuthorizeRequest { stores: STORES.map(str::to_owned).to_vec(), ..usual.clone() };
    let unknown = proto::AuthorizeRequest { key: format!("{}x", server.token), ..usual.clone() };
    let wrong = proto::AuthorizeRequest { client_address: "nowhere".to_owned(), ..usual.clone() };
    let foreign = proto::AuthorizeRequest { min_revision: "nonsense".to_owned(), ..usual.clone() };
    let mut later = usual.encode_to_vec();
    later.extend([7 << 3, 1]);
    let batch = |requests: &[&proto::AuthorizeRequest]| {
        let requests = requests.iter().map(|request| (*request).clone()).collect();
        message(&proto::BatchAuthorizeRequest { requests }.encode_to_vec())
    };
    let one = |request: &proto::AuthorizeRequest| message(&request.encode_to_vec());
    let mut compressed = one(&usual);
    compressed[0] = 1;
    let mut too_long = one(&usual);
    too_long[4] += 1;
    let mut two = one(&usual);
    two.extend(one(&denied));
    vec![
        ("allowed", AUTHORIZE, one(&usual)),
        ("denied", AUTHORIZE, one(&denied)),
        ("several stores", AUTHORIZE, one(&several)),
        ("an unknown token", AUTHORIZE, one(&unknown)),
        ("a wrong address", AUTHORIZE, one(&wrong)),
        ("a wrong revision", AUTHORIZE, one(&foreign)),
        ("a field of a later version", AUTHORIZE, message(&later)),
        ("an empty message", AUTHORIZE, message(&[])),
        ("no UTF-8", AUTHORIZE, message(&[10, 2, 0xff, 0xfe])),
        ("a field cut off", AUTHORIZE, message(&[10, 9, b'a'])),
        ("compressed without a word", AUTHORIZE, compressed),
        ("shorter than it says", AUTHORIZE, too_long),
        ("two messages", AUTHORIZE, two),
        ("nothing at all", AUTHORIZE, Vec::new()),
        ("a batch", BATCH_AUTHORIZE, batch(&[&usual, &denied, &unknown, &usual])),
        ("a batch with several stores", BATCH_AUTHORIZE, batch(&[&usual, &several, &denied])),
        ("an empty batch", BATCH_AUTHORIZE, batch(&[])),
        ("a batch with a fault", BATCH_AUTHORIZE, batch(&[&usual, &wrong, &foreign])),
        ("a long batch", BATCH_AUTHORIZE, batch(&[&usual; 400])),
        ("too long a batch", BATCH_AUTHORIZE, batch(&[&usual; 1_001])),
    ]
}

#[tokio::test]
async fn a_call_is_answered_alike_however_it_is_cut() {
    let server = TestServer::start().await;
    let calls = connect(&server).await;
    let mut codes = Vec::new();
    for (what, path, body) in bodies(&server) {
        // Split in two halves at least, a message never has the usual form.
        let expected = send(&calls, &server, path, Split::Halves.apply(&body)).await;
        for split in SPLITS.into_iter().filter(|split| body.len() < 4_096 || !matches!(split, Split::Bytes)) {
            let response = send(&calls, &server, path, split.apply(&body)).await;
            assert_eq!(response, expected, "{what}, {split:?}");
        }
        codes.push((what, expected.code));
    }
    let of = |code: &str| codes.iter().filter(|(_, known)| known == code).map(|(what, _)| *what).collect::<Vec<_>>();
    assert_eq!(
        of("0"),
        [
            "allowed",
            "denied",
            "several stores",
            "an unknown token",
            "a field of a later version",
            "an empty message",
            "two messages",
            "a batch",
            "a batch with several stores",
            "a batch with a fault",
            "a long batch",
        ]
    );
    assert_eq!(of("3"), ["a wrong address", "a wrong revision", "an empty batch", "too long a batch"]);
    assert_eq!(of("0").len() + of("3").len() + of("13").len() + of("12").len(), codes.len(), "{codes:?}");
}

/// The contents of the response.
#[tokio::test]
async fn the_answer_is_the_right_one() {
    let server = TestServer::start().await;
    let calls = connect(&server).await;
    for (what, path, body) in bodies(&server) {
        let response = send(&calls, &server, path, Split::Whole.apply(&body)).await;
        let answer = response.body.get(5..).unwrap_or_default();
        match what {
            "allowed" => {
                let decision = proto::AuthorizeResponse::decode(answer).expect("an answer").decision.expect("decided");
                assert!(decision.allowed, "{decision:?}");
                assert_eq!((decision.store.as_str(), decision.methods), (STORES[0], vec![METHODS[1].to_owned()]));
            }
            "denied" => {
                let decision = proto::AuthorizeResponse::decode(answer).expect("an answer").decision.expect("decided");
                assert_eq!(decision.failed_checks, [i32::from(proto::Reason::MethodDenied)]);
            }
            "a batch" => {
                let results = proto::BatchAuthorizeResponse::decode(answer).expect("an answer").results;
                let reasons = results.into_iter().map(|result| match result.result {
                    Some(proto::batch_authorize_result::Result::Decision(decision)) => decision.reason(),
                    other => panic!("{other:?}"),
                });
                let (allowed, denied) = (proto::Reason::Allowed, proto::Reason::MethodDenied);
                let expected = [allowed, denied, proto::Reason::KeyMalformed, allowed];
                assert_eq!(reasons.collect::<Vec<_>>(), expected);
            }
            "a wrong address" => assert!(response.message.contains("client_address"), "{}", response.message),
            "a batch with a fault" => {
                let results = proto::BatchAuthorizeResponse::decode(answer).expect("an answer").results;
                let fields = results.into_iter().filter_map(|result| match result.result {
                    Some(proto::batch_authorize_result::Result::Undecided(undecided)) => Some(undecided.invalid_fields),
                    _ => None,
                });
                let fields: Vec<_> = fields.flatten().map(|invalid| invalid.field).collect();
                assert_eq!(fields, ["client_address", "min_revision"]);
            }
            _ => {}
        }
    }
}
