//! The path canonicalizer: returns the one path that a request means, or why there is none.
//!
//! Services behind a gateway parse paths in their own ways: some decode twice, some drop `;x=1`, some fold `a/../b`. A
//! path that two of them could parse differently is refused here with a [`PathFault`]. The rules, in this order:
//!
//! 1. Everything from the first `?` or `#` on is removed.
//! 2. Over [`MAX_LEN`] bytes: [`PathFault::TooLong`]. Not starting with `/`: [`PathFault::NotRooted`]. `/` is the root.
//! 3. The segments between the slashes are checked from left to right. Within one, the leftmost invalid byte decides:
//!    raw or escaped backslash, raw or escaped control byte (0 to 31 and 127), escaped slash, `%` without two
//!    hexadecimal digits, raw `;`. Without one: invalid UTF-8, raw or decoded. Otherwise: empty (a trailing slash makes
//!    an empty last segment), or `.` or `..` after decoding.
//! 4. Escapes of unreserved characters (letters, digits, `-._~`) are decoded, once; the digits of all others become
//!    upper-case. Raw bytes that a path cannot contain (spaces, quotes, braces, non-ASCII) are escaped. `!$&'()*+,=:@`
//!    are unchanged. A result longer than [`MAX_LEN`]: [`PathFault::TooLong`].
//!
//! Decoding once means that `%252e` stays `%252e`. The result is ASCII and canonical: canonicalizing it again changes
//! nothing. `tests/vectors/path.json` contains the rules as test cases for any language.

use std::borrow::Cow;
use std::fmt;

use super::pattern::Verb;
use super::text::named;

/// The longest path, in bytes, before and after canonicalization, without query and fragment.
pub const MAX_LEN: usize = 8192;

/// A path with one meaning: `/` and segments that are neither empty nor dots, in RFC 3986's characters.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CanonicalPath<'a>(Cow<'a, str>);

impl CanonicalPath<'_> {
    /// Returns the path; starts with a slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the segments from left to right, still escaped; none for `/`. See [`decode`].
    pub fn segments(&self) -> impl Iterator<Item = &str> {
        self.inner().split('/').filter(|segment| !segment.is_empty())
    }

    /// Returns the path without its first slash: empty for the root.
    pub(super) fn inner(&self) -> &str {
        &self.0[1..]
    }
}

impl fmt::Display for CanonicalPath<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

named! {
    /// Why a path has no single meaning, which results in PATH_AMBIGUOUS; by the name in the published vectors.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum PathFault {
        /// Longer than [`MAX_LEN`].
        TooLong = "too_long",
        /// Does not start with a slash.
        NotRooted = "not_rooted",
        /// `//` or a trailing slash.
        EmptySegment = "empty_segment",
        /// `.` or `..`, raw or escaped.
        DotSegment = "dot_segment",
        /// `%2F`.
        EncodedSlash = "encoded_slash",
        /// `\` or `%5C`.
        Backslash = "backslash",
        /// A byte from 0 to 31 or 127, raw or escaped.
        ControlByte = "control_byte",
        /// `%` without two hexadecimal digits.
        BadEscape = "bad_escape",
        /// A raw `;`, which some services drop together with the rest.
        Semicolon = "semicolon",
        /// Bytes, raw or decoded, that are not UTF-8.
        NotUtf8 = "not_utf8",
    }
}

/// Canonicalizes a request's path, or returns the first fault by the rules of this module. Allocates only if needed.
pub fn canonicalize(path: &str) -> Result<CanonicalPath<'_>, PathFault> {
    match clean_len(path.as_bytes()) {
        Some(end) => Ok(CanonicalPath(Cow::Borrowed(&path[..end]))),
        None => rewrite(path.as_bytes()).map(|path| CanonicalPath(Cow::Owned(path))),
    }
}

/// Canonicalizes a path from the wire, which may not be UTF-8.
pub fn canonicalize_bytes(path: &[u8]) -> Result<CanonicalPath<'_>, PathFault> {
    let clean = clean_len(path).and_then(|end| std::str::from_utf8(&path[..end]).ok());
    match clean {
        Some(path) => Ok(CanonicalPath(Cow::Borrowed(path))),
        None => rewrite(path).map(|path| CanonicalPath(Cow::Owned(path))),
    }
}

