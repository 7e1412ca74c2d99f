//! Requests of real clients that confuse a careless gateway, and requests that must be refused in any spelling.

use crate::harness::{BENCH, ask, get, post};

#[test]
fn a_literal_is_not_the_parameter_beside_it() {
    BENCH.allowed("retailcrm", &get("/api/v5/orders/7").key("order"));
    for path in ["history", "statuses", "packs", "packs/history", "History", "history.json", "histor%79", "history%20"]
    {
        let reason = BENCH.reason("retailcrm", &get(&format!("/api/v5/orders/{path}")).key("order"));
        assert!(matches!(reason, "METHOD_DENIED" | "PATH_AMBIGUOUS"), "{path}: {reason}");
    }
    assert_eq!(BENCH.reason("retailcrm", &post("/api/v5/orders/7").key("order")), "METHOD_UNKNOWN");
}

#[test]
fn identifiers_that_python_puts_into_the_path_unescaped() {
    // `A/1`, `%2e%2e/costs`, `a%2Fb`, `A//1`, ``, and their normalized forms.
    for path in ["A/1", "%2e%2e/costs", "../costs", "a%2Fb", "A//1", "", "a;x=1", "a%5Cb", "a%00"] {
        let target = format!("/api/v5/orders/{path}?site=main");
        let reason = BENCH.reason("retailcrm", &get(&target).key("order"));
        assert!(matches!(reason, "METHOD_UNKNOWN" | "METHOD_DENIED" | "PATH_AMBIGUOUS"), "{target}: {reason}");
        assert_ne!(BENCH.reason("retailcrm", &get(&target).key("one")), "ALLOWED", "{target}");
    }
    // `A?site=x`: the store is `x?site=main`.
    assert_eq!(BENCH.reason("retailcrm", &get("/api/v5/orders/A?site=second?site=main").key("two")), "STORE_UNKNOWN");
    assert_eq!(BENCH.reason("retailcrm", &get("/api/v5/orders/A?site=main?site=second").key("one")), "STORE_UNKNOWN");
    // `A#f`, in case a client sends the fragment.
    assert_eq!(BENCH.reason("retailcrm", &get("/api/v5/orders/A#f?site=main").key("one")), "PATH_AMBIGUOUS");
    assert_eq!(BENCH.reason("retailcrm", &get("/api/v5/orders/A?by=id#&site=main").key("one")), "PATH_AMBIGUOUS");
    BENCH.allowed("retailcrm", &get("/api/v5/orders/%D0%97-1?site=main").key("one"));
}

#[test]
fn parameters_given_twice() {
    for query in ["site=main&site=main", "site=main&site=second", "siteBy=code&siteBy=code"] {
        let ask = get(&format!("/api/v5/orders/7?{query}")).key("two");
        assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS", "{query}");
    }
    let key = BENCH.key("wide");
    let ask = get(&format!("/api/v5/orders?apiKey={key}&apiKey={key}"));
    assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS");
    let ask = post("/api/v5/orders/create").key("one").parts(&[("site", "main"), ("site", "main")]);
    assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS");
    let ask = get("/api/v5/orders").key("wide").key("wide");
    assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS");
}

#[test]
fn keys_that_differ() {
    let (wide, one) = (BENCH.key("wide"), BENCH.key("one"));
    let target = format!("/api/v5/orders/7?apiKey={wide}&site=main");
    BENCH.allowed("retailcrm", &get(&target).key("wide"));
    assert_eq!(BENCH.reason("retailcrm", &get(&target).key("one")), "REQUEST_AMBIGUOUS");
    let ask = post(&format!("/api/v5/orders/create?apiKey={wide}")).form(&format!("site=main&apiKey={one}"));
    assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS");
    let ask = get("/shop/plain").key("wide").header("Authorization", &format!("Bearer {one}"));
    assert_eq!(BENCH.reason("shop", &ask), "REQUEST_AMBIGUOUS");
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
            let ask = get(&format!("/api/v5/orders/7?{with}")).key("one");
            assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS", "{with}");
            let ask = post("/api/v5/orders/create").key("one").form(&with);
            assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS", "{with}");
        }
        if !name.contains(['%', '+']) {
            let ask = post("/api/v5/orders/create").key("one").parts(&[("site", "main"), (name, "second")]);
            assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS", "{name}");
        }
    }
    for name in ["apikey", "api.Key", "apiKey[]", "%61piKey", "APIKEY"] {
        let ask = get(&format!("/api/v5/orders?{name}={}", BENCH.key("wide"))).key("wide");
        let reason = BENCH.reason("retailcrm", &ask);
        assert_eq!(reason, if name == "api.Key" { "ALLOWED" } else { "REQUEST_AMBIGUOUS" }, "{name}");
    }
    for name in
        ["filter[Sites][]", "filter[ sites][]", "filter.sites", "filter[sites][a]", "filter[sites", "Filter[sites][]"]
    {
        let ask = get(&format!("/api/v5/orders?{name}=second")).key("two");
        assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS", "{name}");
    }
    let above = get("/api/v5/orders?filter[sites][]=main&filter=None").key("two");
    assert_eq!(BENCH.reason("retailcrm", &above), "REQUEST_AMBIGUOUS");
    let below = post("/api/v5/orders/create").key("one").form("site=main&order[customer][site]=second");
    assert_eq!(BENCH.reason("retailcrm", &below), "REQUEST_AMBIGUOUS");
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
        let ask = post("/api/v5/orders/create?site=main").key("one").json(body);
        let expected = if body.is_empty() { "ALLOWED" } else { "REQUEST_AMBIGUOUS" };
        assert_eq!(BENCH.reason("retailcrm", &ask), expected, "{body}");
        if !body.is_empty() {
            let inner = format!("site=main&order={{\"customer\":{}}}", body.replace('&', "%26").replace('+', "%2B"));
            let ask = post("/api/v5/orders/create").key("one").form(&inner);
            assert_eq!(BENCH.reason("retailcrm", &ask), "REQUEST_AMBIGUOUS", "{inner}");
        }
    }
}

#[test]
fn reading_changes_state_where_the_api_says_so() {
    // GET /statistic/update writes: a verb implies nothing.
    assert_eq!(BENCH.reason("retailcrm", &get("/api/v5/statistic/update").key("order")), "METHOD_DENIED");
}

#[test]
fn a_verb_is_part_of_the_method() {
    BENCH.allowed("retailcrm", &ask("HEAD", "/api/v5/orders/7").key("order"));
    for verb in ["POST", "PUT", "get", "", "GET ", "DELETE"] {
        assert_ne!(BENCH.reason("retailcrm", &ask(verb, "/api/v5/orders/7").key("order")), "ALLOWED", "{verb:?}");
    }
}
