//! The protocol of the RetailCRM API, row by row: where its clients send the key, and how they interpret a refusal.
//! Bodies are compared byte for byte, because clients compare whole texts, final dot included.

use crate::gateway::harness::{GATEWAY, TestBody, TestRequest, get, post};

const ORDER: &str = "/api/v5/orders/create";
const WRONG: &str = r#"{"success":false,"errorMsg":"Wrong \"apiKey\" value."}"#;
const DENIED: &str = r#"{"success":false,"errorMsg":"Access denied."}"#;
const INPUT: &str = r#"{"success":false,"errorMsg":"Errors in the input parameters"}"#;

fn refusal(request: &TestRequest) -> (u16, String) {
    GATEWAY.refusal("retailcrm", request)
}

#[test]
fn the_key_in_a_header_in_any_case_as_go_python_and_php_send_it() {
    for name in ["X-API-KEY", "X-Api-Key", "x-api-key"] {
        let allow = GATEWAY.allowed("retailcrm", &get("/api/v5/orders").header(name, GATEWAY.key("wide")));
        assert_eq!(allow.remove_headers, [name]);
        assert!(allow.remove_parameters.is_empty());
    }
}

#[test]
fn the_key_in_the_query_as_ruby_dotnet_and_bitrix_send_it() {
    let target = format!("/api/v5/orders?apiKey={}&limit=20&cms_source=bitrix", GATEWAY.key("wide"));
    let allow = GATEWAY.allowed("retailcrm", &get(&target));
    assert_eq!(allow.remove_parameters, ["apiKey"]);
    assert_eq!(*allow.target(target.as_bytes()), *b"/api/v5/orders?limit=20&cms_source=bitrix");
    let alone = format!("/api/v5/orders?apiKey={}", GATEWAY.key("wide"));
    assert_eq!(*GATEWAY.allowed("retailcrm", &get(&alone)).target(alone.as_bytes()), *b"/api/v5/orders");
}

#[test]
fn the_key_in_an_urlencoded_body_as_ruby_and_dotnet_send_it() {
    let body = format!("apiKey={}&site=main&order=%7B%22number%22%3A%221%22%7D", GATEWAY.key("one"));
    let allow = GATEWAY.allowed("retailcrm", &post(ORDER).form(&body));
    assert_eq!(allow.facts.store.as_deref(), Some("main"));
}