/// Returns whether the path of `target`, up to its query, has the same meaning for a service that decodes it once, one
/// that compares it unchanged, one behind a proxy that decodes it again, one whose server writes the path into a query,
/// and one whose server splits a script off: it has no escape of an unreserved character, no escaped percent sign that
/// starts an escape, no `&`, `?` or `#` escaped or not, and nothing after a segment such as `index.php`. A gateway
/// forwards paths unchanged but decides on their canonical meaning.
pub fn is_safe_to_forward(target: &[u8]) -> bool {
    let end = target.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(target.len());
    let path = &target[..end];
    if path.contains(&b'&') || continues_after_script(path) {
        return false;
    }
    let hex = |digits: Option<&[u8]>| digits.is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    let mut rest = path;
    while let Some(at) = memchr::memchr(b'%', rest) {
        rest = &rest[at + 1..];
        let &[high, low, ref after @ ..] = rest else { return true };
        match hex_byte(high, low) {
            Some(b'%') if hex(after.get(..2)) => return false,
            Some(b'%') if matches!(after.first(), Some(b'u' | b'U')) && hex(after.get(1..5)) => return false,
            Some(b'&' | b'?' | b'#') => return false,
            Some(byte) if is_unreserved(byte) => return false,
            _ => {}
        }
    }
    true
}

/// Returns whether segments follow one that looks like a script: CGI uses those as the path, and Symfony treats
/// everything before them as the base of the service.
fn continues_after_script(path: &[u8]) -> bool {
    const SCRIPTS: [&[u8]; 13] =
        [b"php", b"php3", b"php4", b"php5", b"php7", b"php8", b"phtml", b"phar", b"cgi", b"fcgi", b"pl", b"py", b"rb"];
    const OTHERS: [&[u8]; 5] = [b"asp", b"aspx", b"ashx", b"jsp", b"cfm"];
    let mut segments = path.split(|byte| *byte == b'/').rev();
    segments.next();
    segments.any(|segment| {
        let mut pieces = segment.rsplit(|byte| *byte == b'.');
        let extension = pieces.next().unwrap_or_default();
        pieces.next().is_some() && SCRIPTS.iter().chain(&OTHERS).any(|script| extension.eq_ignore_ascii_case(script))
    })
}

/// Decodes the escapes in a segment of a [`CanonicalPath`].
pub fn decode(segment: &str) -> Cow<'_, str> {
    if !segment.contains('%') {
        return Cow::Borrowed(segment);
    }
    match String::from_utf8(decoded(segment).collect()) {
        Ok(text) => Cow::Owned(text),
        // Only for a text that is not a canonical segment.
        Err(bytes) => Cow::Owned(String::from_utf8_lossy(bytes.as_bytes()).into_owned()),
    }
}

/// Returns the decoded bytes of a segment of a canonical path.
pub(super) fn decoded(segment: &str) -> impl Iterator<Item = u8> {
    let mut rest = segment.as_bytes();
    std::iter::from_fn(move || {
        let (byte, len) = match *rest {
            [] => return None,
            [b'%', high, low, ..] => match hex_byte(high, low) {
                Some(byte) => (byte, 3),
                None => (b'%', 1),
            },
            [byte, ..] => (byte, 1),
        };
        rest = &rest[len..];
        Some(byte)
    })
}

/// The method that a caller sends: `[VERB ]path`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestMethod<'a> {
    /// The verb, if one was sent.
    pub verb: Option<Verb>,
    /// The path, unchanged, for [`canonicalize`].
    pub path: &'a str,
}

impl<'a> RequestMethod<'a> {
    /// Parses `GET /api/v5/orders` or `/api/v5/orders`. Only [`canonicalize`] checks the path.
    pub fn parse(text: &'a str) -> Option<Self> {
        if text.starts_with('/') {
            return Some(Self { verb: None, path: text });
        }
        let (verb, path) = text.split_once(' ')?;
        path.starts_with('/').then_some(Self { verb: Some(verb.parse().ok()?), path })
    }
}

/// The role of a raw byte in a path.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Unchanged: unreserved, or `!$&'()*+,=:@`.
    Plain,
    Slash,
    /// Starts the query or the fragment.
    End,
    /// Needs the slow path.
    Odd,
}

const CLASSES: [Class; 256] = {
    let mut classes = [Class::Odd; 256];
    let mut byte = 0_u8;
    loop {
        classes[byte as usize] = match byte {
            b'/' => Class::Slash,
            b'?' | b'#' => Class::End,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b'=' | b':' | b'@' => Class::Plain,
            _ if is_unreserved(byte) => Class::Plain,
            _ => Class::Odd,
        };
        if byte == u8::MAX {
            break;
        }
        byte += 1;
    }
    classes
};

const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// Returns the end of the path if it is canonical already. One pass, since nearly all paths are.
fn clean_len(bytes: &[u8]) -> Option<usize> {
    if bytes.first() != Some(&b'/') {
        return None;
    }
    let mut end = bytes.len();
    let mut begin = 1;
    for (at, byte) in bytes.iter().enumerate().skip(1) {
        match CLASSES[usize::from(*byte)] {
            Class::Plain => {}
            Class::Slash if is_name(&bytes[begin..at]) => begin = at + 1,
            Class::End => {
                end = at;
                break;
            }
            Class::Slash | Class::Odd => return None,
        }
    }
    (end <= MAX_LEN && (end == 1 || is_name(&bytes[begin..end]))).then_some(end)
}

fn is_name(segment: &[u8]) -> bool {
    !matches!(segment, b"" | b"." | b"..")
}

