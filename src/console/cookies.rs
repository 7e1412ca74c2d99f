//! The cookie that carries a session. It contains only the session's token.
//!
//! Under TLS its name begins with `__Host-`: browsers accept that from this host alone, for every path, over TLS only,
//! so no neighbor under the same domain can plant one. Whether the browser uses TLS is known from the port, or, behind
//! a proxy that terminates TLS, from the `Origin` that the browser sends with the form.

use http::{HeaderMap, HeaderValue, header};

use crate::registry::SessionToken;

const SECURE: &str = "__Host-latchkey";
const PLAIN: &str = "latchkey";

/// Reads the session's token from the cookies of a request. A port with TLS accepts only a cookie set under TLS.
pub(super) fn read(headers: &HeaderMap, secure: bool) -> Option<SessionToken> {
    let find = |name: &str| {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let mut found = lines
            .flat_map(|line| line.split(';'))
            .filter_map(|pair| pair.trim().split_once('='))
            .filter(|(key, _)| *key == name);
        // Two of one name: an attacker may have added one; neither is trusted.
        match (found.next(), found.next()) {
            (Some((_, value)), None) => SessionToken::parse(value),
            _ => None,
        }
    };
    find(SECURE).or_else(|| if secure { None } else { find(PLAIN) })
}

/// Returns whether the browser uses TLS.
pub(super) fn over_tls(headers: &HeaderMap, secure: bool) -> bool {
    secure || headers.get(header::ORIGIN).is_some_and(|origin| origin.as_bytes().starts_with(b"https://"))
}

/// Returns the header that sets the session cookie. It expires with the browser session, or earlier.
pub(super) fn set(token: &SessionToken, over_tls: bool) -> HeaderValue {
    value(token.reveal(), over_tls, "")
}

/// Removes the session cookies of the browser.
pub(super) fn clear(headers: &mut HeaderMap) {
    for over_tls in [true, false] {
        headers.append(header::SET_COOKIE, value("", over_tls, "; Max-Age=0"));
    }
}

fn value(token: &str, over_tls: bool, rest: &str) -> HeaderValue {
    let (name, secure) = if over_tls { (SECURE, "; Secure") } else { (PLAIN, "") };
    let text = format!("{name}={token}; Path=/; HttpOnly; SameSite=Strict{secure}{rest}");
    // Hexadecimal digits and fixed text: always a valid header.
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
