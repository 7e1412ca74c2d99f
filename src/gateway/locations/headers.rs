//! Headers, read strictly. For a service that uses CGI or WSGI, `X-Api-Key`, `x_api_key` and `x.api.key` are one
//! header, so names are compared with everything but letters and digits replaced by a hyphen.

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use super::{Extracted, cookies, decode};
use crate::gateway::fault::Fault;
use crate::gateway::plan::MethodPlan;
use crate::gateway::request::HttpRequest;

/// The prefix of Latchkey's own headers.
const LATCHKEY_PREFIX: &str = "x-latchkey-";

/// Headers by which some services let a client override the path or method, or that become variables for where the path
/// begins: gunicorn takes `SCRIPT_NAME` and `PATH_INFO` from proxies it trusts.
const OVERRIDES: [&str; 36] = [
    "-method",
    "x-method",
    "x-http-verb",
    "x-http-verb-override",
    "x-verb-override",
    "x-http-methodoverride",
    "x-request-method",
    "request-method",
    "script-name",
    "path-info",
    "path-translated",
    "request-uri",
    "x-script-name",
    "x-path-info",
    "x-request-uri",
    "x-request-path",
    "x-forwarded-prefix",
    "x-forwarded-script-name",
    "x-forwarded-url",
    "x-original-path",
    "x-rewrite-path",
    "x-envoy-original-path",
    "x-http-url-override",
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

/// Headers in which some services look for the host before they look at `host`.
const HOSTS: [&str; 7] = [
    "x-forwarded-host",
    "x-original-host",
    "x-host",
    "x-real-host",
    "x-http-host-override",
    "x-forwarded-server",
    "x-forwarded-http-host",
];

/// Contents of the headers apart from the key and the stores.
#[derive(Default)]
pub(crate) struct HeaderFacts<'r> {
    pub(crate) content_type: Option<&'r [u8]>,
    /// The body is compressed.
    pub(crate) encoded: bool,
    /// The headers announce a body.
    pub(crate) body: bool,
    /// They give its length, without which some services read none: WSGI does not support chunks.
    pub(crate) sized: bool,
    /// Names of headers that must not go upstream.
    pub(crate) remove: Vec<&'r [u8]>,
}

pub(crate) fn read<'r>(
    request: &HttpRequest<'r>,
    plan: &MethodPlan,
    extracted: &mut Extracted<'r>,
) -> Result<HeaderFacts<'r>, Fault> {
    let mut facts = HeaderFacts::default();
    let mut seen = vec![false; plan.headers.len()];
    let (mut bearer, mut content_type, mut encoding, mut chunked) = (false, false, false, false);
    for (name, value) in request.headers {
        let value = value.trim_ascii();
        if let Some(name) = OVERRIDES.iter().find(|other| reads_as(name, other)) {
            return Err(Fault::Override((*name).to_owned()));
        }
        if is_latchkey_header(name) {
            facts.remove.push(name);
            continue;
        }
        for (governed, seen) in plan.headers.iter().zip(&mut seen) {
            if !reads_as(name, &governed.name) {
                continue;
            }
            require_plain(name, &governed.name, seen)?;
            // A value that is not UTF-8 is neither a token nor a code.
            let text = String::from_utf8_lossy(value);
            if governed.key {
                extracted.add_key(text)?;
                facts.remove.push(name);
            } else {
                extracted.add_store(text, governed.limits_call)?;
            }
        }
        if plan.bearer && reads_as(name, "authorization") {
            require_plain(name, "authorization", &mut bearer)?;
            if let Some(key) = bearer_token(value) {
                extracted.add_key(key)?;
                facts.remove.push(name);
            } else if contains(value, b"bearer") {
                // Laravel takes the text after the last `Bearer ` for the token, wherever that is.
                return Err(Fault::Authorization);
            }
        } else if reads_as(name, "content-type") {
            require_plain(name, "content-type", &mut content_type)?;
            facts.content_type = Some(value);
        } else if reads_as(name, "content-encoding") {
            require_plain(name, "content-encoding", &mut encoding)?;
            facts.encoded = !value.is_empty() && !value.eq_ignore_ascii_case(b"identity");
        } else if reads_as(name, "content-length") {
            facts.body |= value != b"0";
            facts.sized |= !chunked;
        } else if reads_as(name, "transfer-encoding") {
            facts.body = true;
            (chunked, facts.sized) = (true, false);
        } else if reads_as(name, "connection") {
            check_connection(value)?;
        } else if reads_as(name, "cookie") || reads_as(name, "cookie2") {
            cookies::check(value, &plan.parameters)?;
        } else if name.eq_ignore_ascii_case(b"host") && !value.eq_ignore_ascii_case(request.host) {
            return Err(Fault::Repeated("header host".to_owned()));
        } else if plan.host
            && !value.eq_ignore_ascii_case(request.host)
            && let Some(name) = HOSTS.iter().find(|other| reads_as(name, other))
        {
            return Err(Fault::Override((*name).to_owned()));
        } else if plan.host && reads_as(name, "forwarded") && contains(value, b"host") {
            return Err(Fault::Override("forwarded".to_owned()));
        }
    }
    Ok(facts)
}

