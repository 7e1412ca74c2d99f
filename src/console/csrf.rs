//! Whether a form was sent from one of our own pages: checked by the origin that the browser reports, and by a token
//! that only our pages contain.

use http::{HeaderMap, Uri, header};

use crate::model::hex;
use crate::model::token::Digest;
use crate::registry::SessionToken;

/// Name of the field with the token.
pub(super) const FIELD: &str = "csrf";

/// Returns the token of a session's forms: derived from the session's token, which can't be recovered from it.
pub(super) fn token(session: &SessionToken) -> String {
    let digest = Digest::of(format!("latchkey console form\0{}", session.reveal()).as_bytes());
    hex::encode(digest.as_bytes())
}

/// Compares in constant time.
pub(super) fn is_valid_token(session: &SessionToken, given: &str) -> bool {
    let expected = token(session);
    expected.len() == given.len()
        && expected.bytes().zip(given.bytes()).fold(0, |difference, (one, other)| difference | (one ^ other)) == 0
}

/// Returns whether the browser reports this very origin for a form. Every current browser sends one of the two headers
/// with a form; a request with neither is not a browser's, or comes from one that hides the origin.
pub(super) fn is_same_origin(headers: &HeaderMap, uri: &Uri) -> bool {
    let site = headers.get("sec-fetch-site").map(|site| site.as_bytes() == b"same-origin");
    let origin = headers.get(header::ORIGIN).map(|origin| {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| uri.authority().map(http::uri::Authority::as_str));
        let origin = origin.to_str().ok().and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
        origin.is_some() && origin == host
    });
    match (site, origin) {
        (Some(site), Some(origin)) => site && origin,
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(pairs: &[(&'static str, &str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, value.parse().unwrap());
        }
        is_same_origin(&headers, &Uri::from_static("/sign-in"))
    }

    #[test]
    fn only_our_own_origin_sends_forms() {
        let host = ("host", "keys.test:8080");
        assert!(same(&[host, ("origin", "http://keys.test:8080")]));
        assert!(same(&[host, ("origin", "https://keys.test:8080"), ("sec-fetch-site", "same-origin")]));
        assert!(same(&[host, ("sec-fetch-site", "same-origin")]));
        for bad in [
            &[host][..],
            &[host, ("origin", "null")],
            &[host, ("origin", "http://evil.test:8080")],
            &[host, ("origin", "http://keys.test")],
            &[host, ("sec-fetch-site", "same-site")],
            &[host, ("sec-fetch-site", "none")],
            &[host, ("origin", "http://evil.test"), ("sec-fetch-site", "same-origin")],
            &[("origin", "http://keys.test:8080")],
        ] {
            assert!(!same(bad), "{bad:?}");
        }
    }

    #[test]
    fn the_token_of_forms_is_the_session_s_alone() {
        let session = |byte: &str| SessionToken::parse(&byte.repeat(32)).unwrap();
        let token = token(&session("ab"));
        assert!(is_valid_token(&session("ab"), &token));
        assert!(
            !is_valid_token(&session("cd"), &token)
                && !is_valid_token(&session("ab"), "")
                && !is_valid_token(&session("ab"), &token[1..])
        );
        assert!(!token.contains("abab"));
    }
}
