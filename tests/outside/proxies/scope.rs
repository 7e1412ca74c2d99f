//! The built-in error format of the RetailCRM API through each proxy, byte for byte; and a call without a store, which
//! the proxy limits to its key's stores, so that a shop without knowledge of Latchkey stays within them.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::proxies::Fixture;
use crate::proxies::proxy::{Proxy, Upstreams};
use helpers::calls::{Client, METHODS, key_with_access};
use helpers::support::eventually;

/// Like `retailcrm`, with locations that every proxy sends.
const PROFILE: &str = "like = \"retailcrm\"\nkeys = [\"header:x-api-key\", \"query:apiKey\"]\n\
                       stores = [\"query:site\", \"query:filter[sites][]\"]\n";
/// Methods, and the locations of their stores.
const LIST: (&str, &str) = ("GET /api/v*/customers", "query:filter[sites][]");
const ONE: (&str, &str) = ("GET /api/v*/customers/{externalId}", "query:site");

/// Starts the setup with these methods; returns it with the token of a key for one store, and that of a key for two.
async fn fixture() -> (Fixture, String, String) {
    let fixture = Fixture::start(PROFILE).await;
    let client = Client::for_admin(&fixture.server);
    for (method, place) in [LIST, ONE] {
        let method = proto::Method {
            method: method.to_owned(),
            block: "Customers".to_owned(),
            summary: "Reads customers".to_owned(),
            store_use: proto::StoreUse::Optional.into(),
            store_places: vec![place.to_owned()],
            ..Default::default()
        };
        let request = proto::CreateMethodRequest { method: Some(method), options: None };
        client.methods().create_method(request).await.expect("a method is made");
    }
    let methods = [LIST.0, ONE.0, METHODS[1]];
    let (_, one) = client.create_key(key_with_access("one", &["berlin"], &methods)).await.expect("a key is made");
    let (_, two) =
        client.create_key(key_with_access("two", &["berlin", "madrid"], &methods)).await.expect("a key is made");
    (fixture, one, two)
}

async fn keeps_to_the_stores_and_the_words(start: impl FnOnce(Upstreams<'_>) -> Proxy) {
    let (fixture, one, two) = fixture().await;
    let proxy = fixture.start_proxy(start);
    let header = |token: &str| format!("x-api-key: {token}");
    eventually("the proxy has found its Latchkey", Duration::from_secs(20), || {
        (proxy.request("GET", "/api/v5/customers?filter[sites][]=berlin", &[&header(&one)], "").status() == 200)
            .then_some(())
    });
    let _ = fixture.shop.take();
    let added = [
        ("/api/v5/customers".to_owned(), Some(&one), "/api/v5/customers?filter%5Bsites%5D%5B0%5D=berlin"),
        (
            "/api/v5/customers?limit=20".to_owned(),
            Some(&two),
            "/api/v5/customers?limit=20&filter%5Bsites%5D%5B0%5D=berlin&filter%5Bsites%5D%5B1%5D=madrid",
        ),
        (
            format!("/api/v5/customers?apiKey={one}&x=%D0%BA&y"),
            None,
            "/api/v5/customers?x=%D0%BA&y&filter%5Bsites%5D%5B0%5D=berlin",
        ),
        ("/api/v5/customers/7?by=id".to_owned(), Some(&one), "/api/v5/customers/7?by=id&site=berlin"),
        (format!("/api/v5/customers/7?apiKey={one}&by=id"), None, "/api/v5/customers/7?by=id&site=berlin"),
        // The call itself names a store: nothing is added.
        ("/api/v5/customers?filter[sites][]=madrid".to_owned(), Some(&two), "/api/v5/customers?filter[sites][]=madrid"),
    ];
    for (target, key, expected) in added {
        let headers: Vec<String> = key.into_iter().map(|token| header(token)).collect();
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = proxy.request("GET", &target, &headers, "");
        assert_eq!(answer.status(), 200, "{target}: {}", answer.to_text());
        let sent = fixture.received_request();
        assert_eq!(sent.target(), expected);
        assert!(!sent.to_text().contains(&one) && !sent.to_text().contains(&two), "the key stays at the proxy");
    }

    let own = "{\"success\":true,\"scopes\":[],\"credentials\":[\"/api/customers\",\"/api/customers/{externalId}\",\
               \"/api/orders/statuses\"],\"siteAccess\":\"access_selective\",\"sitesAvailable\":[\"berlin\"]}";
    let (one, two) = (header(&one), header(&two));
    let wrong = header(&"w".repeat(40));
    let said: [(&str, &str, &str, u16, &str); 11] = [
        ("GET", "/api/v5/customers", "", 403, r#"{"success":false,"errorMsg":"\"apiKey\" is missing."}"#),
        ("GET", "/api/v5/customers", &wrong, 403, r#"{"success":false,"errorMsg":"Wrong \"apiKey\" value."}"#),
        ("GET", "/api/v5/orders", &one, 403, r#"{"success":false,"errorMsg":"Access denied."}"#),
        ("GET", "/api/v5/customers/7?site=madrid", &one, 403, r#"{"success":false,"errorMsg":"Access denied."}"#),
        ("GET", "/api/v5/customers/7", &two, 400, r#"{"success":false,"errorMsg":"Parameter 'site' is missing"}"#),
        // A call without a location for stores cannot be limited.
        ("GET", "/api/v5/orders/statuses", &one, 400, r#"{"success":false,"errorMsg":"Parameter 'site' is missing"}"#),
        (
            "GET",
            "/api/v5/customers/7?site=berlin&site=berlin",
            &one,
            400,
            r#"{"success":false,"errorMsg":"Errors in the input parameters"}"#,
        ),
        ("GET", "/api/v5/users-groups", &one, 404, r#"{"success":false,"errorMsg":"API method not found"}"#),
        ("PUT", "/api/v5/customers", &one, 405, r#"{"success":false,"errorMsg":"Method Not Allowed"}"#),
        ("GET", "/api/credentials", &one, 200, own),
        ("GET", "/api/api-versions", &two, 200, r#"{"success":true,"versions":["3.0","4.0","5.0"]}"#),
    ];
    for (verb, target, key, status, body) in said {
        let headers: Vec<&str> = Some(key).filter(|key| !key.is_empty()).into_iter().collect();
        let answer = proxy.request(verb, target, &headers, "");
        assert_eq!((answer.status(), &*answer.text()), (status, body), "{verb} {target}: {}", answer.to_text());
        let types: Vec<_> = answer.headers.iter().filter(|(name, _)| name == "content-type").collect();
        let [(_, kind)] = &*types else { panic!("{verb} {target}: {}", answer.to_text()) };
        assert_eq!(kind, "application/json; charset=utf-8", "{verb} {target}");
        assert_eq!(fixture.shop.take(), [], "{verb} {target} does not reach the shop");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_keeps_a_call_to_its_stores_and_says_refusals_as_they_are() {
    keeps_to_the_stores_and_the_words(Proxy::envoy).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nginx_keeps_a_call_to_its_stores_and_says_refusals_as_they_are() {
    keeps_to_the_stores_and_the_words(Proxy::nginx).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn caddy_keeps_a_call_to_its_stores_and_says_refusals_as_they_are() {
    keeps_to_the_stores_and_the_words(Proxy::caddy).await;
}
