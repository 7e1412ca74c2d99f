//! The built-in reference book, method by method: a method's store is found in every location, a store outside the
//! key's access is refused, and access to one method includes no other.

use std::collections::BTreeSet;

use latchkey::books::{self, BookMethod};
use latchkey::model::method::{StoreLocation, StorePlace};

use crate::gateway::harness::{GATEWAY, TestRequest, test_request};

/// Returns JSON with the code at the end of a pointer such as `/-/site`.
fn json_at(pointer: &str, code: &str) -> String {
    pointer.trim_start_matches('/').split('/').rev().fold(format!("\"{code}\""), |inner, step| match step {
        "-" => format!("[{inner}]"),
        name => format!("{{\"{name}\":{inner}}}"),
    })
}

/// Returns a call of the method with a store in this location.
pub(crate) fn call(method: &BookMethod, place: &StorePlace, code: &str) -> TestRequest {
    let (verb, pattern) = method.method.split_once(' ').unwrap();
    let is_store = |segment: &str| {
        let mut places = method.store_places.iter().filter(|place| place.location() == StoreLocation::Path);
        places.any(|place| segment == format!("{{{}}}", place.name()))
    };
    let path: Vec<&str> = pattern
        .split('/')
        .map(|segment| match segment {
            "v*" => "v5",
            // The store in the path: the one under test, or one that every key here has access to.
            _ if is_store(segment) => {
                if place.location() == StoreLocation::Path {
                    code
                } else {
                    "main"
                }
            }
            _ if segment.starts_with('{') => "7",
            literal => literal,
        })
        .collect();
    let path = path.join("/");
    let value = place.pointer().map_or(code.to_owned(), |pointer| json_at(pointer, code));
    let pair = format!("{}{}={value}", place.name(), if place.repeated() { "[]" } else { "" });
    match place.location() {
        StoreLocation::Path => test_request(verb, &path),
        StoreLocation::Query => test_request(verb, &format!("{path}?{pair}")),
        StoreLocation::Form => test_request(verb, &path).form(&pair),
        StoreLocation::Json if place.pointer().is_some() => {
            test_request(verb, &path).json(&format!("{{\"{}\":{value}}}", place.name()))
        }
        StoreLocation::Json => test_request(verb, &path).json(&format!("{{\"{}\":\"{value}\"}}", place.name())),
        StoreLocation::Header => test_request(verb, &path).header(place.name(), code),
    }
}

#[test]
fn the_store_is_found_wherever_a_method_of_the_api_takes_it() {
    let book = books::parse(books::RETAILCRM).unwrap();
    let (mut calls, mut places) = (0, BTreeSet::new());
    for method in book.blocks.iter().flat_map(|block| &block.methods) {
        for place in &method.store_places {
            let called = |code: &str, key: &str| {
                let request = call(method, place, code).key(key);
                (GATEWAY.reason("retailcrm", &request), request.describe())
            };
            let (reason, description) = called("second", "one");
            assert_eq!(reason, "STORE_DENIED", "{place}: {description}");
            let (reason, description) = called("off", "wide");
            // If the method only mentions a store, a store may be required separately, and that is reported first.
            let mentioned = place.pointer().is_some() && reason == "STORE_REQUIRED";
            assert!(reason == "STORE_INACTIVE" || mentioned, "{place}: {reason}: {description}");
            let (reason, description) = called("second", "two");
            assert!(matches!(reason, "ALLOWED" | "STORE_REQUIRED"), "{place}: {reason}: {description}");
            assert!(reason == "ALLOWED" || place.pointer().is_some(), "{place}: {description}");
            calls += 1;
            places.insert(place.to_string());
        }
    }
    for place in [
        "query:site",
        "form:site",
        "query:filter[sites][]",
        "path:site",
        "form:order#/customer/site",
        "form:order#/contact/site",
        "form:prices#/-/site",
        "form:products#/-/site",
        "form:sources#/-/site",
        "form:clientIds#/-/site",
        "form:visits#/-/site",
        "form:calls#/-/site",
        "form:event#/site",
        "form:costs#/-/sites/-",
        "form:deliveryType#/sites/-",
        "form:paymentType#/sites/-",
    ] {
        assert!(places.contains(place), "{place} is in the book: {places:?}");
    }
    assert!(calls > 120, "{calls}");
}

