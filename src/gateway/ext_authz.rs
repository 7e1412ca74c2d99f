//! Envoy's entry point: `envoy.service.auth.v3.Authorization/Check`, for the filter ext_authz.
//!
//! ```text
//! CheckRequest → HttpRequest → Gateway → Outcome → CheckResponse
//! ```
//!
//! A status other than OK means that there is no decision; Envoy's own failure mode then determines what happens.

use std::net::IpAddr;

use prost::bytes::Bytes;
use prost_types::value::Kind;
use prost_types::{Struct, Value};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Response, Status};

use super::request::parse_address;
use super::{Allow, Body, ClientResponse, Gateway, HttpRequest, LogFacts, Outcome};
use crate::proto::foreign::envoy::config::core::v3::address::Address;
use crate::proto::foreign::envoy::config::core::v3::header_value_option::HeaderAppendAction;
use crate::proto::foreign::envoy::config::core::v3::{HeaderValue, HeaderValueOption, QueryParameter};
use crate::proto::foreign::envoy::service::auth::v3::attribute_context::{self, Peer};
use crate::proto::foreign::envoy::service::auth::v3::authorization_server::{Authorization, AuthorizationServer};
use crate::proto::foreign::envoy::service::auth::v3::check_response::HttpResponse;
use crate::proto::foreign::envoy::service::auth::v3::{
    AttributeContext, CheckRequest, CheckResponse, DeniedHttpResponse, OkHttpResponse,
};
use crate::proto::foreign::envoy::r#type::v3::HttpStatus;
use crate::proto::foreign::google::rpc;
use crate::status;

/// Size limit of a message: a body of 1 MiB, and the rest of the request.
pub const MAX_MESSAGE: usize = 1024 * 1024 + 64 * 1024;
/// Metadata of the call that names the profile; without it the path selects one.
const PROFILE: &str = "x-latchkey-profile";
/// Metadata of the call with the client's address as determined by Envoy: `%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%`.
/// The source in the message is the peer of the connection: the load balancer, if one is in front.
const CLIENT: &str = "x-latchkey-client";
/// The header to which every HTTP proxy on the way appends the address of its peer, Envoy included.
const FORWARDED: &[u8] = b"x-forwarded-for";
/// The pseudo header with path and query.
const PATH: &str = ":path";
/// Set by Envoy when it forwards bodies: whether the body is truncated. Envoy drops a client's own header.
const PARTIAL_BODY: &[u8] = b"x-envoy-auth-partial-body";

/// The ext_authz service of a gateway.
#[derive(Debug)]
pub struct ExtAuthz {
    gateway: Gateway,
}

/// Returns the service over `gateway`.
pub fn service(gateway: Gateway) -> AuthorizationServer<ExtAuthz> {
    AuthorizationServer::new(ExtAuthz { gateway }).max_decoding_message_size(MAX_MESSAGE)
}

#[tonic::async_trait]
impl Authorization for ExtAuthz {
    async fn check(&self, call: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let wrong = |status: Status| {
            self.gateway.count_unanswered();
            tracing::warn!(proxy = "envoy", why = status.message(), "no decision for a request from a proxy");
            status
        };
        let profile = single_value(call.metadata(), PROFILE).map_err(wrong)?;
        let mut headers = Vec::new();
        let mut request = read(call.get_ref().attributes.as_ref(), &mut headers).map_err(wrong)?;
        request.headers = &headers;
        request.client = match single_value(call.metadata(), CLIENT).map_err(wrong)? {
            Some(address) => parse_address(address),
            None => request.client.filter(|source| is_client(&headers, *source)),
        };
        let outcome = match self.gateway.check_now(profile, &request) {
            Some(outcome) => outcome,
            None => self.gateway.check(profile, &request).await.map_err(|undecided| {
                status::with_reason(Code::Unavailable, undecided.reason(), undecided.to_string())
            })?,
        };
        let outcome = match outcome {
            // Text in a response to Envoy must be UTF-8.
            Outcome::Allow(allow) if !is_plain(&allow) && std::str::from_utf8(request.target).is_err() => {
                self.gateway.not_sendable(&allow.facts.profile)
            }
            outcome => outcome,
        };
        Ok(Response::new(match outcome {
            Outcome::Allow(allow) => allowed(allow, request.target),
            Outcome::Refuse(reply) => denied(reply, "refused"),
            // Envoy forwards whatever has the status OK: a response of ours is a refusal with the status 200.
            Outcome::Answer(reply) => denied(reply, "answered"),
        }))
    }
}

