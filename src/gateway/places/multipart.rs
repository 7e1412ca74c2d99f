//! `multipart/form-data` (RFC 7578), read so strictly that nobody can read it otherwise: a boundary of characters that no
//! parser cuts at, nothing before the first delimiter and nothing after the last, the boundary nowhere but in delimiters,
//! lines that end with CR LF, the part headers that forms have and no others, and fields whose name is given once and
//! plainly.

use crate::gateway::fault::Fault;

/// A field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// Its name, nothing undone.
    pub(crate) name: &'a [u8],
    /// Whether every parser takes it for a field: it has no file name, and no type but that of text.
    pub(crate) plain: bool,
    /// What it holds.
    pub(crate) value: &'a [u8],
}

/// Most headers of a part.
const MAX_HEADERS: usize = 8;
/// Longest line of a part's header, in bytes.
const MAX_LINE: usize = 1024;

/// Whether `boundary` is one that everybody takes for the same: of RFC 2046's characters those that no parser cuts at, as
/// PHP does at a comma.
pub(crate) fn is_boundary(boundary: &[u8]) -> bool {
    (1..=70).contains(&boundary.len())
        && boundary.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(byte))
}

/// Hands each part of `body` to `take`.
pub(crate) fn read<'a>(
    body: &'a [u8],
    boundary: &[u8],
    mut take: impl FnMut(Part<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let delimiter = [b"--", boundary].concat();
    let mut rest = body.strip_prefix(&*delimiter).ok_or(Fault::Multipart("it begins with something else"))?;
    loop {
        if let Some(end) = rest.strip_prefix(b"--") {
            return if end.is_empty() || end == b"\r\n" {
                Ok(())
            } else {
                Err(Fault::Multipart("something stands behind its end"))
            };
        }
        rest = rest.strip_prefix(b"\r\n").ok_or(Fault::Multipart("a delimiter goes on, or it has no end"))?;
        let at = find(rest, &delimiter).ok_or(Fault::Multipart("it has no end"))?;
        let part = rest[..at].strip_suffix(b"\r\n");
        take(part_of(part.ok_or(Fault::Multipart("the boundary stands in a line"))?)?)?;
        rest = &rest[at + delimiter.len()..];
    }
}

fn part_of(part: &[u8]) -> Result<Part<'_>, Fault> {
    let mut disposition: Option<(&[u8], bool)> = None;
    let mut of_text = true;
    let mut seen: u8 = 0;
    let mut rest = part;
    for _ in 0..=MAX_HEADERS {
        let end = find(&rest[..rest.len().min(MAX_LINE)], b"\r\n").ok_or(Fault::Multipart("a part has no content"))?;
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if line.is_empty() {
            let (name, file) = disposition.ok_or(Fault::Multipart("a part has no name"))?;
            return Ok(Part { name, plain: !file && of_text, value: rest });
        }
        let at = line.iter().position(|byte| *byte == b':').ok_or(Fault::Multipart("a header has no colon"))?;
        let (name, value) = (&line[..at], &line[at + 1..]);
        let known = HEADERS.iter().position(|header| name.eq_ignore_ascii_case(header));
        let known = known.ok_or(Fault::Multipart("a part has a header that forms do not have"))?;
        if seen & 1 << known != 0 {
            return Err(Fault::Multipart("a part has a header twice"));
        }
        seen |= 1 << known;
        if value.iter().any(u8::is_ascii_control) {
            return Err(Fault::Multipart("a header has a control byte"));
        }
        let value = value.trim_ascii();
        match HEADERS[known] {
            b"content-disposition" => disposition = Some(disposition_of(value)?),
            b"content-transfer-encoding"
                if ![&b"binary"[..], b"8bit", b"7bit"].iter().any(|plain| value.eq_ignore_ascii_case(plain)) =>
            {
                return Err(Fault::Multipart("a part is encoded"));
            }
            b"content-type" => {
                let lower = value.to_ascii_lowercase();
                // Some parsers go on into a part that has parts of its own.
                if lower.starts_with(b"multipart") {
                    return Err(Fault::Multipart("a part has parts"));
                }
                if has_odd_charset(&lower) {
                    return Err(Fault::Multipart("a part is not in UTF-8"));
                }
                of_text = lower.split(|byte| *byte == b';').next() == Some(b"text/plain");
            }
            b"content-length" if !value.iter().all(u8::is_ascii_digit) => {
                return Err(Fault::Multipart("a part has a length that is not a number"));
            }
            _ => {}
        }
    }
    Err(Fault::Multipart("a part has too many headers"))
}

