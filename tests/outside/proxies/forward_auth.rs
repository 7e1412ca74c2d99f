//! nginx and Caddy with deploy/nginx/nginx.conf and deploy/caddy/Caddyfile.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::proxies::Fixture;
use crate::proxies::proxy::{Proxy, Upstreams};
use crate::proxies::shop::ClientConnection;
use helpers::calls::{Client, METHODS, key_with_access};
use helpers::support::eventually;

const PROFILE: &str = "keys = [\"bearer\", \"header:x-api-key\", \"query:apiKey\"]\n\
                       stores = [\"query:site\", \"header:x-store\"]\nupstream_applies_scope = true\n";

/// Cases for every proxy of this kind.
async fn rows(start: impl FnOnce(Upstreams<'_>) -> Proxy) {
    let mut fixture = Fixture::start(PROFILE).await;
    let proxy = fixture.start_proxy(start);
    let token = fixture.token.clone();
    let header = format!("x-api-key: {token}");
    let bearer = format!("authorization: Bearer {token}");
    let (bearer, header) = (bearer.as_str(), header.as_str());
    let allowed = [
        ("/api/v5/orders?site=berlin".to_owned(), vec![header], "/api/v5/orders?site=berlin"),
        ("/api/v5/orders?site=berlin&a=%5B".to_owned(), vec![bearer], "/api/v5/orders?site=berlin&a=%5B"),
        (format!("/api/v5/orders?a=1&apiKey={token}&site=berlin"), vec![], "/api/v5/orders?a=1&site=berlin"),
        (format!("/api/v5/orders/statuses?apiKey={token}"), vec!["x-store: berlin"], "/api/v5/orders/statuses"),
    ];
    eventually("the proxy has found its Latchkey", Duration::from_secs(20), || {
        (proxy.request("GET", &allowed[0].0, &allowed[0].1, "").status() == 200).then_some(())
    });
    let _ = fixture.shop.take();
    for (target, headers, expected) in &allowed {
        let answer = proxy.request("GET", target, headers, "");
        assert_eq!((answer.status(), &*answer.text()), (200, "shop"), "{}", answer.to_text());
        let sent = fixture.received_request();
        assert!(!sent.to_text().contains(&token), "the key stays at the proxy");
        assert_eq!(sent.target(), *expected);
        assert_eq!(sent.header("x-latchkey-key-id"), Some(&*fixture.key.id));
        assert_eq!(sent.header("x-latchkey-store"), Some("berlin"));
        assert_eq!(sent.header("x-latchkey-caller"), None);
    }

    let wrong = format!("x-api-key: {}", "w".repeat(40));
    let wrong = wrong.as_str();
    let refused: [(&str, &str, Vec<&str>, u16); 6] = [
        ("GET", "/api/v5/orders?site=berlin", vec![], 401),
        ("GET", "/api/v5/orders?site=berlin", vec![wrong], 401),
        ("GET", "/api/v5/orders?site=madrid", vec![header], 403),
        ("POST", "/api/v5/orders/create?site=berlin", vec![header], 403),
        ("GET", "/api/v5/orders?site=berlin&site=madrid", vec![header], 400),
        ("GET", "/api/v5/orders/../orders?site=berlin", vec![header], 400),
    ];
    for (verb, target, headers, status) in refused {
        let answer = proxy.request(verb, target, &headers, "");
        assert_eq!(answer.status(), status, "{verb} {target}: {}", answer.to_text());
        assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{}", answer.to_text());
        assert!(answer.text().starts_with('{'), "the words are Latchkey's: {}", answer.to_text());
        assert!(status != 401 || answer.header("www-authenticate").is_some(), "{}", answer.to_text());
        assert_eq!(fixture.shop.take(), []);
    }

    let spoofed = ["x-latchkey-store: madrid", "x-latchkey-key-id: key_evil", "x-latchkey-caller: evil", header];
    assert_eq!(proxy.request("GET", "/api/v5/orders?site=berlin", &spoofed, "").status(), 200);
    let sent = fixture.received_request();
    assert!(!sent.to_text().contains("madrid") && !sent.to_text().contains("evil"), "{sent:?}");
    // Only the proxy may describe the original request to Latchkey.
    let rewriting = ["x-forwarded-uri: /evil", "x-forwarded-method: evil", "x-original-uri: /evil", header];
    let _ = proxy.request("GET", "/api/v5/orders?site=berlin", &rewriting, "");
    assert!(fixture.shop.take().iter().all(|sent| !sent.to_text().contains("evil")));

    fixture.server.kill9();
    let away = proxy.request("GET", "/api/v5/orders?site=berlin", &[header], "");
    assert_eq!(away.status(), 503, "{}", away.to_text());
    let query = format!("/api/v5/orders?apiKey={token}&site=berlin");
    assert_eq!(proxy.request("GET", &query, &[], "").status(), 503, "and the log of this error holds no key");
    assert_eq!(fixture.shop.take(), [], "while Latchkey is away nothing goes through");
    fixture.server.restart();
    eventually("what is allowed goes through again", Duration::from_secs(20), || {
        (proxy.request("GET", "/api/v5/orders?site=berlin", &[header], "").status() == 200).then_some(())
    });
    let query = format!("/api/v5/orders?apiKey={token}&site=madrid");
    assert_eq!(proxy.request("GET", &query, &[], "").status(), 403);
    assert!(proxy.logs().contains("/api/v5/orders"), "{}", proxy.logs());
    assert!(!proxy.logs().contains(&token), "no key in a log");
    assert!(!proxy.logs().contains(&fixture.operator), "no operator's token in a log");
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_asks_before_it_sends_on() {
    rows(Proxy::nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_asks_before_it_sends_on() {
    rows(Proxy::caddy).await;
}

/// A body that could contain a store or another method passes only with a key that has access to everything.
async fn withheld(start: impl FnOnce(Upstreams<'_>) -> Proxy) {
    let fixture = Fixture::start("keys = [\"header:x-api-key\"]\nstores = [\"query:site\", \"form:site\"]\n").await;
    let client = Client::for_admin(&fixture.server);
    let all = proto::Access::All.into();
    let stores = proto::Key { store_access: all, ..key_with_access("all stores", &[], &METHODS[..2]) };
    let (_, stores) = client.create_key(stores).await.expect("a key is made");
    let wide = proto::Key { store_access: all, method_access: all, ..key_with_access("wide", &[], &[]) };
    let (_, wide) = client.create_key(wide).await.expect("a key is made");
    let proxy = fixture.start_proxy(start);
    let header = format!("x-api-key: {}", fixture.token);
    let stores = format!("x-api-key: {stores}");
    let wide = format!("x-api-key: {wide}");
    eventually("the proxy has found its Latchkey", Duration::from_secs(20), || {
        (proxy.request("GET", "/api/v5/orders?site=berlin", &[&wide], "").status() == 200).then_some(())
    });
    let _ = fixture.shop.take();
    let form = "content-type: application/x-www-form-urlencoded";
    for site in ["madrid", "berlin"] {
        let body = format!("site={site}");
        let answer = proxy.request("GET", "/api/v5/orders?site=berlin", &[&header, form], &body);
        assert_eq!(answer.status(), 400, "{}", answer.to_text());
        assert!(answer.text().contains("withheld"), "{}", answer.to_text());
        assert_eq!(fixture.shop.take(), []);
        assert_eq!(proxy.request("GET", "/api/v5/orders?site=berlin", &[&stores, form], &body).status(), 400);
        assert_eq!(fixture.shop.take(), [], "the body could ask for another method");
        assert_eq!(proxy.request("GET", "/api/v5/orders?site=berlin", &[&wide, form], &body).status(), 200);
        assert_eq!(fixture.received_request().text(), body, "the body goes on as it came");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_shows_no_bodies_and_what_could_be_in_one_is_refused() {
    withheld(Proxy::nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_shows_no_bodies_and_what_could_be_in_one_is_refused() {
    withheld(Proxy::caddy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_proxy_is_told_nothing() {
    let fixture = Fixture::start(PROFILE).await;
    let port = fixture.server.addresses().decision.port();
    let caller = format!("x-latchkey-caller: {}", fixture.operator);
    let key = format!("x-api-key: {}", fixture.token);
    let nginx = [
        "x-original-method: GET",
        "x-original-uri: /api/v5/orders?site=berlin",
        "x-original-host: shop.example",
        "x-original-client: 127.0.0.1",
    ];
    let ask = |path: &str, headers: &[&str]| {
        ClientConnection::connect(port)
            .and_then(|mut line| line.send("GET", path.as_bytes(), headers, b""))
            .expect("answered")
    };
    let whole: Vec<&str> = nginx.into_iter().chain([&*caller, &*key]).collect();
    let answer = ask("/forward-auth/nginx", &whole);
    assert_eq!(answer.status(), 200, "{}", answer.to_text());
    assert_eq!(answer.header("x-latchkey-uri"), Some("/api/v5/orders?site=berlin"));
    assert_eq!(ask("/forward-auth/nginx/shop", &whole).status(), 200);
    assert_eq!(ask("/forward-auth/nginx/nobody", &whole).status(), 403);
    assert_eq!(ask("/forward-auth/apache", &whole).status(), 404);
    for missing in 0..whole.len() - 1 {
        let mut headers = whole.clone();
        let left_out = headers.remove(missing);
        assert_eq!(ask("/forward-auth/nginx", &headers).status(), 503, "without {left_out}");
        let twice: Vec<&str> = whole.iter().copied().chain([left_out]).collect();
        assert_eq!(ask("/forward-auth/nginx", &twice).status(), 503, "twice {left_out}");
    }
    assert_eq!(ask("/forward-auth/caddy", &whole).status(), 503, "the other set");
    let both: Vec<&str> = whole.iter().copied().chain(["x-forwarded-uri: /api/v5/orders?site=madrid"]).collect();
    assert_ne!(ask("/forward-auth/nginx", &both).status(), 200, "both sets");
    let key_as_caller = format!("x-latchkey-caller: {}", fixture.token);
    let headers: Vec<&str> = nginx.into_iter().chain([&*key_as_caller, &*key]).collect();
    assert_eq!(ask("/forward-auth/nginx", &headers).status(), 503, "a key is no operator");
}