/// Returns the value of the metadata `name`, which may occur at most once.
fn single_value<'a>(metadata: &'a MetadataMap, name: &str) -> Result<Option<&'a str>, Status> {
    let mut values = metadata.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        _ => Err(invalid(&format!("the metadata {name} must be ASCII text and occur at most once"))),
    }
}

fn invalid(message: &str) -> Status {
    status::new(Code::InvalidArgument, message)
}

/// A header's name and value.
type Header<'a> = (&'a [u8], &'a [u8]);

/// Reads the request that Envoy holds; its headers go to `headers`.
fn read<'a>(
    attributes: Option<&'a AttributeContext>,
    headers: &mut Vec<Header<'a>>,
) -> Result<HttpRequest<'a>, Status> {
    let nothing = || invalid("there is no HTTP request: attributes.request.http is empty");
    let attributes = attributes.ok_or_else(nothing)?;
    let http = attributes.request.as_ref().and_then(|request| request.http.as_ref()).ok_or_else(nothing)?;
    let mut request = HttpRequest {
        verb: &http.method,
        target: &http.path,
        host: &http.host,
        headers: &[],
        body: Body::None,
        client: attributes.source.as_ref().and_then(address),
    };
    let mut partial = None;
    headers.reserve(http.header_map.as_ref().map_or(http.headers.len(), |map| map.headers.len()));
    // The pseudo headers hold the raw request line; in the message fields of the same meaning, bytes that are not UTF-8
    // were replaced.
    let mut add = |name: &'a [u8], value: &'a [u8]| match name {
        _ if name == PATH.as_bytes() => request.target = value,
        b":method" => request.verb = value,
        b":authority" => request.host = value,
        [b':', ..] => {}
        _ if name.eq_ignore_ascii_case(PARTIAL_BODY) => partial = Some(value),
        _ => headers.push((name, value)),
    };
    match &http.header_map {
        Some(map) if http.headers.is_empty() => {
            for header in &map.headers {
                add(&header.key, if header.raw_value.is_empty() { &header.value } else { &header.raw_value });
            }
        }
        Some(_) => return Err(invalid("the request has both headers and header_map")),
        None => http.headers.iter().for_each(|(name, value)| add(name.as_bytes(), value)),
    }
    if request.verb.is_empty() || request.target.is_empty() {
        return Err(invalid("the request has no method or no path, as with CONNECT"));
    }
    request.body = body(http, partial, request.verb, headers)?;
    Ok(request)
}

fn address(peer: &Peer) -> Option<IpAddr> {
    let Address::SocketAddress(socket) = peer.address.as_ref()?.address.as_ref()?;
    std::str::from_utf8(&socket.address).ok().and_then(parse_address)
}

/// Returns whether the peer of Envoy's connection is the client: `x-forwarded-for` is empty, or holds only that same
/// address, added by Envoy. Any other or further address may mean a load balancer in between.
fn is_client(headers: &[Header<'_>], source: IpAddr) -> bool {
    let mut forwarded = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(FORWARDED));
    match (forwarded.next(), forwarded.next()) {
        (None, _) => true,
        (Some((_, value)), None) => {
            std::str::from_utf8(value).ok().and_then(|text| parse_address(text.trim())) == Some(source)
        }
        (Some(_), Some(_)) => false,
    }
}