/// Returns the name or address of a host, in lower case and without its port; an empty one if there is no host. Returns
/// `None` unless it is `name[:port]` with a name of letters, digits, hyphens, underscores and single dots within, or an
/// address: services disagree on whether anything else is part of the name.
pub(crate) fn host(host: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(host).ok()?;
    if text.is_empty() {
        return Some(Cow::Borrowed(text));
    }
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        address.parse::<Ipv6Addr>().ok()?;
        (address, port)
    } else {
        let at = text.find(':').unwrap_or(text.len());
        let (name, port) = text.split_at(at);
        // Some services read a name that ends in a number, possibly hexadecimal, as an address.
        let last = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
        let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let numbers = last.bytes().all(|byte| byte.is_ascii_digit()) || last.strip_prefix("0x").is_some_and(digits);
        if !name.split('.').all(is_label) || numbers && name.parse::<Ipv4Addr>().is_err() {
            return None;
        }
        (name, port)
    };
    if let Some(number) = port.strip_prefix(':') {
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u16>().ok().filter(|_| digits)?;
    } else if !port.is_empty() {
        return None;
    }
    let lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
    Some(if lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) })
}

fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Returns whether some service reads `name` as `other`, which is in lower case with hyphens.
fn reads_as(name: &[u8], other: &str) -> bool {
    name.len() == other.len() && folds_to(name, other.as_bytes())
}

/// Returns whether some service reads `name` as a header of Latchkey's own.
pub(crate) fn is_latchkey_header(name: &[u8]) -> bool {
    name.get(..LATCHKEY_PREFIX.len()).is_some_and(|begin| folds_to(begin, LATCHKEY_PREFIX.as_bytes()))
}

fn folds_to(name: &[u8], folded: &[u8]) -> bool {
    let plain = |byte: &u8| if byte.is_ascii_alphanumeric() { byte.to_ascii_lowercase() } else { b'-' };
    name.iter().map(plain).eq(folded.iter().map(plain))
}

/// Requires that a header that is read as `other` has exactly this name, and that none was seen before it.
fn require_plain(name: &[u8], other: &str, seen: &mut bool) -> Result<(), Fault> {
    if !name.eq_ignore_ascii_case(other.as_bytes()) {
        let found = format!("header {}", decode::printable(name));
        return Err(Fault::Spelling { found, expected: other.to_owned() });
    }
    if std::mem::replace(seen, true) { Err(Fault::Repeated(format!("header {other}"))) } else { Ok(()) }
}

/// Returns the token of `Bearer …`; `None` for other schemes.
fn bearer_token(value: &[u8]) -> Option<Cow<'_, str>> {
    let (scheme, token) = value.split_at_checked(b"bearer".len())?;
    let blank = token.first().is_some_and(|byte| *byte == b' ' || *byte == b'\t');
    (scheme.eq_ignore_ascii_case(b"bearer") && blank).then(|| String::from_utf8_lossy(token.trim_ascii()))
}

/// Checks a hop-by-hop header. A client may name headers for the next proxy to remove: it must not remove the result of
/// the decision, nor the headers that define how the body is read.
fn check_connection(value: &[u8]) -> Result<(), Fault> {
    const USUAL: [&[u8]; 7] = [b"", b"close", b"keep-alive", b"upgrade", b"te", b"http2-settings", b"proxy-connection"];

    let mut names = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let unusual = names.find(|name| !USUAL.iter().any(|usual| name.eq_ignore_ascii_case(usual)));
    unusual.map_or(Ok(()), |name| Err(Fault::HopByHop(decode::printable(name))))
}

fn contains(text: &[u8], sought: &[u8]) -> bool {
    text.windows(sought.len()).any(|window| window.eq_ignore_ascii_case(sought))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_and_perhaps_a_port() {
        for (host_, expected) in [
            ("shop.example", "shop.example"),
            ("Shop.Example:8443", "shop.example"),
            ("localhost", "localhost"),
            ("my_shop-1.example:80", "my_shop-1.example"),
            ("127.0.0.1:8000", "127.0.0.1"),
            ("[::1]:8000", "::1"),
            ("[2001:DB8::1]", "2001:db8::1"),
            ("", ""),
        ] {
            assert_eq!(host(host_.as_bytes()).as_deref(), Some(expected), "{host_}");
        }
        for odd in [
            // Ports that are not numbers.
            &["shop.example:x", "shop.example:", "shop.example:80:80", "shop.example:+80", "shop.example:99999"][..],
            // Names with empty labels, or without a name.
            &["shop.example.", "shop..example", ".shop.example", ":80"],
            // Several hosts, and other bytes.
            &["shop.example,other.example", "user@shop.example", "shop.example/", "shop example"],
            &["m\u{e4}in", "a%2eb"],
            // Addresses that only some read.
            &["[shop.example]", "[::1", "[::1]x", "[::1%25eth0]", "::1", "127.1", "0x7f000001.1", "2130706433"],
        ]
        .concat()
        {
            assert_eq!(host(odd.as_bytes()), None, "{odd}");
        }
    }
}