#[test]
fn every_method_is_taken_for_itself_and_for_no_other() {
    // Literals before parameters, and the verb matters, regardless of similar methods.
    let book = books::parse(books::RETAILCRM).unwrap();
    let methods: Vec<String> =
        book.blocks.iter().flat_map(|block| &block.methods).map(|method| method.method.to_string()).collect();
    let mut pairs = 0;
    for method in &methods {
        let (verb, pattern) = method.split_once(' ').unwrap();
        let segment = |segment| match segment {
            "v*" => "v5",
            segment if segment.starts_with('{') => "main",
            literal => literal,
        };
        let path = pattern.split('/').map(segment).collect::<Vec<_>>().join("/");
        // With a key for everything only a store can be missing.
        let outcome = GATEWAY.check("retailcrm", &test_request(verb, &path).key("wide"));
        if outcome.facts().reason == "ANSWERED" {
            assert!(method.ends_with("/credentials") || method.ends_with("/api-versions"), "{method}");
            continue;
        }
        assert_eq!(outcome.facts().method.as_deref(), Some(&**method), "{verb} {path}");
        let other = if verb == "GET" { "POST" } else { "GET" };
        let taken = GATEWAY.check("retailcrm", &test_request(other, &path).key("wide")).facts().method.clone();
        let beside: Vec<&str> = taken.as_deref().into_iter().collect();
        assert!(beside.iter().all(|taken| taken.starts_with(other) && methods.iter().any(|known| known == taken)));
        pairs += beside.len();
    }
    assert!(methods.len() > 190 && pairs > 25, "{pairs} of {} paths are another method's, too", methods.len());
    // The only pattern with both verbs, a POST of version 3 and a GET of version 4.
    for verb in ["GET", "POST"] {
        let taken = GATEWAY
            .check("retailcrm", &test_request(verb, "/api/v4/telephony/setting/7").key("wide"))
            .facts()
            .method
            .clone();
        assert_eq!(taken, Some(format!("{verb} /api/v*/telephony/setting/{{code}}")));
    }
}

#[test]
fn a_method_is_not_opened_by_the_one_beside_it() {
    // With a key for the path with the parameter alone, and with all other verbs.
    for (path, of) in [
        ("customers/history", "customers/7"),
        ("customers/notes", "customers/7"),
        ("customers-corporate/history", "customers-corporate/7"),
        ("customers-corporate/notes", "customers-corporate/7"),
        ("orders/history", "orders/7"),
        ("orders/statuses", "orders/7"),
        ("orders/packs", "orders/7"),
        ("orders/packs/history", "orders/packs/7"),
        ("tasks/history", "tasks/7"),
        ("custom-fields/dictionaries/7", "custom-fields/order/7"),
    ] {
        let get = |path: &str| test_request("GET", &format!("/api/v5/{path}")).key("beside");
        GATEWAY.allowed("retailcrm", &get(of));
        assert_eq!(GATEWAY.refusal("retailcrm", &get(path)).0, 403, "{path}");
        assert_eq!(GATEWAY.reason("retailcrm", &get(path)), "METHOD_DENIED", "{path}");
    }
    for path in ["custom-fields/dictionaries/create", "custom-fields/dictionaries/7/edit"] {
        assert_eq!(
            GATEWAY.reason("retailcrm", &test_request("POST", &format!("/api/v5/{path}")).key("beside")),
            "METHOD_DENIED"
        );
    }
    for path in ["customers/combine", "payment/invoice/import"] {
        assert_ne!(
            GATEWAY.reason("retailcrm", &test_request("GET", &format!("/api/v5/{path}")).key("cpa")),
            "ALLOWED",
            "{path}"
        );
        assert_eq!(
            GATEWAY.reason("retailcrm", &test_request("POST", &format!("/api/v5/{path}")).key("beside")),
            "METHOD_DENIED",
            "{path}"
        );
    }
}

#[test]
fn paths_that_clients_are_known_to_get_wrong_are_no_methods() {
    let unknown = (404, r#"{"success":false,"errorMsg":"API method not found"}"#.to_owned());
    for (verb, path) in [
        ("POST", "v5/delivery/shipment/7/edit"),
        ("GET", "v3/telephony/settings/7"),
        ("GET", "v5/store/products-groups"),
        ("GET", "v5/users-groups"),
        ("POST", "v4/delivery/generic/7/edit"),
    ] {
        assert_eq!(
            GATEWAY.refusal("retailcrm", &test_request(verb, &format!("/api/{path}")).key("one")),
            unknown,
            "{path}"
        );
    }
}

#[test]
fn node_sends_its_store_with_every_post() {
    // A method without a store only mentions it: the key needs access to it, and it limits nothing.
    let post = |key: &str, code: &str| {
        test_request("POST", "/api/v5/orders/links/create")
            .key(key)
            .json(&format!("{{\"site\":\"{code}\",\"link\":\"{{}}\"}}"))
    };
    assert_eq!(GATEWAY.reason("retailcrm", &post("wide", "second")), "ALLOWED");
    assert_eq!(GATEWAY.reason("retailcrm", &post("one", "second")), "STORE_DENIED");
}
