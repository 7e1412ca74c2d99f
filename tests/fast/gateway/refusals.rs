//! Requests refused before the key's permissions are checked, headers that clients must not send in Latchkey's name,
//! and the error format of the plain profile.

use latchkey::gateway::Outcome;

use crate::gateway::harness::{GATEWAY, TestBody, get, post};

#[test]
fn headers_that_ask_for_another_path_or_method() {
    for name in [
        "X-HTTP-Method-Override",
        "X-HTTP-Method",
        "X-Method-Override",
        "X-Original-Method",
        "X-Forwarded-Method",
        "X-Original-URL",
        "X-Original-URI",
        "X-Rewrite-URL",
        "X-Rewrite-URI",
        "X-Forwarded-Uri",
        "X-Forwarded-Path",
        "X-Override-URL",
        "X-HTTP-Path-Override",
        "x_http_method_override",
        "x.original.url",
    ] {
        let request = get("/api/v5/orders").key("wide").header(name, "/api/v5/costs");
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{name}");
        assert_eq!(GATEWAY.reason("plain", &request), "REQUEST_AMBIGUOUS", "{name}");
    }
}

#[test]
fn parameters_that_ask_for_another_method() {
    for name in ["_method", "_METHOD", "%5Fmethod", "_method[]", "%20_method"] {
        let request = get(&format!("/api/v5/orders?{name}=DELETE")).key("wide");
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{name}");
        assert_eq!(GATEWAY.reason("plain", &request), "REQUEST_AMBIGUOUS", "{name}");
        let request = post("/api/v5/orders/links/create").key("wide").form(&format!("{name}=DELETE"));
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{name}");
        assert_eq!(GATEWAY.reason("plain", &request), "REQUEST_AMBIGUOUS", "{name}");
    }
    let request = post("/api/v5/orders/links/create").key("wide").parts(&[("_method", "DELETE")]);
    assert_eq!(GATEWAY.reason("plain", &request), "REQUEST_AMBIGUOUS");
    GATEWAY.allowed("plain", &get("/api/v5/orders?method=DELETE").key("wide"));
}

#[test]
fn bodies_that_cannot_be_seen() {
    let create = || post("/api/v5/orders/create?site=main").key("one");
    for (encoding, allowed) in [("gzip", false), ("br", false), ("GZIP", false), ("identity", true), ("", true)] {
        let request = create().form("a=b").header("Content-Encoding", encoding);
        assert_eq!(GATEWAY.reason("retailcrm", &request) == "ALLOWED", allowed, "{encoding}");
    }
    let form = "application/x-www-form-urlencoded";
    let cut = create().with_body(TestBody::CutOff).header("content-type", form);
    assert_eq!(GATEWAY.reason("retailcrm", &cut), "REQUEST_AMBIGUOUS");
    // For a key with access to everything, unread parts do not matter.
    GATEWAY.allowed("retailcrm", &post("/api/v5/orders/create?site=main").key("wide").with_body(TestBody::CutOff));
    let body = |len: usize| "a".repeat(len);
    let shop = |len: usize| post("/shop/items").key("one").form(&format!("store=main&x={}", body(len - 13)));
    assert_eq!(GATEWAY.reason("shop", &shop(4096)), "ALLOWED");
    assert_eq!(GATEWAY.reason("shop", &shop(4097)), "REQUEST_AMBIGUOUS");
    for content_type in [
        "text/plain",
        "",
        "application/x-www-form-urlencoded; charset=utf-16",
        "multipart/form-data",
        "application/json, application/x-www-form-urlencoded",
    ] {
        let request = create().body(content_type, &b"site=second"[..]);
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{content_type}");
    }
    assert_eq!(
        GATEWAY.reason("retailcrm", &create().with_body(TestBody::Whole(b"site=second".to_vec()))),
        "REQUEST_AMBIGUOUS"
    );
    let two = create().form("a=b").header("content-type", "application/json");
    assert_eq!(GATEWAY.reason("retailcrm", &two), "REQUEST_AMBIGUOUS");
}

#[test]
fn fields_of_a_form_that_are_written_oddly() {
    for part in [
        "Content-Disposition: form-data; name='site'",
        "Content-Disposition: form-data; name=\"site\"; filename=\"x\"",
        "Content-Disposition: form-data; name=\"x\"\r\nContent-Disposition: form-data; name=\"site\"",
        "Content-Disposition: form-data; name=\"site\"\r\nContent-Transfer-Encoding: base64",
        "Content-Disposition: form-data; name*=utf-8''site",
        "Content-Disposition: form-data; name=\"_charset_\"",
    ] {
        let body = format!("--XX\r\n{part}\r\n\r\nsecond\r\n--XX--\r\n");
        let request = post("/api/v5/orders/create?site=main").key("one").body("multipart/form-data; boundary=XX", body);
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{part}");
    }
}

