//! Tokens, their digests and their hints.
//!
//! An issued token is a prefix, 43 base62 characters (256 random bits) and 6 base62 characters of the CRC-32/IEEE of
//! everything before them: secret scanners recognise it, and a mistyped one is refused without a look-up. The digits
//! are `0-9A-Za-z`. Supplied tokens are any 32 to 512 printable ASCII characters without a space.

use std::fmt;

use sha2::{Digest as _, Sha256};

use super::hex;

/// The prefix of key tokens. Never change it: tokens in use would no longer be recognised.
pub const KEY_PREFIX: &str = "lk_";
/// The prefix of operator tokens. Never change it.
pub const OPERATOR_PREFIX: &str = "lko_";
/// Base62 characters of randomness in an issued token.
const RANDOM_CHARS: usize = 43;
/// Base62 characters of checksum in an issued token.
const CHECK_CHARS: usize = 6;
/// Bytes of the shortest supplied token.
pub const MIN_SUPPLIED: usize = 32;
/// Bytes of the longest token.
pub const MAX_TOKEN: usize = 512;
/// Characters of a hint.
pub const HINT_CHARS: usize = 4;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A token in plain text. It cannot be printed; call [`Token::reveal`] to show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// The SHA-256 digest of a token, for storage and look-ups. It cannot be printed either.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// Why a text is not a valid token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say what each variant means")]
pub enum TokenError {
    #[error("the token is empty")]
    Empty,
    #[error("the token has {0} characters; the minimum is {MIN_SUPPLIED}")]
    TooShort(usize),
    #[error("the token is longer than the maximum of {MAX_TOKEN} characters")]
    TooLong,
    #[error("the token contains spaces or characters that are not printable ASCII")]
    BadCharacter,
    #[error(
        "the token starts like a token of Latchkey, but its length or checksum is wrong: it was mistyped or cut off"
    )]
    BadChecksum,
    #[error("this is the token of a key; use the token of an operator")]
    KeyToken,
}

impl Token {
    /// Creates a key token from 256 random bits.
    pub fn issue(random: [u8; 32]) -> Self {
        Self::issue_as(KEY_PREFIX, random)
    }

    /// Creates an operator token from 256 random bits.
    pub fn issue_operator(random: [u8; 32]) -> Self {
        Self::issue_as(OPERATOR_PREFIX, random)
    }

    fn issue_as(prefix: &str, random: [u8; 32]) -> Self {
        let mut text = String::with_capacity(prefix.len() + RANDOM_CHARS + CHECK_CHARS);
        text.push_str(prefix);
        text.extend(base62_256(random).map(char::from));
        text.extend(checksum(text.as_bytes()).map(char::from));
        Self(text)
    }

    /// Parses a key's token: well-formed if it starts like an issued token, otherwise with the length and characters of
    /// a supplied token. The error does not repeat it.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        check_key_token(text.as_bytes())?;
        Ok(Self(text.to_owned()))
    }

    /// Parses an operator's token. The error does not repeat it.
    pub fn parse_operator(text: &str) -> Result<Self, TokenError> {
        check_operator_token(text.as_bytes())?;
        Ok(Self(text.to_owned()))
    }

    /// Returns the token in plain text.
    pub fn reveal(&self) -> &str {
        &self.0
    }

    /// Returns its digest, for storage.
    pub fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }

    /// Returns its last characters, for display.
    pub fn hint(&self) -> String {
        self.0[self.0.len().saturating_sub(HINT_CHARS)..].to_owned()
    }

    /// Returns whether it has the form that Latchkey issues.
    pub fn is_issued(&self) -> bool {
        is_issued(KEY_PREFIX, self.0.as_bytes()) || is_issued(OPERATOR_PREFIX, self.0.as_bytes())
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({})", if cfg!(without_guard = "redaction") { self.reveal() } else { "…" })
    }
}

impl Digest {
    /// Returns the digest of a token's bytes.
    pub fn of(token: &[u8]) -> Self {
        Self(Sha256::digest(token).into())
    }

    /// Returns the digest with these bytes, as stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Parses a digest of 64 hexadecimal digits, as in imports.
    pub fn from_hex(text: &str) -> Option<Self> {
        hex::decode(text)?.try_into().ok().map(Self)
    }

