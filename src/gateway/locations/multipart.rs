//! `multipart/form-data` (RFC 7578), read so strictly that no service can read it differently: a boundary of characters
//! at which no parser truncates, nothing before the first delimiter and nothing after the last, the boundary nowhere
//! but in delimiters, lines that end with CR LF, only the part headers that forms have, and fields whose name is given
//! once and plainly.

use crate::gateway::fault::Fault;

/// A field of a form.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'a> {
    /// Its name, not decoded.
    pub(crate) name: &'a [u8],
    /// Whether every parser reads it as a field: it has no file name, and no type other than text.
    pub(crate) plain: bool,
    pub(crate) value: &'a [u8],
}

/// Most headers of a part.
const MAX_HEADERS: usize = 8;
/// Longest line of a part's header, in bytes.
const MAX_LINE: usize = 1024;

/// Returns whether every parser reads `boundary` alike: it consists of those characters of RFC 2046 at which none
/// truncates, as PHP does at a comma. An equals sign, which Symfony and JavaMail use, must be in quotes.
pub(crate) fn is_boundary(boundary: &[u8], quoted: bool) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte) || quoted && *byte == b'=';
    (1..=70).contains(&boundary.len())
        && boundary.iter().all(plain)
        // Rack looks for the last one.
        && find(&boundary.to_ascii_lowercase(), b"boundary=").is_none()
}

/// Passes each part of `body` to `take`.
pub(crate) fn read<'a>(
    body: &'a [u8],
    boundary: &[u8],
    mut take: impl FnMut(Part<'a>) -> Result<(), Fault>,
) -> Result<(), Fault> {
    let delimiter = [b"--", boundary].concat();
    let mut rest =
        body.strip_prefix(&*delimiter).ok_or(Fault::Multipart("there is content before the first delimiter"))?;
    loop {
        if let Some(end) = rest.strip_prefix(b"--") {
            return if end.is_empty() || end == b"\r\n" {
                Ok(())
            } else {
                Err(Fault::Multipart("there is content after the end"))
            };
        }
        rest = rest.strip_prefix(b"\r\n").ok_or(Fault::Multipart("a delimiter is malformed, or the end is missing"))?;
        let at = find(rest, &delimiter).ok_or(Fault::Multipart("the end is missing"))?;
        let part = rest[..at].strip_suffix(b"\r\n").ok_or(Fault::Multipart("the boundary occurs within a line"))?;
        take(parse_part(part).map_err(Fault::Multipart)?)?;
        rest = &rest[at + delimiter.len()..];
    }
}

fn parse_part(part: &[u8]) -> Result<Part<'_>, &'static str> {
    let mut disposition: Option<(&[u8], bool)> = None;
    let (mut is_text, mut is_utf8) = (true, true);
    let mut seen: u8 = 0;
    let mut rest = part;
    for _ in 0..=MAX_HEADERS {
        let end = find(&rest[..rest.len().min(MAX_LINE)], b"\r\n").ok_or("a part has no content")?;
        let line = &rest[..end];
        rest = &rest[end + 2..];
        if line.is_empty() {
            let (name, file) = disposition.ok_or("a part has no name")?;
            if !is_utf8 && !rest.is_ascii() {
                return Err("a part is not valid UTF-8");
            }
            return Ok(Part { name, plain: !file && is_text, value: rest });
        }
        let at = line.iter().position(|byte| *byte == b':').ok_or("a header has no colon")?;
        let (name, value) = (&line[..at], &line[at + 1..]);
        let known = HEADERS.iter().position(|header| name.eq_ignore_ascii_case(header));
        let known = known.ok_or("a part has a header that is not allowed in forms")?;
        if seen & 1 << known != 0 {
            return Err("a part has the same header twice");
        }
        seen |= 1 << known;
        if value.iter().any(u8::is_ascii_control) {
            return Err("a header has a control byte");
        }
        let value = value.trim_ascii();
        match HEADERS[known] {
            b"content-disposition" => disposition = Some(parse_disposition(value)?),
            b"content-transfer-encoding"
                if ![&b"binary"[..], b"8bit", b"7bit"].iter().any(|plain| value.eq_ignore_ascii_case(plain)) =>
            {
                return Err("a part is encoded");
            }
            b"content-type" => {
                let lower = value.to_ascii_lowercase();
                let mut pieces = lower.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
                let essence = pieces.next().unwrap_or_default();
                // Some parsers descend into a part that has parts of its own.
                if essence.starts_with(b"multipart") {
                    return Err("a part is itself multipart");
                }
                // Rack looks for the part's name in this header, too.
                if !is_type(essence) {
                    return Err("a part has an ambiguous content type");
                }
                is_utf8 = match (pieces.next(), pieces.next()) {
                    (None, _) => true,
                    (Some(charset), None) => parse_charset(charset)?,
                    _ => return Err("a part has an ambiguous content type"),
                };
                is_text = essence == b"text/plain";
            }
            b"content-length" if !value.iter().all(u8::is_ascii_digit) => {
                return Err("a part has a length that is not a number");
            }
            _ => {}
        }
    }
    Err("a part has too many headers")
}

