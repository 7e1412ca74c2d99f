//! The kinds of bodies that content types announce, and whether all frameworks agree on them.
//!
//! The grammar is exact: names in lower case and only the parameters that a type needs. PHP truncates a boundary at a
//! comma, Laravel treats any type with `/json` as JSON, Symfony compares the names of form types case-sensitively,
//! body-parser decodes by the charset. Any deviation is a kind on which they do not agree.

use super::multipart;
use crate::gateway::request::split_once;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BodyKind<'a> {
    Form,
    /// A form in parts, with this boundary.
    Multipart(&'a [u8]),
    /// JSON; if `exact`, for every service.
    Json {
        /// The type is `application/json`, not one of its relatives, which only some services read as JSON.
        exact: bool,
    },
    /// A file, which no service reads as fields. Services that decode JSON whatever its type do so here, too.
    File,
    /// A type that frameworks may read in different ways.
    Unknown,
}

/// Returns the kind of body that the value of a content-type header announces.
pub(crate) fn kind(content_type: &[u8]) -> BodyKind<'_> {
    let mut parameters = content_type.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let essence = parameters.next().unwrap_or_default();
    let (mut boundary, mut charset, mut odd) = (None, false, false);
    for parameter in parameters {
        let (name, value) = split_once(parameter, b'=');
        let quoted = value.starts_with(b"\"");
        let value = value.strip_prefix(b"\"").map_or(Some(value), |rest| rest.strip_suffix(b"\""));
        match (name, value) {
            (b"charset", Some(value)) if !charset && value.eq_ignore_ascii_case(b"utf-8") => charset = true,
            (b"boundary", Some(value)) if boundary.is_none() && multipart::is_boundary(value, quoted) => {
                boundary = Some(value);
            }
            _ => odd = true,
        }
    }
    match (essence, boundary) {
        _ if odd => BodyKind::Unknown,
        (b"application/x-www-form-urlencoded", None) => BodyKind::Form,
        (b"multipart/form-data", Some(boundary)) => BodyKind::Multipart(boundary),
        (b"application/json", None) => BodyKind::Json { exact: true },
        (essence, None) if is_like_json(essence) => BodyKind::Json { exact: false },
        (essence, None) if !charset && is_file(essence) => BodyKind::File,
        _ => BodyKind::Unknown,
    }
}

/// Returns whether a body may be JSON to a service that decodes it whatever its type. It may, unless its first byte
/// after spaces and control bytes is one that no decoder skips and that begins no object or array in any encoding:
/// Ruby's decoders skip comments, Python's detect UTF-16 and UTF-32.
pub(crate) fn may_be_json(body: &[u8]) -> bool {
    let skipped = |byte: &u8| byte.is_ascii_whitespace() || byte.is_ascii_control();
    let at = body.iter().position(|byte| !skipped(byte)).unwrap_or(body.len());
    match body[at..] {
        // Byte order marks, and the first bytes of spaces beyond ASCII.
        [0xc2 | 0xe1..=0xe3 | 0xef | 0xfe, ..] | [0xff, 0xfe, ..] => true,
        [first, ..] => first.is_ascii() && !first.is_ascii_alphanumeric() && !b"<-%\"_&=+.~*!$'".contains(&first),
        [] => false,
    }
}

/// Returns whether a content type names a charset other than UTF-8 and its subset. Django also decodes the query by it,
/// whether there is a body or not.
pub(crate) fn has_odd_charset(content_type: &[u8]) -> bool {
    let lower = content_type.to_ascii_lowercase();
    memchr::memmem::find_iter(&lower, b"charset").any(|at| {
        let value = lower[at + b"charset".len()..].trim_ascii_start();
        let value = value.strip_prefix(b"=").unwrap_or(value).trim_ascii_start();
        let end = value.iter().position(|byte| *byte == b';').unwrap_or(value.len());
        let value = value[..end].trim_ascii_end();
        let value = value.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(value);
        !matches!(value, b"utf-8" | b"us-ascii")
    })
}

/// The byte order mark of UTF-8.
pub(crate) const BOM: &[u8] = b"\xef\xbb\xbf";

/// Matches `text/json`, `application/vnd.api+json`: some services read them as JSON, the others do not read them.
fn is_like_json(essence: &[u8]) -> bool {
    let named = essence.strip_prefix(b"application/").and_then(|name| name.strip_suffix(b"+json"));
    matches!(essence, b"text/json" | b"application/x-json") || named.is_some_and(is_plain)
}

fn is_plain(name: &[u8]) -> bool {
    name.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(byte))
}

