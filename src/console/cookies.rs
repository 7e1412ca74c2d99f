//! The cookie that carries a session. It holds nothing but the session's token.
//!
//! Under TLS its name begins with `__Host-`, which browsers take from this host alone, for every path, over TLS only: no
//! neighbour under the same domain can plant one. Whether the browser came over TLS is known from the port, or, behind a
//! proxy that ends TLS, from the `Origin` that the browser sends with the form.

use http::{HeaderMap, HeaderValue, header};

use crate::registry::SessionToken;

const SECURE: &str = "__Host-latchkey";
const PLAIN: &str = "latchkey";

/// The session's token among the cookies of a request. A port that speaks TLS takes only what was set under TLS.
pub(super) fn read(headers: &HeaderMap, secure: bool) -> Option<SessionToken> {
    let find = |name: &str| {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut found = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name);
        // Two of one name: somebody tries to slip in another; neither is believed.
        match (found.next(), found.next()) {
            (Some((_, value)), None) => SessionToken::parse(value),
            _ => None,
        }
    };
    find(SECURE).or_else(|| if secure { None } else { find(PLAIN) })
}

/// Whether the browser came over TLS.
pub(super) fn over_tls(headers: &HeaderMap, secure: bool) -> bool {
    secure || headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// The header that gives a browser its session. It ends with the browser, or before.
pub(super) fn set(token: &SessionToken, over_tls: bool) -> HeaderValue {
    value(token.reveal(), over_tls, "")
}

/// The headers that take a session away from a browser.
pub(super) fn clear() -> [HeaderValue; 2] {
    [value("", true, "; Max-Age=0"), value("", false, "; Max-Age=0")]
}

fn value(token: &str, over_tls: bool, rest: &str) -> HeaderValue {
    let (name, secure) = if over_tls { (SECURE, "; Secure") } else { (PLAIN, "") };
    let text = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{rest}");
    // Hexadecimal digits and fixed text: always a header.
    let mut value = HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(cookies: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for cookie in cookies {
            headers.append(header::COOKIE, cookie.parse().unwrap());
        }
        headers
    }

    #[test]
    fn the_cookie_is_found_wherever_it_stands_and_not_believed_twice() {
        let (token, other) = ("ab".repeat(32), "cd".repeat(32));
        let read = |cookies: &[&str], secure| read(&headers(cookies), secure).map(|token| token.reveal().to_owned());
        assert_eq!(read(&[&format!("a=b; latchkey={token}; c=d")], false).as_deref(), Some(&*token));
        assert_eq!(read(&["a=b", &format!("__Host-latchkey={token}")], true).as_deref(), Some(&*token));
        assert_eq!(read(&[&format!("latchkey={token}")], true), None, "it was set without TLS");
        assert_eq!(read(&[&format!("latchkey={token}; latchkey={other}")], false), None);
        assert_eq!(read(&["latchkey=short", "xlatchkey=1"], false), None);
    }

    #[test]
    fn under_tls_the_cookie_is_bound_to_the_host() {
        let token = SessionToken::parse(&"ab".repeat(32)).unwrap();
        let text = |over_tls| set(&token, over_tls).to_str().unwrap().to_owned();
        assert!(
            text(true).starts_with("__Host-latchkey=")
                && text(true).ends_with("; Path=/; HttpOnly; SameSite=Strict; Secure")
        );
        assert!(text(false).starts_with("latchkey=") && text(false).ends_with("; HttpOnly; SameSite=Strict"));
        assert!(!format!("{:?}", set(&token, true)).contains("abab"), "it is not printed");
    }
}