/// The headers that clients give to parts of forms.
const HEADERS: [&[u8]; 4] = [b"content-disposition", b"content-type", b"content-length", b"content-transfer-encoding"];

/// Returns the name, and whether it is a file, of `form-data; name="…"; filename="…"`.
fn parse_disposition(value: &[u8]) -> Result<(&[u8], bool), &'static str> {
    const ODD: &str = "a part has an ambiguous name";

    let (kind, mut rest) = value.split_at_checked(b"form-data".len()).ok_or(ODD)?;
    if !kind.eq_ignore_ascii_case(b"form-data") {
        return Err(ODD);
    }
    let (mut name, mut file, mut extended) = (None, false, false);
    while !rest.is_empty() {
        rest = rest.strip_prefix(b";").ok_or(ODD)?.trim_ascii_start();
        let at = rest.iter().position(|byte| *byte == b'=').ok_or(ODD)?;
        let parameter = rest[..at].to_ascii_lowercase();
        rest = &rest[at + 1..];
        let value = if let Some(quoted) = rest.strip_prefix(b"\"") {
            let end = quoted.iter().position(|byte| *byte == b'"').ok_or(ODD)?;
            rest = &quoted[end + 1..];
            &quoted[..end]
        } else {
            // .NET writes names without quotes where possible.
            let end = rest.iter().position(|byte| *byte == b';').unwrap_or(rest.len());
            let (value, after) = rest.split_at(end);
            rest = after;
            let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
            let checked = if parameter == b"filename*" { value.strip_prefix(b"utf-8''").ok_or(ODD)? } else { value };
            if checked.is_empty()
                || !checked.iter().all(|byte| plain(byte) || parameter == b"filename*" && *byte == b'%')
            {
                return Err(ODD);
            }
            value
        };
        match &*parameter {
            // Some parsers treat a backslash as an escape, others as a literal; those that do not support quotes
            // truncate at a semicolon; and some decode `=?utf-8?Q?…?=`.
            b"name" if name.is_none() && !value.is_empty() && !value.iter().any(|byte| b"\\;=?".contains(byte)) => {
                name = Some(value);
            }
            // Nor may it contain what a parser without support for quotes reads as the name.
            b"filename" if !file && !value.contains(&b'\\') && !holds_parameter(value) => file = true,
            b"filename*" if !extended && !value.contains(&b'"') => extended = true,
            _ => return Err(ODD),
        }
    }
    // Some parsers treat a part as a file only if it has the plain one.
    if extended && !file {
        return Err(ODD);
    }
    Ok((name.ok_or(ODD)?, file))
}

/// Returns whether a file's name contains `; name=` or `; filename=`, in any case, with or without blanks.
fn holds_parameter(value: &[u8]) -> bool {
    let lower = value.to_ascii_lowercase();
    lower.split(|byte| *byte == b';').skip(1).any(|piece| {
        let piece = piece.trim_ascii_start();
        piece.starts_with(b"name") || piece.starts_with(b"filename")
    })
}

/// Returns whether `essence`, in lower case, is a type as RFC 6838 restricts its names.
fn is_type(essence: &[u8]) -> bool {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(byte);
    let mut halves = essence.split(|byte| *byte == b'/');
    halves.by_ref().take(2).filter(|half| !half.is_empty() && half.iter().all(plain)).count() == 2
        && halves.next().is_none()
}

