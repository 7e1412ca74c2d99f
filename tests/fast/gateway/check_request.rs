//! The ext_authz listener by itself: messages as Envoy makes them, and malformed ones. Whatever is allowed, the
//! upstream request by Envoy's rules contains no method, store or key that was not part of the decision.

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use latchkey::gateway::ext_authz;
use latchkey::proto::foreign::envoy::config::core::v3::address::Address as Of;
use latchkey::proto::foreign::envoy::config::core::v3::{Address, HeaderMap, HeaderValue, SocketAddress};
use latchkey::proto::foreign::envoy::service::auth::v3::attribute_context::{self, HttpRequest, Peer};
use latchkey::proto::foreign::envoy::service::auth::v3::check_response::HttpResponse;
use latchkey::proto::foreign::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, OkHttpResponse,
};
use prost::Message as _;
use tower::ServiceExt as _;

use crate::gateway::fuzz::{CASES, PLACES, Random, mutate, open, parameters, readings, seed, unescape};
use crate::gateway::harness::{GATEWAY, TestGateway};
use crate::gateway::lenient::{self, ODD, USUAL};

/// Result of a call.
#[derive(Debug)]
enum CallResult {
    /// A gRPC status: no decision.
    Undecided(i32),
    Response(Box<CheckResponse>),
}

/// Calls the service with the bytes of a message, and with a profile if one is given.
fn call(message: &[u8], profile: &[&str]) -> CallResult {
    let metadata: Vec<_> = profile.iter().map(|name| ("x-latchkey-profile", *name)).collect();
    call_with(message, &metadata)
}

fn call_with(message: &[u8], metadata: &[(&str, &str)]) -> CallResult {
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    frame.extend(message);
    let mut request = http::Request::post("/envoy.service.auth.v3.Authorization/Check")
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    for (name, value) in metadata {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(frame))).unwrap();
    let gateway: &TestGateway = &GATEWAY;
    let service = ext_authz::service(gateway.gateway().clone());
    gateway.runtime.block_on(async {
        let (head, body) = service.oneshot(request).await.unwrap().into_parts();
        let collected = body.collect().await.unwrap();
        let trailers = collected.trailers().cloned().unwrap_or_default();
        let status = head.headers.get("grpc-status").or_else(|| trailers.get("grpc-status")).expect("a status");
        match status.to_str().unwrap().parse().unwrap() {
            0 => CallResult::Response(Box::new(CheckResponse::decode(&collected.to_bytes()[5..]).unwrap())),
            code => CallResult::Undecided(code),
        }
    })
}

fn bytes(slice: &[u8]) -> Bytes {
    Bytes::copy_from_slice(slice)
}

fn header(key: &str, value: &[u8]) -> HeaderValue {
    HeaderValue { key: bytes(key.as_bytes()), raw_value: bytes(value), ..HeaderValue::default() }
}

/// Returns a message as Envoy makes it from a request.
fn check_request(verb: &str, target: &[u8], headers: &[(&str, &[u8])], body: Option<&[u8]>) -> CheckRequest {
    let mut map =
        vec![header(":method", verb.as_bytes()), header(":path", target), header(":authority", b"api.example")];
    map.extend(headers.iter().map(|(name, value)| header(name, value)));
    if let Some(body) = body {
        map.push(header("content-length", body.len().to_string().as_bytes()));
        map.push(header("x-envoy-auth-partial-body", b"false"));
    }
    let http = HttpRequest {
        method: bytes(verb.as_bytes()),
        path: bytes(target),
        host: bytes(b"api.example"),
        protocol: bytes(b"HTTP/1.1"),
        raw_body: bytes(body.unwrap_or_default()),
        header_map: Some(HeaderMap { headers: map }),
        ..HttpRequest::default()
    };
    let socket = SocketAddress { address: bytes(b"10.0.0.1") };
    let source = Peer { address: Some(Address { address: Some(Of::SocketAddress(socket)) }) };
    CheckRequest {
        attributes: Some(AttributeContext {
            source: Some(source),
            request: Some(attribute_context::Request { http: Some(http) }),
        }),
    }
}

