//! Headers of every response of the console, against framing, caching and foreign scripts; and gzip.

use std::io::Write as _;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderMap, HeaderName, HeaderValue, header};

/// Shorter responses fit one packet uncompressed.
const COMPRESS_FROM: usize = 1_200;
/// Limit of the length of a page.
const MAX_PAGE_BYTES: usize = 64 * 1024 * 1024;

/// Only our own style sheet, scripts and images are loaded; nothing is inline; forms go to this origin only.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                      form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

const SECURITY: [(HeaderName, &str); 6] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    // With `no-referrer` browsers would send `Origin: null` with our own forms.
    (header::REFERRER_POLICY, "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
];

/// Adds the headers. A response without its own caching rule must not be cached.
pub(super) async fn add(request: Request, next: Next) -> Response {
    let gzip = accepts_gzip(request.headers());
    let mut response = next.run(request).await;
    for (name, value) in SECURITY {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response.headers_mut().entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    // It is safe to compress an attacker's text and a secret together: requests that other sites cause have no session,
    // because its cookie is SameSite=Strict.
    if gzip { compress(response).await } else { response }
}

fn accepts_gzip(headers: &HeaderMap) -> bool {
    headers.get_all(header::ACCEPT_ENCODING).iter().filter_map(|line| line.to_str().ok()).any(|line| {
        line.split(',').any(|one| {
            let (coding, weight) = one.split_once(';').unwrap_or((one, ""));
            coding.trim().eq_ignore_ascii_case("gzip")
                && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
        })
    })
}

async fn compress(response: Response) -> Response {
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = to_bytes(body, MAX_PAGE_BYTES).await else { return Response::from_parts(parts, Body::empty()) };
    if bytes.len() < COMPRESS_FROM || parts.headers.contains_key(header::CONTENT_ENCODING) {
        return Response::from_parts(parts, Body::from(bytes));
    }
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::new(4));
    match encoder.write_all(&bytes).and_then(|()| encoder.finish()) {
        Ok(compressed) => {
            parts.headers.remove(header::CONTENT_LENGTH);
            parts.headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            parts.headers.append(header::VARY, HeaderValue::from_static("accept-encoding"));
            Response::from_parts(parts, Body::from(compressed))
        }
        Err(_) => Response::from_parts(parts, Body::from(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_who_takes_it() {
        let accepts =
            |line: &str| accepts_gzip(&HeaderMap::from_iter([(header::ACCEPT_ENCODING, line.parse().unwrap())]));
        assert!(accepts("gzip, deflate, br") && accepts("br;q=1, GZIP;q=0.5"));
        assert!(!accepts("br") && !accepts("gzip;q=0") && !accepts_gzip(&HeaderMap::new()));
    }
}
