//! Stores: the shops whose data keys have access to.

use std::fmt;
use std::str::FromStr;

use super::change::Revision;
use super::text::serde_as_text;
use super::time::Timestamp;

/// The longest code of a store, in bytes.
pub const MAX_CODE: usize = 64;

/// The number of a store in storage: never reused, so a later store with the same code is another store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreNumber(pub u32);

/// The identity of a store: `[A-Za-z0-9][A-Za-z0-9._-]{0,63}`, case-sensitive, never changed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreCode(Box<str>);

/// A text that is not a valid store code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a valid store code: use 1–64 Latin letters, digits, dots, hyphens or underscores, starting with a \
     letter or digit"
)]
pub struct StoreCodeError(String);

/// The kind of shop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoreKind {
    /// A regular site.
    Site,
    /// A landing page.
    LandingPage,
    /// A full online store on a CMS.
    OnlineStore,
}

/// A store, as managed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Store {
    /// Its number; 0 until it is stored.
    pub number: StoreNumber,
    /// Its identity.
    pub code: StoreCode,
    /// The display name, 1..=200 characters.
    pub name: String,
    /// The kind of shop.
    pub kind: StoreKind,
    /// Its platform, at most 100 characters; empty if unknown.
    pub platform: String,
    /// Host names, lower case, sorted.
    pub hosts: Vec<String>,
    /// Whether calls may name it.
    pub active: bool,
    /// When it was added.
    pub created: Timestamp,
    /// When it was last changed.
    pub updated: Timestamp,
    /// The revision of its last change.
    pub row_revision: Revision,
}

impl Store {
    /// Returns the store as recorded in the audit trail.
    pub fn image(&self) -> serde_json::Value {
        serde_json::json!({
            "code": self.code, "name": self.name, "kind": self.kind, "platform": self.platform,
            "hosts": self.hosts, "active": self.active,
        })
    }
}

impl StoreCode {
    /// Returns the code as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for StoreCode {
    type Err = StoreCodeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let bytes = text.as_bytes();
        let valid = bytes.len() <= MAX_CODE
            && bytes.first().is_some_and(u8::is_ascii_alphanumeric)
            && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'));
        if valid { Ok(Self(text.into())) } else { Err(StoreCodeError(text.chars().take(80).collect())) }
    }
}

impl From<StoreCode> for String {
    fn from(code: StoreCode) -> Self {
        code.0.into()
    }
}

impl fmt::Display for StoreCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(StoreCode);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_keep_their_case_and_their_bounds() {
        for valid in ["a", "Shop-DE", "shop.de_2", &"x".repeat(64)] {
            assert_eq!(valid.parse::<StoreCode>().unwrap().as_str(), valid);
        }
        for bad in ["", "-a", ".a", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert!(bad.parse::<StoreCode>().is_err(), "{bad}");
        }
        assert_ne!("Shop".parse::<StoreCode>().unwrap(), "shop".parse().unwrap());
    }
}
