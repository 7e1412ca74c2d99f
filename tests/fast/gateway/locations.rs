//! The locations of a store, each with a store inside the key's access and one outside.

use crate::gateway::harness::{GATEWAY, TestRequest, get, post};

/// Asserts that the store is found and checked: the key has access to `main` and not to `second`.
fn assert_scoped(profile: &str, with: impl Fn(&str) -> TestRequest) {
    let one = GATEWAY.allowed(profile, &with("main").key("one"));
    assert!(one.set_headers.iter().any(|(name, value)| *name == "x-latchkey-store" && value == "main"), "{one:?}");
    let request = with("second").key("one");
    assert_eq!(GATEWAY.reason(profile, &request), "STORE_DENIED", "{}", request.describe());
    assert_eq!(GATEWAY.allowed(profile, &with("second").key("two")).facts.store.as_deref(), Some("second"));
    assert_eq!(GATEWAY.reason(profile, &with("off").key("wide")), "STORE_INACTIVE");
}

#[test]
fn a_parameter_of_the_query() {
    assert_scoped("retailcrm", |store| get(&format!("/api/v5/orders/7?by=id&site={store}")));
    assert_scoped("shop", |store| get(&format!("/shop/plain?store={store}")));
}

#[test]
fn a_field_of_a_form() {
    assert_scoped("retailcrm", |store| post("/api/v5/customers/create").form(&format!("site={store}&customer=%7B%7D")));
    assert_scoped("retailcrm", |store| post("/api/v5/customers/create").parts(&[("site", store), ("customer", "{}")]));
}

#[test]
fn a_repeated_filter_in_each_spelling() {
    for name in
        ["filter[sites][]", "filter[sites][0]", "filter%5Bsites%5D%5B%5D", "filter%5bsites%5d%5b3%5D", "filter[sites]"]
    {
        assert_scoped("retailcrm", |store| get(&format!("/api/v5/orders?filter[ids][]=1&{name}={store}")));
    }
    let both = "/api/v5/orders?filter[sites][]=main&filter[sites][]=second";
    assert_eq!(GATEWAY.allowed("retailcrm", &get(both).key("two")).facts.store, None);
    assert_eq!(GATEWAY.reason("retailcrm", &get(both).key("one")), "STORE_DENIED");
}

#[test]
fn a_segment_of_the_path() {
    assert_scoped("retailcrm", |store| get(&format!("/api/v5/customer-interaction/{store}/cart/7")));
    assert_scoped("shop", |store| get(&format!("/shop/{store}/prices")));
    // A service that compares raw paths with its routes would read another store.
    let escaped = get("/shop/m%61in/prices");
    assert_eq!(GATEWAY.reason("shop", &escaped.clone().key("one")), "PATH_AMBIGUOUS");
    GATEWAY.allowed("shop", &escaped.key("wide"));
}

#[test]
fn the_path_where_the_field_of_that_name_holds_the_store_itself() {
    let edit =
        |store: &str| post(&format!("/api/v5/reference/sites/{store}/edit")).form("site=%7B%22name%22%3A%22Shop%22%7D");
    assert_scoped("retailcrm", edit);
    // In other profiles such a field is not a code.
    let request = post("/api/v5/orders/create").key("wide").form("site=%7B%22name%22%3A%22Shop%22%7D");
    assert_eq!(GATEWAY.reason("retailcrm", &request), "STORE_UNKNOWN");
}

#[test]
fn a_number_in_the_path_is_never_taken_for_a_code() {
    let target = "/api/v5/customer-interaction/main/cart/7?siteBy=";
    GATEWAY.allowed("retailcrm", &get(&format!("{target}code")).key("one"));
    assert_eq!(GATEWAY.reason("retailcrm", &get(&format!("{target}id")).key("one")), "REQUEST_AMBIGUOUS");
}

#[test]
fn json_in_a_form_field() {
    let order = |store: &str| format!("site=main&order=%7B%22customer%22%3A%7B%22site%22%3A%22{store}%22%7D%7D");
    GATEWAY.allowed("retailcrm", &post("/api/v5/orders/create").key("one").form(&order("main")));
    let request = post("/api/v5/orders/create").key("one").form(&order("second"));
    assert_eq!(GATEWAY.reason("retailcrm", &request), "STORE_DENIED");
    assert_scoped("retailcrm", |store| {
        post("/api/v5/store/prices/upload").form(&format!("prices=[{{\"site\":\"{store}\"}},{{\"site\":\"{store}\"}}]"))
    });
    assert_scoped("shop", |store| get(&format!("/shop/search?q={{\"store\":\"{store}\"}}")));
}

#[test]
fn a_json_body() {
    assert_scoped("retailcrm", |store| post("/api/v5/orders/create").json(&format!("{{\"site\":\"{store}\"}}")));
    assert_scoped("shop", |store| {
        let mut request = post("/shop/prices").json(&format!("[{{\"store\":\"{store}\"}}]"));
        request.verb = b"PUT".to_vec();
        request
    });
}

#[test]
fn a_header() {
    assert_scoped("shop", |store| get("/shop/head").header("X-Shop", store));
    assert_scoped("shop", |store| get("/shop/plain").header("X-Store", store));
}

#[test]
fn the_host() {
    assert_scoped("shop", |store| get("/shop/plain").host(&format!("{store}.example")));
    assert_scoped("shop", |store| get("/shop/plain").host(&format!("{}.Example:8443", store.to_uppercase())));
    let request = get("/shop/plain").host("api.example");
    assert_eq!(GATEWAY.reason("shop", &request.key("two")), "STORE_REQUIRED");
}

#[test]
fn every_store_mentioned_anywhere_must_be_open() {
    let create = || post("/api/v5/orders/create?site=main").key("one");
    GATEWAY.allowed("retailcrm", &create().form("site=main"));
    assert_eq!(GATEWAY.reason("retailcrm", &create().form("site=second")), "STORE_DENIED");
    assert_eq!(GATEWAY.reason("retailcrm", &create().json(r#"{"site":"second"}"#)), "STORE_DENIED");
    // Also if the method's entry does not list that location.
    let get_one = get("/api/v5/orders/7?site=main&filter[sites][]=second").key("one");
    assert_eq!(GATEWAY.reason("retailcrm", &get_one), "STORE_DENIED");
    let path = get("/api/v5/customer-interaction/main/cart/7?site=second").key("one");
    assert_eq!(GATEWAY.reason("retailcrm", &path), "STORE_DENIED");
    let host = get("/shop/one?store=main").host("second.example").key("one");
    assert_eq!(GATEWAY.reason("shop", &host), "STORE_DENIED");
}
