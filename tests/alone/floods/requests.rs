//! The most expensive known requests, by their size: whatever grows faster than its input shows here.

use latchkey::proto::foreign::envoy::config::core::v3::{HeaderMap, HeaderValue};
use latchkey::proto::foreign::envoy::service::auth::v3::attribute_context::{self, HttpRequest};
use latchkey::proto::foreign::envoy::service::auth::v3::{AttributeContext, CheckRequest};
use latchkey::proto::v1 as proto;
use prost::Message;
use prost::bytes::Bytes;

use super::raw::Call;

/// A profile that reads key and stores from every possible location.
pub const PROFILE: &str = "
trusted_proxies = '127.0.0.0/8, ::1/128'

[profiles.everywhere]
prefix = '/api/v5'
keys = ['header:x-api-key', 'query:key', 'form:key']
stores = ['query:store[]', 'form:store[]', 'json:#/store/-', 'json:#/-/store', 'header:x-store']
body_limit = 1048576
";

/// A token that belongs to no key, formatted like issued ones.
pub const UNKNOWN: &str = "no-key-has-this-token-0123456789-0123456789";

/// Concatenates the results of `part` for ascending numbers up to `bytes` bytes.
pub fn filled(bytes: usize, mut part: impl FnMut(usize) -> String) -> String {
    let mut text = String::with_capacity(bytes + 64);
    for number in 0.. {
        if text.len() >= bytes {
            break;
        }
        text.push_str(&part(number));
    }
    text
}

fn encoded(path: &'static str, message: &impl Message) -> Call {
    Call { path, message: Bytes::from(message.encode_to_vec()) }
}

/// Returns Envoy's check of a request with the key `key` (empty: no key).
pub fn check(key: &str, target: &str, headers: &[(String, String)], body: Option<(&str, String)>) -> Call {
    let bytes = |text: &str| Bytes::copy_from_slice(text.as_bytes());
    let header =
        |name: &str, value: &str| HeaderValue { key: bytes(name), raw_value: bytes(value), ..HeaderValue::default() };
    let verb = if body.is_some() { "POST" } else { "GET" };
    let mut map = vec![header(":method", verb), header(":path", target), header(":authority", "api.example")];
    if !key.is_empty() {
        map.push(header("x-api-key", key));
    }
    map.extend(headers.iter().map(|(name, value)| header(name, value)));
    let mut raw_body = Bytes::new();
    if let Some((kind, body)) = body {
        map.push(header("content-type", kind));
        map.push(header("content-length", &body.len().to_string()));
        map.push(header("x-envoy-auth-partial-body", "false"));
        raw_body = Bytes::from(body);
    }
    let http = HttpRequest {
        method: bytes(verb),
        path: bytes(target),
        host: bytes("api.example"),
        protocol: bytes("HTTP/1.1"),
        raw_body,
        header_map: Some(HeaderMap { headers: map }),
        ..HttpRequest::default()
    };
    let request = attribute_context::Request { http: Some(http) };
    let attributes = AttributeContext { request: Some(request), ..AttributeContext::default() };
    encoded("/envoy.service.auth.v3.Authorization/Check", &CheckRequest { attributes: Some(attributes) })
}

/// Path of most requests with a body.
pub const TARGET: &str = "/api/v5/orders/create";

/// Returns JSON with `store` as a list of distinct codes.
pub fn json_stores(key: &str, bytes: usize) -> Call {
    let codes = filled(bytes, |number| format!("\"{number:x}\","));
    check(key, TARGET, &[], Some(("application/json", format!("{{\"store\":[{}\"\"]}}", codes))))
}

/// Returns JSON with distinct names at the same level.
pub fn json_members(key: &str, bytes: usize) -> Call {
    let members = filled(bytes, |number| format!("\"{number:x}\":0,"));
    check(key, TARGET, &[], Some(("application/json", format!("{{{members}\"store\":\"berlin\"}}"))))
}

/// Returns JSON with lists within lists.
pub fn json_depth(key: &str, bytes: usize) -> Call {
    let body = format!("{{\"store\":{}{}}}", "[".repeat(bytes / 2), "]".repeat(bytes / 2));
    check(key, TARGET, &[], Some(("application/json", body)))
}

/// Returns JSON with a text of nothing but escapes.
pub fn json_escapes(key: &str, bytes: usize) -> Call {
    let body = format!("{{\"a\":\"{}\",\"store\":\"berlin\"}}", "\\u0061".repeat(bytes / 6));
    check(key, TARGET, &[], Some(("application/json", body)))
}

/// Returns a form of pairs with the same name and distinct values.
pub fn form_stores(key: &str, bytes: usize) -> Call {
    let body = filled(bytes, |number| format!("store[]={number:x}&"));
    check(key, TARGET, &[], Some(("application/x-www-form-urlencoded", body)))
}

/// Returns a form of pairs with distinct names that have to be decoded repeatedly.
pub fn form_names(key: &str, bytes: usize) -> Call {
    let body = filled(bytes, |number| format!("%2525{number:x}[a][b]=1&"));
    check(key, TARGET, &[], Some(("application/x-www-form-urlencoded", body)))
}

/// Returns a form with one name that is an escape of an escape of an escape.
pub fn form_layers(key: &str, bytes: usize) -> Call {
    let body = format!("%{}=1", "25".repeat(bytes / 2));
    check(key, TARGET, &[], Some(("application/x-www-form-urlencoded", body)))
}

/// Returns a multipart form of small parts, each with a store.
pub fn parts_stores(key: &str, bytes: usize) -> Call {
    let part = |number| format!("--XX\r\ncontent-disposition: form-data; name=\"store[]\"\r\n\r\n{number:x}\r\n");
    let body = filled(bytes, part) + "--XX--\r\n";
    check(key, TARGET, &[], Some(("multipart/form-data; boundary=XX", body)))
}