#[test]
fn headers_that_a_lax_service_reads_as_ours() {
    for name in ["x_api_key", "X.Api.Key", "X_API-KEY"] {
        let request = get("/api/v5/orders").header(name, GATEWAY.key("wide"));
        assert_eq!(GATEWAY.reason("retailcrm", &request), "REQUEST_AMBIGUOUS", "{name}");
    }
    for (name, value) in [("x_store", "main"), ("connection", "close, X-Store"), ("connection", "x-latchkey-scope")] {
        let request = get("/shop/plain").key("one").header("x-store", "main").header(name, value);
        assert_eq!(GATEWAY.reason("shop", &request), "REQUEST_AMBIGUOUS", "{name}: {value}");
    }
    let repeated = get("/shop/plain").key("one").header("x-store", "main").header("X-Store", "main");
    assert_eq!(GATEWAY.reason("shop", &repeated), "REQUEST_AMBIGUOUS");
    for (name, value) in
        [("host", "second.example"), ("x-forwarded-host", "second.example"), ("forwarded", "host=second.example")]
    {
        let request = get("/shop/plain").key("one").host("main.example").header(name, value);
        assert_eq!(GATEWAY.reason("shop", &request), "REQUEST_AMBIGUOUS", "{name}");
    }
    GATEWAY.allowed("shop", &get("/shop/plain").key("one").host("main.example").header("host", "main.example"));
    for host in [
        "main.example,second.example",
        "main.example second.example",
        "second.example/",
        "user@main.example",
        "m\u{e4}in",
    ] {
        let request = get("/shop/plain?store=main").key("one").host(host);
        assert_eq!(GATEWAY.reason("shop", &request), "REQUEST_AMBIGUOUS", "{host}");
    }
}

#[test]
fn what_a_client_says_in_our_name_never_goes_on() {
    let spoofed =
        ["X-Latchkey-Store", "x_latchkey_stores", "x-latchkey-scope", "X.Latchkey.Key.Id", "x-latchkey-future"];
    let mut request = get("/api/v5/orders/statuses").key("cpa");
    for name in spoofed {
        request = request.header(name, "second");
    }
    let allow = GATEWAY.allowed("retailcrm", &request);
    let set: Vec<&str> = allow.set_headers.iter().map(|(name, _)| *name).collect();
    for name in spoofed {
        let removed = allow.remove_headers.iter().any(|removed| removed == name);
        let overwritten = set.iter().any(|set| name.eq_ignore_ascii_case(set));
        assert!(removed != overwritten, "{name} is removed: {removed}, set: {overwritten}");
    }
    assert!(allow.remove_headers.contains(&"X-API-KEY".to_owned()));
    assert_eq!(allow.set_headers.iter().find(|(name, _)| *name == "x-latchkey-scope").unwrap().1, "all");
}

#[test]
fn authorization_that_is_no_bearer_stays() {
    let request = get("/api/v5/orders").key("wide").header("Authorization", "Basic dXNlcjpwYXNz");
    assert_eq!(GATEWAY.allowed("plain", &request).remove_headers, ["X-API-KEY"]);
    let request = get("/api/v5/orders").header("Authorization", &format!("bearer  {}", GATEWAY.key("wide")));
    assert_eq!(GATEWAY.allowed("plain", &request).remove_headers, ["Authorization"]);
}