fn http_of(request: &mut CheckRequest) -> &mut HttpRequest {
    request.attributes.as_mut().unwrap().request.as_mut().unwrap().http.as_mut().unwrap()
}

fn response(request: &CheckRequest, profile: &[&str]) -> CheckResponse {
    match call(&request.encode_to_vec(), profile) {
        CallResult::Response(response) => *response,
        CallResult::Undecided(code) => panic!("{code}: nothing was decided"),
    }
}

fn header_value(response: &CheckResponse, name: &str) -> String {
    let fields = &response.dynamic_metadata.as_ref().unwrap().fields;
    match fields.get(name).and_then(|value| value.kind.clone()) {
        Some(prost_types::value::Kind::StringValue(text)) => text,
        _ => String::new(),
    }
}

#[test]
fn the_metadata_of_the_call_names_the_profile() {
    let key = GATEWAY.key("one").as_bytes();
    let request = check_request("GET", b"/shop/plain?store=main", &[("x-api-key", key)], None);
    for (named, profile, reason) in [
        (&["shop"][..], "shop", "ALLOWED"),
        (&[], "shop", "ALLOWED"),
        (&["retailcrm"], "retailcrm", "NOT_GOVERNED"),
        (&["nobody"], "-", "PROFILE_UNKNOWN"),
    ] {
        let response = response(&request, named);
        assert_eq!(
            (&*header_value(&response, "profile"), &*header_value(&response, "reason")),
            (profile, reason),
            "{named:?}"
        );
    }
    // Two names, or one that is not text, are a mistake of Envoy: there is no decision.
    let before = GATEWAY.metrics.gateway_unanswered.get();
    assert!(matches!(call(&request.encode_to_vec(), &["shop", "plain"]), CallResult::Undecided(3)));
    assert!(matches!(call(&request.encode_to_vec(), &["\u{e9}"]), CallResult::Undecided(3)));
    assert!(GATEWAY.metrics.gateway_unanswered.get() >= before + 2);
}

/// Kind 8: `source`, 10.0.0.1 here, is the peer of Envoy's connection, which may be a balancer.
#[test]
fn the_client_is_known_for_certain_or_not_at_all() {
    let key = GATEWAY.key("netted").as_bytes();
    let allowed = |forwarded: &[&[u8]], metadata: &[(&str, &str)]| {
        let mut headers = vec![("x-api-key", key)];
        headers.extend(forwarded.iter().map(|value| ("x-forwarded-for", *value)));
        let request = check_request("GET", b"/api/v5/orders", &headers, None);
        let metadata: Vec<_> = metadata.iter().copied().chain([("x-latchkey-profile", "retailcrm")]).collect();
        match call_with(&request.encode_to_vec(), &metadata) {
            CallResult::Response(response) => matches!(response.http_response, Some(HttpResponse::OkResponse(_))),
            CallResult::Undecided(code) => panic!("{code}: nothing was decided"),
        }
    };
    for forwarded in [&[][..], &[&b"10.0.0.1"[..]], &[b"::ffff:10.0.0.1"]] {
        assert!(allowed(forwarded, &[]), "{forwarded:?}");
    }
    for forwarded in [
        &[&b"203.0.113.9"[..]][..],
        &[b"203.0.113.9, 10.0.0.1"],
        &[b"10.0.0.2, 10.0.0.1"],
        &[b"10.0.0.1", b"10.0.0.1"],
        &[b"unknown"],
        &[b"\xff"],
        &[b""],
    ] {
        assert!(!allowed(forwarded, &[]), "{forwarded:?}");
        assert!(allowed(forwarded, &[("x-latchkey-client", "10.1.2.3")]), "Envoy knows better: {forwarded:?}");
    }
    for address in ["203.0.113.9", "", "-", "10.0.0.1:80", "[::ffff:10.0.0.1]", "10.0.0.1, 10.0.0.1", "fe80::1%eth0"] {
        assert!(!allowed(&[], &[("x-latchkey-client", address)]), "{address}");
    }
    let request = check_request("GET", b"/api/v5/orders", &[("x-api-key", key)], None);
    let twice = [("x-latchkey-client", "10.0.0.1"), ("x-latchkey-client", "10.0.0.1")];
    assert!(matches!(call_with(&request.encode_to_vec(), &twice), CallResult::Undecided(3)));
}

