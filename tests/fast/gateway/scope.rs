//! A call without a store stays within its key's stores: by the service that receives the scope, or by the gateway.

use crate::gateway::harness::{GATEWAY, TestBody, branches, get, post};

fn headers(profile: &str, request: &crate::gateway::harness::TestRequest) -> Vec<(&'static str, String)> {
    let mut headers = GATEWAY.allowed(profile, request).set_headers;
    headers.retain(|(name, _)| !matches!(*name, "x-latchkey-key-id" | "x-latchkey-revision"));
    headers
}

fn owned(pairs: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    pairs.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

#[test]
fn the_service_is_told_the_scope() {
    let request_for = |key: &str| get("/api/v5/orders/statuses").key(key);
    let one = [("x-latchkey-store", "main"), ("x-latchkey-scope", "listed"), ("x-latchkey-stores", "main")];
    assert_eq!(headers("applied", &request_for("one")), owned(&one));
    let two = [("x-latchkey-scope", "listed"), ("x-latchkey-stores", "main,second")];
    assert_eq!(headers("applied", &request_for("two")), owned(&two));
    assert_eq!(headers("applied", &request_for("cpa")), owned(&[("x-latchkey-scope", "all")]));
    let allow = GATEWAY.allowed("applied", &request_for("two"));
    let names: Vec<_> = allow.set_headers.iter().map(|(name, _)| *name).collect();
    assert!(names.contains(&"x-latchkey-key-id") && names.contains(&"x-latchkey-revision"), "{names:?}");
    assert!(allow.set_parameters.is_empty());
}

#[test]
fn a_scope_too_long_for_a_header_is_told_as_large() {
    let request = get("/api/v5/orders/statuses").key("branches");
    assert_eq!(headers("applied", &request), owned(&[("x-latchkey-scope", "large")]));
    // Added to the query.
    let target = b"/api/v5/orders";
    let allow = GATEWAY.allowed("retailcrm", &get("/api/v5/orders").key("branches"));
    let sent = String::from_utf8(allow.target(target).into_owned()).unwrap();
    assert!(branches().iter().all(|code| sent.contains(&format!("%5D={code}"))), "{sent}");
}

#[test]
fn the_gateway_adds_the_stores_where_the_book_says_they_travel() {
    let added = |profile: &str, target: &str, key: &str| {
        let allow = GATEWAY.allowed(profile, &get(target).key(key));
        String::from_utf8(allow.target(target.as_bytes()).into_owned()).unwrap()
    };
    assert_eq!(added("retailcrm", "/api/v5/orders/7?by=id", "one"), "/api/v5/orders/7?by=id&site=main");
    assert_eq!(
        added("retailcrm", "/api/v5/orders", "two"),
        "/api/v5/orders?filter%5Bsites%5D%5B0%5D=main&filter%5Bsites%5D%5B1%5D=second"
    );
    assert_eq!(added("retailcrm", "/api/v5/orders", "one"), "/api/v5/orders?filter%5Bsites%5D%5B0%5D=main");
    assert_eq!(added("retailcrm", "/api/v5/orders?filter[sites][]=main", "two"), "/api/v5/orders?filter[sites][]=main");
    assert_eq!(added("retailcrm", "/api/v5/orders", "wide"), "/api/v5/orders");
    assert_eq!(added("applied", "/api/v5/orders", "two"), "/api/v5/orders");
    assert_eq!(added("shop", "/shop/items?", "two"), "/shop/items?stores%5B0%5D=main&stores%5B1%5D=second");
}

#[test]
fn where_nothing_can_be_added_a_store_is_required() {
    for (profile, target) in [
        // A single parameter cannot hold two stores.
        ("retailcrm", "/api/v5/orders/7"),
        // The book has no location for it.
        ("shop", "/shop/plain"),
        // A parameter above it would hide the added one.
        ("retailcrm", "/api/v5/orders?filter=None"),
    ] {
        assert_eq!(GATEWAY.reason(profile, &get(target).key("two")), "STORE_REQUIRED", "{target}");
    }
    // The method reads no store, so the error does not require one: it would not help.
    for key in ["one", "two"] {
        for target in ["/api/v5/orders/statuses", "/api/v5/orders/history"] {
            assert_eq!(GATEWAY.reason("retailcrm", &get(target).key(key)), "METHOD_READS_NO_STORE", "{target}");
        }
        assert_eq!(GATEWAY.reason("shop", &get("/shop/none").key(key)), "METHOD_READS_NO_STORE");
    }
    // Adding no store would mean all stores.
    assert_ne!(GATEWAY.reason("retailcrm", &get("/api/v5/orders").key("closed")), "ALLOWED");
    assert_ne!(GATEWAY.reason("retailcrm", &get("/api/v5/orders").key("nothing")), "ALLOWED");
    // So many parameters that some services ignore further ones.
    let many = format!("/api/v5/orders?{}", "a=1&".repeat(600));
    assert_eq!(GATEWAY.reason("retailcrm", &get(&many).key("one")), "STORE_REQUIRED");
}

#[test]
fn a_store_mentioned_where_the_method_does_not_look_names_none() {
    for target in ["/api/v5/orders/statuses?site=main", "/api/v5/orders/history?filter[sites][]=main"] {
        assert_eq!(GATEWAY.reason("retailcrm", &get(target).key("two")), "METHOD_READS_NO_STORE", "{target}");
    }
    // The customer's store is not the order's.
    let body = "order=%7B%22customer%22%3A%7B%22site%22%3A%22main%22%7D%7D";
    let request = post("/api/v5/orders/create").key("two").form(body);
    assert_eq!(GATEWAY.reason("retailcrm", &request), "STORE_REQUIRED");
    assert_eq!(GATEWAY.reason("shop", &get("/shop/none?store=main").key("two")), "METHOD_READS_NO_STORE");
}

#[test]
fn a_row_without_a_store_names_none() {
    for rows in ["[{\"site\":\"main\"},{}]", "[{\"site\":\"main\"},{\"site\":null}]", "[]"] {
        let request = post("/api/v5/store/prices/upload").key("one").form(&format!("prices={rows}"));
        assert_eq!(GATEWAY.reason("retailcrm", &request), "STORE_REQUIRED", "{rows}");
    }
}

#[test]
fn a_method_outside_the_book_passes_only_keys_open_to_everything() {
    for (key, reason) in [("wide", "ALLOWED"), ("one", "METHOD_UNKNOWN"), ("cpa", "METHOD_UNKNOWN")] {
        assert_eq!(GATEWAY.reason("retailcrm", &get("/api/v5/new/thing?site=main").key(key)), reason, "{key}");
    }
    assert_eq!(GATEWAY.reason("retailcrm", &get("/api/v5/new/thing?site=off").key("wide")), "STORE_INACTIVE");
}

#[test]
fn a_withheld_body_passes_only_keys_open_to_all_stores() {
    let request_for = |key: &str| post("/api/v5/orders/create?site=main").key(key).with_body(TestBody::Withheld);
    assert_eq!(GATEWAY.reason("retailcrm", &request_for("wide")), "ALLOWED");
    assert_eq!(GATEWAY.reason("retailcrm", &request_for("one")), "REQUEST_AMBIGUOUS");
    assert_eq!(
        GATEWAY.reason("retailcrm", &post("/api/v5/orders/create").with_body(TestBody::Withheld)),
        "KEY_MISSING"
    );
    // A body announced by a header exists, whatever the proxy sends.
    let announced = post("/api/v5/orders/create?site=main").key("one").header("content-length", "7");
    assert_eq!(GATEWAY.reason("retailcrm", &announced), "REQUEST_AMBIGUOUS");
    let chunked = post("/api/v5/orders/create?site=main").key("one").header("transfer-encoding", "chunked");
    assert_eq!(GATEWAY.reason("retailcrm", &chunked), "REQUEST_AMBIGUOUS");
    GATEWAY.allowed("retailcrm", &post("/api/v5/orders/create?site=main").key("one").header("content-length", "0"));
    // If no service reads bodies, missing ones do not matter.
    let plain = post("/api/v5/orders/links/create").key("wide").with_body(TestBody::Withheld);
    GATEWAY.allowed("plain", &plain);
    let file = post("/api/v5/files/upload?site=main").key("one").header("content-type", "image/png");
    // A file may contain JSON, which some services decode regardless of its type: the proxy must send it.
    assert_eq!(GATEWAY.reason("retailcrm", &file.clone().with_body(TestBody::Withheld)), "REQUEST_AMBIGUOUS");
    GATEWAY.allowed("retailcrm", &file.with_body(TestBody::Whole(b"\x89PNG\r\n\x1a\n".to_vec())));
}
