//! How the reference book writes a method: a [`Verb`] and a [`Pattern`], together a [`MethodIdentity`].
//!
//! A pattern is `/` and segments between slashes. A segment is one of
//!
//! | written | matches | example |
//! |---|---|---|
//! | literal | exactly itself | `orders` |
//! | `prefix*` | the prefix, then one or more ASCII digits and nothing else | `v*` matches `v5`, not `v` nor `v5a` |
//! | `{name}` | any one segment | `{externalId}` |
//! | `**`, only last | one or more segments | `/files/**` |
//!
//! A literal may only contain what a canonical path can contain (see [`path`](super::path)), so that every pattern can
//! match some request.

use std::fmt;
use std::str::FromStr;

/// An HTTP verb: 1 to 16 upper-case ASCII letters. Any such token is a verb, `PURGE` as well as `GET`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
// Zero-padded: that preserves the order of the letters and makes a comparison one instruction or two.
pub struct Verb([u8; Verb::MAX_LEN]);

impl Verb {
    /// The longest verb, in letters.
    pub const MAX_LEN: usize = 16;

    /// `GET`
    pub const GET: Self = Self::known(b"GET");
    /// `HEAD`, which falls back to [`Verb::GET`] in look-ups.
    pub const HEAD: Self = Self::known(b"HEAD");
    /// `POST`, the verb of every gRPC call.
    pub const POST: Self = Self::known(b"POST");
    /// `PUT`
    pub const PUT: Self = Self::known(b"PUT");
    /// `PATCH`
    pub const PATCH: Self = Self::known(b"PATCH");

    const fn known(letters: &[u8]) -> Self {
        match Self::read(letters) {
            Some(verb) => verb,
            None => panic!("a verb is 1 to 16 upper-case ASCII letters"),
        }
    }

    const fn read(letters: &[u8]) -> Option<Self> {
        if letters.is_empty() || letters.len() > Self::MAX_LEN {
            return None;
        }
        let mut bytes = [0; Self::MAX_LEN];
        let mut at = 0;
        while at < letters.len() {
            if !letters[at].is_ascii_uppercase() {
                return None;
            }
            bytes[at] = letters[at];
            at += 1;
        }
        Some(Self(bytes))
    }

    /// Returns the letters.
    #[expect(clippy::missing_panics_doc, reason = "letters are UTF-8, and nothing else gets into a verb")]
    pub fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(Self::MAX_LEN);
        std::str::from_utf8(&self.0[..end]).expect("a verb is made of upper-case ASCII letters only")
    }
}

impl FromStr for Verb {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        Self::read(text.as_bytes()).ok_or_else(|| PatternError::Verb { verb: excerpt(text) })
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One segment of a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment<'p> {
    /// Matches exactly this text.
    Literal(&'p str),
    /// Matches this prefix, never empty, and then one or more ASCII digits.
    Partial(&'p str),
    /// Matches any one segment; contains the name in the braces.
    Parameter(&'p str),
    /// Matches one or more segments, up to the end.
    Rest,
}

/// The path of a method, with variable parts: `/api/v*/orders/{externalId}`.
///
/// Validated on creation and stored as written: there is only one way to write a pattern. Ordered bytewise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// The longest pattern, in bytes.
    pub const MAX_LEN: usize = 512;
    /// The most segments in a pattern.
    pub const MAX_SEGMENTS: usize = 32;
    /// The longest parameter name, in bytes.
    pub const MAX_NAME_LEN: usize = 64;

    /// Returns the pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the segments from left to right; none for `/`.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        split(&self.0).map(parse_segment)
    }

    /// Returns the parameter names from left to right. Each name is unique.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(name),
            Segment::Literal(_) | Segment::Partial(_) | Segment::Rest => None,
        })
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if !text.starts_with('/') {
            return Err(PatternError::NotRooted { pattern: excerpt(text) });
        }
        if text.len() > Self::MAX_LEN {
            return Err(PatternError::TooLong { len: text.len() });
        }
        let count = split(text).count();
        if count > Self::MAX_SEGMENTS {
            return Err(PatternError::TooManySegments { count });
        }
        let mut names: Vec<&str> = Vec::new();
        for (at, written) in split(text).enumerate() {
            check_segment(written, at + 1 == count)?;
            if let Segment::Parameter(name) = parse_segment(written) {
                if names.contains(&name) {
                    return Err(PatternError::SameName { name: name.into() });
                }
                names.push(name);
            }
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Why a text is not a valid verb, pattern or method identity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each variant and its fields mean")]
pub enum PatternError {
    #[error("method {method:?} must be a verb, one space and a pattern, such as GET /api/v*/orders/{{externalId}}")]
    NoVerb { method: Box<str> },
    #[error("verb {verb:?} must be 1 to {max} upper-case ASCII letters, such as GET", max = Verb::MAX_LEN)]
    Verb { verb: Box<str> },
    #[error("pattern {pattern:?} must start with a slash, such as /api/orders")]
    NotRooted { pattern: Box<str> },
    #[error("pattern has {len} bytes; the maximum is {max}", max = Pattern::MAX_LEN)]
    TooLong { len: usize },
    #[error("pattern has {count} segments; the maximum is {max}", max = Pattern::MAX_SEGMENTS)]
    TooManySegments { count: usize },
    #[error("pattern has an empty segment: write one slash between segments and none at the end")]
    EmptySegment,
    #[error("pattern has the segment {segment:?}, which no request can match: remove it")]
    DotSegment { segment: Box<str> },
    #[error("`**` matches the rest of the path, so it must be the last segment")]
    RestNotLast,
    #[error(
        "segment {segment:?} must have `*` only once, at its end, after a prefix of letters, digits, _ or -, such as \
         v*: the star matches digits. Write {{name}} for any single segment and `**` for the rest"
    )]
    Star { segment: Box<str> },
    #[error(
        "segment {segment:?} must consist of one parameter, such as {{externalId}}; its name is a letter followed by \
         up to {max} letters, digits or _", max = Pattern::MAX_NAME_LEN - 1
    )]
    Parameter { segment: Box<str> },
    #[error("parameter {{{name}}} occurs twice: use different names")]
    SameName { name: Box<str> },
    #[error(
        "segment {segment:?} has the character {character:?}: a literal may contain only ASCII letters, digits and \
         -._~!$&'()+,=:@"
    )]
    Character { segment: Box<str>, character: char },
}