/// Returns whether the type marks the body as a file.
fn is_file(essence: &[u8]) -> bool {
    let family = [&b"image/"[..], b"audio/", b"video/", b"font/"];
    matches!(essence, b"application/octet-stream" | b"application/pdf" | b"application/zip" | b"application/gzip")
        || family.iter().any(|family| essence.strip_prefix(*family).is_some_and(is_plain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_those_that_services_agree_on() {
        for form in ["application/x-www-form-urlencoded", "application/x-www-form-urlencoded; charset=UTF-8"] {
            assert_eq!(kind(form.as_bytes()), BodyKind::Form, "{form}");
        }
        for boundary in ["multipart/form-data; boundary=XX", "multipart/form-data; boundary=\"XX\"; charset=utf-8"] {
            assert_eq!(kind(boundary.as_bytes()), BodyKind::Multipart(b"XX"), "{boundary}");
        }
        for json in ["application/json", "application/json;charset=\"utf-8\""] {
            assert_eq!(kind(json.as_bytes()), BodyKind::Json { exact: true }, "{json}");
        }
        for json in ["application/problem+json", "text/json", "application/vnd.api+json", "application/x-json"] {
            assert_eq!(kind(json.as_bytes()), BodyKind::Json { exact: false }, "{json}");
        }
        for file in ["application/octet-stream", "image/jpeg", "image/vnd.microsoft.icon"] {
            assert_eq!(kind(file.as_bytes()), BodyKind::File, "{file}");
        }
        for unknown in [
            // Types that are none of these, or only for some.
            &["", "text/plain", "text/xml", "image/svg+xml", "image/x+json", "image/png/json", "application/a/b+json"]
                [..],
            &["Application/X-WWW-Form-URLencoded", "application/x-www-form-urlencoded, application/json"],
            &["multipart/form-data", "multipart/mixed; boundary=XX", "application/jsön"],
            // Parameters that a type does not need.
            &["image/png; x=/json", "image/png; charset=utf-8", "application/json; v=1", "application/json;"],
            &["application/x-www-form-urlencoded; boundary=XX", "multipart/form-data; x=boundary=XX"],
            // Charsets.
            &["application/x-www-form-urlencoded; charset=utf-16", "application/json; charset=utf-16"],
            &["application/x-www-form-urlencoded; charset=iso-8859-1"],
            &["application/json; charset=utf-8; charset=utf-8"],
            // Boundaries.
            &["multipart/form-data; boundary=XX; boundary=YY", "multipart/form-data; boundary=XX,YY"],
            &["multipart/form-data; boundary=\"XX", "multipart/form-data; boundary=X X"],
            &["multipart/form-data; Boundary=XX", "multipart/form-data; boundary =XX"],
            &["multipart/form-data; boundary*=utf-8''XX"],
        ]
        .concat()
        {
            assert_eq!(kind(unknown.as_bytes()), BodyKind::Unknown, "{unknown}");
        }
    }

    #[test]
    fn charsets_that_change_how_a_query_is_read_are_odd() {
        for plain in ["text/html", "a/b; charset=UTF-8", "a/b;charset=\"utf-8\"; x=1", "a/b; charset=us-ascii", ""] {
            assert!(!has_odd_charset(plain.as_bytes()), "{plain}");
        }
        for odd in [
            "a/b; charset=utf-7",
            "a/b; Charset = utf-16",
            "a/b; charset",
            "a/b; charset=utf-8; charset=utf-7",
            "a/b; charset*=utf-7",
            "a/b; charset=utf-8,utf-7",
            "charset=cp037",
        ] {
            assert!(has_odd_charset(odd.as_bytes()), "{odd}");
        }
    }

    #[test]
    fn what_a_decoder_of_json_would_take_is_noticed() {
        for json in ["{}", " \r\n\t[", "\u{feff}{", "\0{", "\0\0\0{", "/**/{", " //\n{", "#\n{", "\u{2028}{", "\u{a0}["]
        {
            assert!(may_be_json(json.as_bytes()), "{json:?}");
        }
        let marked: [&[u8]; 4] = [b"\xff\xfe{\0", b"\xfe\xff\0{", b"\0\0\xfe\xff\0\0\0{", b"\xff\xfe\0\0{\0\0\0"];
        assert!(marked.iter().all(|json| may_be_json(json)));
        for other in ["", "a=b", "--XX", "\"text\"", "7", "%PDF-1.7", "_a=b", "GIF89a", "<svg/>", "PK\u{3}\u{4}"] {
            assert!(!may_be_json(other.as_bytes()), "{other:?}");
        }
        let files: [&[u8]; 6] = [
            b"\x89PNG\r\n",
            b"\xff\xd8\xff\xe0",
            b"\x1f\x8b\x08",
            b"\0\0\0 ftypmp42",
            b"\xd0\xcf\x11\xe0",
            b"\0\x01\0\0\0\x0cGDEF",
        ];
        assert!(!files.iter().any(|file| may_be_json(file)));
    }
}