    /// Returns the bytes, for storage and hashing.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

// === checks without a copy, for the hot path ===

/// Checks that `text` can be a key's token: the first check of every presented token.
pub fn check_key_token(text: &[u8]) -> Result<(), TokenError> {
    if text.is_empty() {
        return Err(TokenError::Empty);
    }
    if text.len() > MAX_TOKEN {
        return Err(TokenError::TooLong);
    }
    if text.starts_with(KEY_PREFIX.as_bytes()) || text.starts_with(OPERATOR_PREFIX.as_bytes()) {
        return if is_issued(KEY_PREFIX, text) { Ok(()) } else { Err(TokenError::BadChecksum) };
    }
    if !text.iter().all(u8::is_ascii_graphic) {
        return Err(TokenError::BadCharacter);
    }
    if text.len() < MIN_SUPPLIED {
        return Err(TokenError::TooShort(text.len()));
    }
    Ok(())
}

/// Checks that `text` can be an operator's token: issued by Latchkey, or supplied by the administrator.
pub fn check_operator_token(text: &[u8]) -> Result<(), TokenError> {
    if is_issued(OPERATOR_PREFIX, text) {
        return Ok(());
    }
    match check_key_token(text) {
        // A key is not an operator, however well-formed.
        Ok(()) if text.starts_with(KEY_PREFIX.as_bytes()) => Err(TokenError::KeyToken),
        checked => checked,
    }
}

fn is_issued(prefix: &str, text: &[u8]) -> bool {
    if text.len() != prefix.len() + RANDOM_CHARS + CHECK_CHARS || !text.starts_with(prefix.as_bytes()) {
        return false;
    }
    let (body, check) = text.split_at(text.len() - CHECK_CHARS);
    // Checks all bytes instead of stopping at the first invalid one: that vectorizes.
    if !body[prefix.len()..].iter().fold(true, |good, byte| good & byte.is_ascii_alphanumeric()) {
        return false;
    }
    check == checksum(body)
}

/// Returns the checksum of an issued token without it, in base62.
fn checksum(body: &[u8]) -> [u8; CHECK_CHARS] {
    let mut rest = crc32fast::hash(body);
    let mut digits = [0; CHECK_CHARS];
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    digits
}

/// Returns 256 bits in base62 (62⁴³ > 2²⁵⁶), by long division.
fn base62_256(mut number: [u8; 32]) -> [u8; RANDOM_CHARS] {
    let mut digits = [0; RANDOM_CHARS];
    for digit in digits.iter_mut().rev() {
        let mut remainder = 0_u32;
        for byte in &mut number {
            let value = remainder * 256 + u32::from(*byte);
            *byte = u8::try_from(value / 62).unwrap_or(u8::MAX);
            remainder = value % 62;
        }
        *digit = DIGITS[remainder as usize];
    }
    digits
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_issued_token_has_the_published_form() {
        let token = Token::issue([0; 32]);
        assert_eq!(token.reveal().len(), 52);
        assert!(token.reveal().starts_with("lk_0000000000000000000000000000000000000000000"));
        assert!(token.is_issued());
        assert_eq!(Token::issue([255; 32]).reveal().len(), 52);
        assert!(Token::issue_operator([1; 32]).reveal().starts_with("lko_"));
    }

    #[test]
    fn the_checksum_is_crc_32_ieee_in_base62() {
        // The check value of CRC-32/IEEE (ISO-HDLC) for "123456789" is cbf43926.
        assert_eq!(crc32fast::hash(b"123456789"), 0xcbf4_3926);
        assert_eq!(checksum(b"123456789"), *b"3jZRME");
    }

    #[test]
    fn an_operator_token_is_no_key() {
        let token = Token::issue_operator([3; 32]);
        assert_eq!(check_key_token(token.reveal().as_bytes()), Err(TokenError::BadChecksum));
        assert_eq!(check_operator_token(token.reveal().as_bytes()), Ok(()));
        assert_eq!(check_operator_token(&[b'x'; 40]), Ok(()));
        assert_eq!(check_operator_token(Token::issue([3; 32]).reveal().as_bytes()), Err(TokenError::KeyToken));
    }

    #[test]
    fn supplied_tokens_have_bounds() {
        assert_eq!(Token::parse(""), Err(TokenError::Empty));
        assert_eq!(Token::parse(&"a".repeat(31)), Err(TokenError::TooShort(31)));
        assert!(Token::parse(&"a".repeat(32)).is_ok());
        assert!(Token::parse(&"a".repeat(512)).is_ok());
        assert_eq!(Token::parse(&"a".repeat(513)), Err(TokenError::TooLong));
        assert_eq!(Token::parse(&"a b".repeat(20)), Err(TokenError::BadCharacter));
        assert_eq!(Token::parse(&"é".repeat(20)), Err(TokenError::BadCharacter));
    }

    #[test]
    fn neither_a_token_nor_a_digest_can_be_printed() {
        let token = Token::issue([5; 32]);
        let printed = format!("{token:?} {:?}", token.digest());
        assert_eq!(printed, "Token(…) Digest(…)");
    }

    #[test]
    fn a_digest_reads_from_hex() {
        let hex = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
        assert_eq!(Digest::from_hex(hex), Some(Digest::of(b"hello")));
        assert_eq!(Digest::from_hex(&hex[1..]), None);
        assert_eq!(Digest::from_hex(&hex.replace('2', "g")), None);
    }

    proptest! {
        #[test]
        fn every_issued_token_is_accepted_and_every_typo_refused(random: [u8; 32], at in 3_usize..52, to in 0_usize..62) {
            let token = Token::issue(random);
            prop_assert_eq!(check_key_token(token.reveal().as_bytes()), Ok(()));
            let mut typo = token.reveal().as_bytes().to_vec();
            if typo[at] != DIGITS[to] {
                typo[at] = DIGITS[to];
                prop_assert_eq!(check_key_token(&typo), Err(TokenError::BadChecksum));
            }
        }
    }
}