/// The permanent identity of a method: `GET /api/v*/orders/{externalId}`. Ordered by verb, then by pattern, bytewise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MethodIdentity {
    /// The verb.
    pub verb: Verb,
    /// The pattern.
    pub pattern: Pattern,
}

impl FromStr for MethodIdentity {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        let (verb, pattern) = text.split_once(' ').ok_or_else(|| PatternError::NoVerb { method: excerpt(text) })?;
        Ok(Self { verb: verb.parse()?, pattern: pattern.parse()? })
    }
}

impl MethodIdentity {
    /// Returns the text that `Display` writes, faster: every decision contains the method that was called.
    pub fn to_text(&self) -> String {
        [self.verb.as_str(), " ", self.pattern.as_str()].concat()
    }
}

impl fmt::Display for MethodIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.pattern)
    }
}

/// Splits a text that starts with a slash into segments; none for `/`.
fn split(text: &str) -> impl Iterator<Item = &str> {
    // Otherwise `/` alone would be one empty segment.
    text[1..].split('/').take(if text.len() == 1 { 0 } else { usize::MAX })
}

/// Returns the form of a segment by its spelling, which is not checked.
fn parse_segment(written: &str) -> Segment<'_> {
    if written == "**" {
        return Segment::Rest;
    }
    if let Some(name) = written.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
        return Segment::Parameter(name);
    }
    match written.strip_suffix('*') {
        Some(prefix) => Segment::Partial(prefix),
        None => Segment::Literal(written),
    }
}

fn check_segment(written: &str, last: bool) -> Result<(), PatternError> {
    match parse_segment(written) {
        Segment::Rest if last => Ok(()),
        Segment::Rest => Err(PatternError::RestNotLast),
        Segment::Parameter(name) if is_name(name) => Ok(()),
        Segment::Partial(prefix) if is_prefix(prefix) => Ok(()),
        Segment::Literal("") => Err(PatternError::EmptySegment),
        Segment::Literal("." | "..") => Err(PatternError::DotSegment { segment: written.into() }),
        _ if written.contains(['{', '}']) => Err(PatternError::Parameter { segment: written.into() }),
        _ if written.contains('*') => Err(PatternError::Star { segment: written.into() }),
        _ => match written.chars().find(|character| !is_literal(*character)) {
            Some(character) => Err(PatternError::Character { segment: written.into(), character }),
            None => Ok(()),
        },
    }
}