/// Returns whether a part's parameter, in lower case, declares UTF-8; or else a charset in which ASCII means the same.
fn parse_charset(parameter: &[u8]) -> Result<bool, &'static str> {
    let set = parameter.strip_prefix(b"charset=").unwrap_or_default();
    let set = set.strip_prefix(b"\"").map_or(Some(set), |rest| rest.strip_suffix(b"\"")).unwrap_or_default();
    match set {
        b"utf-8" | b"utf8" => Ok(true),
        b"us-ascii" | b"iso-8859-1" | b"iso-8859-15" | b"windows-1252" | b"windows-1251" => Ok(false),
        _ => Err("a part is not valid UTF-8"),
    }
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
    fn names_without_quotes_and_further_names_of_files_are_read() {
        let net = "--XX\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Disposition: form-data; name=site\r\n\r\nmain\r\n\
                   --XX\r\nContent-Disposition: form-data; name=f; filename=a.png; filename*=utf-8''a%20b.png\r\n\r\nx\r\n--XX--\r\n";
        assert_eq!(parts(net).unwrap(), [("site".into(), false, "main".into()), ("f".into(), true, "x".into())]);
        let named = format!(
            "{HEAD}\r\nmain\r\n--XX\r\nContent-Disposition: form-data; name=\"f\"; filename=\"surname=x.png\"\r\n\r\nx\r\n--XX--"
        );
        assert_eq!(parts(&named).unwrap().len(), 2);
        let java = format!(
            "{HEAD}Content-Type: text/plain; charset=ISO-8859-1\r\nContent-Transfer-Encoding: 8bit\r\n\r\nmain\r\n--XX--"
        );
        assert_eq!(parts(&java).unwrap(), [("site".into(), false, "main".into())]);
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
            format!("{HEAD}Content-Type: text/plain; charset=iso-8859-1\r\n\r\nm\u{e4}in\r\n--XX--"),
            format!("{HEAD}Content-Type: text/plain; a=\"Content-Disposition: x; name=site\"\r\n\r\nmain\r\n--XX--"),
            format!("{HEAD}Content-Type: Content-Disposition: x; name=site\r\n\r\nmain\r\n--XX--"),
            format!("{HEAD}Content-Type: text/plain; charset=utf-8; name=site\r\n\r\nmain\r\n--XX--"),
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
            // Quotes and blanks.
            &["name=si\"te", "name=", "name=a b", "name='site'", "name=\"\"", "name =\"site\""][..],
            &["name=\"site\"x", "name=\"site\";"],
            // Two names, one within the other, or none.
            &["name=site; name=\"a\"", "name=\"a\"; name=\"site\"", "name=\"a; name=site\"", "name=\"a;b\""],
            &["name=\"a\\\"; name=\"site\"", "filename=\"x\""],
            // Encodings.
            &["name=\"=?utf-8?Q?site?=\"", "name*=utf-8''site", "name=\"a\"; name*=\"site\""],
            &["name=\"a\"; filename*=utf-8''b", "name=\"a\"; filename=\"b\"; filename*=utf-16''b"],
            // Names of files that hold a name.
            &["name=\"a\"; filename=\"b\\c\"", "name=\"a\"; filename=\"b; name=site\""],
            &["name=\"a\"; filename=\"b;Name =site\"", "name=\"a\"; filename=\"b; filename*=x\""],
            &["name=\"a\"; filename=\"b\"; filename*=utf-8''b\""],
            &["name=\"a\"; filename=\"b\"; filename*=\"b\\\"; name=site\""],
        ]
        .concat()
        {
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
        for plain in ["------------------------d74496d66958873e", "----WebKitFormBoundary_x7", "6565a.1234"] {
            assert!(is_boundary(plain.as_bytes(), false) && is_boundary(plain.as_bytes(), true), "{plain}");
        }
        assert!(is_boundary(b"----=_Part_1_2.3", true) && !is_boundary(b"----=_Part_1_2.3", false));
        for odd in ["", "a b", "a\"", &"a".repeat(71), "x; boundary=y", "xBoundary=y"] {
            assert!(!is_boundary(odd.as_bytes(), true), "{odd}");
        }
        for cut in [b',', b';', b'\'', b'(', b')', b'+', b'/', b':', b'?'] {
            assert!(!is_boundary(&[b'X', cut, b'Y'], true), "{cut}");
        }
    }
}