/// The headers that clients give to parts of forms.
const HEADERS: [&[u8]; 4] = [b"content-disposition", b"content-type", b"content-length", b"content-transfer-encoding"];

/// Name, and whether it is a file, of `form-data; name="…"; filename="…"`.
fn disposition_of(value: &[u8]) -> Result<(&[u8], bool), Fault> {
    const ODD: Fault = Fault::Multipart("a part's name is not written plainly");

    let (kind, mut rest) = value.split_at_checked(b"form-data".len()).ok_or(ODD)?;
    if !kind.eq_ignore_ascii_case(b"form-data") {
        return Err(ODD);
    }
    let (mut name, mut file) = (None, false);
    while !rest.is_empty() {
        rest = rest.strip_prefix(b";").ok_or(ODD)?.trim_ascii_start();
        let at = find(rest, b"=\"").ok_or(ODD)?;
        let parameter = &rest[..at];
        rest = &rest[at + 2..];
        let end = rest.iter().position(|byte| *byte == b'"').ok_or(ODD)?;
        let value = &rest[..end];
        rest = &rest[end + 1..];
        if parameter.eq_ignore_ascii_case(b"name") && name.is_none() {
            // A backslash escapes to some, and to others it is one.
            if value.is_empty() || value.contains(&b'\\') {
                return Err(ODD);
            }
            name = Some(value);
        } else if parameter.eq_ignore_ascii_case(b"filename") && !file {
            // Nor may it hold what a parser that knows no quotes takes for the name.
            if value.contains(&b'\\') || holds_name(value) {
                return Err(ODD);
            }
            file = true;
        } else {
            return Err(ODD);
        }
    }
    Ok((name.ok_or(ODD)?, file))
}

/// Whether `name`, blanks and `=` stand one behind the other in a file's name, in any case.
fn holds_name(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    memchr::memmem::find_iter(&lower, b"name").any(|at| lower[at + 4..].trim_ascii_start().first() == Some(&b'='))
}

/// Whether a content type in lower case names a charset other than UTF-8 and its subset.
fn has_odd_charset(lower: &[u8]) -> bool {
    let Some(at) = find(lower, b"charset") else { return false };
    let set = lower[at + b"charset".len()..].trim_ascii_start();
    let set = set.strip_prefix(b"=").unwrap_or(set);
    let set: Vec<u8> = set.iter().copied().filter(|byte| !matches!(byte, b'"' | b' ')).collect();
    !matches!(&*set, b"utf-8" | b"utf8" | b"us-ascii")
}