#[test]
fn headers_that_are_no_utf8_are_judged_and_never_an_error() {
    let key = GATEWAY.key("one").as_bytes();
    let allowed = check_request("GET", b"/shop/plain?store=main", &[("x-api-key", key), ("x-name", b"caf\xe9")], None);
    assert_eq!(header_value(&response(&allowed, &["shop"]), "reason"), "ALLOWED");
    for (name, value, reason) in [
        ("x-store", &b"main\xff"[..], "STORE_UNKNOWN"),
        ("x-api-key", b"\xff\xfe", "REQUEST_AMBIGUOUS"),
        ("x-store", b"", "STORE_UNKNOWN"),
    ] {
        let request = check_request("GET", b"/shop/plain?store=main", &[("x-api-key", key), (name, value)], None);
        assert_eq!(header_value(&response(&request, &["shop"]), "reason"), reason, "{name}");
    }
    let request = check_request("GET", b"/shop/pl\xc3?store=main", &[("x-api-key", key)], None);
    assert_eq!(header_value(&response(&request, &["plain"]), "reason"), "PATH_AMBIGUOUS");
    // An invalid header name; Envoy would not send it, and no service would read it.
    let request = check_request("GET", b"/shop/plain?store=main", &[("x-api-key", key), ("\u{e9}", b"x")], None);
    assert_eq!(header_value(&response(&request, &["shop"]), "reason"), "ALLOWED");
}

#[test]
fn what_is_no_request_is_not_decided_about() {
    let key = GATEWAY.key("wide").as_bytes();
    let good = check_request("GET", b"/api/v5/orders", &[("x-api-key", key)], None);
    let mut broken: Vec<CheckRequest> = vec![CheckRequest::default(), check_request("", b"", &[], None)];
    let mut twice = good.clone();
    http_of(&mut twice).headers.insert("x-api-key".to_owned(), bytes(key));
    broken.push(twice);
    let mut bodies = good.clone();
    http_of(&mut bodies).body = bytes(b"a");
    http_of(&mut bodies).raw_body = bytes(b"b");
    broken.push(bodies);
    for request in broken {
        assert!(matches!(call(&request.encode_to_vec(), &[]), CallResult::Undecided(3)), "{request:?}");
    }
    assert!(matches!(call(b"\xff\xff\xff", &[]), CallResult::Undecided(_)));
}

#[test]
fn refusals_are_counted_by_reason_and_fault() {
    let key = GATEWAY.key("one").as_bytes();
    let count = |reason, fault| GATEWAY.metrics.gateway_refusals(reason, fault).get();
    for (target, reason, fault) in [
        (&b"/api/v5/orders/7?site=main&site=main"[..], "REQUEST_AMBIGUOUS", "REPEATED"),
        (b"/api/v5/orders/7?Site=main", "REQUEST_AMBIGUOUS", "SPELLING"),
        (b"/api/v5/orders/7?site=second", "STORE_DENIED", ""),
        (b"/other", "NOT_GOVERNED", ""),
    ] {
        let before = count(reason, fault);
        let response = response(&check_request("GET", target, &[("x-api-key", key)], None), &["retailcrm"]);
        assert_eq!((&*header_value(&response, "reason"), &*header_value(&response, "fault")), (reason, fault));
        // Other tests count at the same time.
        assert!(count(reason, fault) > before, "{reason} {fault}");
    }
    let text = GATEWAY.metrics.encode();
    assert!(
        text.contains("latchkey_gateway_refusals_total{reason=\"REQUEST_AMBIGUOUS\",fault=\"MULTIPART\"}"),
        "{text}"
    );
}

