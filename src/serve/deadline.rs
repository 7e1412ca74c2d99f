//! The deadline of a call, from its header `grpc-timeout`.

use std::time::Duration;

use http::header::HeaderName;
use http::{HeaderMap, Response};
use tonic::Code;
use tonic::body::Body;

use crate::status;

static TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");

/// Returns how long the caller waits; `None` if the header is missing or malformed.
pub(super) fn from_headers(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(&TIMEOUT)?.to_str().ok()?;
    let (unit, digits) = (text.chars().next_back()?, &text[..text.len() - 1]);
    // The protocol allows 8 digits at most, and no sign.
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let amount: u64 = digits.parse().ok()?;
    Some(match unit {
        'H' => Duration::from_hours(amount),
        'M' => Duration::from_mins(amount),
        'S' => Duration::from_secs(amount),
        'm' => Duration::from_millis(amount),
        'u' => Duration::from_micros(amount),
        'n' => Duration::from_nanos(amount),
        _ => return None,
    })
}

/// Returns the response to a caller whose deadline is exceeded.
pub(super) fn exceeded() -> Response<Body> {
    status::new(Code::DeadlineExceeded, "the deadline of the call (grpc-timeout) was exceeded").into_http()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn read(value: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(&TIMEOUT, HeaderValue::from_static(value));
        from_headers(&headers)
    }

    #[test]
    fn every_unit_is_read() {
        assert_eq!(read("1H"), Some(Duration::from_hours(1)));
        assert_eq!(read("2M"), Some(Duration::from_mins(2)));
        assert_eq!(read("3S"), Some(Duration::from_secs(3)));
        assert_eq!(read("200m"), Some(Duration::from_millis(200)));
        assert_eq!(read("5u"), Some(Duration::from_micros(5)));
        assert_eq!(read("99999999n"), Some(Duration::from_nanos(99_999_999)));
    }

    #[test]
    fn what_cannot_be_read_is_no_deadline() {
        for value in ["", "S", "1", "1s", "-1S", "+1S", "999999999S", "1.5S", "S1"] {
            assert_eq!(read(value), None, "{value}");
        }
        assert_eq!(from_headers(&HeaderMap::new()), None);
        let mut headers = HeaderMap::new();
        headers.insert(&TIMEOUT, HeaderValue::from_bytes(b"1\xff").unwrap());
        assert_eq!(from_headers(&headers), None);
    }
}