fn find(text: &[u8], sought: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, sought)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str) -> Result<Vec<(String, bool, String)>, Fault> {
        let mut parts = Vec::new();
        read(body.as_bytes(), b"XX", |part| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            parts.push((text(part.name), !part.plain, text(part.value)));
            Ok(())
        })?;
        Ok(parts)
    }

    const HEAD: &str = "--XX\r\nContent-Disposition: form-data; name=\"site\"\r\n";

    #[test]
    fn the_bodies_that_clients_send_are_read() {
        let curl = format!(
            "{HEAD}\r\nmain\r\n--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a;b.txt\"\r\n\
             Content-Type: text/plain\r\n\r\nline\nline\r\n\r\n--XX--\r\n"
        );
        let expected = [("site".into(), false, "main".into()), ("f".into(), true, "line\nline\r\n".into())];
        assert_eq!(parts(&curl).unwrap(), expected);
        assert_eq!(parts("--XX--").unwrap(), []);
        assert_eq!(parts(&format!("{HEAD}\r\n\r\n--XX--")).unwrap(), [("site".into(), false, String::new())]);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_a_fault() {
        let cases = [
            format!("preamble\r\n{HEAD}\r\nmain\r\n--XX--"),
            format!("\r\n{HEAD}\r\nmain\r\n--XX--"),
            format!("{HEAD}\r\nmain\r\n--XX--\r\nepilogue"),
            format!("{HEAD}\r\nmain\r\n--XX"),
            format!("{HEAD}\r\nmain"),
            format!("{HEAD}\r\nmain\n--XX\r\n\r\n--XX--"),
            format!("{HEAD}\r\nmain--XX--\r\n--XX--"),
            format!("{HEAD}\r\nmain\r\n--XXY\r\n--XX--"),
            format!("{HEAD}\r\nmain\r\n--XX \r\n--XX--"),
            format!("{HEAD}Content-Disposition: form-data; name=\"b\"\r\n\r\nmain\r\n--XX--"),
            format!("{HEAD}Content-Transfer-Encoding: base64\r\n\r\nbWFpbg==\r\n--XX--"),
            format!("{HEAD}Content-Type: text/plain; charset=utf-16\r\n\r\nmain\r\n--XX--"),
            format!("{HEAD} folded\r\n\r\nmain\r\n--XX--"),
            format!("{HEAD}X : y\r\n\r\nmain\r\n--XX--"),
            format!("{HEAD}X-Name: y\r\n\r\nmain\r\n--XX--"),
            format!("{HEAD}Content-Type: text/plain\r\nContent-Type: text/plain\r\n\r\nmain\r\n--XX--"),
            format!("{HEAD}Content-Type: multipart/mixed; boundary=YY\r\n\r\n--YY--\r\n--XX--"),
            format!("{HEAD}Content-Length: 4, 5\r\n\r\nmain\r\n--XX--"),
            format!("{}\n\r\n\r\nmain\r\n--XX--", HEAD.trim_end()),
            "--XX\r\nContent-Type: text/plain\r\n\r\nmain\r\n--XX--".to_owned(),
            "--XX\r\n\r\nmain\r\n--XX--".to_owned(),
            "--XX\n\nmain\r\n--XX--".to_owned(),
        ];
        for body in cases {
            assert!(matches!(parts(&body), Err(Fault::Multipart(_))), "{body:?}");
        }
        for name in [
            "name=site",
            "name='site'",
            "name=\"a\"; name=\"site\"",
            "name*=utf-8''site",
            "name=\"a\"; name*=\"site\"",
            "name=\"a\\\"; name=\"site\"",
            "name=\"a\"; filename=\"b\\c\"",
            "name=\"a\"; filename=\"b; name=site\"",
            "name=\"\"",
            "filename=\"x\"",
            "name=\"site\"x",
            "name=\"site\";",
            "name =\"site\"",
        ] {
            let body = format!("--XX\r\nContent-Disposition: form-data; {name}\r\n\r\nmain\r\n--XX--");
            assert!(matches!(parts(&body), Err(Fault::Multipart(_))), "{name}");
        }
        assert!(
            parts(&format!("{}\r\n\r\nmain\r\n--XX--", "--XX\r\nContent-Disposition: file; name=\"site\"")).is_err()
        );
    }

    #[test]
    fn a_part_that_some_take_for_a_file_is_not_plain() {
        for kind in ["application/octet-stream", "application/json", "text/html", "text/plainx"] {
            let body = format!("{HEAD}Content-Type: {kind}\r\n\r\nmain\r\n--XX--");
            assert_eq!(parts(&body).unwrap(), [("site".into(), true, "main".into())], "{kind}");
        }
        let body = format!("{HEAD}Content-Type: text/plain; charset=UTF-8\r\nContent-Length: 4\r\n\r\nmain\r\n--XX--");
        assert_eq!(parts(&body).unwrap(), [("site".into(), false, "main".into())]);
    }

    #[test]
    fn boundaries_are_plain() {
        assert!(is_boundary(b"------------------------d74496d66958873e") && is_boundary(b"----WebKitFormBoundary_x7"));
        assert!(!is_boundary(b"") && !is_boundary(b"a b") && !is_boundary(b"a\"") && !is_boundary(&[b'a'; 71]));
        for cut in [b',', b';', b'\'', b'(', b')', b'+', b'.', b'/', b':', b'=', b'?'] {
            assert!(!is_boundary(&[b'X', cut, b'Y']), "{cut}");
        }
    }
}
