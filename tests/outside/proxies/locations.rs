//! Through Envoy: each location of a key or a store, read and unread, and values that a client writes there to be read
//! differently.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::proxies::Fixture;
use crate::proxies::POST_ORDERS;
use crate::proxies::add_post_orders;
use crate::proxies::oddities::with_hosts;
use crate::proxies::proxy::Proxy;
use crate::proxies::shop::{ClientConnection, Message};
use helpers::calls::{Client, METHODS, key_with_access};
use helpers::support::eventually;

const PROFILE: &str = "keys = [\"bearer\", \"header:x-api-key\", \"query:apiKey\", \"form:apiKey\"]\n\
                       stores = [\"query:site\", \"form:site\", \"json:site\", \"header:x-store\", \"host\"]\n";
const BY_PATH: &str = "GET /api/v*/shops/{shop}/orders";

/// Description, target, headers, body, and the status.
type Row<'a> = (&'a str, &'a str, Vec<&'a [u8]>, Vec<u8>, u16);

/// Encodes a request with these headers and this body.
fn request(target: &str, headers: &[&[u8]], body: &[u8]) -> Vec<u8> {
    let verb = if body.is_empty() { "GET" } else { "POST" };
    let mut bytes = format!("{verb} {target} HTTP/1.1\r\n").into_bytes();
    for header in headers {
        bytes.extend([header, &b"\r\n"[..]].concat());
    }
    if !body.is_empty() {
        bytes.extend(format!("content-length: {}\r\n", body.len()).into_bytes());
    }
    bytes.extend(b"\r\n");
    bytes.extend(body);
    bytes
}