#[test]
fn a_long_body_is_judged_elsewhere_and_to_its_end() {
    let key = GATEWAY.key("one").as_bytes();
    let form = ("content-type", &b"application/x-www-form-urlencoded"[..]);
    for (store, reason) in [("main", "ALLOWED"), ("second", "STORE_DENIED"), ("main&site=main", "REQUEST_AMBIGUOUS")] {
        for len in [0, 100_000, 1_000_000] {
            let body = format!("x={}&site={store}", "y".repeat(len));
            let headers = [("x-api-key", key), form];
            let request = check_request("POST", b"/api/v5/orders/create", &headers, Some(body.as_bytes()));
            assert_eq!(
                header_value(&response(&request, &["retailcrm"]), "reason"),
                reason,
                "{store} behind {len} bytes"
            );
        }
    }
}

#[test]
fn stores_are_added_as_envoy_takes_them() {
    let changes = |target: &[u8], key: &str| {
        let key = GATEWAY.key(key).as_bytes();
        let response = response(&check_request("GET", target, &[("x-api-key", key)], None), &["retailcrm"]);
        let fault = header_value(&response, "fault");
        match response.http_response {
            Some(HttpResponse::OkResponse(changes)) => Ok(changes),
            other => Err((other, fault)),
        }
    };
    let path = |changes: &OkHttpResponse| {
        let headers = changes.headers.iter().filter_map(|option| option.header.as_ref());
        headers.filter(|header| &*header.key == b":path").map(|header| header.value.to_vec()).next()
    };
    let one = changes(b"/api/v5/orders/7?by=id", "one").unwrap();
    let added: Vec<_> = one.query_parameters_to_set.iter().map(|one| (&*one.key, &*one.value)).collect();
    assert_eq!((added, path(&one)), (vec![("site", "main")], None));
    // With validate_mutations, Envoy treats a name with an escape in it as an unescaped one and fails the request.
    let list = changes(b"/api/v5/orders?limit=20", "two").unwrap();
    assert!(list.query_parameters_to_set.is_empty() && list.query_parameters_to_remove.is_empty());
    let expected = b"/api/v5/orders?limit=20&filter%5Bsites%5D%5B0%5D=main&filter%5Bsites%5D%5B1%5D=second";
    assert_eq!(path(&list).unwrap().escape_ascii().to_string(), expected.escape_ascii().to_string());
    let in_query = format!("/api/v5/orders?apiKey={}&limit=20", GATEWAY.key("one"));
    let list = changes(in_query.as_bytes(), "one").unwrap();
    assert_eq!(path(&list).unwrap(), b"/api/v5/orders?limit=20&filter%5Bsites%5D%5B0%5D=main");
    // Bytes that the response could not contain.
    assert!(changes(b"/api/v5/orders/7?x=\xff", "one").is_ok());
    let (refused, fault) = changes(b"/api/v5/orders?x=\xff", "one").unwrap_err();
    let Some(HttpResponse::DeniedResponse(refused)) = refused else { panic!("{refused:?}") };
    assert_eq!((refused.status.unwrap().code, &*fault), (400, "NOT_SENDABLE"));
}

/// The request that Envoy sends upstream: the request of the message with the changes of the response.
struct Upstream {
    verb: Vec<u8>,
    target: Vec<u8>,
    headers: Vec<(Vec<u8>, Vec<u8>)>,
    body: Vec<u8>,
    is_form: bool,
}

