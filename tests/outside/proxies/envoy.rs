//! Envoy with deploy/envoy/envoy.yaml.

use std::time::Duration;

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::proxies::Fixture;
use crate::proxies::proxy::Proxy;
use helpers::support::{eventually, eventually_async};

const PROFILE: &str = "keys = [\"bearer\", \"header:x-api-key\", \"query:apiKey\", \"form:apiKey\"]\n\
                       stores = [\"query:site\", \"form:site\", \"header:x-store\"]\nupstream_applies_scope = true\n";

const FORM: &str = "content-type: application/x-www-form-urlencoded";

#[tokio::test(flavor = "multi_thread")]
async fn keys_and_stores_are_found_wherever_they_travel_and_the_key_goes_no_further() {
    let mut fixture = Fixture::start(PROFILE).await;
    let envoy = fixture.start_proxy(Proxy::envoy);
    let token = fixture.token.clone();
    let (bearer, header) = (format!("authorization: Bearer {token}"), format!("x-api-key: {token}"));
    let (bearer, header) = (bearer.as_str(), header.as_str());
    let in_query = format!("/api/v5/orders?apiKey={token}&site=berlin&x=%D0%BA");
    let rows: [(&str, &str, Vec<&str>); 4] = [
        ("GET", "/api/v5/orders?site=berlin", vec![bearer]),
        ("GET", "/api/v5/orders/statuses?site=berlin", vec![header]),
        ("GET", &in_query, vec![]),
        ("GET", "/api/v5/orders", vec![header, "x-store: berlin"]),
    ];
    for (verb, target, headers) in rows {
        let answer = envoy.request(verb, target, &headers, "");
        assert_eq!((answer.status(), &*answer.text()), (200, "shop"), "{}", answer.to_text());
        let sent = fixture.received_request();
        assert!(!sent.to_text().contains(&token), "the key stays at the proxy");
        assert_eq!(sent.header("x-latchkey-key-id"), Some(&*fixture.key.id));
        assert_eq!(sent.header("x-latchkey-store"), Some("berlin"));
        assert_eq!(sent.target().split('?').next(), target.split('?').next(), "the path is untouched");
    }
    // A key in a body cannot be removed; a store in it is inspected nevertheless.
    let stores = [("berlin", 200), ("madrid", 403)];
    for (store, status) in stores {
        let body = format!("apiKey={token}&site={store}");
        let answer = envoy.request("GET", "/api/v5/orders", &[FORM], &body);
        assert_eq!(answer.status(), status, "{}", answer.to_text());
        assert_eq!(fixture.shop.take().len(), usize::from(status == 200));
    }

    let wrong = format!("x-api-key: {}", "w".repeat(40));
    let wrong = wrong.as_str();
    let refused: [(&str, &str, Vec<&str>, &str); 11] = [
        ("GET", "/api/v5/orders?site=berlin", vec![], "no key"),
        ("GET", "/api/v5/orders?site=berlin", vec![wrong], "a wrong key"),
        ("GET", "/api/v5/orders?site=madrid", vec![header], "another store"),
        ("POST", "/api/v5/orders/create?site=berlin", vec![header], "another method"),
        ("GET", "/api/v5/orders?site=berlin&site=madrid", vec![header], "two stores"),
        ("GET", "/api/v5/orders?site=berlin&site=berlin", vec![header], "a store twice"),
        ("GET", "/api/v5/orders?site=berlin&%20site=madrid", vec![header], "a name that PHP reads as the store's"),
        ("GET", "/api/v5/orders/../orders?site=berlin", vec![header], "a path that is read in two ways"),
        ("GET", "/api/v5//orders?site=berlin", vec![header], "an empty segment"),
        ("GET", "/api/v5/orders?site=berlin", vec![header, wrong], "keys that differ"),
        ("GET", "/api/v5/orders?site=berlin", vec![header, "x-http-method-override: POST"], "another method by header"),
    ];
    for (verb, target, headers, what) in refused {
        let answer = envoy.request(verb, target, &headers, "");
        assert!((400..404).contains(&answer.status()), "{what}: {}", answer.to_text());
        assert_eq!(fixture.shop.take(), [], "{what} does not reach the shop");
    }

    let spoofed = ["x-latchkey-store: madrid", "x-latchkey-key-id: key_evil", "x-latchkey-else: evil", header];
    assert_eq!(envoy.request("GET", "/api/v5/orders?site=berlin", &spoofed, "").status(), 200);
    let sent = fixture.received_request();
    assert_eq!(sent.headers.iter().filter(|(name, _)| name == "x-latchkey-store").count(), 1);
    assert!(!sent.to_text().contains("madrid") && !sent.to_text().contains("evil"), "{sent:?}");

    // Envoy itself refuses a body above the limit.
    let large = format!("site=berlin&x={}", "x".repeat(1_100_000));
    assert_eq!(envoy.request("GET", "/api/v5/orders", &[FORM, header], &large).status(), 413);
    assert_eq!(fixture.shop.take(), []);

    fixture.server.kill9();
    let away = envoy.request("GET", "/api/v5/orders?site=berlin", &[header], "");
    assert_eq!(away.status(), 503, "{}", away.to_text());
    assert_eq!(away.header("content-type"), Some("application/json"));
    assert!(away.text().contains("cannot be decided"), "{}", away.to_text());
    assert_eq!(fixture.shop.take(), [], "while Latchkey is away nothing goes through");
    fixture.server.restart();
    eventually("what is allowed goes through again", Duration::from_secs(20), || {
        (envoy.request("GET", "/api/v5/orders?site=berlin", &[header], "").status() == 200).then_some(())
    });

    eventually("the access log is written", Duration::from_secs(20), || {
        let logs = envoy.logs();
        (logs.contains(&fixture.key.id) && logs.contains("STORE_DENIED")).then_some(())
    });
    assert!(!envoy.logs().contains(&token), "no key in a log");
    assert!(!envoy.logs().contains(&fixture.operator), "no operator's token in a log");
    assert!(!fixture.server.stderr().contains(&token) && !fixture.server.stdout().contains(&token));
}

#[tokio::test]
async fn a_mesh_probes_without_credentials() {
    let fixture = Fixture::start(PROFILE).await;
    let address = fixture.server.addresses().decision;
    let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{address}")).expect("an address");
    let health = HealthClient::new(endpoint.connect().await.expect("it listens"));
    for service in ["", "envoy.service.auth.v3.Authorization"] {
        let mut health = health.clone();
        // The operations port reports readiness a moment earlier.
        eventually_async("health says SERVING", Duration::from_secs(20), async || {
            let request = HealthCheckRequest { service: service.to_owned() };
            let answer = health.check(request).await.expect("told").into_inner();
            (answer.status() == ServingStatus::Serving).then_some(())
        })
        .await;
    }
}