fn is_name(text: &str) -> bool {
    text.len() <= Pattern::MAX_NAME_LEN
        && text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

fn is_prefix(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Returns whether a literal may contain the character: RFC 3986's pchar without `;`, `*` and escapes.
fn is_literal(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~!$&'()+,=:@".contains(character)
}

/// Returns the beginning of a refused text, so that an error stays short.
fn excerpt(text: &str) -> Box<str> {
    const KEPT: usize = 64;
    match text.char_indices().nth(KEPT) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<Pattern>().expect_err(text).to_string()
    }

    #[test]
    fn a_pattern_is_kept_as_written_and_read_segment_by_segment() {
        let text = "/api/v*/orders/{externalId}/x-1._~!$&'()+,=:@/**";
        let pattern: Pattern = text.parse().expect("a pattern");
        assert_eq!(pattern.to_string(), text);
        assert_eq!(
            pattern.segments().collect::<Vec<_>>(),
            [
                Segment::Literal("api"),
                Segment::Partial("v"),
                Segment::Literal("orders"),
                Segment::Parameter("externalId"),
                Segment::Literal("x-1._~!$&'()+,=:@"),
                Segment::Rest,
            ]
        );
        assert_eq!(pattern.parameters().collect::<Vec<_>>(), ["externalId"]);
    }

    #[test]
    fn the_root_is_a_pattern_without_segments() {
        let root: Pattern = "/".parse().expect("the root");
        assert_eq!(root.segments().count(), 0);
        assert_eq!(root.to_string(), "/");
    }

    #[test]
    fn every_refused_pattern_says_what_would_be_right() {
        for (text, expected) in [
            ("", "must start with a slash"),
            ("api/orders", "must start with a slash"),
            ("//", "empty segment"),
            ("/api//orders", "empty segment"),
            ("/api/", "empty segment"),
            ("/api/./orders", "segment \".\""),
            ("/api/..", "segment \"..\""),
            ("/**/orders", "last segment"),
            ("/api/*", "after a prefix"),
            ("/api/***", "after a prefix"),
            ("/api/v**", "after a prefix"),
            ("/api/v*x", "after a prefix"),
            ("/api/v.*", "after a prefix"),
            ("/api/{}", "must consist of one parameter"),
            ("/api/{1a}", "must consist of one parameter"),
            ("/api/{a-b}", "must consist of one parameter"),
            ("/api/{a}.json", "must consist of one parameter"),
            ("/api/x{a}", "must consist of one parameter"),
            ("/api/{a", "must consist of one parameter"),
            ("/api/a}", "must consist of one parameter"),
            ("/api/{v*}", "must consist of one parameter"),
            ("/{id}/x/{id}", "{id} occurs twice"),
            ("/a;b", "character ';'"),
            ("/a%20b", "character '%'"),
            ("/a b", "character ' '"),
            ("/a?b", "character '?'"),
            ("/a\\b", "character '\\\\'"),
            ("/за", "character 'з'"),
        ] {
            let message = refusal(text);
            assert!(message.contains(expected), "{text:?} was refused with {message:?}, not with {expected:?}");
        }
    }

    #[test]
    fn the_bounds_are_exact() {
        let longest = format!("/{}", "a".repeat(Pattern::MAX_LEN - 1));
        assert!(longest.parse::<Pattern>().is_ok());
        assert!(refusal(&format!("{longest}a")).contains("513 bytes"));
        assert!("/a".repeat(Pattern::MAX_SEGMENTS).parse::<Pattern>().is_ok());
        assert!(refusal(&"/a".repeat(Pattern::MAX_SEGMENTS + 1)).contains("33 segments"));
        let name = "n".repeat(Pattern::MAX_NAME_LEN);
        assert!(format!("/{{{name}}}").parse::<Pattern>().is_ok());
        assert!(refusal(&format!("/{{{name}n}}")).contains("must consist of one parameter"));
    }

    #[test]
    fn a_verb_is_any_upper_case_token() {
        for text in ["GET", "PURGE", "A", "ABCDEFGHIJKLMNOP"] {
            assert_eq!(text.parse::<Verb>().expect(text).to_string(), text);
        }
        for text in ["", "get", "GET ", "M-SEARCH", "ABCDEFGHIJKLMNOPQ", "G\0", "ПУТ"] {
            let message = text.parse::<Verb>().expect_err(text).to_string();
            assert!(message.contains("upper-case ASCII letters, such as GET"), "{message}");
        }
        assert_eq!("HEAD".parse::<Verb>().expect("a verb"), Verb::HEAD);
        let delete: Verb = "DELETE".parse().expect("a verb");
        assert!(delete < Verb::GET && Verb::GET < Verb::POST && Verb::PATCH < Verb::POST);
    }

    #[test]
    fn an_identity_is_a_verb_one_space_and_a_pattern() {
        let identity: MethodIdentity = "GET /api/v*/orders".parse().expect("an identity");
        assert_eq!((identity.verb, identity.pattern.as_str()), (Verb::GET, "/api/v*/orders"));
        assert_eq!(identity.to_string(), "GET /api/v*/orders");
        assert_eq!(identity.to_text(), identity.to_string());
        for (text, expected) in [
            ("/api/orders", "must be a verb, one space and a pattern"),
            ("get /api/orders", "upper-case"),
            ("GET  /api/orders", "must start with a slash"),
            ("GET", "must be a verb, one space and a pattern"),
        ] {
            let message = text.parse::<MethodIdentity>().expect_err(text).to_string();
            assert!(message.contains(expected), "{text:?} was refused with {message:?}");
        }
    }

    #[test]
    fn an_error_stays_short_whatever_was_sent() {
        assert!(refusal(&"ж".repeat(100_000)).len() < 300);
    }
}
