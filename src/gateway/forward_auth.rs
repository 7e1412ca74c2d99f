//! The entry point of proxies that send a subrequest over HTTP/1.1 before they forward a request: nginx's auth_request,
//! Caddy's and Traefik's forward_auth.
//!
//! Each kind of proxy has its own path here, at which exactly one set of headers describes the original request. The
//! other set can only come from the client there, and is treated as such. Bodies are not sent.
//!
//! The response is 200 with the headers to set, or a refusal. If there is no decision, or if the proxy's own request is
//! not allowed or malformed, the status is 503: every proxy treats it as an error and never as an invalid key.

mod dialect;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Path, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use axum::{Router, body};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use ipnet::IpNet;
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

use self::dialect::ProxyDialect;
use super::locations::headers;
use super::{Allow, Body, ClientResponse, Gateway, HttpRequest, LogFacts, Outcome, fault};
use crate::authority::{Authority, Undecided};
use crate::model::operator::{Operator, Permission};

/// Header by which a proxy identifies itself: an operator's token. `authorization` is the client's.
const CALLER: &str = "x-latchkey-caller";
/// Response header: path and query that must go upstream.
const URI: &str = "x-latchkey-uri";
/// Response header: the query that must go upstream, with its `?`, or nothing.
const QUERY: &str = "x-latchkey-query";
/// Response header: the status for the client, where the response itself needs another one.
const STATUS: &str = "x-latchkey-status";
/// Response headers: the body for the client and its type, for proxies that drop a response's body.
const BODY: &str = "x-latchkey-body";
const BODY_TYPE: &str = "x-latchkey-body-type";
/// Response header for nginx, which shows it to no client: the reason, for its log.
const REASON: &str = "x-latchkey-reason";

/// The forward_auth service of a gateway.
#[derive(Debug, Clone)]
pub struct ForwardAuth {
    gateway: Gateway,
    authority: Authority,
    trusted: Arc<[IpNet]>,
    balancers: Arc<[IpNet]>,
    require_caller: bool,
}

/// Which peers are trusted.
#[derive(Debug, Clone, Copy)]
pub struct TrustedPeers<'a> {
    /// The networks that proxies connect from.
    pub proxies: &'a [IpNet],
    /// The load balancers in front of proxies that report lists of addresses.
    pub balancers: &'a [IpNet],
}

enum NotDecided {
    /// The proxy may not call, sent an invalid request, or can't apply the result. The text is for its administrator.
    Rejected(String),
    Undecided(Undecided),
}

/// Returns the routes for the proxies of `trust`. With `require_caller`, a proxy must identify itself.
pub fn routes(gateway: Gateway, authority: Authority, trust: TrustedPeers<'_>, require_caller: bool) -> Router {
    let (trusted, balancers) = (trust.proxies.into(), trust.balancers.into());
    Router::new()
        .route("/forward-auth/{kind}", any(respond))
        .route("/forward-auth/{kind}/{profile}", any(respond))
        .with_state(ForwardAuth { gateway, authority, trusted, balancers, require_caller })
}

async fn respond(
    State(forward_auth): State<ForwardAuth>,
    Path(names): Path<Vec<String>>,
    request: Request,
) -> Response {
    let (kind, profile) = (names.first().map_or("", String::as_str), names.get(1).map(String::as_str));
    let Some(dialect) = ProxyDialect::from_name(kind) else {
        let text = "not found; use /forward-auth/nginx, /forward-auth/caddy or /forward-auth/traefik\n";
        return (StatusCode::NOT_FOUND, text).into_response();
    };
    match forward_auth.decide(dialect, profile, &request.into_parts().0).await {
        Ok(response) => return response,
        Err(NotDecided::Rejected(why)) => {
            forward_auth.gateway.count_unanswered();
            tracing::warn!(proxy = kind, why, "no decision for a request from a proxy");
        }
        // Not logged for each call: the authority logs when this begins and when it ends.
        Err(NotDecided::Undecided(undecided)) => {
            tracing::debug!(proxy = kind, why = %undecided, "no decision for a request from a proxy");
        }
    }
    (StatusCode::SERVICE_UNAVAILABLE, "no decision\n").into_response()
}

impl ForwardAuth {
    async fn decide(
        &self,
        dialect: &ProxyDialect,
        profile: Option<&str>,
        head: &http::request::Parts,
    ) -> Result<Response, NotDecided> {
        let peer = peer(&head.extensions);
        if !peer.is_some_and(|peer| self.trusted.iter().any(|network| network.contains(&peer))) {
            let peer = peer.map_or_else(|| "an unknown address".to_owned(), |peer| peer.to_string());
            return Err(NotDecided::Rejected(format!("its address {peer} is not in trusted_proxies")));
        }
        if self.require_caller {
            self.admit(&head.headers).await?;
        }
        let mut original = dialect.read(&head.headers, &self.balancers).map_err(NotDecided::Rejected)?;
        if original.target.first() != Some(&b'/') {
            return ambiguous(dialect, &self.gateway);
        }
        let of_client = head.headers.iter().filter(|(name, _)| !dialect.is_set_by_proxy(name));
        let headers: Vec<_> = of_client.map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())).collect();
        original.headers = &headers;
        let outcome = match self.gateway.check_now(profile, &original) {
            Some(outcome) => outcome,
            None => self.gateway.check(profile, &original).await.map_err(NotDecided::Undecided)?,
        };
        match outcome {
            Outcome::Allow(allow) => allowed(dialect, &self.gateway, &allow, original.target),
            Outcome::Refuse(reply) => refused(dialect, &reply, false),
            Outcome::Answer(reply) => refused(dialect, &reply, true),
        }
    }

    /// Checks that the proxy is an operator with permission to request decisions.
    async fn admit(&self, headers: &HeaderMap) -> Result<(), NotDecided> {
        let token = single_header(headers, CALLER).map_err(NotDecided::Rejected)?;
        let may = |operator: &Operator| operator.role.may(Permission::Authorize);
        let may = match self.authority.operator_now(token, may) {
            Some(may) => Some(may),
            None => self.authority.operator(token).await.map_err(NotDecided::Undecided)?.as_ref().map(may),
        };
        match may {
            Some(true) => Ok(()),
            Some(false) => Err(NotDecided::Rejected(format!(
                "the operator in {CALLER} has a role that does not allow requesting decisions"
            ))),
            None => Err(NotDecided::Rejected(format!("{CALLER} does not contain a valid operator token"))),
        }
    }
}

