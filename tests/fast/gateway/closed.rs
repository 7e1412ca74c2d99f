//! A request part without a grammar that every framework reads alike passes only with keys for which it cannot matter.
//! One test for each kind of request that once got past.

use crate::gateway::harness::{GATEWAY, TestBody, TestRequest, get, post, test_request};

/// Asserts that it is refused for a key with one store, and allowed for a key with access to everything.
#[track_caller]
fn only_for_wide(profile: &str, with: impl Fn() -> TestRequest) {
    for key in ["one", "order"] {
        let request = with().key(key);
        assert_ne!(GATEWAY.reason(profile, &request), "ALLOWED", "{key}: {}", request.describe());
    }
    GATEWAY.allowed(profile, &with().key("wide"));
}

fn create() -> TestRequest {
    post("/api/v5/orders/create?site=main")
}

#[test]
fn k01_the_key_is_judged_before_the_body_is_read() {
    // A body that cannot be parsed: for an invalid key the reason is the key.
    let body = "[".repeat(1000);
    for (key, reason) in [("revoked", "KEY_REVOKED"), ("inactive", "KEY_INACTIVE"), ("expired", "KEY_EXPIRED")] {
        assert_eq!(GATEWAY.reason("retailcrm", &create().key(key).json(&body)), reason);
    }
    let unknown = create().header("x-api-key", "lk_0000000000000000000000000000000000000000000").json(&body);
    assert_ne!(GATEWAY.reason("retailcrm", &unknown), "REQUEST_AMBIGUOUS");
    let far = TestRequest { client: Some([192, 0, 2, 1].into()), ..create().key("netted").json(&body) };
    assert_eq!(GATEWAY.reason("retailcrm", &far), "NETWORK_DENIED");
}

#[test]
fn k01_a_request_names_a_thousand_stores_at_most() {
    let rows = |count: usize| (0..count).map(|at| format!("{{\"site\":\"s{at}\"}}")).collect::<Vec<_>>().join(",");
    let upload =
        |count: usize| post("/api/v5/store/prices/upload").key("wide").form(&format!("prices=[{}]", rows(count)));
    assert_eq!(GATEWAY.reason("retailcrm", &upload(1000)), "STORE_UNKNOWN");
    assert_eq!(GATEWAY.reason("retailcrm", &upload(1001)), "REQUEST_AMBIGUOUS");
}

#[test]
fn k02_bodies_of_another_kind_than_announced() {
    let second = r#"{"site":"second"}"#;
    for kind in ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", "application/pdf"] {
        for body in [second, " \r\n{\"site\":\"second\"}", r#"{"x":1,"site":"second"}"#] {
            let request = create().key("one").body(kind, body);
            assert_eq!(GATEWAY.reason("retailcrm", &request), "STORE_DENIED", "{kind}: {body}");
        }
        // Accepted by lenient JSON decoders, but not valid JSON.
        for body in [
            "\u{feff}{\"site\":\"second\"}",
            "{\"site\":\"second\"} trailing",
            "{\"site\":\"main\",\"site\":\"second\"}",
        ] {
            let request = create().key("one").body(kind, body);
            assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{kind}: {body}");
        }
        let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(second.bytes().flat_map(|byte| [byte, 0])).collect();
        assert_ne!(GATEWAY.reason("retailcrm", &create().key("one").body(kind, utf16)), "ALLOWED", "{kind}");
    }
    for kind in [
        "image/png; x=/json",
        "image/png;charset=utf-8",
        "text/plain",
        "text/plain; x=+json",
        "application/json; charset=utf-16",
        "application/json; charset=ibm500",
        "application/json; x",
        "Application/JSON",
        "application/x-www-form-urlencoded; charset=utf-7",
        "application/x-www-form-urlencoded;charset=iso-8859-1",
        "application/xml",
        "application/yaml",
        "",
    ] {
        only_for_wide("retailcrm", || create().body(kind, second));
    }
    only_for_wide("retailcrm", || create().with_body(TestBody::Whole(second.into())));
    only_for_wide("retailcrm", || create().json(second).header("content-encoding", "gzip"));
    only_for_wide("retailcrm", || create().form("\u{feff}site=second"));
}

