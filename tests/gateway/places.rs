//! The locations of a store, each with a store inside the key's access and one outside.

use crate::harness::{Ask, BENCH, get, post};

/// Asserts that the store is found and checked: the key has access to `main` and not to `second`.
fn judged(profile: &str, with: impl Fn(&str) -> Ask) {
    let one = BENCH.allowed(profile, &with("main").key("one"));
    assert!(one.set_headers.iter().any(|(name, value)| *name == "x-latchkey-store" && value == "main"), "{one:?}");
    let asked = with("second").key("one");
    assert_eq!(BENCH.reason(profile, &asked), "STORE_DENIED", "{}", asked.told());
    assert_eq!(BENCH.allowed(profile, &with("second").key("two")).facts.store.as_deref(), Some("second"));
    assert_eq!(BENCH.reason(profile, &with("off").key("wide")), "STORE_INACTIVE");
}

#[test]
fn a_parameter_of_the_query() {
    judged("retailcrm", |store| get(&format!("/api/v5/orders/7?by=id&site={store}")));
    judged("shop", |store| get(&format!("/shop/plain?store={store}")));
}

#[test]
fn a_field_of_a_form() {
    judged("retailcrm", |store| post("/api/v5/customers/create").form(&format!("site={store}&customer=%7B%7D")));
    judged("retailcrm", |store| post("/api/v5/customers/create").parts(&[("site", store), ("customer", "{}")]));
}

#[test]
fn a_repeated_filter_in_each_spelling() {
    for name in
        ["filter[sites][]", "filter[sites][0]", "filter%5Bsites%5D%5B%5D", "filter%5bsites%5d%5b3%5D", "filter[sites]"]
    {
        judged("retailcrm", |store| get(&format!("/api/v5/orders?filter[ids][]=1&{name}={store}")));
    }
    let both = "/api/v5/orders?filter[sites][]=main&filter[sites][]=second";
    assert_eq!(BENCH.allowed("retailcrm", &get(both).key("two")).facts.store, None);
    assert_eq!(BENCH.reason("retailcrm", &get(both).key("one")), "STORE_DENIED");
}

#[test]
fn a_segment_of_the_path() {
    judged("retailcrm", |store| get(&format!("/api/v5/customer-interaction/{store}/cart/7")));
    judged("shop", |store| get(&format!("/shop/{store}/prices")));
    // A service that compares raw paths with its routes would read another store.
    let escaped = get("/shop/m%61in/prices");
    assert_eq!(BENCH.reason("shop", &escaped.clone().key("one")), "PATH_AMBIGUOUS");
    BENCH.allowed("shop", &escaped.key("wide"));
}

#[test]
fn the_path_where_the_field_of_that_name_holds_the_store_itself() {
    let edit =
        |store: &str| post(&format!("/api/v5/reference/sites/{store}/edit")).form("site=%7B%22name%22%3A%22Shop%22%7D");
    judged("retailcrm", edit);
    // In other profiles such a field is not a code.
    let ask = post("/api/v5/orders/create").key("wide").form("site=%7B%22name%22%3A%22Shop%22%7D");
    assert_eq!(BENCH.reason("retailcrm", &ask), "STORE_UNKNOWN");
}

#[test]
fn a_number_in_the_path_is_never_taken_for_a_code() {
    let target = "/api/v5/customer-interaction/main/cart/7?siteBy=";
    BENCH.allowed("retailcrm", &get(&format!("{target}code")).key("one"));
    assert_eq!(BENCH.reason("retailcrm", &get(&format!("{target}id")).key("one")), "REQUEST_AMBIGUOUS");
}

#[test]
fn json_in_a_form_field() {
    let order = |store: &str| format!("site=main&order=%7B%22customer%22%3A%7B%22site%22%3A%22{store}%22%7D%7D");
    BENCH.allowed("retailcrm", &post("/api/v5/orders/create").key("one").form(&order("main")));
    let ask = post("/api/v5/orders/create").key("one").form(&order("second"));
    assert_eq!(BENCH.reason("retailcrm", &ask), "STORE_DENIED");
    judged("retailcrm", |store| {
        post("/api/v5/store/prices/upload").form(&format!("prices=[{{\"site\":\"{store}\"}},{{\"site\":\"{store}\"}}]"))
    });
    judged("shop", |store| get(&format!("/shop/search?q={{\"store\":\"{store}\"}}")));
}

#[test]
fn a_json_body() {
    judged("retailcrm", |store| post("/api/v5/orders/create").json(&format!("{{\"site\":\"{store}\"}}")));
    judged("shop", |store| {
        let mut ask = post("/shop/prices").json(&format!("[{{\"store\":\"{store}\"}}]"));
        ask.verb = b"PUT".to_vec();
        ask
    });
}

#[test]
fn a_header() {
    judged("shop", |store| get("/shop/head").header("X-Shop", store));
    judged("shop", |store| get("/shop/plain").header("X-Store", store));
}

#[test]
fn the_host() {
    judged("shop", |store| get("/shop/plain").host(&format!("{store}.example")));
    judged("shop", |store| get("/shop/plain").host(&format!("{}.Example:8443", store.to_uppercase())));
    let ask = get("/shop/plain").host("api.example");
    assert_eq!(BENCH.reason("shop", &ask.key("two")), "STORE_REQUIRED");
}

#[test]
fn every_store_mentioned_anywhere_must_be_open() {
    let create = || post("/api/v5/orders/create?site=main").key("one");
    BENCH.allowed("retailcrm", &create().form("site=main"));
    assert_eq!(BENCH.reason("retailcrm", &create().form("site=second")), "STORE_DENIED");
    assert_eq!(BENCH.reason("retailcrm", &create().json(r#"{"site":"second"}"#)), "STORE_DENIED");
    // Also if the method's entry does not list that location.
    let get_one = get("/api/v5/orders/7?site=main&filter[sites][]=second").key("one");
    assert_eq!(BENCH.reason("retailcrm", &get_one), "STORE_DENIED");
    let path = get("/api/v5/customer-interaction/main/cart/7?site=second").key("one");
    assert_eq!(BENCH.reason("retailcrm", &path), "STORE_DENIED");
    let host = get("/shop/one?store=main").host("second.example").key("one");
    assert_eq!(BENCH.reason("shop", &host), "STORE_DENIED");
}