fn peer(extensions: &http::Extensions) -> Option<IpAddr> {
    let plain = || extensions.get::<TcpConnectInfo>().and_then(TcpConnectInfo::remote_addr);
    let tls = extensions.get::<TlsConnectInfo<TcpConnectInfo>>().and_then(|info| info.get_ref().remote_addr());
    tls.or_else(plain).map(|address: SocketAddr| address.ip().to_canonical())
}

/// Returns the value of a header that must occur exactly once.
fn single_header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a [u8], String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => Ok(value.as_bytes()),
        (None, _) => Err(format!("the header {name} is missing")),
        (Some(_), Some(_)) => {
            Err(format!("the header {name} occurs more than once: the proxy must replace the client's header"))
        }
    }
}

/// Builds the 200 response with the headers to set and the target that must go upstream.
fn allowed(dialect: &ProxyDialect, gateway: &Gateway, allow: &Allow, target: &[u8]) -> Result<Response, NotDecided> {
    // A proxy of this kind sets a fixed list of headers and so replaces a client's own; it can't drop others, and for a
    // service that uses CGI each spelling is the same header.
    let ours = |name: &&String| headers::is_latchkey_header(name.as_bytes());
    if allow.remove_headers.iter().filter(ours).any(|name| !dialect::is_replaced(name)) {
        return ambiguous(dialect, gateway);
    }
    let Some((edit, value)) = dialect.edit_target(target, &allow.target(target)) else {
        return ambiguous(dialect, gateway);
    };
    let mut response = StatusCode::OK.into_response();
    let headers = response.headers_mut();
    // Caddy leaves the placeholder as text if the header is missing, and sets no header if it is empty.
    for name in dialect::DECISION_HEADERS {
        headers.insert(name, HeaderValue::from_static(""));
    }
    for (name, value) in &allow.set_headers {
        headers.insert(HeaderName::from_static(name), header(value.as_bytes())?);
    }
    headers.insert(edit, header(&value)?);
    headers.insert(REASON, HeaderValue::from_static(allow.facts.reason));
    Ok(response)
}

/// Builds the response for the client, in the form in which the proxy can forward it.
fn refused(dialect: &ProxyDialect, reply: &ClientResponse, answered: bool) -> Result<Response, NotDecided> {
    let status = StatusCode::from_u16(reply.status)
        .map_err(|_| NotDecided::Rejected(format!("the profile {} has an invalid status", reply.facts.profile)))?;
    let mut response = body::Body::from(reply.body.clone()).into_response();
    // A proxy would take 2xx as permission to forward the request.
    *response.status_mut() = if answered { StatusCode::FORBIDDEN } else { dialect.status(status) };
    let headers = response.headers_mut();
    headers.remove(http::header::CONTENT_TYPE);
    for (name, value) in &reply.headers {
        headers.insert(HeaderName::from_static(name), header(value.as_bytes())?);
    }
    if answered || dialect.drops_bodies {
        headers.insert(STATUS, HeaderValue::from(reply.status));
    }
    if dialect.drops_bodies {
        if let Some(kind) = headers.get(http::header::CONTENT_TYPE).cloned() {
            headers.insert(BODY_TYPE, kind);
        }
        headers.insert(BODY, header(reply.body.as_bytes())?);
        headers.insert(REASON, HeaderValue::from_static(reply.facts.reason));
        if let Some(key) = &reply.facts.key {
            headers.insert(dialect::DECISION_HEADERS[0], header(key.to_string().as_bytes())?);
        }
    }
    Ok(response)
}

/// Builds the refusal of a request that this kind of proxy could not forward as it was decided about.
fn ambiguous(dialect: &ProxyDialect, gateway: &Gateway) -> Result<Response, NotDecided> {
    let facts = LogFacts { reason: "REQUEST_AMBIGUOUS", fault: fault::NOT_SENDABLE, ..LogFacts::default() };
    gateway.count_refusal(&facts);
    let body = r#"{"type":"about:blank","title":"Forbidden","status":403}"#.to_owned();
    let headers = vec![("content-type", "application/problem+json".to_owned())];
    refused(dialect, &ClientResponse { status: 403, headers, body, facts }, false)
}

fn header(bytes: &[u8]) -> Result<HeaderValue, NotDecided> {
    HeaderValue::from_bytes(bytes)
        .map_err(|_| NotDecided::Rejected("the response contains bytes that are not allowed in a header".to_owned()))
}