#[test]
fn k02_a_store_in_a_body_counts_only_where_every_service_reads_it() {
    let has_no_store = |profile: &str, request: TestRequest| {
        let reason = GATEWAY.reason(profile, &request.clone().key("two"));
        assert_eq!(reason, "STORE_REQUIRED", "{}", request.describe());
    };
    // Read as JSON by some services, and not at all by others.
    for kind in ["text/json", "application/vnd.api+json", "application/x-json", "image/png"] {
        has_no_store("retailcrm", post("/api/v5/orders/create").body(kind, r#"{"site":"main"}"#));
        assert_eq!(
            GATEWAY.reason("retailcrm", &create().key("one").body(kind, r#"{"site":"second"}"#)),
            "STORE_DENIED"
        );
    }
    // PHP reads forms of POST alone.
    for verb in ["GET", "DELETE", "PUT"] {
        has_no_store("shop", test_request(verb, "/shop/plain").form("store=main"));
    }
    // JSON where the profile expects forms, and the reverse: inspected, and without a store's name.
    let forms = |request: TestRequest| GATEWAY.reason("forms", &request.key("two"));
    assert_eq!(forms(post("/forms/a").form("site=main")), "ALLOWED");
    assert_eq!(forms(post("/forms/a").json(r#"{"site":"main"}"#)), "STORE_REQUIRED");
    assert_eq!(forms(post("/forms/a").form("site=main").host("x")), "ALLOWED");
    let third = post("/forms/a?site=third").key("two").form("site=main");
    assert_eq!(GATEWAY.reason("forms", &third), "STORE_DENIED");
    let json = |request: TestRequest| GATEWAY.reason("jsons", &request.key("two"));
    assert_eq!(json(post("/jsons/a").json(r#"{"site":"main"}"#)), "ALLOWED");
    assert_eq!(json(post("/jsons/a").form("site=main")), "STORE_REQUIRED");
    assert_eq!(json(post("/jsons/a?site=third").json(r#"{"site":"main"}"#)), "STORE_DENIED");
    // A key for all active stores: other locations are inspected.
    for request in [post("/jsons/a").form("site=off"), post("/jsons/a").parts(&[("site", "off")])] {
        assert_eq!(GATEWAY.reason("jsons", &request.key("wide")), "STORE_INACTIVE");
    }
    assert_eq!(GATEWAY.reason("forms", &post("/forms/a").key("wide").json(r#"{"site":"off"}"#)), "STORE_INACTIVE");
}

#[test]
fn k02_a_body_without_a_length_names_no_store() {
    for (name, value) in [("Transfer-Encoding", "chunked"), ("transfer_encoding", "chunked")] {
        let request = post("/api/v5/orders/create").key("two").form("site=main").header(name, value);
        assert_eq!(GATEWAY.reason("retailcrm", &request), "STORE_REQUIRED", "WSGI reads no chunks");
        let request = create().key("one").form("site=second").header(name, value);
        assert_eq!(GATEWAY.reason("retailcrm", &request), "STORE_DENIED");
    }
    let unsized_body =
        post("/api/v5/orders/create").key("two").header("content-type", "application/x-www-form-urlencoded");
    let unsized_body = unsized_body.with_body(TestBody::Whole(b"site=main".to_vec()));
    assert_eq!(GATEWAY.reason("retailcrm", &unsized_body), "STORE_REQUIRED");
}

#[test]
fn k02_bodies_that_only_some_decoders_take_for_json_or_for_a_form() {
    let second = r#"{"site":"second"}"#;
    let utf32 = [&b"\0\0\xfe\xff"[..], &second.bytes().flat_map(|byte| [0, 0, 0, byte]).collect::<Vec<_>>()].concat();
    let bodies =
        [utf32, format!("/**/{second}").into(), format!("// x\n{second}").into(), format!("#\n{second}").into()];
    for kind in ["image/png", "application/octet-stream", "application/x-www-form-urlencoded", "application/pdf"] {
        for body in &bodies {
            only_for_wide("retailcrm", || create().body(kind, body.clone()));
        }
    }
    // Bottle reads every type except multipart as a form.
    for kind in ["image/png", "application/octet-stream", "application/json", "application/vnd.api+json", "text/json"] {
        for body in ["a=1&site=second", "{\"x\":\"&site=second&\"}", "{\"x\":\"&s%69te=second\"}", "x;siteBy=id"] {
            only_for_wide("retailcrm", || create().body(kind, body));
        }
    }
    // Files pass, whatever they contain.
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.extend((0..=255).cycle().take(100_000));
    for (kind, body) in [("image/png", png), ("application/pdf", b"%PDF-1.7 /site=1".to_vec())] {
        GATEWAY.allowed("retailcrm", &create().key("one").body(kind, body));
    }
}

#[test]
fn k02_parameters_that_are_empty_count() {
    let many = |count: usize| get(&format!("/api/v5/orders/17?{}site=main", "&".repeat(count))).key("one");
    GATEWAY.allowed("retailcrm", &many(999));
    assert_eq!(GATEWAY.reason("retailcrm", &many(1000)), "REQUEST_AMBIGUOUS");
}

#[test]
fn k02_a_charset_by_which_a_query_is_decoded() {
    for charset in ["utf-7", "utf-16", "cp037", "utf-8, utf-7"] {
        only_for_wide("retailcrm", || {
            get("/api/v5/orders/7?site=main&+AHM-ite=second")
                .header("content-type", &format!("text/plain; charset={charset}"))
        });
    }
    let utf8 = get("/api/v5/orders/7?site=main").key("one").header("content-type", "application/json; charset=UTF-8");
    GATEWAY.allowed("retailcrm", &utf8);
}

#[test]
fn k02_a_semicolon_ends_a_name_for_some() {
    for query in ["site=main&site;x=second", "site=main&x;site=second", "site;=main", "x=1;site;y=2", "site=main;x=1"] {
        let request = get(&format!("/api/v5/orders/7?{query}")).key("one");
        assert_ne!(GATEWAY.reason("retailcrm", &request), "ALLOWED", "{query}");
    }
    GATEWAY.allowed("retailcrm", &get("/api/v5/orders/7?site=main&x=a;b&c;d=1").key("one"));
}

#[test]
fn k02_json_members_are_parameters_like_all_others() {
    for (body, reason) in [
        (r#"{"siteBy":"id"}"#, "REQUEST_AMBIGUOUS"),
        (r#"{"siteBy":1}"#, "REQUEST_AMBIGUOUS"),
        (r#"{"siteby":"code"}"#, "REQUEST_AMBIGUOUS"),
        (r#"{"siteBy":"code"}"#, "ALLOWED"),
        (r#"{"__proto__":{"site":"second"}}"#, "REQUEST_AMBIGUOUS"),
        (r#"{"a":{"constructor":{"prototype":{"site":"second"}}}}"#, "REQUEST_AMBIGUOUS"),
        (r#"{"filter":{"sites":["second"]}}"#, "STORE_DENIED"),
        (r#"{"filter":{"sites":["main"]}}"#, "ALLOWED"),
        (r#"{"filter":{"Sites":["second"]}}"#, "REQUEST_AMBIGUOUS"),
        (r#"{"filter.sites":["second"]}"#, "REQUEST_AMBIGUOUS"),
        (r#"{"filter[sites]":["second"]}"#, "STORE_DENIED"),
        (r#"{"filter":{"sites":{"0":"second"}}}"#, "REQUEST_AMBIGUOUS"),
        (r#"{"si\u0074e":"second"}"#, "STORE_DENIED"),
        (r#"{"site ":"second"}"#, "REQUEST_AMBIGUOUS"),
        (r#"{"order":{"customer":{"site":"second"}}}"#, "STORE_DENIED"),
        (r#"{"constructor":"a builder","x":1}"#, "ALLOWED"),
    ] {
        assert_eq!(GATEWAY.reason("retailcrm", &create().key("one").json(body)), reason, "{body}");
    }
    let other = format!("{{\"apiKey\":\"{}\"}}", GATEWAY.key("wide"));
    assert_eq!(GATEWAY.reason("retailcrm", &create().key("one").json(&other)), "REQUEST_AMBIGUOUS");
    let same = format!("{{\"apiKey\":\"{}\"}}", GATEWAY.key("one"));
    assert_eq!(GATEWAY.reason("retailcrm", &create().key("one").json(&same)), "ALLOWED");
    assert_eq!(GATEWAY.reason("retailcrm", &create().key("one").json(r#"{"apiKey":5}"#)), "REQUEST_AMBIGUOUS");
    for name in ["__proto__[site]", "constructor[prototype][site]", "x[__proto__][site]"] {
        assert_eq!(
            GATEWAY.reason("retailcrm", &get(&format!("/api/v5/orders?{name}=second")).key("one")),
            "REQUEST_AMBIGUOUS"
        );
    }
}

#[test]
fn k03_multipart_that_some_parsers_cut() {
    let hidden = "--XX,YY\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX\r\nContent-Disposition: form-data; \
                  name=\"site\"\r\n\r\nsecond\r\n--XX--\r\n\r\n--XX,YY--\r\n";
    for kind in [
        "multipart/form-data; boundary=XX,YY",
        "multipart/form-data; boundary=\"XX,YY\"",
        "multipart/form-data; boundary=XX,YY; boundary=XX",
    ] {
        only_for_wide("retailcrm", || create().body(kind, hidden));
    }
    let part = |head: &str| format!("--XX\r\n{head}\r\n\r\nsecond\r\n--XX--\r\n");
    for head in [
        "Content-Disposition: form-data; name=\"x\"; filename=\"a; name=site\"",
        "Content-Disposition: form-data; name=\"x\"\r\nX-Odd: name=\"site\"",
        "Content-Disposition: form-data; name=\"x\"\r\nContent-Type: multipart/mixed; boundary=YY",
        "Content-Disposition: form-data; name=\"x\"; filename=\"a\\\"; name=\\\"site\"",
    ] {
        only_for_wide("retailcrm", || create().body("multipart/form-data; boundary=XX", part(head)));
    }
    // Some services treat a field with such a type as a file.
    let typed = part("Content-Disposition: form-data; name=\"site\"\r\nContent-Type: application/octet-stream");
    let request = create().key("wide").body("multipart/form-data; boundary=XX", typed);
    assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS");
}

#[test]
fn k03_names_that_some_parsers_find_elsewhere() {
    let part = |head: &str| format!("--XX\r\n{head}\r\n\r\nsecond\r\n--XX--\r\n");
    let kind = "multipart/form-data; boundary=XX";
    for head in [
        "Content-Type: text/plain; a=\"Content-Disposition: x; name=site\"\r\nContent-Disposition: form-data; name=\"x\"",
        "Content-Type: Content-Disposition: x; name=site\r\nContent-Disposition: form-data; name=\"x\"",
        "Content-Disposition: form-data; name=\"x; name=site\"",
        "Content-Disposition: form-data; name=\"x;name=_method;y\"",
        "Content-Disposition: form-data; name=x; name=site",
        "Content-Disposition: form-data; name=\"x\"; filename=\"y; name=site\"",
        "Content-Disposition: form-data; name=x; filename=y; filename*=utf-8''z\";name=site",
        "Content-Disposition: form-data; name=x; filename*=utf-8''z",
    ] {
        only_for_wide("retailcrm", || create().body(kind, part(head)));
    }
    for head in [
        "Content-Disposition: form-data; name=site",
        "Content-Type: text/plain; charset=ISO-8859-1\r\nContent-Disposition: form-data; name=\"site\"",
    ] {
        let request = create().key("one").body(kind, part(head));
        assert_eq!(GATEWAY.reason("retailcrm", &request), "STORE_DENIED", "{head}");
    }
    for (boundary, line) in [
        ("----WebKitFormBoundary_x7", "----WebKitFormBoundary_x7"),
        ("\"_=_symfony_1.2_=_\"", "_=_symfony_1.2_=_"),
        ("65a1.77", "65a1.77"),
    ] {
        let body = format!(
            "--{line}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"surname=x.png\"\r\n\r\nx\r\n--{line}--\r\n"
        );
        let kind = format!("multipart/form-data; boundary={boundary}");
        GATEWAY.allowed("retailcrm", &create().key("one").body(&kind, body));
    }
}

#[test]
fn k04_another_method_in_whatever_place() {
    let names = ["_method", "_METHOD", "_Method[]", "X-HTTP-Method-Override", "x_http_method_override", "_verb"];
    for name in names {
        for request in [
            get(&format!("/api/v5/orders?{name}=DELETE")),
            create().form(&format!("{name}=DELETE")),
            create().parts(&[(name, "DELETE")]),
            create().json(&format!("{{\"{name}\":\"DELETE\"}}")),
            create().body("text/json", format!("{{\"{name}\":\"DELETE\"}}")),
            create().body("image/png", format!("{{\"{name}\":\"DELETE\"}}")),
            get("/api/v5/orders").header("cookie", &format!("a=b; {name}=DELETE")),
        ] {
            assert_eq!(
                GATEWAY.reason("retailcrm", &request.clone().key("wide")),
                "REQUEST_AMBIGUOUS",
                "{}",
                request.describe()
            );
            assert_eq!(
                GATEWAY.reason("whole", &request.clone().key("wide")),
                "REQUEST_AMBIGUOUS",
                "{}",
                request.describe()
            );
        }
    }
    // A body that was not inspected may request another method, also in a profile that reads no bodies.
    let links = || post("/api/v5/orders/links/create").key("links");
    assert_eq!(GATEWAY.reason("whole", &links()), "ALLOWED");
    assert_eq!(GATEWAY.reason("whole", &links().form("a=b")), "ALLOWED");
    assert_eq!(GATEWAY.reason("whole", &links().body("application/octet-stream", "\u{1}data")), "ALLOWED");
    for unread in [
        links().with_body(TestBody::Withheld),
        links().header("content-type", "application/x-www-form-urlencoded").with_body(TestBody::Withheld),
        links().header("content-type", "application/x-www-form-urlencoded").with_body(TestBody::CutOff),
        links().form("a=b").header("content-encoding", "br"),
        links().body("text/plain", "_method=DELETE"),
        links().with_body(TestBody::Whole(b"_method=DELETE".to_vec())),
    ] {
        assert_eq!(GATEWAY.reason("whole", &unread), "REQUEST_AMBIGUOUS", "{}", unread.describe());
        // Unless the configuration vouches for the service.
        assert_eq!(GATEWAY.reason("vouched", &unread), "ALLOWED", "{}", unread.describe());
    }
    // A file may be JSON to a service that decodes every body.
    let file = links().header("content-type", "application/octet-stream").with_body(TestBody::Withheld);
    assert_eq!(GATEWAY.reason("whole", &file), "REQUEST_AMBIGUOUS");
    assert_eq!(
        GATEWAY.reason("whole", &get("/api/v5/orders").key("cpa").with_body(TestBody::Withheld)),
        "METHOD_DENIED"
    );
}

#[test]
fn k05_names_that_fold_to_ours() {
    for name in ["X.Latchkey.Store", "X_Latchkey_Store", "x!latchkey-store", "X-Latchkey~Scope"] {
        let allow = GATEWAY.allowed("retailcrm", &get("/api/v5/orders").key("one").header(name, "second"));
        assert!(allow.remove_headers.iter().any(|removed| removed == name), "{name}: {:?}", allow.remove_headers);
    }
    for name in ["SCRIPT_NAME", "Script-Name", "PATH_INFO", "X.Forwarded.Prefix", "X-Script-Name", "X_Original~URL"] {
        let request = get("/api/v5/orders").key("wide").header(name, "/api");
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{name}");
    }
    for cookie in [
        "site=second",
        "a=b;site=second",
        "a=b, Site=second",
        "si%74e=second",
        "filter[sites][]=second",
        "filter=x",
        "apiKey=lk_x",
        "siteBy=id",
        "si te=1; site.=2",
    ] {
        let request = get("/api/v5/orders").key("one").header("Cookie", cookie);
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{cookie}");
    }
    GATEWAY.allowed("retailcrm", &get("/api/v5/orders").key("one").header("Cookie", "PHPSESSID=site; website=second"));
    for named in ["content-type", "close, content-length", "x-api-key", "X_Latchkey_Store"] {
        let request = get("/api/v5/orders").key("wide").header("Connection", named);
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{named}");
    }
    GATEWAY.allowed("retailcrm", &get("/api/v5/orders").key("one").header("Connection", "keep-alive, TE"));
}

#[test]
fn k05_a_bearer_token_behind_something_else() {
    for value in ["Basic Bearer lk_other", "xBearer lk_other", "Basic eDp5, Bearer lk_other", "bearer=lk_other"] {
        let request = get("/plain/a?store=main").key("one").header("Authorization", value);
        assert_eq!(GATEWAY.reason("plain", &request), "REQUEST_AMBIGUOUS", "{value}");
    }
}

#[test]
fn k06_a_host_that_is_read_in_two_ways() {
    let shop = |host: &str| get("/shop/plain").key("one").host(host);
    GATEWAY.allowed("shop", &shop("main.example:8080"));
    for host in [
        "second.example:x",
        "main.example:",
        "main.example.",
        "main.example..",
        "main.example:80:x",
        "[main.example]",
        "main.example:0x50",
        "main.example#",
        "second.example:80@main.example",
        "",
    ] {
        assert_ne!(GATEWAY.reason("shop", &shop(host)), "ALLOWED", "{host}");
    }
    for name in ["X-Forwarded-Host", "X_Forwarded_Host", "X-Host", "X-Original-Host", "X-Forwarded-Server"] {
        let request = shop("main.example").header(name, "second.example");
        assert_eq!(GATEWAY.reason("shop", &request), "REQUEST_AMBIGUOUS", "{name}");
    }
}

#[test]
fn k07_paths_that_are_sent_otherwise_than_they_are_read() {
    for path in ["hist%6Fry", "%37", "a%2Db", "%2568istory", "%25u0068istory", "x%7E", "%5fx", "histor%79"] {
        let target = format!("/api/v5/orders/{path}?site=main");
        assert_eq!(GATEWAY.reason("retailcrm", &get(&target).key("one")), "PATH_AMBIGUOUS", "{path}");
        GATEWAY.allowed("retailcrm", &get(&target).key("wide"));
    }
    // A server may rewrite the path into a query, or extract a script name from it.
    for path in ["17&site=second", "17%26site=second", "17%3Fsite=second", "17%23", "x.php/17", "a.PHP5/b/c", "a.cgi/b"]
    {
        let target = format!("/api/v5/orders/{path}?site=main");
        assert_eq!(GATEWAY.reason("retailcrm", &get(&target).key("one")), "PATH_AMBIGUOUS", "{path}");
    }
    for path in ["100%25", "%D0%97-1", "a%20b", "a%3Ab", "%25zz", "x.php", "a=b", "a+b"] {
        GATEWAY.allowed("retailcrm", &get(&format!("/api/v5/orders/{path}?site=main")).key("one"));
    }
}