impl Upstream {
    fn new(http: &HttpRequest, allowed: &OkHttpResponse) -> Self {
        let mut all: Vec<(Vec<u8>, Vec<u8>)> = match &http.header_map {
            Some(map) => map.headers.iter().map(|one| (one.key.to_vec(), value_of(one))).collect(),
            None => http.headers.iter().map(|(name, value)| (name.clone().into_bytes(), value.to_vec())).collect(),
        };
        let last = |name: &[u8]| all.iter().rfind(|(other, _)| other == name).map(|(_, value)| value.clone());
        let verb = last(b":method").unwrap_or_else(|| http.method.to_vec());
        let mut target = last(b":path").unwrap_or_else(|| http.path.to_vec());
        let content_type = last(b"content-type").unwrap_or_default();
        for header in &allowed.headers {
            let header = header.header.as_ref().unwrap();
            if &*header.key == b":path" {
                target = header.value.to_vec();
            }
            all.retain(|(name, _)| !name.eq_ignore_ascii_case(&header.key));
            all.push((header.key.to_vec(), header.value.to_vec()));
        }
        all.retain(|(name, _)| {
            !allowed.headers_to_remove.iter().any(|gone| name.eq_ignore_ascii_case(gone.as_bytes()))
        });
        let at = target.iter().position(|byte| *byte == b'?');
        if let Some(at) = at.filter(|_| !allowed.query_parameters_to_remove.is_empty()) {
            let kept: Vec<&[u8]> = target[at + 1..]
                .split(|byte| *byte == b'&')
                .filter(|pair| {
                    let name = pair.split(|byte| *byte == b'=').next().unwrap_or_default();
                    !allowed.query_parameters_to_remove.iter().any(|gone| gone.as_bytes() == name)
                })
                .collect();
            target = [&target[..at], b"?", &*kept.join(&b'&')].concat();
        }
        for parameter in &allowed.query_parameters_to_set {
            target.push(if target.contains(&b'?') { b'&' } else { b'?' });
            target.extend(format!("{}={}", parameter.key, parameter.value).into_bytes());
        }
        let body = if http.raw_body.is_empty() { http.body.to_vec() } else { http.raw_body.to_vec() };
        let is_form = content_type.to_ascii_lowercase().starts_with(b"application/x-www-form-urlencoded");
        Self { verb, target, headers: all, body, is_form }
    }
}

fn value_of(header: &HeaderValue) -> Vec<u8> {
    if header.raw_value.is_empty() { header.value.to_vec() } else { header.raw_value.to_vec() }
}

/// Makes a message, sometimes with inconsistent parts.
fn random_request(corpus: &[Vec<u8>], random: &mut Random) -> (CheckRequest, &'static str) {
    let key = random.pick(&["one", "two"]);
    let token = GATEWAY.key(key).to_owned();
    let mut target = random
        .pick(&["/api/v5/orders/7", "/api/v5/orders/7", "/api/v5/orders", "/api/v5/orders/create"])
        .as_bytes()
        .to_vec();
    target.push(b'?');
    target.extend(if random.percent(50) { parameters(random) } else { corpus[random.below(corpus.len())].clone() });
    if random.percent(10) {
        mutate(random, &mut target);
    }
    let form = parameters(random);
    let verb = if target.windows(6).any(|six| six == b"create") { "POST" } else { "GET" };
    let body = random.percent(40).then_some(&*form);
    let mut headers: Vec<(&str, &[u8])> = vec![("x-api-key", token.as_bytes())];
    if body.is_some() {
        headers.push(("content-type", b"application/x-www-form-urlencoded"));
    }
    if random.percent(10) {
        headers.push((
            random.pick(&[
                "x-http-method-override",
                "x_api_key",
                "x-latchkey-store",
                "X-Latchkey-Stores",
                "content-type",
                ":path",
                "transfer-encoding",
            ]),
            random.pick(&["second", "POST", "/api/v5/orders/create?site=second", "chunked", "text/plain"]).as_bytes(),
        ));
    }
    let mut request = check_request(verb, &target, &headers, body);
    let http = http_of(&mut request);
    match random.below(20) {
        0 => http.path = bytes(b"/api/v5/orders/8?site=second"),
        1 => http.method = bytes(b"POST"),
        2 => http.body = bytes(b"site=second"),
        3 => drop(http.headers.insert("x".to_owned(), bytes(b"y"))),
        4 => http.protocol = bytes(b"HTTP/2"),
        5 => http.header_map.as_mut().unwrap().headers.retain(|header| *header.key != *b"x-envoy-auth-partial-body"),
        6 => {
            let map = http.header_map.take().unwrap();
            // Envoy's other format: one value each, nothing raw.
            http.headers = map
                .headers
                .iter()
                .map(|one| (String::from_utf8_lossy(&one.key).into_owned(), value_of(one).into()))
                .collect();
        }
        _ => {}
    }
    (request, key)
}

