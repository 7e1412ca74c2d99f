//! Kind 8: load balancers in front of the proxies, configured by the lines for them in deploy/. The client's address is
//! its own, neither the balancer's nor a claimed one.

use std::time::Duration;

use crate::proxies::Fixture;
use crate::proxies::oddities::with_hosts;
use crate::proxies::proxy::{Proxy, Upstreams, change};
use crate::proxies::shop::ClientConnection;
use helpers::calls::{Client, METHODS, key_with_access};
use helpers::support::eventually;
use latchkey::proto::v1 as proto;

const PROFILE: &str = "keys = [\"header:x-api-key\"]\nstores = [\"query:site\"]\n";
const TARGET: &str = "/api/v5/orders?site=berlin";
/// Behind a balancer at 127.0.0.9.
const BALANCED: [(&str, &str); 1] = [("LATCHKEY_TRUSTED_BALANCERS", "127.0.0.9")];

/// Returns headers with a key that is valid from one address only.
async fn key_from(fixture: &Fixture, address: &str) -> String {
    let key = key_with_access(address, &["berlin"], &METHODS[..2]);
    let key = proto::Key { networks: vec![address.to_owned()], ..key };
    let (_, token) = Client::for_admin(&fixture.server).create_key(key).await.expect("a key is made");
    format!("x-api-key: {token}")
}

/// Keys that are valid from the client's address, the balancer's, and a claimed one.
struct Keys {
    client: String,
    balancer: String,
    claimed: String,
}

async fn keys(fixture: &Fixture) -> Keys {
    Keys {
        client: key_from(fixture, "127.0.0.1/32").await,
        balancer: key_from(fixture, "127.0.0.9/32").await,
        claimed: key_from(fixture, "10.9.9.9/32").await,
    }
}

/// Headers with which clients claim an address; each row is tried.
const CLAIMS: [&[&str]; 9] = [
    &[],
    &["x-forwarded-for: 10.9.9.9"],
    &["x-forwarded-for: 10.9.9.9, 127.0.0.9"],
    &["x-forwarded-for: 127.0.0.9"],
    &["x-forwarded-for: unknown"],
    &["x-forwarded-for: 10.9.9.9:80"],
    &["x-real-ip: 10.9.9.9"],
    &["x-forwarded-for: 10.9.9.9", "x-forwarded-for: 10.9.9.9"],
    &["x-latchkey-client: 10.9.9.9", "x-original-client: 10.9.9.9", "x-envoy-external-address: 10.9.9.9"],
];

fn status(proxy: &Proxy, key: &str, claim: &[&str]) -> u16 {
    let headers: Vec<&str> = claim.iter().copied().chain([key]).collect();
    proxy.request("GET", TARGET, &headers, "").status()
}

/// Waits until the proxy decides, and discards the requests that the shop received.
fn wait_ready(fixture: &Fixture, proxy: &Proxy) {
    let key = format!("x-api-key: {}", fixture.token);
    eventually("the proxy has found its Latchkey", Duration::from_secs(20), || {
        (proxy.request("GET", TARGET, &[&key], "").status() == 200).then_some(())
    });
    let _ = fixture.shop.take();
}

/// Asserts that only the client's own key passes.
fn knows_the_client(fixture: &Fixture, front: &Proxy, keys: &Keys) {
    wait_ready(fixture, front);
    for claim in CLAIMS {
        // A claim may make the client unknown, but not another one.
        let own = status(front, &keys.client, claim);
        assert!(own == 200 || (!claim.is_empty() && matches!(own, 400 | 403)), "{claim:?}: {own}");
        let _ = fixture.shop.take();
        for (key, whose) in [(&keys.balancer, "the balancer's"), (&keys.claimed, "a claimed")] {
            let got = status(front, key, claim);
            assert!(matches!(got, 400 | 403), "{whose} address with {claim:?}: {got}");
            assert_eq!(fixture.shop.take(), [], "{whose} address with {claim:?}");
        }
    }
    assert_eq!(status(front, &keys.client, CLAIMS[1]), 200, "what the client claims does not lock it out");
}

