//! Requests of real clients that confuse a careless gateway, and requests that must be refused in any spelling.

use crate::gateway::harness::{GATEWAY, get, post, test_request};

#[test]
fn a_literal_is_not_the_parameter_beside_it() {
    GATEWAY.allowed("retailcrm", &get("/api/v5/orders/7").key("order"));
    for path in ["history", "statuses", "packs", "packs/history", "History", "history.json", "histor%79", "history%20"]
    {
        let reason = GATEWAY.reason("retailcrm", &get(&format!("/api/v5/orders/{path}")).key("order"));
        assert!(matches!(reason, "METHOD_DENIED" | "PATH_AMBIGUOUS"), "{path}: {reason}");
    }
    assert_eq!(GATEWAY.reason("retailcrm", &post("/api/v5/orders/7").key("order")), "METHOD_UNKNOWN");
}

#[test]
fn identifiers_that_python_puts_into_the_path_unescaped() {
    // `A/1`, `%2e%2e/costs`, `a%2Fb`, `A//1`, ``, and their normalized forms.
    for path in ["A/1", "%2e%2e/costs", "../costs", "a%2Fb", "A//1", "", "a;x=1", "a%5Cb", "a%00"] {
        let target = format!("/api/v5/orders/{path}?site=main");
        let reason = GATEWAY.reason("retailcrm", &get(&target).key("order"));
        assert!(matches!(reason, "METHOD_UNKNOWN" | "METHOD_DENIED" | "PATH_AMBIGUOUS"), "{target}: {reason}");
        assert_ne!(GATEWAY.reason("retailcrm", &get(&target).key("one")), "ALLOWED", "{target}");
    }
    // `A?site=x`: the store is `x?site=main`.
    assert_eq!(GATEWAY.reason("retailcrm", &get("/api/v5/orders/A?site=second?site=main").key("two")), "STORE_UNKNOWN");
    assert_eq!(GATEWAY.reason("retailcrm", &get("/api/v5/orders/A?site=main?site=second").key("one")), "STORE_UNKNOWN");
    // `A#f`, in case a client sends the fragment.
    assert_eq!(GATEWAY.reason("retailcrm", &get("/api/v5/orders/A#f?site=main").key("one")), "PATH_AMBIGUOUS");
    assert_eq!(GATEWAY.reason("retailcrm", &get("/api/v5/orders/A?by=id#&site=main").key("one")), "PATH_AMBIGUOUS");
    GATEWAY.allowed("retailcrm", &get("/api/v5/orders/%D0%97-1?site=main").key("one"));
}

#[test]
fn parameters_given_twice() {
    for query in ["site=main&site=main", "site=main&site=second", "siteBy=code&siteBy=code"] {
        let request = get(&format!("/api/v5/orders/7?{query}")).key("two");
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{query}");
    }
    let key = GATEWAY.key("wide");
    let request = get(&format!("/api/v5/orders?apiKey={key}&apiKey={key}"));
    assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS");
    let request = post("/api/v5/orders/create").key("one").parts(&[("site", "main"), ("site", "main")]);
    assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS");
    let request = get("/api/v5/orders").key("wide").key("wide");
    assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS");
}

#[test]
fn keys_that_differ() {
    let (wide, one) = (GATEWAY.key("wide"), GATEWAY.key("one"));
    let target = format!("/api/v5/orders/7?apiKey={wide}&site=main");
    GATEWAY.allowed("retailcrm", &get(&target).key("wide"));
    assert_eq!(GATEWAY.reason("retailcrm", &get(&target).key("one")), "REQUEST_AMBIGUOUS");
    let request = post(&format!("/api/v5/orders/create?apiKey={wide}")).form(&format!("site=main&apiKey={one}"));
    assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS");
    let request = get("/shop/plain").key("wide").header("Authorization", &format!("Bearer {one}"));
    assert_eq!(GATEWAY.reason("shop", &request), "REQUEST_AMBIGUOUS");
}

#[test]
fn names_that_a_lax_service_reads_as_ours() {
    for name in [
        "%20site",
        "+site",
        "site[]",
        "site[0]",
        "si%74e",
        "site%00",
        "Site",
        "SITE",
        "site.",
        "site%5B%5D",
        "%73ite",
        "site%2500",
    ] {
        for with in [format!("{name}=second"), format!("site=main&{name}=second"), format!("by=id;{name}=second")] {
            let request = get(&format!("/api/v5/orders/7?{with}")).key("one");
            assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{with}");
            let request = post("/api/v5/orders/create").key("one").form(&with);
            assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{with}");
        }
        if !name.contains(['%', '+']) {
            let request = post("/api/v5/orders/create").key("one").parts(&[("site", "main"), (name, "second")]);
            assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{name}");
        }
    }
    for name in ["apikey", "api.Key", "apiKey[]", "%61piKey", "APIKEY"] {
        let request = get(&format!("/api/v5/orders?{name}={}", GATEWAY.key("wide"))).key("wide");
        let reason = GATEWAY.reason("retailcrm", &request);
        assert_eq!(reason, if name == "api.Key" { "ALLOWED" } else { "REQUEST_AMBIGUOUS" }, "{name}");
    }
    for name in
        ["filter[Sites][]", "filter[ sites][]", "filter.sites", "filter[sites][a]", "filter[sites", "Filter[sites][]"]
    {
        let request = get(&format!("/api/v5/orders?{name}=second")).key("two");
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{name}");
    }
    let above = get("/api/v5/orders?filter[sites][]=main&filter=None").key("two");
    assert_eq!(GATEWAY.reason("retailcrm", &above), "REQUEST_AMBIGUOUS");
    let below = post("/api/v5/orders/create").key("one").form("site=main&order[customer][site]=second");
    assert_eq!(GATEWAY.reason("retailcrm", &below), "REQUEST_AMBIGUOUS");
}

#[test]
fn json_that_can_be_read_in_two_ways() {
    for body in [
        r#"{"site":"main","site":"second"}"#,
        r#"{"site":"main","Site":"second"}"#,
        r#"{"site":"main"}{"site":"second"}"#,
        r#"{"site":"main",}"#,
        r#"{"site":["second"]}"#,
        r#"{"site":7}"#,
        r#"[{"site":"second"}]"#,
        "{'site':'second'}",
        "",
    ] {
        let request = post("/api/v5/orders/create?site=main").key("one").json(body);
        let expected = if body.is_empty() { "ALLOWED" } else { "REQUEST_AMBIGUOUS" };
        assert_eq!(GATEWAY.reason("retailcrm", &request), expected, "{body}");
        if !body.is_empty() {
            let inner = format!("site=main&order={{\"customer\":{}}}", body.replace('&', "%26").replace('+', "%2B"));
            let request = post("/api/v5/orders/create").key("one").form(&inner);
            assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{inner}");
        }
    }
}

#[test]
fn reading_changes_state_where_the_api_says_so() {
    // GET /statistic/update writes: a verb implies nothing.
    assert_eq!(GATEWAY.reason("retailcrm", &get("/api/v5/statistic/update").key("order")), "METHOD_DENIED");
}

#[test]
fn a_verb_is_part_of_the_method() {
    GATEWAY.allowed("retailcrm", &test_request("HEAD", "/api/v5/orders/7").key("order"));
    for verb in ["POST", "PUT", "get", "", "GET ", "DELETE"] {
        assert_ne!(
            GATEWAY.reason("retailcrm", &test_request(verb, "/api/v5/orders/7").key("order")),
            "ALLOWED",
            "{verb:?}"
        );
    }
}
