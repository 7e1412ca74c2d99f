//! Access of a key with selected stores to methods that read no store, and access of a key without any store.

use std::collections::BTreeSet;

use latchkey::books::{self, BookMethod};
use serde_json::Value;

use crate::gateway::book::call;
use crate::gateway::harness::{GATEWAY, TestRequest, get, post, test_request};

fn book() -> Vec<BookMethod> {
    let book = books::parse(books::RETAILCRM).unwrap();
    book.blocks.into_iter().flat_map(|block| block.methods).collect()
}

/// Returns a call of the method for the store `main`, in the location listed in the book.
fn best_call(method: &BookMethod) -> TestRequest {
    let places = &method.store_places;
    if let Some(place) = places.iter().find(|place| place.pointer().is_none()).or_else(|| places.first()) {
        return call(method, place, "main");
    }
    let (verb, path) = verb_and_path(method);
    test_request(&verb, &path)
}

/// Returns verb and path of a call of the method.
fn verb_and_path(method: &BookMethod) -> (String, String) {
    let (verb, pattern) = method.method.split_once(' ').unwrap();
    let store = |segment: &str| method.store_places.iter().any(|place| format!("path:{segment}") == place.to_string());
    let segments = pattern.split('/').map(|segment| match segment.trim_matches(['{', '}']) {
        "v*" => "v5",
        name if name != segment && store(name) => "main",
        name if name != segment => "7",
        literal => literal,
    });
    (verb.to_owned(), segments.collect::<Vec<_>>().join("/"))
}

/// Returns the paths that /api/credentials lists for the key.
fn listed(profile: &str, key: &str) -> BTreeSet<String> {
    let body: Value = serde_json::from_str(&GATEWAY.answered(profile, &get("/api/credentials").key(key)).body).unwrap();
    body["credentials"].as_array().unwrap().iter().map(|path| path.as_str().unwrap().to_owned()).collect()
}

#[test]
fn the_gateway_the_credentials_and_authorize_agree_about_every_method_of_the_book() {
    let book = book();
    for (profile, key) in [
        ("retailcrm", "one"),
        ("retailcrm", "two"),
        ("retailcrm", "wide"),
        ("retailcrm", "storeless"),
        ("retailcrm", "closed"),
        ("retailcrm", "dark"),
        ("applied", "one"),
        ("applied", "two"),
        ("applied", "storeless"),
    ] {
        let listed = listed(profile, key);
        let mut passed = BTreeSet::new();
        for method in &book {
            let reason = GATEWAY.reason(profile, &best_call(method).key(key));
            let passes = matches!(reason, "ALLOWED" | "ANSWERED");
            let path = method.method.split_once(' ').unwrap().1.replacen("/v*/", "/", 1);
            assert!(!passes || listed.contains(&path), "{key}: {path} passes a gateway of {profile} and is not listed");
            passed.extend(passes.then_some(path));
            // The service behind `applied` applies the scope, the other one does not.
            let (verb, path) = verb_and_path(method);
            let store = if method.store_places.is_empty() { "" } else { "main" };
            let (allowed, within_scope) = GATEWAY.authorize(key, &format!("{verb} {path}"), store);
            let expected = allowed && (profile == "applied" || !within_scope);
            // An empty scope passes no gateway: a proxy may drop it.
            let empty = matches!(key, "storeless" | "closed" | "dark") && within_scope;
            assert_eq!(passes, expected && !empty, "{profile}, {key}: {}: {reason}", method.method);
        }
        let grouped = listed.iter().filter(|path| path.contains('(')).count();
        assert_eq!(listed.len() - grouped, passed.len(), "{profile}, {key}: {:?}", listed.difference(&passed));
    }
    assert_eq!(book.len(), 199);
    assert_eq!(listed("retailcrm", "storeless"), listed("retailcrm", "dark"), "what is shared, and nothing else");
    assert!(listed("retailcrm", "one").len() > 60 && listed("retailcrm", "storeless").len() == 25);
}

#[test]
fn a_key_for_one_store_reads_what_belongs_to_no_store() {
    let statuses = "/api/v5/reference/statuses";
    for target in [statuses.to_owned(), format!("{statuses}?site=main"), format!("{statuses}?filter[sites][]=main")] {
        for key in ["one", "two", "wide"] {
            let allow = GATEWAY.allowed("retailcrm", &get(&target).key(key));
            assert!(allow.set_parameters.is_empty(), "{target}");
            GATEWAY.allowed("retailcrm", &test_request("HEAD", &target).key(key));
        }
    }
    assert_eq!(GATEWAY.reason("retailcrm", &get(&format!("{statuses}?site=second")).key("one")), "STORE_DENIED");
    assert_eq!(GATEWAY.reason("retailcrm", &get(&format!("{statuses}?site=gone")).key("wide")), "STORE_UNKNOWN");
    // The key still needs access to the method, and uninspected parts are still refused.
    assert_eq!(GATEWAY.reason("retailcrm", &get(statuses).key("module")), "METHOD_DENIED");
    let unseen = get(statuses).key("one").header("content-type", "application/json").header("content-length", "9");
    assert_ne!(GATEWAY.reason("retailcrm", &unseen), "ALLOWED");
    // Also for a key whose stores are inactive or deleted; the service then receives an empty scope.
    for key in ["storeless", "closed", "dark"] {
        let allow = GATEWAY.allowed("retailcrm", &get(statuses).key(key));
        let header = |name| allow.set_headers.iter().find(|(set, _)| *set == name).map(|(_, value)| value.as_str());
        assert_eq!((header("x-latchkey-scope"), header("x-latchkey-stores")), (Some("listed"), Some("")), "{key}");
        assert_eq!(header("x-latchkey-store"), None, "{key}");
    }
}