#[test]
fn no_message_is_read_otherwise_than_it_was_decided_on() {
    let corpus: Vec<Vec<u8>> =
        include_str!("corpus/query.txt").lines().filter(|line| !line.is_empty()).map(unescape).collect();
    let kept: Vec<Vec<u8>> =
        include_str!("corpus/check_request.txt").lines().filter(|line| !line.is_empty()).map(unescape).collect();
    let mut random = Random(seed().wrapping_mul(0x1_0003));
    let mut allowed = 0;
    for case in 0..CASES {
        let at = usize::try_from(case).unwrap();
        let (bytes, key) = if let Some(bytes) = kept.get(at) {
            (bytes.clone(), "one")
        } else {
            let (request, key) = random_request(&corpus, &mut random);
            let mut message = request.encode_to_vec();
            if random.percent(15) {
                mutate(&mut random, &mut message);
            }
            (message, key)
        };
        let CallResult::Response(response) = call(&bytes, &["retailcrm"]) else { continue };
        let Some(HttpResponse::OkResponse(changes)) = &response.http_response else {
            assert_ne!(response.status.as_ref().map_or(0, |status| status.code), 0, "{}", bytes.escape_ascii());
            continue;
        };
        assert_eq!(response.status.as_ref().map(|status| status.code), Some(0));
        let mut request = CheckRequest::decode(&*bytes).expect("what was allowed is a message");
        check(&Upstream::new(http_of(&mut request), changes), key, &bytes);
        allowed += 1;
    }
    assert!(allowed * 20 > CASES, "only {allowed} of {CASES} were allowed");
}

fn check(upstream: &Upstream, key: &str, bytes: &[u8]) {
    let what = || format!("{} {}", upstream.target.escape_ascii(), bytes.escape_ascii());
    let covered = |who: &str, seen: &[String]| {
        for store in seen {
            assert!(open(key).contains(&store.as_str()), "{who} sees the store {store:?} in {}", what());
        }
    };
    let at = upstream.target.iter().position(|byte| *byte == b'?').unwrap_or(upstream.target.len());
    let query = upstream.target.get(at + 1..).unwrap_or_default();
    for (who, reader) in USUAL.iter().chain(&ODD) {
        for place in PLACES {
            covered(who, &reader(query, place));
            if upstream.is_form {
                covered(who, &reader(&upstream.body, place));
            }
        }
        assert!(reader(query, &["_method"]).is_empty(), "{who} sees another method in {}", what());
    }
    for (who, path) in readings(&upstream.target[..at]) {
        let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
        assert!(segments.len() <= 4 && segments.first() == Some(&"api"), "{who} reads {path:?} in {}", what());
    }
    assert!(matches!(&*upstream.verb, b"GET" | b"POST" | b"HEAD"), "{}", what());
    let variables = lenient::cgi(&upstream.headers);
    assert!(!variables.contains_key("X_API_KEY"), "the key is still seen in {}", what());
    assert!(!variables.contains_key("X_HTTP_METHOD_OVERRIDE"), "another method is seen in {}", what());
    let store = variables.get("X_LATCHKEY_STORE").cloned();
    covered("cgi", &store.into_iter().collect::<Vec<_>>());
    let stores: Vec<String> =
        variables.get("X_LATCHKEY_STORES").into_iter().flat_map(|list| list.split(',')).map(str::to_owned).collect();
    covered("cgi", &stores);
}
