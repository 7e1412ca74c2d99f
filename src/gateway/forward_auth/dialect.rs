//! How each kind of proxy describes the original request.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName, StatusCode};
use ipnet::IpNet;

use super::{Body, CALLER, HttpRequest, QUERY, URI, single_header};
use crate::gateway::request::{parse_address, split_once};

#[derive(Debug)]
pub(super) struct ProxyDialect {
    verb: &'static str,
    target: &'static str,
    host: &'static str,
    /// Header with the client's address.
    client: &'static str,
    /// Whether that header is a list, to which each balancer and the proxy itself append the address of their peer.
    lists_clients: bool,
    /// Header about the body: `none`, or any other value if there is one. Empty for a proxy that does not report it,
    /// such as one with the configuration of an earlier version.
    body: &'static str,
    /// Further headers that the proxy itself sets.
    others: &'static [&'static str],
    /// The proxy drops the bodies of responses, and supports no refusals but 401 and 403.
    pub(super) drops_bodies: bool,
    pub(super) target_edit: TargetEdit,
}

/// How a kind of proxy can change the target of a request before forwarding it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TargetEdit {
    /// It forwards the target from the response, byte for byte.
    Target,
    /// It replaces the query and keeps the original path.
    Query,
    Nothing,
}

/// Names that no proxy has by default: deploy/nginx sets them.
const NGINX: ProxyDialect = ProxyDialect {
    verb: "x-original-method",
    target: "x-original-uri",
    host: "x-original-host",
    client: "x-original-client",
    body: "x-original-body",
    lists_clients: false,
    others: &[],
    drops_bodies: true,
    target_edit: TargetEdit::Target,
};

/// Names that Traefik sets by default, as do Caddy's forward_auth and deploy/caddy.
const CADDY: ProxyDialect = ProxyDialect {
    verb: "x-forwarded-method",
    target: "x-forwarded-uri",
    host: "x-forwarded-host",
    client: "x-forwarded-for",
    body: "x-forwarded-body",
    lists_clients: true,
    others: &["x-forwarded-proto"],
    drops_bodies: false,
    target_edit: TargetEdit::Query,
};

/// The same, for a proxy that forwards the original target.
const TRAEFIK: ProxyDialect = ProxyDialect { target_edit: TargetEdit::Nothing, body: "", ..CADDY };

/// Headers of the connection from the proxy to Latchkey.
const CONNECTION_HEADERS: [&str; 4] = ["host", "connection", "content-length", CALLER];

/// The headers that report a decision. The configurations in deploy/ for nginx and Caddy set or drop each of them,
/// whatever the client sent under these names.
pub(super) const DECISION_HEADERS: [&str; 5] =
    ["x-latchkey-key-id", "x-latchkey-store", "x-latchkey-stores", "x-latchkey-scope", "x-latchkey-revision"];

/// Returns whether a proxy replaces a client's header of this name.
pub(super) fn is_replaced(name: &str) -> bool {
    DECISION_HEADERS.iter().chain([&CALLER]).any(|replaced| replaced.eq_ignore_ascii_case(name))
}

