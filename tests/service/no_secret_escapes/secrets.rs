//! Secrets, the forms in which they could be written, and the search for them.

use std::fmt::Write as _;

use latchkey::model::token::Digest;

/// A form in which a secret can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// The token itself.
    Token,
    /// Most of the token: a truncated token is still half a secret.
    TokenPart,
    /// The bytes of the token in hexadecimal digits.
    TokenHex,
    /// The 32 bytes of the digest.
    RawDigest,
    /// The digest in hexadecimal digits of either case.
    HexDigest,
    /// The bytes of the digest as a list of numbers.
    ListedDigest,
    /// The digest in base64.
    Base64Digest,
}

impl Form {
    /// Every form.
    pub const ALL: [Self; 7] = [
        Self::Token,
        Self::TokenPart,
        Self::TokenHex,
        Self::RawDigest,
        Self::HexDigest,
        Self::ListedDigest,
        Self::Base64Digest,
    ];
    /// The forms that may occur nowhere, not even in the column of digests.
    pub const WRITTEN: [Self; 6] =
        [Self::Token, Self::TokenPart, Self::TokenHex, Self::HexDigest, Self::ListedDigest, Self::Base64Digest];
}

/// A location where a secret was found.
#[derive(Debug)]
pub struct Finding {
    place: String,
    secret: &'static str,
    form: Form,
    around: String,
}

impl Finding {
    /// Returns all of them, one per line, without the secrets.
    #[must_use]
    pub fn list(findings: &[Self]) -> String {
        let mut text = String::new();
        for finding in findings.iter().take(40) {
            let Self { place, secret, form, around } = finding;
            writeln!(text, "{place}: {secret} as {form:?}, after {around:?}").expect("a text takes text");
        }
        text
    }
}

/// Everything that must not be found.
#[derive(Default)]
pub struct Secrets {
    /// Name, token, and whether storage has its digest.
    all: Vec<(&'static str, String, bool)>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets").finish_non_exhaustive()
    }
}

impl Secrets {
    /// Adds a token whose digest is in storage.
    pub fn add(&mut self, name: &'static str, token: &str) {
        assert!(token.len() >= 32, "{name} is a token");
        self.all.push((name, token.to_owned(), true));
    }

    /// Adds a token that was presented and belongs to no key.
    pub fn add_unstored(&mut self, name: &'static str, token: &str) {
        assert!(token.len() >= 24, "{name} is long enough to be looked for");
        self.all.push((name, token.to_owned(), false));
    }

    /// Returns the number of secrets.
    #[must_use]
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Returns the number of secrets whose digest is in storage.
    #[must_use]
    pub fn stored(&self) -> usize {
        self.all.iter().filter(|(.., stored)| *stored).count()
    }

    /// Searches `bytes` for all of them.
    #[must_use]
    pub fn search(&self, place: &str, bytes: &[u8], forms: &[Form]) -> Vec<Finding> {
        let mut found = Vec::new();
        for (name, token, _) in &self.all {
            let digest = Digest::of(token.as_bytes());
            for form in forms {
                for needle in needles(*form, token, digest.as_bytes()) {
                    if let Some(at) = position(bytes, &needle) {
                        let around = String::from_utf8_lossy(&bytes[at.saturating_sub(120)..at]).into_owned();
                        found.push(Finding { place: place.to_owned(), secret: name, form: *form, around });
                        break;
                    }
                }
            }
        }
        found
    }
}

fn needles(form: Form, token: &str, digest: &[u8; 32]) -> Vec<Vec<u8>> {
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    match form {
        Form::Token => vec![token.into()],
        // Without its beginning, which all our tokens share, and its end, which is the hint.
        Form::TokenPart => vec![token.as_bytes()[4..token.len() - 4].into()],
        Form::TokenHex => vec![hex(token.as_bytes()).into_bytes()],
        Form::RawDigest => vec![digest.to_vec()],
        Form::HexDigest => {
            let hex = hex(digest);
            vec![hex.to_uppercase().into_bytes(), hex.into_bytes()]
        }
        Form::ListedDigest => {
            let numbers: Vec<String> = digest.iter().map(ToString::to_string).collect();
            vec![numbers.join(", ").into_bytes(), numbers.join(",").into_bytes()]
        }
        Form::Base64Digest => {
            let standard = base64(digest);
            let url: String = standard.replace('+', "-").replace('/', "_");
            vec![standard.into_bytes(), url.into_bytes()]
        }
    }
}

/// Returns the base64 of whole groups of three bytes: the first 30 of 32, enough for a match, without padding.
fn base64(bytes: &[u8; 32]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for group in bytes.chunks_exact(3) {
        let bits = u32::from(group[0]) << 16 | u32::from(group[1]) << 8 | u32::from(group[2]);
        for shift in [18, 12, 6, 0] {
            text.push(char::from(DIGITS[(bits >> shift & 63) as usize]));
        }
    }
    text
}

/// Returns where `needle` begins. Logs are long and digests many, so bytes are skipped by its last byte (Horspool).
fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let last = needle.len().checked_sub(1)?;
    let mut skip = [needle.len(); 256];
    for (at, byte) in needle[..last].iter().enumerate() {
        skip[usize::from(*byte)] = last - at;
    }
    let mut at = 0;
    while at + needle.len() <= bytes.len() {
        if bytes[at..at + needle.len()] == *needle {
            return Some(at);
        }
        at += skip[usize::from(bytes[at + last])];
    }
    None
}

#[test]
fn secrets_are_found_in_every_form() {
    let token = "a-token-of-thirty-two-characters";
    let mut secrets = Secrets::default();
    secrets.add("one", token);
    let digest = Digest::of(token.as_bytes());
    for form in Form::ALL {
        for needle in needles(form, token, digest.as_bytes()) {
            let output = [&b"some bytes before, "[..], &needle, b" and behind"].concat();
            let found = secrets.search("output", &output, &[form]);
            assert_eq!(found.len(), 1, "{form:?}");
            assert!(secrets.search("output", &output[..output.len() - 13], &[form]).is_empty(), "{form:?} cut off");
        }
    }
    assert_eq!(base64(&[b'm'; 32]), "bW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1tbW1t");
    assert_eq!(position(b"", b"a"), None);
    assert_eq!(position(b"aab", b"ab"), Some(1));
}