#[test]
fn the_key_in_a_multipart_body_as_php_and_bitrix_send_it() {
    let fields = [("apiKey", GATEWAY.key("one")), ("site", "main"), ("order", r#"{"number":"1"}"#)];
    let allow = GATEWAY.allowed("retailcrm", &post(ORDER).parts(&fields));
    assert_eq!(allow.facts.store.as_deref(), Some("main"));
}

#[test]
fn the_key_in_the_query_with_a_json_body_as_node_sends_it() {
    let target = format!("{ORDER}?apiKey={}", GATEWAY.key("one"));
    let request = post(&target).json(r#"{"site":"main","order":"{\"customer\":{\"site\":\"main\"}}"}"#);
    assert_eq!(GATEWAY.allowed("retailcrm", &request).facts.store.as_deref(), Some("main"));
    let request = post(&target).json(r#"{"site":"main","order":"{\"customer\":{\"site\":\"second\"}}"}"#);
    assert_eq!(refusal(&request), (403, DENIED.to_owned()));
}

#[test]
fn the_key_in_the_query_with_a_form_as_php_can_be_told_to_send_it() {
    let target = format!("{ORDER}?apiKey={}", GATEWAY.key("one"));
    let allow = GATEWAY.allowed("retailcrm", &post(&target).form("site=main&order=%7B%22number%22%3A%221%22%7D"));
    assert_eq!(allow.facts.store.as_deref(), Some("main"));
    assert_eq!(*allow.target(target.as_bytes()), *ORDER.as_bytes());
}

#[test]
fn a_key_in_json_is_none_for_no_client_sends_it_there() {
    let request = post(ORDER).json(&format!("{{\"apiKey\":\"{}\",\"site\":\"main\"}}", GATEWAY.key("one")));
    assert_eq!(refusal(&request), (403, r#"{"success":false,"errorMsg":"\"apiKey\" is missing."}"#.to_owned()));
}

#[test]
fn a_raw_file_with_everything_in_the_query() {
    let target = format!("/api/v5/files/upload?apiKey={}&site=main", GATEWAY.key("one"));
    let raw = post(&target).body("application/octet-stream", &b"\x89PNG&size=17;\0x=y"[..]);
    GATEWAY.allowed("retailcrm", &raw);
    // Some read forms of any type.
    let form = post(&target).body("application/octet-stream", &b"\x89PNG&site=second"[..]);
    assert_eq!(refusal(&form), (400, INPUT.to_owned()));
    // curl's default type for any body; then it may contain a form.
    GATEWAY.allowed("retailcrm", &post(&target).body("application/x-www-form-urlencoded", &b"\xff\xd8%zz=&&;;=%"[..]));
    assert_eq!(refusal(&post(&target).form("x&site=second")), (403, DENIED.to_owned()));
    assert_eq!(refusal(&post(&target).body("text/weird", &b"x"[..])), (400, INPUT.to_owned()));
}

#[test]
fn an_empty_post_with_everything_in_the_query() {
    let request = post("/api/v5/orders/7/delivery/cancel?by=externalId&force=1")
        .key("wide")
        .with_body(TestBody::Whole(Vec::new()));
    GATEWAY.allowed("retailcrm", &request);
}

#[test]
fn a_list_without_a_filter_as_python_sends_it() {
    GATEWAY.allowed("retailcrm", &get("/api/v5/orders?filter=None&limit=20").key("wide"));
}

#[test]
fn no_key() {
    let expected = (403, r#"{"success":false,"errorMsg":"\"apiKey\" is missing."}"#.to_owned());
    assert_eq!(refusal(&get("/api/v5/orders")), expected);
    assert_eq!(refusal(&get("/api/v5/orders?apiKey=")), expected);
    assert_eq!(refusal(&post(ORDER).form("site=main")), expected);
    assert_eq!(refusal(&get("/api/credentials")), expected);
}

#[test]
fn a_key_that_is_not_good_whatever_is_wrong_with_it() {
    let unknown = GATEWAY.key("wide").chars().rev().collect::<String>();
    let mut responses = Vec::new();
    for token in [GATEWAY.key("revoked"), GATEWAY.key("inactive"), GATEWAY.key("expired"), &unknown, "short", "\u{1}"] {
        for path in ["/api/v5/orders", "/api/credentials", "/api/api-versions", "/api/v5/no/such/method"] {
            let mut respond = GATEWAY.refused("retailcrm", &get(path).header("x-api-key", token));
            assert_eq!((respond.status, respond.body.as_str()), (403, WRONG), "{path}");
            // The log has the specific reason.
            respond.facts.reason = "";
            respond.facts.key = None;
            respond.facts.method = None;
            respond.facts.revision = 0;
            responses.push(respond);
        }
    }
    assert!(responses.iter().all(|respond| *respond == responses[0]), "{responses:?}");
}

#[test]
fn a_method_that_the_key_does_not_open() {
    assert_eq!(refusal(&get("/api/v5/orders").key("cpa")), (403, DENIED.to_owned()));
    assert_eq!(refusal(&get("/api/v5/orders/7").key("cpa")), (403, DENIED.to_owned()));
    for version in ["v3", "v5", "v9"] {
        GATEWAY.allowed("retailcrm", &get(&format!("/api/{version}/orders/statuses?ids[]=1")).key("cpa"));
    }
}

#[test]
fn a_store_that_the_key_does_not_open() {
    for store in ["second", "off", "nowhere", "MAIN", "main%20", ""] {
        let request = get(&format!("/api/v5/orders/7?site={store}")).key("one");
        assert_eq!(refusal(&request), (403, DENIED.to_owned()), "{store:?}");
    }
}

#[test]
fn a_store_is_needed_and_not_given() {
    let expected = (400, "{\"success\":false,\"errorMsg\":\"Parameter 'site' is missing\"}".to_owned());
    assert_eq!(refusal(&post(ORDER).key("wide").form("order={}")), expected);
    assert_eq!(refusal(&get("/api/v5/orders/7").key("two")), expected);
}

#[test]
fn a_method_that_is_not_there_and_one_with_another_verb() {
    let unknown = (404, r#"{"success":false,"errorMsg":"API method not found"}"#.to_owned());
    assert_eq!(refusal(&get("/api/v5/users-groups").key("one")), unknown);
    assert_eq!(refusal(&get("/api/v5/users-groups").key("cpa")), unknown);
    let verb = (405, r#"{"success":false,"errorMsg":"Method Not Allowed"}"#.to_owned());
    assert_eq!(refusal(&post("/api/v5/orders/statuses").key("cpa")), verb);
}

#[test]
fn a_request_that_can_be_read_in_two_ways() {
    assert_eq!(refusal(&get("/api/v5/orders/7?site=main&site=main").key("one")), (400, INPUT.to_owned()));
}

#[test]
fn an_address_that_the_key_does_not_admit() {
    let mut request = get("/api/v5/orders").key("netted");
    GATEWAY.allowed("retailcrm", &request);
    request.client = Some([192, 0, 2, 1].into());
    assert_eq!(refusal(&request), (403, DENIED.to_owned()));
    let mut own = get("/api/credentials").key("netted");
    GATEWAY.answered("retailcrm", &own);
    own.client = None;
    assert_eq!(refusal(&own), (403, DENIED.to_owned()));
}

#[test]
fn refusals_are_json_that_nobody_keeps_and_never_a_server_error() {
    for (request, status) in [
        (get("/api/v5/orders"), 403),
        (get("/api/v5/orders").header("x-api-key", "short"), 403),
        (get("/api/v5/orders").key("cpa"), 403),
        (get("/api/v5/orders/7?site=second").key("one"), 403),
        (get("/api/v5/orders/../costs").key("one"), 403),
        (get("/shop/plain").key("wide"), 403),
        (get("/api/v5/orders/statuses").key("two"), 403),
        (get("/api/v5/orders/7").key("two"), 400),
        (get("/api/v5/orders?site=main&site=main").key("two"), 400),
        (get("/api/v5/users-groups").key("one"), 404),
        (post("/api/v5/orders/statuses").key("cpa"), 405),
    ] {
        let respond = GATEWAY.refused("retailcrm", &request);
        assert_eq!(respond.status, status, "{}", request.describe());
        let expected = [("content-type", "application/json; charset=utf-8"), ("cache-control", "no-store")];
        assert_eq!(respond.headers, expected.map(|(name, value)| (name, value.to_owned())), "{}", request.describe());
        assert!(!respond.body.contains(['\r', '\n']));
    }
}
