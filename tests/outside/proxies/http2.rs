//! The same over HTTP/2, which has the request line in headers, and bodies without an announced length.

use std::time::Duration;

use h2::client::SendRequest;
use http::Request;
use hyper::body::Bytes;
use tokio::net::TcpStream;

use crate::proxies::Fixture;
use crate::proxies::POST_ORDERS;
use crate::proxies::add_post_orders;
use crate::proxies::oddities::with_hosts;
use crate::proxies::proxy::Proxy;
use helpers::calls::spawn_task;
use helpers::calls::{Client, METHODS, key_with_access};
use helpers::support::eventually;

const PROFILE: &str =
    "keys = [\"header:x-api-key\", \"form:apiKey\"]\nstores = [\"query:site\", \"form:site\", \"host\"]\n";

/// Description, path, headers, body, and the status, if it is certain.
type Row = (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static [u8], Option<u16>);

/// Sends a request and returns the status; `None` if the stream or the connection is reset.
async fn send_request(
    line: &mut Option<SendRequest<Bytes>>,
    port: u16,
    request: Request<()>,
    body: &'static [u8],
) -> Option<u16> {
    if line.is_none() {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("Envoy listens");
        let (sender, connection) = h2::client::handshake(stream).await.expect("Envoy speaks HTTP/2");
        drop(spawn_task(connection));
        *line = Some(sender);
    }
    let sender = line.take().expect("a line");
    let mut sender = sender.ready().await.ok()?;
    let (answer, mut out) = sender.send_request(request, body.is_empty()).ok()?;
    if !body.is_empty() {
        out.send_data(Bytes::from_static(body), true).ok()?;
    }
    let status = answer.await.ok()?.status().as_u16();
    *line = Some(sender);
    Some(status)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_over_http2_is_judged_as_the_shop_reads_it() {
    let fixture = Fixture::start(PROFILE).await;
    with_hosts(&fixture).await;
    let envoy = fixture.start_proxy(Proxy::envoy);
    let client = Client::for_admin(&fixture.server);
    add_post_orders(&client).await;
    let methods = [METHODS[0], POST_ORDERS];
    let (_, token) = client.create_key(key_with_access("frames", &["berlin"], &methods)).await.expect("a key");
    let key = format!("x-api-key: {token}");
    eventually("Envoy has found its Latchkey", Duration::from_secs(20), || {
        (envoy.request("GET", "/api/v5/orders?site=berlin", &[&key], "").status() == 200).then_some(())
    });
    let _ = fixture.shop.take();
    const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
    let rows: [Row; 16] = [
        ("a plain call", "http://api.example/api/v5/orders?site=berlin", &[], b"", Some(200)),
        ("another store", "http://api.example/api/v5/orders?site=madrid", &[], b"", Some(403)),
        ("a store by :authority", "http://berlin.example/api/v5/orders", &[], b"", Some(200)),
        ("another by :authority", "http://madrid.example:8000/api/v5/orders", &[], b"", Some(403)),
        (
            "another host beside :authority",
            "http://berlin.example/api/v5/orders",
            &[("host", "madrid.example")],
            b"",
            None,
        ),
        (
            "berlin beside another :authority",
            "http://madrid.example/api/v5/orders",
            &[("host", "berlin.example")],
            b"",
            None,
        ),
        ("a body whose length is not told", "http://api.example/api/v5/orders", &[FORM], b"site=berlin", Some(400)),
        ("one beside a store", "http://api.example/api/v5/orders?site=berlin", &[FORM], b"site=berlin", Some(200)),
        (
            "a body whose length is told",
            "http://api.example/api/v5/orders",
            &[FORM, ("content-length", "11")],
            b"site=berlin",
            Some(200),
        ),
        ("another store in it", "http://api.example/api/v5/orders?site=berlin", &[FORM], b"site=madrid", Some(403)),
        (
            "a body that is shorter than told",
            "http://api.example/api/v5/orders?site=berlin",
            &[FORM, ("content-length", "99")],
            b"x=1",
            None,
        ),
        (
            "a body that is longer than told",
            "http://api.example/api/v5/orders?site=berlin",
            &[FORM, ("content-length", "1")],
            b"x=1&site=madrid",
            None,
        ),
        (
            "two types",
            "http://api.example/api/v5/orders",
            &[FORM, ("content-type", "text/plain")],
            b"site=berlin",
            Some(400),
        ),
        (
            "another method",
            "http://api.example/api/v5/orders?site=berlin",
            &[("x-http-method-override", "POST")],
            b"",
            Some(400),
        ),
        (
            "a header of the connection",
            "http://api.example/api/v5/orders?site=berlin",
            &[("connection", "x-latchkey-store")],
            b"",
            None,
        ),
        (
            "chunks within frames",
            "http://api.example/api/v5/orders?site=berlin",
            &[("transfer-encoding", "chunked")],
            b"",
            None,
        ),
    ];
    let mut line = None;
    for (what, uri, headers, body, expected) in rows {
        let verb = if body.is_empty() { "GET" } else { "POST" };
        let mut request = Request::builder().method(verb).uri(uri).header("x-api-key", &token);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let status = send_request(&mut line, envoy.port, request.body(()).expect("a request"), body).await;
        let sent = fixture.shop.take();
        if let Some(expected) = expected {
            assert_eq!((status, sent.len()), (Some(expected), usize::from(expected == 200)), "{what}");
        }
        // Otherwise it is refused, reset, or reaches the shop as it was decided.
        assert!(
            sent.len() == usize::from(status == Some(200)) && status.is_none_or(|status| status < 500),
            "{what}: {status:?}"
        );
        for sent in sent {
            assert_eq!(sent.header("x-latchkey-store"), Some("berlin"), "{what}: {sent:?}");
            assert!(!sent.to_text().contains("madrid") && !sent.to_text().contains(&token), "{what}: {sent:?}");
        }
    }
}
