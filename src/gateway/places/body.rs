//! What kind of body a content-type announces, and whether services agree on it.

use super::multipart;

/// A kind of body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind<'a> {
    /// An urlencoded form.
    Form,
    /// A form in parts, with this boundary.
    Multipart(&'a [u8]),
    /// JSON.
    Json,
    /// Nothing that anybody takes for fields.
    Opaque,
    /// Something that somebody might.
    Unknown,
}

/// The kind of body that the value of a content-type header announces.
pub(crate) fn kind(content_type: &[u8]) -> Kind<'_> {
    let mut parameters = content_type.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let essence = parameters.next().unwrap_or_default().to_ascii_lowercase();
    if !essence.iter().all(|byte| byte.is_ascii_alphanumeric() || b"/+-._".contains(byte)) {
        return Kind::Unknown;
    }
    let (mut boundary, mut odd) = (None, false);
    for parameter in parameters {
        let at = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
        let (name, value) = (&parameter[..at], parameter.get(at + 1..).unwrap_or_default());
        let value = value.strip_prefix(b"\"").map_or(Some(value), |rest| rest.strip_suffix(b"\""));
        match (name.to_ascii_lowercase().as_slice(), value) {
            (b"charset", Some(value)) => {
                odd |= ![&b"utf-8"[..], b"utf8", b"us-ascii"].iter().any(|set| value.eq_ignore_ascii_case(set));
            }
            (b"boundary", Some(value)) if boundary.is_none() && multipart::is_boundary(value) => boundary = Some(value),
            _ => odd = true,
        }
    }
    match (essence.as_slice(), boundary) {
        (b"application/x-www-form-urlencoded", None) if !odd => Kind::Form,
        (b"multipart/form-data", Some(boundary)) if !odd => Kind::Multipart(boundary),
        (essence, None) if !odd && is_json(essence) => Kind::Json,
        (essence, None) if is_opaque(essence) => Kind::Opaque,
        _ => Kind::Unknown,
    }
}

fn is_json(essence: &[u8]) -> bool {
    matches!(essence, b"application/json" | b"text/json" | b"application/x-json") || essence.ends_with(b"+json")
}

/// Names that say of a body that it is a file.
fn is_opaque(essence: &[u8]) -> bool {
    matches!(essence, b"application/octet-stream" | b"application/pdf" | b"application/zip" | b"application/gzip")
        || [&b"image/"[..], b"audio/", b"video/", b"font/"].iter().any(|family| essence.starts_with(family))
            // An image in words.
            && !essence.ends_with(b"+xml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_that_services_agree_on() {
        for form in ["application/x-www-form-urlencoded", "Application/X-WWW-Form-URLencoded; charset=UTF-8"] {
            assert_eq!(kind(form.as_bytes()), Kind::Form, "{form}");
        }
        for boundary in ["multipart/form-data; boundary=XX", "multipart/form-data; boundary=\"XX\"; charset=utf-8"] {
            assert_eq!(kind(boundary.as_bytes()), Kind::Multipart(b"XX"), "{boundary}");
        }
        for json in ["application/json", "application/json;charset=\"utf-8\"", "application/problem+json"] {
            assert_eq!(kind(json.as_bytes()), Kind::Json, "{json}");
        }
        for opaque in ["application/octet-stream", "image/jpeg", "image/png; x=y"] {
            assert_eq!(kind(opaque.as_bytes()), Kind::Opaque, "{opaque}");
        }
        for unknown in [
            "",
            "text/plain",
            "text/xml",
            "image/svg+xml",
            "application/x-www-form-urlencoded; charset=utf-16",
            "application/x-www-form-urlencoded, application/json",
            "application/x-www-form-urlencoded; boundary=XX",
            "multipart/form-data",
            "multipart/form-data; boundary=XX; boundary=YY",
            "multipart/form-data; boundary=\"XX",
            "multipart/form-data; boundary=X X",
            "multipart/form-data; boundary*=utf-8''XX",
            "multipart/mixed; boundary=XX",
            "application/json; charset=utf-16",
            "application/jsön",
        ] {
            assert_eq!(kind(unknown.as_bytes()), Kind::Unknown, "{unknown}");
        }
    }
}
