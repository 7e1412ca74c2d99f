//! Requests that proxies and services are known to read differently, byte by byte: each is refused, or reaches the shop
//! as it was decided.

use latchkey::proto::v1 as proto;

use crate::proxies::Fixture;
use crate::proxies::proxy::{Proxy, Upstreams};
use crate::proxies::shop::{ClientConnection, Message};
use helpers::calls::Client;
use helpers::support::eventually;

/// Locations that every proxy sends.
const SHOWN: &str = "keys = [\"header:x-api-key\", \"query:apiKey\"]\nstores = [\"query:site\", \"host\"]\n\
                     upstream_applies_scope = true\n";

/// Expected outcome of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// The shop receives nothing, and the client gets status 4xx or a closed connection.
    Refused,
    /// The shop receives nothing. Some proxies respond to such a request themselves.
    Unseen,
    /// The shop receives a plain request for berlin, or it is refused: proxies differ.
    Harmless,
    /// The shop receives a plain request for berlin.
    Allowed,
}
use Expected::{Allowed, Harmless, Refused, Unseen};

/// Request line, headers and body; `<KEY>` stands for the token.
const ODD: [(&str, Expected); 44] = [
    ("GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Allowed),
    ("GET /api/v5/orders?site=berlin HTTP/1.0\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Harmless),
    ("GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nX-API-KEY:<KEY>\r\n\r\n", Allowed),
    ("GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key:\t <KEY> \t\r\n\r\n", Allowed),
    ("GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key : <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key:\r\n <KEY>\r\n\r\n", Harmless),
    (
        "GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\nx-api-key: <KEY>\r\n\r\n",
        Refused,
    ),
    // Targets.
    (
        "GET http://api.example/api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n",
        Harmless,
    ),
    (
        "GET http://api.example/api/v5/orders?site=madrid HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n",
        Refused,
    ),
    ("GET http://madrid.example/api/v5/orders HTTP/1.1\r\nhost: berlin.example\r\nx-api-key: <KEY>\r\n\r\n", Harmless),
    ("GET http://berlin.example/api/v5/orders HTTP/1.1\r\nhost: madrid.example\r\nx-api-key: <KEY>\r\n\r\n", Harmless),
    ("GET //api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api//v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders;a=b?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders%2fstatuses?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders%5cstatuses?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/statuses/..%2forders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    (
        "GET /api/v5/statuses/%2e%2e/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n",
        Refused,
    ),
    ("GET /api/v5/orders/?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders#?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders?site=berlin#&site=madrid HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders?site=berlin&SITE=madrid HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders?site=berlin;site=madrid HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders?site=berlin%00madrid HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET * HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("OPTIONS * HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Unseen),
    ("CONNECT api.example:80 HTTP/1.1\r\nhost: api.example:80\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("get /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    // Other methods and paths by header.
    (
        "GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\nx-http-method-override: POST\r\n\r\n",
        Refused,
    ),
    (
        "GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\nx_http_method_override: POST\r\n\r\n",
        Harmless,
    ),
    (
        "GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\nx-rewrite-url: /api/v5/x\r\n\r\n",
        Refused,
    ),
    (
        "GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\nconnection: close, x-latchkey-store\r\n\r\n",
        Harmless,
    ),
    // Hosts.
    ("GET /api/v5/orders HTTP/1.1\r\nhost: berlin.example\r\nx-api-key: <KEY>\r\n\r\n", Allowed),
    ("GET /api/v5/orders HTTP/1.1\r\nhost: berlin.example:8000\r\nx-api-key: <KEY>\r\n\r\n", Allowed),
    ("GET /api/v5/orders HTTP/1.1\r\nhost: Berlin.Example.\r\nx-api-key: <KEY>\r\n\r\n", Harmless),
    ("GET /api/v5/orders HTTP/1.1\r\nhost: madrid.example\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders HTTP/1.1\r\nhost: madrid.example.\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    ("GET /api/v5/orders HTTP/1.1\r\nhost: MADRID.example:80\r\nx-api-key: <KEY>\r\n\r\n", Refused),
    (
        "GET /api/v5/orders HTTP/1.1\r\nhost: berlin.example\r\nhost: madrid.example\r\nx-api-key: <KEY>\r\n\r\n",
        Harmless,
    ),
    (
        "GET /api/v5/orders HTTP/1.1\r\nhost: berlin.example\r\nx-forwarded-host: madrid.example\r\nx-api-key: <KEY>\r\n\r\n",
        Harmless,
    ),
    (
        "GET /api/v5/orders HTTP/1.1\r\nhost: berlin.example\r\nforwarded: host=madrid.example\r\nx-api-key: <KEY>\r\n\r\n",
        Refused,
    ),
    // Lengths: bytes after the first request must not become a request of their own.
    (
        "GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\ncontent-length: 0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        Harmless,
    ),
    (
        "GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\ntransfer-encoding: xchunked\r\n\r\n0\r\n\r\n",
        Harmless,
    ),
    (
        "GET /api/v5/orders?site=berlin HTTP/1.1\r\nhost: api.example\r\nx-api-key: <KEY>\r\ncontent-length: 1\r\ncontent-length: 0\r\n\r\nx",
        Refused,
    ),
];

/// Adds hosts to two stores.
pub(crate) async fn with_hosts(fixture: &Fixture) {
    let client = Client::for_admin(&fixture.server);
    for code in ["berlin", "madrid"] {
        let store =
            proto::Store { code: code.to_owned(), hosts: vec![format!("{code}.example")], ..Default::default() };
        let request = proto::UpdateStoreRequest {
            store: Some(store),
            update_mask: Some(prost_types::FieldMask { paths: vec!["hosts".to_owned()] }),
            ..Default::default()
        };
        client.stores().update_store(request).await.expect("a store gets a host");
    }
}

/// Checks that the shop received a call of berlin's orders and nothing else, however it is read.
fn is_of_berlin(sent: &Message, token: &str, odd: &str) {
    let (path, query) = sent.target().split_once('?').unwrap_or((sent.target(), ""));
    assert!(sent.line.starts_with("GET ") && path == "/api/v5/orders", "{odd:?} reached the shop as {sent:?}");
    let query = query.to_ascii_lowercase();
    assert!(query.is_empty() || query == "site=berlin", "{odd:?} reached the shop as {sent:?}");
    assert!(!sent.to_text().contains(token) && !sent.to_text().contains("override"), "{odd:?}: {sent:?}");
    let hosts: Vec<_> = sent.headers.iter().filter(|(name, _)| name == "host").collect();
    let [(_, host)] = &*hosts else { panic!("{odd:?} reached the shop with the hosts {hosts:?}") };
    assert!(!host.to_ascii_lowercase().contains("madrid"), "{odd:?} reached the shop as {sent:?}");
    assert!(
        !sent.to_text().contains("madrid") || sent.header("x-forwarded-host") == Some(host.as_str()),
        "{odd:?}: {sent:?}"
    );
    assert_eq!(sent.header("x-latchkey-store"), Some("berlin"), "{odd:?}: {sent:?}");
    assert_eq!(sent.headers.iter().filter(|(name, _)| name == "x-latchkey-store").count(), 1, "{odd:?}");
    assert!(sent.body.is_empty(), "{odd:?}: {sent:?}");
}

async fn check_oddities(start: impl FnOnce(Upstreams<'_>) -> Proxy) {
    let fixture = Fixture::start(SHOWN).await;
    with_hosts(&fixture).await;
    let proxy = fixture.start_proxy(start);
    let key = format!("x-api-key: {}", fixture.token);
    eventually("the proxy has found its Latchkey", std::time::Duration::from_secs(20), || {
        (proxy.request("GET", "/api/v5/orders?site=berlin", &[&key], "").status() == 200).then_some(())
    });
    let _ = fixture.shop.take();
    for (odd, expected) in ODD {
        let bytes = odd.replace("<KEY>", &fixture.token);
        let answer = ClientConnection::connect(proxy.port).expect("the proxy listens").send_bytes(bytes.as_bytes());
        let status = answer.as_ref().map_or(0, Message::status);
        let sent = fixture.shop.take();
        for sent in &sent {
            is_of_berlin(sent, &fixture.token, odd);
        }
        match expected {
            Unseen => assert!(sent.is_empty(), "{odd:?}: {answer:?}"),
            Allowed => assert!(status == 200 && sent.len() == 1, "{odd:?}: {answer:?}"),
            Refused => assert!((status == 0 || (400..500).contains(&status)) && sent.is_empty(), "{odd:?}: {answer:?}"),
            Harmless => assert!(
                (status == 200) == (sent.len() == 1) && sent.len() <= 1 && (status < 500 || status == 501),
                "{odd:?}: {answer:?}"
            ),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_and_the_shop_agree_on_odd_requests() {
    check_oddities(Proxy::envoy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_and_the_shop_agree_on_odd_requests() {
    check_oddities(Proxy::nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_and_the_shop_agree_on_odd_requests() {
    check_oddities(Proxy::caddy).await;
}
