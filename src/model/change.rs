//! The revision, which orders all writes, and the changes of each one: audit trail, feed and consistency token.

use std::fmt;
use std::str::FromStr;

use super::id::OperatorId;
use super::text::named;
use super::time::Timestamp;

/// The number of a committed write; every write takes the next. 0 is empty storage.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Revision(pub u64);

/// A revision and the random number drawn for it. Two storages with the same revision number but a different history (a
/// restored dump, a failover that lost commits) differ in the nonce.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Cursor {
    /// The revision.
    pub revision: Revision,
    /// Its nonce; 0 for revision 0.
    pub nonce: u64,
}

/// A text that is not a valid revision token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a revision token; use one that a write or WatchChanges returned, unchanged")]
pub struct CursorError(String);

/// The author of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    /// Latchkey itself, or anyone with access to its storage: bootstrap and recovery.
    System,
    /// An operator, with its name at the time.
    Operator {
        /// Its id.
        id: OperatorId,
        /// Its name.
        name: String,
    },
}

named! {
    /// The kind of subject that a change is about, as written in the audit trail.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum SubjectKind {
        /// A key, by its id.
        Key = "key",
        /// A store, by its code.
        Store = "store",
        /// A method, by its identity.
        Method = "method",
        /// An operator, by its id.
        Operator = "operator",
        /// A kind that only a later version knows.
        Other = "other",
    }
}

named! {
    /// What a change does to its subject, as written in the audit trail.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Action {
        /// Created.
        Create = "create",
        /// Changed.
        Update = "update",
        /// Received a new token.
        Rotate = "rotate",
        /// Revoked permanently.
        Revoke = "revoke",
        /// One of its tokens was revoked.
        RevokeSecret = "revoke_secret",
        /// Removed.
        Delete = "delete",
        /// Imported from another system.
        Import = "import",
        /// Retired from the reference book.
        Retire = "retire",
        /// Created by recovery.
        Recover = "recover",
        /// Signed in to the console.
        SignIn = "sign_in",
        /// Signed out of the console.
        SignOut = "sign_out",
    }
}

/// A change of one subject, as a write appends it. Neither image ever contains a token or a digest.
#[derive(Debug, Clone, PartialEq)]
pub struct NewChange {
    /// The action.
    pub action: Action,
    /// The kind of its subject.
    pub kind: SubjectKind,
    /// The id, code or identity of its subject.
    pub subject: String,
    /// The subject before the change; `None` if it did not exist.
    pub before: Option<serde_json::Value>,
    /// The subject after the change; `None` if it no longer exists.
    pub after: Option<serde_json::Value>,
}

/// A change of one subject, as read back from storage.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Its revision.
    pub revision: Revision,
    /// Its position within the revision, from 0.
    pub ordinal: u32,
    /// The time of the change.
    pub at: Timestamp,
    /// The id of the operator who made the change, or `system`.
    pub actor: String,
    /// The name of that operator at the time.
    pub actor_name: String,
    /// The action, as text.
    pub action: String,
    /// The comment that the caller gave; empty if there was none.
    pub comment: String,
    /// The kind of its subject, as text.
    pub kind: String,
    /// The id, code or identity of its subject.
    pub subject: String,
    /// The subject before the change.
    pub before: Option<serde_json::Value>,
    /// The subject after the change.
    pub after: Option<serde_json::Value>,
}

impl Revision {
    /// Returns the next revision.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}", self.0)
    }
}

impl fmt::Display for Cursor {
    /// Formats the opaque token of a revision: `r`, the number, `-`, the nonce in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "r{}-{:016x}", self.revision.0, self.nonce)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parse = || {
            let (number, nonce) = text.strip_prefix('r')?.split_once('-')?;
            let revision = Revision(number.parse().ok()?);
            let nonce = (nonce.len() == 16).then(|| u64::from_str_radix(nonce, 16).ok())??;
            let cursor = Self { revision, nonce };
            (cursor.to_string() == text).then_some(cursor)
        };
        parse().ok_or_else(|| CursorError(text.chars().take(64).collect()))
    }
}

impl Actor {
    /// Returns the id in the audit trail: an operator's id, or `system`.
    pub fn id(&self) -> String {
        match self {
            Self::System => "system".to_owned(),
            Self::Operator { id, .. } => id.to_string(),
        }
    }

    /// Returns the actor's name at the time.
    pub fn name(&self) -> &str {
        match self {
            Self::System => "system",
            Self::Operator { name, .. } => name,
        }
    }
}

impl SubjectKind {
    /// Parses a kind from the audit trail; returns [`SubjectKind::Other`] if this version does not know it.
    pub fn parse(text: &str) -> Self {
        Self::from_name(text).unwrap_or(Self::Other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_reads_back_and_nothing_else_does() {
        let cursor = Cursor { revision: Revision(42), nonce: 0xdead_beef };
        assert_eq!(cursor.to_string(), "r42-00000000deadbeef");
        assert_eq!(cursor.to_string().parse::<Cursor>().unwrap(), cursor);
        for bad in ["", "42", "r42", "r42-", "r042-00000000deadbeef", "r42-00000000DEADBEEF", "r42-0000000deadbeef"] {
            assert!(bad.parse::<Cursor>().is_err(), "{bad}");
        }
    }
}