fn parts(fields: &[(&str, &str)]) -> Vec<u8> {
    let part =
        |(field, value): &(&str, &str)| format!("--XX\r\nContent-Disposition: form-data; {field}\r\n\r\n{value}\r\n");
    (fields.iter().map(part).collect::<String>() + "--XX--\r\n").into_bytes()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_place_is_read_through_envoy_as_the_shop_reads_it() {
    let fixture = Fixture::start(PROFILE).await;
    with_hosts(&fixture).await;
    let client = Client::for_admin(&fixture.server);
    let method = proto::Method {
        method: BY_PATH.to_owned(),
        block: "Orders".to_owned(),
        summary: "Orders of a shop".to_owned(),
        store_use: proto::StoreUse::Required.into(),
        store_places: vec!["path:shop".to_owned()],
        ..Default::default()
    };
    let request_method = proto::CreateMethodRequest { method: Some(method), options: None };
    client.methods().create_method(request_method).await.expect("a method is made");
    add_post_orders(&client).await;
    let methods = [METHODS[0], BY_PATH, POST_ORDERS];
    let (_, token) = client.create_key(key_with_access("places", &["berlin"], &methods)).await.expect("a key");
    let envoy = fixture.start_proxy(Proxy::envoy);
    let key = format!("x-api-key: {token}");
    let key = key.as_bytes();
    eventually("Envoy has found its Latchkey", Duration::from_secs(20), || {
        (envoy.request("GET", "/api/v5/orders?site=berlin", &[&format!("x-api-key: {token}")], "").status() == 200)
            .then_some(())
    });
    let _ = fixture.shop.take();
    let ask = |target: &str, headers: &[&[u8]], body: &[u8]| -> (u16, Option<Message>) {
        let answer =
            ClientConnection::connect(envoy.port).and_then(|mut line| line.send_bytes(&request(target, headers, body)));
        let mut sent = fixture.shop.take();
        assert!(sent.len() < 2);
        (answer.map_or(0, |answer| answer.status()), sent.pop())
    };
    let host: &[u8] = b"host: api.example";
    let (multipart, form, json): (&[u8], &[u8], &[u8]) = (
        b"content-type: multipart/form-data; boundary=XX",
        b"content-type: application/x-www-form-urlencoded",
        b"content-type: application/json",
    );
    let orders = "/api/v5/orders";
    let key_and = |store: &str| parts(&[("name=\"apiKey\"", &token), ("name=\"site\"", store)]);
    let rows: [Row<'_>; 31] = [
        ("key and store in parts", orders, vec![host, multipart], key_and("berlin"), 200),
        ("another store in parts", orders, vec![host, multipart], key_and("madrid"), 403),
        ("a store twice in parts", orders, vec![host, key, multipart], parts(&[("name=\"site\"", "berlin"); 2]), 400),
        (
            "a store as a file",
            orders,
            vec![host, key, multipart],
            parts(&[("name=\"site\"; filename=\"a\"", "madrid")]),
            400,
        ),
        (
            "a name spelt otherwise",
            orders,
            vec![host, key, multipart],
            parts(&[("name=\"site\"", "berlin"), ("name=\"site[]\"", "madrid")]),
            400,
        ),
        ("a name without quotes", orders, vec![host, key, multipart], parts(&[("name=site", "madrid")]), 403),
        (
            "something before the parts",
            orders,
            vec![host, key, multipart],
            [b"x\r\n".to_vec(), key_and("berlin")].concat(),
            400,
        ),
        ("a store in JSON", orders, vec![host, key, json], b"{\"site\":\"berlin\"}".to_vec(), 200),
        ("another in JSON", orders, vec![host, key, json], b"{\"site\":\"madrid\"}".to_vec(), 403),
        (
            "JSON with a member twice",
            orders,
            vec![host, key, json],
            b"{\"site\":\"berlin\",\"site\":\"madrid\"}".to_vec(),
            400,
        ),
        ("a body of two types", orders, vec![host, key, form, json], b"site=madrid".to_vec(), 400),
        ("a compressed body", orders, vec![host, key, form, b"content-encoding: gzip"], b"site=berlin".to_vec(), 400),
        ("bytes that are no UTF-8 in a form", orders, vec![host, key, form], b"site=berlin\xff".to_vec(), 400),
        ("a store in the path", "/api/v5/shops/berlin/orders", vec![host, key], vec![], 200),
        ("another in the path", "/api/v5/shops/madrid/orders", vec![host, key], vec![], 403),
        ("an escaped one in the path", "/api/v5/shops/m%61drid/orders", vec![host, key], vec![], 400),
        (
            "one in the path, another in the query",
            "/api/v5/shops/berlin/orders?site=madrid",
            vec![host, key],
            vec![],
            403,
        ),
        ("a store by its host", orders, vec![b"host: berlin.example:8000", key], vec![], 200),
        ("another by its host", orders, vec![b"host: Madrid.example:80", key], vec![], 403),
        ("a host with a final dot", orders, vec![b"host: berlin.example.", key], vec![], 400),
        ("a host whose port is not one", orders, vec![b"host: berlin.example:x", key], vec![], 400),
        (
            "one by its host, another in the query",
            "/api/v5/orders?site=madrid",
            vec![b"host: berlin.example", key],
            vec![],
            403,
        ),
        (
            "a host by another header",
            orders,
            vec![b"host: berlin.example", b"x-forwarded-host: madrid.example", key],
            vec![],
            400,
        ),
        ("a store in a header", orders, vec![host, key, b"X-Store: berlin"], vec![], 200),
        ("a header twice", orders, vec![host, key, b"X-Store: berlin", b"x-store: madrid"], vec![], 400),
        ("a header spelt otherwise", orders, vec![host, key, b"x-store: berlin", b"X_Store: madrid"], vec![], 400),
        ("bytes that are no UTF-8 in a store's header", orders, vec![host, key, b"x-store: berlin\xff"], vec![], 403),
        (
            "bytes that are no UTF-8 elsewhere",
            "/api/v5/orders?site=berlin",
            vec![host, key, b"x-name: caf\xe9"],
            vec![],
            200,
        ),
        (
            "bytes that are no UTF-8 for a key",
            "/api/v5/orders?site=berlin",
            vec![host, b"x-api-key: \xff\xfe"],
            vec![],
            401,
        ),
        ("another method in the query", "/api/v5/orders?site=berlin&_method=DELETE", vec![host, key], vec![], 400),
        (
            "another method in the body",
            "/api/v5/orders?site=berlin",
            vec![host, key, form],
            b"_method=DELETE".to_vec(),
            400,
        ),
    ];
    for (what, target, headers, body, status) in rows {
        let (received, sent) = ask(target, &headers, &body);
        assert_eq!(received, status, "{what}");
        assert_eq!(sent.is_some(), status == 200, "{what}");
        let Some(sent) = sent else { continue };
        assert_eq!(sent.header("x-latchkey-store"), Some("berlin"), "{what}");
        assert_eq!((sent.target(), &sent.body), (target, &body), "{what}");
        assert_eq!(sent.header("x-api-key"), None, "{what}");
        if what == "bytes that are no UTF-8 elsewhere" {
            assert_eq!(sent.header("x-name"), Some("caf\u{e9}"), "the byte goes on as it came");
        }
    }
    // A chunked body is complete when it is checked, and contains no store: WSGI services do not read it.
    for (store, status) in [("berlin", 200), ("madrid", 403)] {
        let chunks = format!("7\r\nx=1&sit\r\n7\r\ne={}\r\n1\r\n{}\r\n0\r\n\r\n", &store[..5], &store[5..]);
        let head = format!(
            "POST {orders}?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: {token}\r\ncontent-type: application/x-www-form-urlencoded\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        let answer =
            ClientConnection::connect(envoy.port).and_then(|mut line| line.send_bytes((head + &chunks).as_bytes()));
        assert_eq!(answer.expect("an answer").status(), status, "{store} in chunks");
        assert_eq!(fixture.shop.take().len(), usize::from(status == 200));
    }
    // A long body is checked completely, to its end.
    for (store, status) in [("berlin", 200), ("madrid", 403)] {
        let body = format!("x={}&site={store}", "y".repeat(100_000)).into_bytes();
        let (received, sent) = ask(orders, &[host, key, form], &body);
        assert_eq!(received, status, "{store} at the end of a long body");
        assert_eq!(sent.is_some_and(|sent| sent.body == body), status == 200);
    }
    assert!(!envoy.logs().contains(&token) && !envoy.logs().contains(&fixture.operator), "no secret in a log");
}