async fn behind_a_balancer(start: impl FnOnce(Upstreams<'_>) -> Proxy, front: fn(u16) -> Proxy) {
    let fixture = Fixture::start_with(PROFILE, &BALANCED).await;
    let proxy = fixture.start_proxy(start);
    knows_the_client(&fixture, &front(proxy.port), &keys(&fixture).await);
}

fn caddy_balanced(upstreams: Upstreams<'_>) -> Proxy {
    Proxy::caddy_with(upstreams, |text| change(text, "#trusted_proxies 10.1.0.0/16", "trusted_proxies 127.0.0.9"))
}

fn nginx_balanced(upstreams: Upstreams<'_>) -> Proxy {
    Proxy::nginx_with(upstreams, |text| {
        let from =
            "    #set_real_ip_from 10.1.0.0/16;\n    #real_ip_header X-Forwarded-For;\n    #real_ip_recursive on;\n";
        let to = "    set_real_ip_from 127.0.0.9;\n    real_ip_header X-Forwarded-For;\n    real_ip_recursive on;\n";
        change(text, from, to)
    })
}

fn envoy_balanced(upstreams: Upstreams<'_>) -> Proxy {
    Proxy::envoy_with(upstreams, |text| change(text, "# xff_num_trusted_hops: 1", "xff_num_trusted_hops: 1"))
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_behind_a_balancer_knows_the_client() {
    behind_a_balancer(caddy_balanced, Proxy::balancer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_behind_a_balancer_knows_the_client() {
    behind_a_balancer(nginx_balanced, Proxy::balancer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_behind_a_balancer_knows_the_client() {
    behind_a_balancer(envoy_balanced, Proxy::balancer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_behind_the_proxy_protocol_knows_the_client() {
    let start = |upstreams: Upstreams<'_>| {
        Proxy::nginx_with(upstreams, |text| {
            let text = change(text, "listen 8000;", "listen 8000 proxy_protocol;");
            let from = "    #set_real_ip_from 10.1.0.0/16;\n    #real_ip_header proxy_protocol;\n";
            change(&text, from, "    set_real_ip_from 127.0.0.9;\n    real_ip_header proxy_protocol;\n")
        })
    };
    behind_a_balancer(start, Proxy::tcp_balancer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_behind_the_proxy_protocol_knows_the_client() {
    let start = |upstreams: Upstreams<'_>| {
        Proxy::envoy_with(upstreams, |text| {
            let commented = [
                "listener_filters:",
                "  - name: envoy.filters.listener.proxy_protocol",
                "    typed_config:",
                "      \"@type\": type.googleapis.com/envoy.extensions.filters.listener.proxy_protocol.v3.ProxyProtocol",
            ];
            commented.iter().fold(text.to_owned(), |text, line| change(&text, &format!("# {line}"), line))
        })
    };
    behind_a_balancer(start, Proxy::tcp_balancer).await;
}

/// The default of deploy/ without a balancer: claims are ignored.
async fn without_a_balancer(start: impl FnOnce(Upstreams<'_>) -> Proxy) {
    let fixture = Fixture::start(PROFILE).await;
    let proxy = fixture.start_proxy(start);
    knows_the_client(&fixture, &proxy, &keys(&fixture).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_without_a_balancer_are_known_by_their_connection() {
    without_a_balancer(Proxy::caddy).await;
    without_a_balancer(Proxy::nginx).await;
    without_a_balancer(Proxy::envoy).await;
}

/// A proxy that trusts a balancer unknown to Latchkey, and one that does not forward the address: the client is
/// unknown, and a key limited to networks is refused, from the balancer's address too.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_cannot_be_established_is_unknown() {
    let fixture = Fixture::start(PROFILE).await;
    let keys = keys(&fixture).await;
    let without_client = |upstreams: Upstreams<'_>| {
        Proxy::envoy_with(upstreams, |text| {
            let line = "- { key: x-latchkey-client, value: \"%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%\" }";
            change(&change(text, line, ""), "# xff_num_trusted_hops: 1", "xff_num_trusted_hops: 1")
        })
    };
    for proxy in [fixture.start_proxy(caddy_balanced), fixture.start_proxy(without_client)] {
        let front = Proxy::balancer(proxy.port);
        wait_ready(&fixture, &front);
        for claim in CLAIMS {
            for key in [&keys.client, &keys.balancer, &keys.claimed] {
                let got = status(&front, key, claim);
                assert!(matches!(got, 400 | 403), "{claim:?}: {got}");
            }
        }
        assert_eq!(fixture.shop.take(), []);
    }
}

/// Behind a trusted balancer, Caddy would accept the client's claim of the host.
#[tokio::test(flavor = "multi_thread")]
async fn the_host_behind_a_balancer_is_the_one_that_the_shop_gets() {
    let profile = "keys = [\"header:x-api-key\"]\nstores = [\"query:site\", \"host\"]\n";
    let fixture = Fixture::start_with(profile, &BALANCED).await;
    with_hosts(&fixture).await;
    for proxy in
        [fixture.start_proxy(caddy_balanced), fixture.start_proxy(nginx_balanced), fixture.start_proxy(envoy_balanced)]
    {
        let front = Proxy::balancer(proxy.port);
        wait_ready(&fixture, &front);
        let ask = |host: &str, claimed: &str| {
            let key = &fixture.token;
            let bytes = format!(
                "GET /api/v5/orders HTTP/1.1\r\nhost: {host}\r\nx-api-key: {key}\r\nx-forwarded-host: {claimed}\r\n\r\n"
            );
            let answer =
                ClientConnection::connect(front.port).and_then(|mut caller| caller.send_bytes(bytes.as_bytes()));
            answer.expect("answered").status()
        };
        let _ = ask("berlin.example:8000", "madrid.example");
        for sent in fixture.shop.take() {
            assert!(!sent.to_text().contains("madrid"), "{sent:?}");
        }
        let status = ask("madrid.example", "berlin.example");
        assert!(matches!(status, 400 | 403), "{status}");
        assert_eq!(fixture.shop.take(), []);
    }
}