impl ProxyDialect {
    pub(super) fn from_name(kind: &str) -> Option<&'static Self> {
        match kind {
            "nginx" => Some(&NGINX),
            "caddy" => Some(&CADDY),
            "traefik" => Some(&TRAEFIK),
            _ => None,
        }
    }

    /// Returns the original client request without its headers, received through load balancers at these addresses.
    pub(super) fn read<'a>(&self, headers: &'a HeaderMap, balancers: &[IpNet]) -> Result<HttpRequest<'a>, String> {
        let target = single_header(headers, self.target)?;
        let client = std::str::from_utf8(single_header(headers, self.client)?).ok();
        // Bodies are never sent here.
        let body = match single_header(headers, self.body) {
            _ if self.body.is_empty() => Body::Unknown,
            Ok(b"none") => Body::None,
            Err(_) if !headers.contains_key(self.body) => Body::Unknown,
            _ => Body::Withheld,
        };
        let client = client.and_then(|text| {
            if self.lists_clients {
                return first_client(text, balancers);
            }
            // nginx reports the balancer's address if the balancer named no client.
            address(text).filter(|address| !is_in(balancers, *address))
        });
        let verb = single_header(headers, self.verb)?;
        Ok(HttpRequest { verb, target, host: single_header(headers, self.host)?, headers: &[], body, client })
    }

    /// Returns whether a header is set by the proxy, not by its client.
    pub(super) fn is_set_by_proxy(&self, name: &HeaderName) -> bool {
        let name = name.as_str();
        [self.verb, self.target, self.host, self.client, self.body].contains(&name)
            || self.others.contains(&name)
            || CONNECTION_HEADERS.contains(&name)
    }

    /// Returns the status by which the proxy recognizes a refusal.
    pub(super) fn status(&self, status: StatusCode) -> StatusCode {
        if !self.drops_bodies || status == StatusCode::UNAUTHORIZED { status } else { StatusCode::FORBIDDEN }
    }

    /// Returns the header with what the proxy must send upstream instead of `original`, and its value; `None` if the
    /// proxy could not do it.
    pub(super) fn edit_target(&self, original: &[u8], decided: &[u8]) -> Option<(&'static str, Vec<u8>)> {
        match self.target_edit {
            // A target with a host, or `*`: only the proxy itself can interpret it.
            _ if original.first() != Some(&b'/') => None,
            TargetEdit::Target => Some((URI, decided.to_vec())),
            _ if is_reescaped(original) => None,
            TargetEdit::Nothing => (original == decided).then(|| (QUERY, query(decided).to_vec())),
            // Caddy joins path and query, decoded, and splits them again at the first `?`.
            TargetEdit::Query if has_encoded_question_mark(original) => None,
            // Caddy omits the `&` before a nameless parameter, which changes the value of the one before it.
            TargetEdit::Query if has_nameless(query(decided)) => None,
            TargetEdit::Query => Some((QUERY, escape_braces(query(decided)))),
        }
    }
}

/// Returns the client's address in a list of addresses: from the right, the first that is not a balancer's. Anything
/// left of it is the client's own claim. Returns `None` if it can't be established: there are more addresses than
/// balancers explain, or one of those that are read is not an address.
fn first_client(list: &str, balancers: &[IpNet]) -> Option<IpAddr> {
    let mut hops = list.rsplit(',');
    let mut client = address(hops.next()?)?;
    let mut behind_balancer = false;
    while is_in(balancers, client) {
        behind_balancer = true;
        client = address(hops.next()?)?;
    }
    // Without a balancer the proxy replaces the list, unless it trusts one that is not configured here.
    (behind_balancer || hops.next().is_none()).then_some(client)
}

fn is_in(networks: &[IpNet], address: IpAddr) -> bool {
    networks.iter().any(|network| network.contains(&address))
}

fn address(text: &str) -> Option<IpAddr> {
    parse_address(text.trim_matches([' ', '\t']))
}

/// Returns the query with its `?`; empty without one.
fn query(target: &[u8]) -> &[u8] {
    target.iter().position(|byte| *byte == b'?').map_or(&[], |at| &target[at..])
}

fn has_encoded_question_mark(target: &[u8]) -> bool {
    let (path, _) = split_once(target, b'?');
    path.windows(3).any(|three| three.eq_ignore_ascii_case(b"%3f"))
}

/// Returns whether Go's proxies forward something other than the original target: they treat `#` as a part of the path,
/// and escape it, as they do a backslash and bytes that are not UTF-8.
fn is_reescaped(target: &[u8]) -> bool {
    let (path, _) = split_once(target, b'?');
    target.contains(&b'#') || path.contains(&b'\\') || std::str::from_utf8(path).is_err()
}

/// Returns whether a parameter has a value and no name.
fn has_nameless(query: &[u8]) -> bool {
    query.get(1..).is_some_and(|pairs| pairs.split(|byte| *byte == b'&').any(|pair| pair.first() == Some(&b'=')))
}