/// The slow path: applies the rules of this module one by one.
fn rewrite(bytes: &[u8]) -> Result<String, PathFault> {
    let end = bytes.iter().position(|byte| matches!(byte, b'?' | b'#')).unwrap_or(bytes.len());
    if end > MAX_LEN {
        return Err(PathFault::TooLong);
    }
    let inner = bytes[..end].strip_prefix(b"/").ok_or(PathFault::NotRooted)?;
    if inner.is_empty() {
        return Ok("/".to_owned());
    }
    let mut canonical = String::with_capacity(end + 16);
    let mut decoded = Vec::with_capacity(end);
    for segment in inner.split(|byte| *byte == b'/') {
        canonical.push('/');
        let begin = canonical.len();
        rewrite_segment(segment, &mut canonical, &mut decoded)?;
        match &canonical[begin..] {
            "" => return Err(PathFault::EmptySegment),
            "." | ".." => return Err(PathFault::DotSegment),
            _ => {}
        }
    }
    if canonical.len() > MAX_LEN {
        return Err(PathFault::TooLong);
    }
    Ok(canonical)
}

fn rewrite_segment(segment: &[u8], canonical: &mut String, decoded: &mut Vec<u8>) -> Result<(), PathFault> {
    decoded.clear();
    let mut rest = segment;
    while let [first, after @ ..] = rest {
        let escaped = *first == b'%';
        let byte = if escaped {
            let [high, low, behind @ ..] = after else { return Err(PathFault::BadEscape) };
            rest = behind;
            hex_byte(*high, *low).ok_or(PathFault::BadEscape)?
        } else {
            rest = after;
            *first
        };
        match byte {
            b'\\' => return Err(PathFault::Backslash),
            b'/' => return Err(PathFault::EncodedSlash),
            b';' if !escaped => return Err(PathFault::Semicolon),
            _ if byte.is_ascii_control() => return Err(PathFault::ControlByte),
            _ => {}
        }
        decoded.push(byte);
        let stays = if escaped { is_unreserved(byte) } else { CLASSES[usize::from(byte)] == Class::Plain };
        push(canonical, byte, stays);
    }
    // Check the raw bytes too: no client writes a character half raw and half escaped.
    if std::str::from_utf8(segment).is_err() || std::str::from_utf8(decoded).is_err() {
        return Err(PathFault::NotUtf8);
    }
    Ok(())
}

/// Appends a byte as it is if `plain`, else escaped.
fn push(text: &mut String, byte: u8, plain: bool) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    if plain {
        text.push(char::from(byte));
    } else {
        text.push('%');
        text.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
    }
}

/// Escapes everything but unreserved characters, as for the value of a query.
pub fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    text.bytes().for_each(|byte| push(&mut encoded, byte, is_unreserved(byte)));
    encoded
}

/// Returns the byte that two hexadecimal digits encode.
pub fn hex_byte(high: u8, low: u8) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    Some(digit(high)? * 16 + digit(low)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clean_path_is_borrowed() {
        for path in ["/", "/api/v5/orders", "/api/v5/orders?site=a#b"] {
            assert!(matches!(canonicalize(path), Ok(CanonicalPath(Cow::Borrowed(_)))), "{path}");
            assert!(matches!(canonicalize_bytes(path.as_bytes()), Ok(CanonicalPath(Cow::Borrowed(_)))), "{path}");
        }
    }

    #[test]
    fn segments_are_those_between_the_slashes_and_decode_as_people_write_them() {
        let path = canonicalize("/a/%D0%B7%20b/c").expect("a path");
        assert_eq!(path.segments().collect::<Vec<_>>(), ["a", "%D0%B7%20b", "c"]);
        assert_eq!(path.segments().map(decode).collect::<Vec<_>>(), ["a", "з b", "c"]);
        assert_eq!(canonicalize("/").expect("the root").segments().count(), 0);
        assert_eq!(decode("100%"), "100%");
        assert_eq!(decode("%FF"), "\u{fffd}");
    }

    #[test]
    fn a_request_method_is_an_optional_verb_and_a_path() {
        let parse = |text| RequestMethod::parse(text).expect(text);
        assert_eq!(parse("GET /a b"), RequestMethod { verb: Some(Verb::GET), path: "/a b" });
        assert_eq!(parse("/a"), RequestMethod { verb: None, path: "/a" });
        assert_eq!(parse("PURGE /../"), RequestMethod { verb: Some("PURGE".parse().expect("a verb")), path: "/../" });
        for text in ["", "GET", "GET ", "orders/1", "GET  /a", "GET a/b", "get /a", " /a"] {
            assert_eq!(RequestMethod::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn every_fault_has_its_own_name() {
        let names: std::collections::HashSet<_> = PathFault::ALL.iter().map(|fault| fault.as_str()).collect();
        assert_eq!(names.len(), PathFault::ALL.len());
    }
}
