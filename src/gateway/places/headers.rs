//! Headers, read strictly. A service that speaks CGI or WSGI sees `X-Api-Key`, `x_api_key` and `x.api.key` as one
//! header, so a name is compared with everything but letters and digits taken for a hyphen.

use std::borrow::Cow;

use super::Found;
use crate::gateway::fault::Fault;
use crate::gateway::plan::Plan;
use crate::gateway::request::HttpRequest;

/// What headers of ours begin with.
const OURS: &str = "x-latchkey-";

/// Headers by which some services let a client ask for another path or method than the request's own.
const OVERRIDES: [&str; 13] = [
    "x-http-method-override",
    "x-http-method",
    "x-method-override",
    "x-original-method",
    "x-forwarded-method",
    "x-original-url",
    "x-original-uri",
    "x-rewrite-url",
    "x-rewrite-uri",
    "x-forwarded-uri",
    "x-forwarded-path",
    "x-override-url",
    "x-http-path-override",
];

/// What the headers say apart from the key and the stores.
#[derive(Default)]
pub(crate) struct Said<'r> {
    pub(crate) content_type: Option<&'r [u8]>,
    /// The body is compressed.
    pub(crate) encoded: bool,
    /// The headers announce a body.
    pub(crate) body: bool,
    /// Names of headers that must not go upstream.
    pub(crate) remove: Vec<&'r [u8]>,
}

/// Reads all headers.
pub(crate) fn read<'r>(request: &HttpRequest<'r>, plan: &Plan, found: &mut Found<'r>) -> Result<Said<'r>, Fault> {
    let mut said = Said::default();
    let mut seen = vec![false; plan.headers.len()];
    let (mut bearer, mut encoding) = (false, false);
    for (name, value) in request.headers {
        let value = value.trim_ascii();
        if let Some(name) = OVERRIDES.iter().find(|other| reads_as(name, other)) {
            return Err(Fault::Override((*name).to_owned()));
        }
        if begins_as_ours(name) {
            said.remove.push(name);
            continue;
        }
        for (governed, seen) in plan.headers.iter().zip(&mut seen) {
            if !reads_as(name, &governed.name) {
                continue;
            }
            exactly(name, &governed.name)?;
            once(seen, &governed.name)?;
            // What is no UTF-8 is no token and no code.
            let text = String::from_utf8_lossy(value);
            if governed.key {
                found.take_key(text)?;
                said.remove.push(name);
            } else {
                found.take_store(text, governed.counts);
            }
        }
        if plan.bearer && reads_as(name, "authorization") {
            exactly(name, "authorization")?;
            once(&mut bearer, "authorization")?;
            if let Some(key) = bearer_of(value) {
                found.take_key(key)?;
                said.remove.push(name);
            }
        } else if reads_as(name, "content-type") {
            exactly(name, "content-type")?;
            if said.content_type.replace(value).is_some() {
                return Err(Fault::RepeatedHeader("content-type".to_owned()));
            }
        } else if reads_as(name, "content-encoding") {
            exactly(name, "content-encoding")?;
            once(&mut encoding, "content-encoding")?;
            said.encoded = !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
        } else if reads_as(name, "content-length") {
            said.body |= value != b"0";
        } else if reads_as(name, "transfer-encoding") {
            said.body = true;
        } else if name.eq_ignore_ascii_case(b"connection") {
            hop_by_hop(value, plan)?;
        } else if name.eq_ignore_ascii_case(b"host") {
            if !value.eq_ignore_ascii_case(request.host) {
                return Err(Fault::RepeatedHeader("host".to_owned()));
            }
        } else if plan.host && (reads_as(name, "x-forwarded-host") || reads_as(name, "x-original-host")) {
            if !value.eq_ignore_ascii_case(request.host) {
                return Err(Fault::Override("x-forwarded-host".to_owned()));
            }
        } else if plan.host && reads_as(name, "forwarded") && contains(value, b"host") {
            return Err(Fault::Override("forwarded".to_owned()));
        }
    }
    Ok(said)
}

/// Whether `host` is a name or an address with or without a port, which everybody reads alike.
pub(crate) fn is_host(host: &[u8]) -> bool {
    host.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._:[]".contains(byte))
}

/// The host asked for, in lower case and without port and final dot.
pub(crate) fn host(host: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(host).ok()?;
    let name = match text.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => text,
    };
    let name = name.strip_suffix('.').unwrap_or(name);
    let lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) })
}

/// Whether somebody takes `name` for `other`, which is in lower case with hyphens.
fn reads_as(name: &[u8], other: &str) -> bool {
    name.len() == other.len() && folds_to(name, other.as_bytes())
}

fn begins_as_ours(name: &[u8]) -> bool {
    name.get(..OURS.len()).is_some_and(|begin| folds_to(begin, OURS.as_bytes()))
}

fn folds_to(name: &[u8], folded: &[u8]) -> bool {
    let plain = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    name.iter().map(plain).eq(folded.iter().map(plain))
}

fn exactly(name: &[u8], other: &str) -> Result<(), Fault> {
    if name.eq_ignore_ascii_case(other.as_bytes()) {
        return Ok(());
    }
    let found = name.iter().take(100).map(|byte| byte.escape_ascii().to_string()).collect();
    Err(Fault::HeaderSpelling { found, expected: other.to_owned() })
}

fn once(seen: &mut bool, name: &str) -> Result<(), Fault> {
    if std::mem::replace(seen, true) { Err(Fault::RepeatedHeader(name.to_owned())) } else { Ok(()) }
}

/// The token of `Bearer …`; none for other schemes.
fn bearer_of(value: &[u8]) -> Option<Cow<'_, str>> {
    let (scheme, token) = value.split_at_checked(b"bearer".len())?;
    let blank = token.first().is_some_and(|byte| *byte == b' ' || *byte == b'\t');
    (scheme.eq_ignore_ascii_case(b"bearer") && blank).then(|| String::from_utf8_lossy(token.trim_ascii()))
}

/// A client may name headers that the next proxy takes out: it must not take out what was decided.
fn hop_by_hop(value: &[u8], plan: &Plan) -> Result<(), Fault> {
    for name in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
        let governed = plan.headers.iter().find(|governed| reads_as(name, &governed.name));
        let host = plan.host && reads_as(name, "host");
        if begins_as_ours(name) || governed.is_some() || host {
            return Err(Fault::HopByHop(String::from_utf8_lossy(&name[..name.len().min(100)]).into_owned()));
        }
    }
    Ok(())
}

fn contains(text: &[u8], sought: &[u8]) -> bool {
    text.windows(sought.len()).any(|window| window.eq_ignore_ascii_case(sought))
}