/// Returns a multipart form with one part full of prefixes of boundaries.
pub fn parts_almost(key: &str, bytes: usize) -> Call {
    let content = "\r\n--X".repeat(bytes / 5);
    let body = format!("--XX\r\ncontent-disposition: form-data; name=\"a\"\r\n\r\n{content}\r\n--XX--\r\n");
    check(key, TARGET, &[], Some(("multipart/form-data; boundary=XX", body)))
}

/// Returns a multipart form with one part with many headers.
pub fn parts_headers(key: &str, bytes: usize) -> Call {
    let headers = filled(bytes, |number| format!("x-{number:x}: 1\r\n"));
    let body = format!("--XX\r\n{headers}content-disposition: form-data; name=\"a\"\r\n\r\n1\r\n--XX--\r\n");
    check(key, TARGET, &[], Some(("multipart/form-data; boundary=XX", body)))
}

/// Returns a query of distinct stores.
pub fn query_stores(key: &str, bytes: usize) -> Call {
    check(key, &format!("/api/v5/orders?{}", filled(bytes, |number| format!("store[]={number:x}&"))), &[], None)
}

/// Returns a query of distinct names.
pub fn query_names(key: &str, bytes: usize) -> Call {
    check(key, &format!("/api/v5/orders?{}", filled(bytes, |number| format!("a%255b{number:x}]=1&"))), &[], None)
}

/// Returns a path of short segments.
pub fn path_segments(key: &str, bytes: usize) -> Call {
    check(key, &filled(bytes, |number| format!("/{}%2E{number:x}", if number % 2 == 0 { "A" } else { "1" })), &[], None)
}

/// Returns headers with distinct names.
pub fn headers_names(key: &str, bytes: usize) -> Call {
    let mut headers = Vec::new();
    let _ = filled(bytes, |number| {
        headers.push((format!("x-{number:x}"), "1".to_owned()));
        "x".repeat(12)
    });
    check(key, "/api/v5/orders", &headers, None)
}

/// Returns one header many times, with a different store each time.
pub fn headers_stores(key: &str, bytes: usize) -> Call {
    let mut headers = Vec::new();
    let _ = filled(bytes, |number| {
        headers.push(("x-store".to_owned(), format!("{number:x}")));
        "x".repeat(18)
    });
    check(key, "/api/v5/orders", &headers, None)
}

/// Returns many cookies.
pub fn cookies(key: &str, bytes: usize) -> Call {
    let cookies = filled(bytes, |number| format!("c{number:x}=1; "));
    check(key, "/api/v5/orders", &[("cookie".to_owned(), cookies)], None)
}

const AUTHORIZE: &str = "/latchkey.v1.AuthorizationService/Authorize";
const BATCH: &str = "/latchkey.v1.AuthorizationService/BatchAuthorize";

/// Returns a request with stores outside the key's access.
fn authorize_request(key: &str, stores: impl IntoIterator<Item = String>) -> proto::AuthorizeRequest {
    proto::AuthorizeRequest {
        key: key.to_owned(),
        method: "GET /api/v5/orders".to_owned(),
        stores: stores.into_iter().collect(),
        ..Default::default()
    }
}

/// Returns one request with distinct stores, up to a thousand or beyond.
pub fn authorize_stores(key: &str, bytes: usize) -> Call {
    encoded(AUTHORIZE, &authorize_request(key, (0..bytes / 9).map(|number| format!("s{number:06x}"))))
}

/// Returns one request whose path has to be decoded.
pub fn authorize_path(key: &str, bytes: usize) -> Call {
    let method = format!("GET {}", "/A%2E1".repeat(bytes / 6));
    encoded(AUTHORIZE, &proto::AuthorizeRequest { key: key.to_owned(), method, ..Default::default() })
}

/// Returns a key of this length.
pub fn introspect_key(_: &str, bytes: usize) -> Call {
    let request = proto::IntrospectKeyRequest { key: "k".repeat(bytes), ..Default::default() };
    encoded("/latchkey.v1.AuthorizationService/IntrospectKey", &request)
}

/// Returns a batch whose requests have a thousand distinct stores each.
pub fn batch_stores(key: &str, bytes: usize) -> Call {
    let question = authorize_request(key, (0..1_000).map(|number| format!("s{number:03x}")));
    let requests = vec![question.clone(); bytes / question.encoded_len()];
    encoded(BATCH, &proto::BatchAuthorizeRequest { requests })
}

/// Returns a batch of requests with long paths.
pub fn batch_paths(key: &str, bytes: usize) -> Call {
    let method = format!("GET {}", "/A%2E1".repeat(160));
    let question = proto::AuthorizeRequest { key: key.to_owned(), method, ..Default::default() };
    let requests = vec![question.clone(); bytes / question.encoded_len()];
    encoded(BATCH, &proto::BatchAuthorizeRequest { requests })
}

/// Returns a batch of empty requests.
pub fn batch_empty(_: &str, bytes: usize) -> Call {
    encoded(BATCH, &proto::BatchAuthorizeRequest { requests: vec![proto::AuthorizeRequest::default(); bytes / 2] })
}

/// Returns a batch in which every request is invalid.
pub fn batch_wrong(key: &str, bytes: usize) -> Call {
    let question = proto::AuthorizeRequest {
        key: key.to_owned(),
        client_address: "nowhere".to_owned(),
        min_revision: "never".to_owned(),
        ..Default::default()
    };
    let requests = vec![question.clone(); bytes / (question.encoded_len() + 2)];
    encoded(BATCH, &proto::BatchAuthorizeRequest { requests })
}
