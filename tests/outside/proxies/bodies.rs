//! Kind 15: bodies of every length, hosts with ports, proxy headers set by clients, and error responses when the shop
//! is down, when Latchkey is down, and when a body is too large.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::proxies::Fixture;
use crate::proxies::proxy::{Proxy, Upstreams};
use crate::proxies::shop::{ClientConnection, Message};
use helpers::calls::{Client, key_with_access};
use helpers::support::eventually;
use helpers::support::machine::free_port;

const PROFILE: &str = "keys = [\"header:x-api-key\"]\nstores = [\"query:site\"]\n";
const TARGET: &str = "/api/v5/orders/create?site=berlin";
/// A type in which no service looks for a parameter.
const BYTES: &str = "content-type: application/octet-stream";

/// Starts a proxy, and returns it with the header of a key for everything.
async fn start_ready(fixture: &Fixture, start: impl FnOnce(Upstreams<'_>) -> Proxy) -> (Proxy, String) {
    let all = proto::Access::All.into();
    let key = proto::Key { store_access: all, method_access: all, ..key_with_access("wide", &[], &[]) };
    let (_, token) = Client::for_admin(&fixture.server).create_key(key).await.expect("a key is made");
    let proxy = fixture.start_proxy(start);
    let key = format!("x-api-key: {token}");
    eventually("the proxy has found its Latchkey", Duration::from_secs(20), || {
        (proxy.request("POST", TARGET, &[&key], "x").status() == 200).then_some(())
    });
    let _ = fixture.shop.take();
    (proxy, key)
}

/// Sends a request again while it cannot be decided in time, as the response advises: reading a mebibyte without
/// optimisation takes long on a busy machine.
fn until_decided(mut send: impl FnMut() -> Message) -> Message {
    eventually("a request is decided in time", Duration::from_mins(1), || {
        let answer = send();
        (answer.status() != 503).then_some(answer)
    })
}

/// Bodies of these lengths pass unchanged, and one of `too_large` is refused with the reason once `come` bytes were
/// received, if its length is announced.
async fn bodies(start: impl FnOnce(Upstreams<'_>) -> Proxy, pass: &[usize], too_large: usize, come: usize) {
    let fixture = Fixture::start(PROFILE).await;
    let (proxy, key) = start_ready(&fixture, start).await;
    for length in pass {
        let body = "x".repeat(*length);
        for expects in [&[BYTES, &*key][..], &[BYTES, &*key, "expect: 100-continue"]] {
            let answer = until_decided(|| {
                let mut caller = ClientConnection::connect(proxy.port).expect("it listens");
                let answer = caller.send("POST", TARGET.as_bytes(), expects, body.as_bytes()).expect("answered");
                if answer.status() == 100 { caller.read_response().expect("answered") } else { answer }
            });
            assert_eq!(answer.status(), 200, "{length} bytes: {}", answer.to_text());
            assert_eq!(fixture.received_request().body.len(), *length);
        }
        let chunked = format!(
            "POST {TARGET} HTTP/1.1\r\nhost: shop.example\r\n{BYTES}\r\n{key}\r\ntransfer-encoding: chunked\r\n\r\n\
             {length:x}\r\n{body}\r\n0\r\n\r\n"
        );
        let answer = until_decided(|| {
            let answer = ClientConnection::connect(proxy.port).expect("it listens").send_bytes(chunked.as_bytes());
            answer.unwrap_or_else(|error| panic!("{length} bytes in chunks: {error}"))
        });
        assert_eq!(answer.status(), 200, "{length} bytes in chunks: {}", answer.to_text());
        assert_eq!(fixture.received_request().body.len(), *length);
    }
    for rest in [
        format!("content-length: {too_large}\r\n\r\n{}", "x".repeat(come)),
        format!("transfer-encoding: chunked\r\n\r\n{too_large:x}\r\n{}", "x".repeat(too_large)),
    ] {
        let bytes = format!("POST {TARGET} HTTP/1.1\r\nhost: shop.example\r\n{BYTES}\r\n{key}\r\n{rest}");
        let mut caller = ClientConnection::connect(proxy.port).expect("it listens");
        // The proxy may respond and close the connection before it has read everything.
        let answer = caller.send_bytes(bytes.as_bytes()).or_else(|_| caller.read_response()).expect("answered");
        assert_eq!(answer.status(), 413, "{}", answer.to_text());
        assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.to_text());
        assert!(answer.text().contains("too large. The limit is"), "{}", answer.to_text());
        assert_eq!(fixture.shop.take(), []);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_over_a_mebibyte_pass_through_nginx() {
    bodies(Proxy::nginx, &[1, 1 << 20, (1 << 20) + 1, 9_000_000], 70_000_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_over_a_mebibyte_pass_through_caddy() {
    bodies(Proxy::caddy, &[1, 1 << 20, (1 << 20) + 1, 9_000_000], 70_000_000, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_of_a_mebibyte_pass_through_envoy() {
    bodies(Proxy::envoy, &[1, 70_000, 1 << 20], 1_300_000, 1_200_000).await;
}

/// The host keeps its port, and no proxy header of a client reaches the shop.
async fn hosts(start: impl FnOnce(Upstreams<'_>) -> Proxy) {
    let fixture = Fixture::start(PROFILE).await;
    let (proxy, key) = start_ready(&fixture, start).await;
    for host in ["shop.example", "shop.example:8000", "shop.example:80", "127.0.0.1:8000"] {
        let request = format!("GET {TARGET} HTTP/1.1\r\nhost: {host}\r\n{key}\r\n\r\n");
        let answer = ClientConnection::connect(proxy.port)
            .expect("it listens")
            .send_bytes(request.as_bytes())
            .expect("answered");
        assert_eq!(answer.status(), 200, "{host}: {}", answer.to_text());
        let sent = fixture.received_request();
        assert_eq!(sent.header("host"), Some(host), "{sent:?}");
        assert!(sent.header("x-forwarded-host").is_none_or(|received| received == host), "{sent:?}");
        assert_eq!(sent.header("x-forwarded-proto"), Some("http"), "{sent:?}");
    }
    for claim in [
        "x-forwarded-proto: https",
        "x-forwarded-host: evil.example",
        "x-forwarded-port: 666",
        "x-forwarded-prefix: /evil",
        "x-forwarded-server: evil",
        "x-real-ip: 6.6.6.6",
        "forwarded: for=6.6.6.6;proto=https",
        "x-latchkey-store: evil",
        "X.Latchkey.Store: evil",
        "X_Latchkey_Store: evil",
        "X-Latchkey.Store: evil",
        "x_latchkey-scope: evil",
        "script-name: /evil",
        "script_name: /evil",
        "path-info: /evil",
    ] {
        let answer = proxy.request("GET", TARGET, &[claim, &key], "");
        for sent in fixture.shop.take() {
            assert_eq!(answer.status(), 200, "{claim}");
            // Random numbers can have 666 in them.
            let random = ["x-latchkey-key-id", "x-request-id"];
            let received: Vec<_> = sent.headers.iter().filter(|(name, _)| !random.contains(&name.as_str())).collect();
            let received = format!("{received:?}");
            for evil in ["evil", "666", "6.6.6.6", "https"] {
                assert!(!received.contains(evil), "{claim} reached the shop: {received}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_keep_their_ports_behind_nginx() {
    hosts(Proxy::nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_keep_their_ports_behind_caddy() {
    hosts(Proxy::caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hosts_keep_their_ports_behind_envoy() {
    hosts(Proxy::envoy).await;
}

/// The shop is down, and then Latchkey: two statuses and two reasons.
async fn away(start: fn(Upstreams<'_>) -> Proxy) {
    let mut fixture = Fixture::start(PROFILE).await;
    let nobody = free_port();
    let shopless = fixture.start_proxy(|upstreams| start(Upstreams { shop: nobody, ..upstreams }));
    let key = format!("x-api-key: {}", fixture.token);
    let target = "/api/v5/orders?site=berlin";
    let answer = eventually("it is decided, and the shop is away", Duration::from_secs(20), || {
        let answer = shopless.request("GET", target, &[&key], "");
        (answer.status() == 502).then_some(answer)
    });
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.to_text());
    assert!(answer.text().contains("The shop cannot be reached"), "{}", answer.to_text());
    let refused = shopless.request("GET", "/api/v5/orders?site=madrid", &[&key], "");
    assert_eq!(refused.status(), 403, "{}", refused.to_text());
    fixture.server.kill9();
    let answer = eventually("Latchkey is away", Duration::from_secs(20), || {
        let answer = shopless.request("GET", target, &[&key], "");
        (answer.status() == 503).then_some(answer)
    });
    assert_eq!(answer.header("content-type"), Some("application/json"), "{}", answer.to_text());
    assert!(answer.text().contains("Access cannot be decided"), "{}", answer.to_text());
    let claimed = shopless.request("GET", target, &[&key, "x-latchkey-key-id: key_evil"], "");
    assert_eq!((claimed.status(), claimed.text().contains("cannot be decided")), (503, true), "{}", claimed.to_text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shop_that_is_away_is_no_undecided_access() {
    away(Proxy::nginx).await;
    away(Proxy::caddy).await;
    away(Proxy::envoy).await;
}