#[test]
fn the_plain_profile_words_refusals_as_rfc_6750_and_rfc_9457() {
    let missing = GATEWAY.refused("plain", &get("/api/v5/orders"));
    assert_eq!(missing.status, 401);
    let expected = r#"{"title":"Unauthorized","status":401,"detail":"the request has no key","reason":"KEY_MISSING"}"#;
    assert_eq!(missing.body, expected);
    let header = |respond: &latchkey::gateway::ClientResponse, name: &str| {
        respond.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| value.clone()).unwrap_or_default()
    };
    assert_eq!(header(&missing, "www-authenticate"), "Bearer realm=\"latchkey\"");
    assert_eq!(header(&missing, "content-type"), "application/problem+json");
    for (request, status, error, reason) in [
        (get("/api/v5/orders").key("revoked"), 401, "invalid_token", "KEY_INVALID"),
        (get("/api/v5/orders").key("expired"), 401, "invalid_token", "KEY_INVALID"),
        (get("/api/v5/orders").key("cpa"), 403, "insufficient_scope", "METHOD_DENIED"),
        (get("/api/v5/orders/7?site=off").key("wide"), 403, "insufficient_scope", "STORE_DENIED"),
        (get("/api/v5/orders/statuses").key("two"), 403, "insufficient_scope", "METHOD_READS_NO_STORE"),
        (get("/api/v5/orders/7").key("two"), 400, "invalid_request", "STORE_REQUIRED"),
        (get("/api/v5/orders//").key("two"), 400, "invalid_request", "PATH_AMBIGUOUS"),
        (get("/api/v5/orders?_method=x").key("two"), 400, "invalid_request", "REQUEST_AMBIGUOUS"),
        (get("/api/none").key("two"), 403, "insufficient_scope", "METHOD_UNKNOWN"),
    ] {
        let respond = GATEWAY.refused("plain", &request);
        let body: serde_json::Value = serde_json::from_str(&respond.body).unwrap();
        assert_eq!((respond.status, body["reason"].as_str()), (status, Some(reason)), "{}", request.describe());
        assert_eq!(body["status"], status);
        let challenge = header(&respond, "www-authenticate");
        assert!(challenge.starts_with(&format!("Bearer realm=\"latchkey\", error=\"{error}\", error_description=\"")));
        assert_eq!(challenge.matches('"').count(), 6, "{challenge}");
    }
}

#[test]
fn what_the_client_wrote_cannot_break_out_of_a_refusal() {
    for name in ["_method%22", "store\"[]", "Store\\", "store%0d%0a[]", "store\u{7f}[]"] {
        let respond = GATEWAY.refused("shop", &get(&format!("/shop/plain?{name}=x")).key("wide"));
        for (_, value) in &respond.headers {
            assert!(value.bytes().all(|byte| (0x20..0x7f).contains(&byte)), "{value:?}");
        }
        assert!(
            serde_json::from_str::<serde_json::Value>(&respond.body).is_ok() && !respond.body.contains(['\r', '\n'])
        );
    }
}

#[test]
fn a_profile_governs_its_prefix_and_no_more() {
    assert_eq!(GATEWAY.reason("retailcrm", &get("/shop/plain").key("wide")), "NOT_GOVERNED");
    assert_eq!(GATEWAY.reason("retailcrm", &get("/apis").key("wide")), "NOT_GOVERNED");
    assert_eq!(GATEWAY.reason("retailcrm", &get("/api/../shop/plain").key("wide")), "PATH_AMBIGUOUS");
    assert_eq!(GATEWAY.reason("no-such", &get("/").key("wide")), "PROFILE_UNKNOWN");
    // Without a named profile the longest prefix matches, and `retailcrm` is not selected by default.
    let facts = |target: &str| GATEWAY.check("", &get(target).key("wide")).facts().profile.to_string();
    assert_eq!(facts("/shop/plain"), "shop");
    assert_eq!(facts("/api/v5/orders"), "applied");
    // It matches everything, like `plain`, but is configured explicitly.
    assert_eq!(facts("/other"), "whole");
    assert_eq!(facts("/shop/../api"), "whole");
    assert!(GATEWAY.gateway().profile("plain").is_some_and(|profile| !profile.reads_bodies()));
    assert!(GATEWAY.gateway().profile("retailcrm").is_some_and(latchkey::config::profiles::Profile::reads_bodies));
}

#[test]
fn facts_for_logs_hold_no_token() {
    let target = format!("/api/v5/orders?apiKey={}", GATEWAY.key("wide"));
    let outcome = GATEWAY.check("retailcrm", &get(&target));
    let facts = outcome.facts();
    assert_eq!((facts.reason, facts.scope, &*facts.profile), ("ALLOWED", Some("all"), "retailcrm"));
    assert_eq!(facts.method.as_deref(), Some("GET /api/v*/orders"));
    assert!(facts.key.is_some() && facts.revision > 0);
    let Outcome::Allow(allow) = &outcome else { panic!("{outcome:?}") };
    assert!(!format!("{allow:?}").contains(GATEWAY.key("wide")));
    let headers: Vec<(&[u8], &[u8])> = vec![(b"x-api-key", GATEWAY.key("wide").as_bytes())];
    assert!(!format!("{:?}", get(&target).request(&headers)).contains(GATEWAY.key("wide")));
}