/// Returns what is known of the body. Envoy reports whether it forwarded the complete body only if there is one and
/// forwarding is configured: any other request that could have a body counts as one whose body was withheld.
fn body<'a>(
    http: &'a attribute_context::HttpRequest,
    partial: Option<&[u8]>,
    verb: &[u8],
    headers: &[Header<'_>],
) -> Result<Body<'a>, Status> {
    let bytes: &[u8] = match (http.raw_body.is_empty(), http.body.is_empty()) {
        (false, false) => return Err(invalid("the request has both body and raw_body")),
        (false, true) => &http.raw_body,
        (true, _) => &http.body,
    };
    let header = |wanted: &[u8]| headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let could_have_body = || match header(b"content-length") {
        // After an upgrade, Envoy forwards bytes to the upstream alone.
        _ if header(b"transfer-encoding").is_some() || header(b"upgrade").is_some() => true,
        Some((_, length)) => *length != b"0",
        // HTTP/1 always announces a body. Later versions need not, and these verbs usually have none.
        None => !http.protocol.starts_with(b"HTTP/1") && !matches!(verb, b"GET" | b"HEAD" | b"OPTIONS"),
    };
    Ok(match partial {
        Some(b"false") => Body::Complete(bytes),
        Some(_) => Body::Truncated,
        None if !bytes.is_empty() => Body::Truncated,
        None if could_have_body() => Body::Withheld,
        None => Body::None,
    })
}

fn allowed(allow: Allow, target: &[u8]) -> CheckResponse {
    let new_target = (!is_plain(&allow)).then(|| allow.target(target).into_owned());
    let metadata = metadata(allow.facts, true);
    let headers = allow.set_headers.into_iter().map(|(name, value)| set(name, value)).collect();
    let mut changes = OkHttpResponse { headers, headers_to_remove: allow.remove_headers, ..OkHttpResponse::default() };
    if let Some(target) = new_target {
        changes.headers.push(set(PATH, target));
    } else {
        let parameter = |(key, value)| QueryParameter { key, value };
        changes.query_parameters_to_set = allow.set_parameters.into_iter().map(parameter).collect();
        changes.query_parameters_to_remove = allow.remove_parameters;
    }
    CheckResponse {
        status: Some(rpc::Status { code: Code::Ok.into(), message: String::new() }),
        http_response: Some(HttpResponse::OkResponse(changes)),
        dynamic_metadata: Some(metadata),
    }
}

/// Returns whether Envoy can receive the changes of the query one by one. With `validate_mutations` it fails a request
/// for any escape in them, as in `filter%5Bsites%5D`: it then receives the complete target.
fn is_plain(allow: &Allow) -> bool {
    let plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"*-._".contains(&byte));
    allow.remove_parameters.iter().all(|name| plain(name))
        && allow.set_parameters.iter().all(|(name, value)| plain(name) && plain(value))
}

fn denied(reply: ClientResponse, what: &str) -> CheckResponse {
    CheckResponse {
        status: Some(rpc::Status { code: Code::PermissionDenied.into(), message: what.to_owned() }),
        http_response: Some(HttpResponse::DeniedResponse(DeniedHttpResponse {
            status: Some(HttpStatus { code: reply.status.into() }),
            headers: reply.headers.into_iter().map(|(name, value)| set(name, value)).collect(),
            body: reply.body.into(),
        })),
        dynamic_metadata: Some(metadata(reply.facts, false)),
    }
}

fn set(name: &'static str, value: impl Into<Bytes>) -> HeaderValueOption {
    HeaderValueOption {
        header: Some(HeaderValue { key: name.into(), value: value.into(), ..HeaderValue::default() }),
        append_action: HeaderAppendAction::OverwriteIfExistsOrAdd.into(),
        keep_empty_value: false,
    }
}

/// Returns the metadata for access logs.
fn metadata(facts: LogFacts, allowed: bool) -> Struct {
    let text = |text: String| Some(Kind::StringValue(text));
    let fields = [
        ("allowed", Some(Kind::BoolValue(allowed))),
        ("profile", text(facts.profile.to_string())),
        ("reason", text(facts.reason.to_owned())),
        ("fault", Some(facts.fault).filter(|fault| !fault.is_empty()).and_then(|fault| text(fault.to_owned()))),
        ("key_id", facts.key.and_then(|key| text(key.to_string()))),
        ("method", facts.method.and_then(text)),
        ("store", facts.store.and_then(text)),
        ("scope", facts.scope.and_then(|scope| text(scope.to_owned()))),
        ("revision", text(facts.revision.to_string())),
    ];
    let fields = fields.into_iter().filter_map(|(name, kind)| Some((name.to_owned(), Value { kind: Some(kind?) })));
    Struct { fields: fields.collect() }
}