#[test]
fn what_changes_something_or_belongs_to_stores_is_refused_with_a_text_that_is_true() {
    for request in [
        get("/api/v5/orders/statuses?site=main"),
        get("/api/v5/customers/history?filter[sites][]=main"),
        get("/api/v5/reference/sites"),
        get("/api/v5/users?site=main"),
        get("/api/v5/statistic/update"),
        post("/api/v5/reference/statuses/new/edit").form("site=main&status={}"),
        post("/api/v5/customers/combine").form("site=main"),
    ] {
        let refused = GATEWAY.refused("retailcrm", &request.clone().key("one"));
        assert_eq!((refused.status, refused.facts.reason), (403, "METHOD_READS_NO_STORE"), "{}", request.describe());
        let body: Value = serde_json::from_str(&refused.body).unwrap();
        assert_eq!(body["errorMsg"], "Access denied.", "as clients match it");
        let why = body["errors"]["site"].as_str().unwrap();
        assert!(why.contains("this method takes no store"), "{why}");
        assert_eq!(GATEWAY.reason("retailcrm", &request.key("wide")), "ALLOWED");
    }
    let plain = GATEWAY.refusal("plain", &get("/api/v5/orders/statuses").key("two"));
    assert!(plain.0 == 403 && plain.1.contains("\"reason\":\"METHOD_READS_NO_STORE\""), "{plain:?}");
}

#[test]
fn a_store_that_is_missing_is_missing_where_the_method_reads_it() {
    let rows = post("/api/v5/store/prices/upload").form("prices=[{\"site\":\"main\"},{}]");
    for (request, parameter) in [
        (get("/api/v5/orders/7"), "site"),
        (get("/api/v5/orders?filter=None"), "filter[sites][]"),
        (get("/api/v5/orders?site=main&filter=None"), "filter[sites][]"),
        (rows, "prices[][site]"),
        (post("/api/v5/orders/create"), "site"),
    ] {
        let refused = GATEWAY.refusal("retailcrm", &request.clone().key("two"));
        let expected = format!("{{\"success\":false,\"errorMsg\":\"Parameter '{parameter}' is missing\"}}");
        assert_eq!(refused, (400, expected), "{}", request.describe());
    }
    // The book has no location for the method's store: no parameter is missing.
    let (status, body) = GATEWAY.refusal("whole", &get("/shop/plain?store=main").key("one"));
    assert!(status == 403 && body.contains("does not define where"), "{status} {body}");
}

#[test]
fn a_key_that_selects_no_store_opens_nothing_that_is_about_stores() {
    // Created that way, with its only store inactive, and with several, all inactive.
    for key in ["storeless", "dark", "closed"] {
        let reason = if key == "closed" { "STORE_INACTIVE" } else { "NO_STORE_OPEN" };
        for profile in ["retailcrm", "applied"] {
            for target in ["/api/v5/orders", "/api/v5/orders/7", "/api/v5/customers", "/api/v5/orders/statuses"] {
                assert_eq!(GATEWAY.reason(profile, &get(target).key(key)), reason, "{profile}, {key}: {target}");
            }
            assert_eq!(GATEWAY.reason(profile, &post("/api/v5/orders/create").key(key)), reason, "{profile}, {key}");
        }
        // A named store is refused for itself.
        let named = GATEWAY.reason("retailcrm", &get("/api/v5/orders/7?site=main").key(key));
        assert_eq!(named, "STORE_DENIED", "{key}");
        assert_eq!(GATEWAY.reason("retailcrm", &get("/api/v5/new/thing").key(key)), "METHOD_UNKNOWN", "{key}");
        assert!(!GATEWAY.authorize(key, "GET /api/v5/orders", "").0, "{key}");
        assert!(!GATEWAY.authorize(key, "/api/v5/orders", "").0, "{key}");
    }
    let (status, body) = GATEWAY.refusal("retailcrm", &get("/api/v5/orders").key("storeless"));
    assert!(status == 403 && body.starts_with(r#"{"success":false,"errorMsg":"Access denied.","errors":{"site":""#));
    let (status, body) = GATEWAY.refusal("plain", &get("/api/v5/orders").key("storeless"));
    assert!(status == 403 && body.contains("\"reason\":\"NO_STORE_OPEN\""), "{body}");
}