/// Escapes braces: Caddy replaces `{name}` with the value of a variable, even in text from a client.
fn escape_braces(query: &[u8]) -> Vec<u8> {
    let escaped = query.iter().flat_map(|byte| match byte {
        b'{' => b"%7B",
        b'}' => b"%7D",
        other => std::slice::from_ref(other),
    });
    escaped.copied().collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
        list.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
    }

    const NGINX_SENDS: [(&str, &str); 4] = [
        ("x-original-method", "POST"),
        ("x-original-uri", "/a?b"),
        ("x-original-host", "shop"),
        ("x-original-client", "::ffff:10.0.0.1"),
    ];

    #[test]
    fn each_kind_reads_its_own_set_alone() {
        let nginx = ProxyDialect::from_name("nginx").unwrap();
        let sent = headers(&NGINX_SENDS);
        let original = nginx.read(&sent, &[]).unwrap();
        assert_eq!((original.verb, original.target, original.host), (&b"POST"[..], &b"/a?b"[..], &b"shop"[..]));
        assert_eq!(original.client, Some(IpAddr::from([10, 0, 0, 1])));
        assert!(ProxyDialect::from_name("caddy").unwrap().read(&headers(&NGINX_SENDS), &[]).is_err());
        assert!(nginx.is_set_by_proxy(&HeaderName::from_static("x-original-uri")));
        assert!(
            !nginx.is_set_by_proxy(&HeaderName::from_static("x-forwarded-uri")),
            "the client's, and treated as such"
        );
        assert!(ProxyDialect::from_name("apache").is_none());
    }

    #[test]
    fn what_is_missing_or_there_twice_is_no_question() {
        for missing in 0..NGINX_SENDS.len() {
            let mut sent = NGINX_SENDS.to_vec();
            let removed = sent.remove(missing);
            assert!(NGINX.read(&headers(&sent), &[]).unwrap_err().contains(removed.0));
            let mut twice = headers(&NGINX_SENDS);
            twice.append(HeaderName::from_static(removed.0), HeaderValue::from_static("/other"));
            assert!(NGINX.read(&twice, &[]).unwrap_err().contains("more than once"));
        }
    }

    /// Kind 8: the client's address, with no balancer, one, and two.
    #[test]
    fn the_client_is_the_first_that_is_no_balancer() {
        let client = |list: &'static str, balancers: &[&str]| {
            let sent = headers(&[
                ("x-forwarded-method", "GET"),
                ("x-forwarded-uri", "/"),
                ("x-forwarded-host", "shop"),
                ("x-forwarded-for", list),
            ]);
            let balancers: Vec<IpNet> = balancers.iter().map(|network| network.parse().unwrap()).collect();
            let caddy = CADDY.read(&sent, &balancers).unwrap().client;
            assert_eq!(TRAEFIK.read(&sent, &balancers).unwrap().client, caddy);
            caddy.map(|address| address.to_string())
        };
        let one: &[&str] = &["10.1.0.0/16"];
        let two: &[&str] = &["10.1.0.0/16", "192.0.2.7/32"];
        for (list, balancers, expected) in [
            ("203.0.113.9", &[][..], Some("203.0.113.9")),
            ("203.0.113.9", one, Some("203.0.113.9")),
            ("::ffff:203.0.113.9", one, Some("203.0.113.9")),
            ("2001:db8::9", one, Some("2001:db8::9")),
            ("203.0.113.9, 10.1.0.4", one, Some("203.0.113.9")),
            ("203.0.113.9,10.1.0.4", one, Some("203.0.113.9")),
            ("10.9.9.9, 203.0.113.9, 10.1.0.4", one, Some("203.0.113.9")),
            ("unknown, 203.0.113.9, 10.1.0.4", one, Some("203.0.113.9")),
            ("10.9.9.9, 203.0.113.9, 192.0.2.7, 10.1.0.4", two, Some("203.0.113.9")),
            // More than the balancers explain: the proxy trusts one that is not configured here.
            ("203.0.113.9, 10.1.0.4", &[], None),
            ("203.0.113.9, 192.0.2.7, 10.1.0.4", one, Some("192.0.2.7")),
            ("203.0.113.9, 192.0.2.8", one, None),
            // Fewer, and text that is not an address.
            ("10.1.0.4", one, None),
            ("10.1.0.3, 10.1.0.4", one, None),
            ("unknown", &[], None),
            ("", &[], None),
            ("203.0.113.9,", &[], None),
            ("203.0.113.9, , 10.1.0.4", one, None),
            ("203.0.113.9:4711, 10.1.0.4", one, None),
            ("203.0.113.9:4711", &[], None),
            ("[2001:db8::9], 10.1.0.4", one, None),
            ("[2001:db8::9]:4711", &[], None),
            ("fe80::1%eth0, 10.1.0.4", one, None),
            ("_hidden, 10.1.0.4", one, None),
            ("010.0.0.1, 10.1.0.4", one, None),
            ("203.0.113.9, 10.1.0.4:80", one, None),
        ] {
            assert_eq!(client(list, balancers).as_deref(), expected, "{list} behind {balancers:?}");
        }
        // nginx reports one address.
        for list in ["203.0.113.9, 10.1.0.4", "unix:", "203.0.113.9:80", "10.1.0.4"] {
            let mut sent = headers(&NGINX_SENDS);
            sent.insert("x-original-client", HeaderValue::from_static(list));
            assert_eq!(NGINX.read(&sent, &["10.1.0.0/16".parse().unwrap()]).unwrap().client, None, "{list}");
        }
    }

    #[test]
    fn each_kind_is_told_what_it_can_do() {
        let (original, decided) = (&b"/a%2Fb?key=k&c={d}"[..], &b"/a%2Fb?c={d}"[..]);
        assert_eq!(NGINX.edit_target(original, decided), Some((URI, decided.to_vec())));
        assert_eq!(CADDY.edit_target(original, decided), Some((QUERY, b"?c=%7Bd%7D".to_vec())));
        assert_eq!(CADDY.edit_target(b"/a?key=k", b"/a"), Some((QUERY, Vec::new())));
        assert_eq!(CADDY.edit_target(b"/a%3Fb", b"/a%3Fb"), None);
        assert_eq!(CADDY.edit_target(b"/a%3fb?c", b"/a%3fb?c"), None);
        assert_eq!(CADDY.edit_target(b"/a?%3F", b"/a?%3F"), Some((QUERY, b"?%3F".to_vec())));
        assert_eq!(CADDY.edit_target(b"/a?b=c&=&d", b"/a?b=c&=&d"), None, "Caddy makes b=c=&d of it");
        assert_eq!(CADDY.edit_target(b"/a?=", b"/a?="), None);
        assert_eq!(CADDY.edit_target(b"/a?b==c&d=", b"/a?b==c&d="), Some((QUERY, b"?b==c&d=".to_vec())));
        for target in [&b"/a#b"[..], b"/a\\b", b"/a?b#c", b"/\xff"] {
            assert_eq!((CADDY.edit_target(target, target), TRAEFIK.edit_target(target, target)), (None, None));
        }
        for dialect in [&NGINX, &CADDY, &TRAEFIK] {
            for target in [&b"http://shop/a"[..], b"*", b"@other/", b""] {
                assert_eq!(dialect.edit_target(target, target), None, "{}", target.escape_ascii());
            }
        }
        assert_eq!(TRAEFIK.edit_target(original, decided), None, "the key would go on");
        assert_eq!(TRAEFIK.edit_target(original, original), Some((QUERY, b"?key=k&c={d}".to_vec())));
    }

    #[test]
    fn nginx_knows_two_refusals() {
        assert_eq!(NGINX.status(StatusCode::BAD_REQUEST), StatusCode::FORBIDDEN);
        assert_eq!(NGINX.status(StatusCode::UNAUTHORIZED), StatusCode::UNAUTHORIZED);
        assert_eq!(CADDY.status(StatusCode::BAD_REQUEST), StatusCode::BAD_REQUEST);
    }
}
