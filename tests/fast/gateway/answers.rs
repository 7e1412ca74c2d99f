//! Responses of Latchkey itself: the permissions of a key, returned to its holder in the format of the RetailCRM API.

use std::collections::BTreeSet;

use crate::gateway::harness::{GATEWAY, get, post, test_request};

#[test]
fn the_credentials_of_a_key_for_one_store() {
    let expected = "{\"success\":true,\"scopes\":[\"segment_read\"],\"credentials\":[\"/api/payment/check\",\
                    \"/api/payment/update-invoice\",\"/api/segments\",\"/api/payment/(updateInvoice|check)\"],\
                    \"siteAccess\":\"access_selective\",\"sitesAvailable\":[\"main\"]}";
    for path in ["/api/credentials", "/api/v5/credentials", "/api/v3/credentials"] {
        // If the service applies the scope. Otherwise nothing would restrict these methods to the store.
        let respond = GATEWAY.answered("applied", &get(path).key("module"));
        assert_eq!((respond.status, respond.body.as_str()), (200, expected));
        assert_eq!(respond.facts.reason, "ANSWERED");
    }
}

#[test]
fn the_credentials_wherever_the_key_travels() {
    let body = GATEWAY.answered("retailcrm", &get("/api/credentials").key("module")).body;
    // The request of bitrix-module.
    let bitrix = format!("/api/v5/credentials?apiKey={}&cms_source=Bitrix&module_version=6.5.9", GATEWAY.key("module"));
    assert_eq!(GATEWAY.answered("retailcrm", &get(&bitrix)).body, body);
    assert_eq!(
        GATEWAY.answered("retailcrm", &get("/api/credentials").header("x-api-key", GATEWAY.key("module"))).body,
        body
    );
}

#[test]
fn the_credentials_of_a_key_for_two_stores() {
    let body = GATEWAY.answered("retailcrm", &get("/api/credentials").key("two")).body;
    assert!(body.ends_with(r#""siteAccess":"access_selective","sitesAvailable":["main","second"]}"#), "{body}");
}

#[test]
fn the_credentials_of_a_key_for_all_stores_name_none() {
    let respond = GATEWAY.answered("retailcrm", &get("/api/credentials").key("cpa"));
    let expected =
        "{\"success\":true,\"scopes\":[],\"credentials\":[\"/api/orders/statuses\"],\"siteAccess\":\"access_full\"}";
    assert_eq!(respond.body, expected);
}

#[test]
fn the_credentials_of_a_key_for_everything_have_every_scope_and_path() {
    let body = GATEWAY.answered("retailcrm", &get("/api/credentials").key("wide")).body;
    let parsed: serde_json::Value = serde_json::from_str(&body).unwrap();
    // Every scope that known clients request, and no other.
    let groups = [
        "order",
        "customer",
        "store",
        "reference",
        "integration",
        "custom_fields",
        "telephony",
        "delivery",
        "user",
        "task",
        "cost",
        "payments",
        "file",
        "loyalty",
        "verification",
    ];
    let both = groups.iter().flat_map(|group| ["read", "write"].map(|what| format!("{group}_{what}")));
    let expected: BTreeSet<String> = both.chain(["analytics_write", "segment_read"].map(str::to_owned)).collect();
    let scopes = parsed["scopes"].as_array().unwrap();
    assert_eq!(scopes.iter().map(|scope| scope.as_str().unwrap().to_owned()).collect::<BTreeSet<_>>(), expected);
    assert_eq!(scopes.len(), expected.len(), "each once");
    for path in [
        "/api/orders",
        "/api/orders/{externalId}",
        "/api/orders/statuses",
        "/api/delivery/generic/{code}/tracking",
        "/api/integration-modules/{code}/edit",
        "/api/payment/(updateInvoice|check)",
        "/api/orders/{externalId}/edit",
        "/api/reference/sites/{code}/edit",
        "/api/integration-modules/{code}",
    ] {
        assert!(parsed["credentials"].as_array().unwrap().iter().any(|found| found == path), "{path}");
    }
    assert!(!body.contains("/v*/"));
}

#[test]
fn a_key_without_methods_still_may_ask_what_it_may_do() {
    let expected =
        r#"{"success":true,"scopes":[],"credentials":[],"siteAccess":"access_selective","sitesAvailable":[]}"#;
    assert_eq!(GATEWAY.answered("retailcrm", &get("/api/credentials").key("nothing")).body, expected);
}

#[test]
fn the_versions_of_the_api() {
    let respond = GATEWAY.answered("retailcrm", &get("/api/api-versions").key("nothing"));
    assert_eq!(respond.body, r#"{"success":true,"versions":["3.0","4.0","5.0"]}"#);
}

#[test]
fn nothing_else_is_answered() {
    for path in [
        "/api/v5/api-versions",
        "/api/vx/credentials",
        "/api/v5/v5/credentials",
        "/api/credentials/x",
        "/api/system-info",
    ] {
        assert_ne!(GATEWAY.reason("retailcrm", &get(path).key("wide")), "ANSWERED", "{path}");
    }
    assert_ne!(GATEWAY.reason("retailcrm", &post("/api/credentials").key("wide")), "ANSWERED");
    assert_ne!(GATEWAY.reason("plain", &get("/api/credentials").key("wide")), "ANSWERED");
    assert_eq!(GATEWAY.reason("retailcrm", &test_request("HEAD", "/api/credentials").key("wide")), "ANSWERED");
    assert_eq!(GATEWAY.reason("retailcrm", &get("/api/credentials?_method=POST").key("wide")), "REQUEST_AMBIGUOUS");
}
