//! Overload: calls beyond the server's capacity are refused at once and counted, and short calls are not affected.

use std::time::Duration;

use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::Frame;
use prost::bytes::Bytes;
use tonic::Code;
use tonic::body::Body;
use tonic::transport::{Channel, Endpoint};
use tower::ServiceExt as _;

use super::decisions::server;
use super::raw::Connection;
use super::requests;
use helpers::calls::{STATUSES, key_with_access, spawn_task};
use helpers::support::{eventually, eventually_async, http as page};

/// Long calls that the decision port admits at the same time.
const CALLS: usize = 256;
/// Number of calls beyond that.
const EXCESS_CALLS: usize = 32;
const BUSY_BOUND: Duration = Duration::from_secs(30);

/// Returns a long call with an incomplete message.
fn unfinished(token: &str) -> http::Request<Body> {
    let begun = Bytes::from_static(&[0, 0, 8, 0, 0, 10]);
    let frames = stream::iter([Ok::<_, tonic::Status>(Frame::data(begun))]);
    let body = StreamBody::new(futures_util::StreamExt::chain(frames, stream::pending()));
    http::Request::post("http://latchkey/latchkey.v1.AuthorizationService/BatchAuthorize")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .header("authorization", format!("Bearer {token}"))
        .body(Body::new(body))
        .expect("a request")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn overload_is_refused_at_once_and_counted_and_short_calls_do_not_notice() {
    let _serial = crate::SERIAL.lock().await;
    let (server, client, _file) = server().await;
    let (_, token) = client.create_key(key_with_access("used", &["berlin"], &[])).await.expect("a key is made");
    let (addresses, admin) = (server.addresses(), server.admin_token());
    let connection = Connection::new(addresses.decision, &admin);
    let long = requests::batch_paths(&token, 100 << 10);
    connection.call(&long, BUSY_BOUND).await.expect("a long call is answered");

    let (mut stuck, mut channels) = (Vec::new(), Vec::new());
    for _ in 0..8 {
        let endpoint = Endpoint::from_shared(format!("http://{}", addresses.decision)).expect("a URL");
        let channel: Channel = endpoint.connect().await.expect("connected");
        for _ in 0..(CALLS + EXCESS_CALLS) / 8 {
            stuck.push(spawn_task(channel.clone().oneshot(unfinished(&admin))));
        }
        channels.push(channel);
    }
    // Calls that do not fit are refused; from then on the pool is full.
    let name = "latchkey_overload_total{port=\"decision\",reason=\"calls\"} ";
    let counted = || {
        let metrics = page::get(addresses.ops, "/metrics").expect("it answers").body;
        let count = metrics.lines().find_map(|line| line.strip_prefix(name)).expect("it is counted");
        count.parse::<usize>().expect("a count")
    };
    eventually("what does not fit is refused", BUSY_BOUND, || (counted() >= EXCESS_CALLS).then_some(()));
    let refused = connection.call(&long, BUSY_BOUND).await.expect_err("there is no place for a long call");
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(refused.message().contains("too many long-running calls"), "{refused:?}");
    client.authorize(&token, STATUSES, "").await.expect("short calls are answered");
    assert_eq!(page::get(addresses.ops, "/livez").expect("it answers").status, 200);
    assert!(counted() > EXCESS_CALLS, "the refusal is counted");

    for call in stuck {
        call.abort();
    }
    eventually_async("long calls are answered again", BUSY_BOUND, async || {
        connection.call(&long, BUSY_BOUND).await.ok()
    })
    .await;
}
