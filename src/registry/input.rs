//! Unchecked inputs of the registry: plain texts and numbers from any caller.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::method::StoreUse;
use crate::model::operator::Role;
use crate::model::store::StoreKind;
use crate::model::time::Timestamp;

/// A received point in time: perhaps out of range.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawTime {
    /// Seconds since 1970-01-01T00:00:00Z.
    pub seconds: i64,
    /// Nanoseconds after them, 0..1 000 000 000.
    pub nanos: i32,
}

/// A received duration: perhaps negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RawDuration {
    /// Whole seconds.
    pub seconds: i64,
    /// The nanoseconds in addition, of the same sign.
    pub nanos: i32,
}

/// A received choice among named values.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice<T> {
    /// Not set.
    #[default]
    Unset,
    /// This one.
    Is(T),
    /// A number without a name in this version.
    Unknown(i32),
}

impl<T> Choice<T> {
    /// Returns the chosen value, or this one.
    pub(super) fn or(self, default: T) -> T {
        if let Self::Is(value) = self { value } else { default }
    }
}

/// How much of a set a key has access to, without the set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessKind {
    /// Everything, including members added later.
    All,
    /// Exactly the members listed.
    Selected,
}

/// A token as received; empty if the caller sent none. It cannot be printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct TokenText(pub String);

/// The caller's options for a write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WriteOptions {
    /// The comment for the audit trail; at most 1 000 characters.
    pub comment: String,
    /// How long to wait for replicas, 0..=30 s; `None` means the server's setting.
    pub replica_wait: Option<RawDuration>,
}

/// The requested page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PageInput {
    /// The number of entries, 1..=1 000; 0: 50.
    pub size: i32,
    /// The token that the previous page returned; empty: the first page.
    pub token: String,
}

/// The requested fields of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of a key, documented in model::key and in the contract")]
pub struct KeyDraft {
    pub name: String,
    pub owner: String,
    pub contact: String,
    pub comment: String,
    pub active: Option<bool>,
    pub store_access: Choice<AccessKind>,
    pub stores: Vec<String>,
    pub method_access: Choice<AccessKind>,
    pub methods: Vec<String>,
    pub not_before: Option<RawTime>,
    pub expires: Option<RawTime>,
    pub networks: Vec<String>,
    pub labels: BTreeMap<String, String>,
}

/// The requested fields of a store.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of a store, documented in model::store and in the contract")]
pub struct StoreDraft {
    pub code: String,
    pub name: String,
    pub kind: Choice<StoreKind>,
    pub platform: String,
    pub hosts: Vec<String>,
    pub active: Option<bool>,
}

/// The requested fields of a method.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of a method, documented in model::reference and in the contract")]
pub struct MethodDraft {
    pub method: String,
    pub block: String,
    pub summary: String,
    pub description: String,
    pub store_use: Choice<StoreUse>,
    pub store_places: Vec<String>,
    pub scope: String,
    pub position: i32,
}

/// The requested fields of an operator.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields of an operator, documented in model::operator and in the contract")]
pub struct OperatorDraft {
    pub name: String,
    pub role: Choice<Role>,
    pub expires: Option<RawTime>,
}

/// A change: the subject, the new values, and the mask of the fields to change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Update<D> {
    /// Id, code or identity of the subject.
    pub id: String,
    /// The new values.
    pub draft: D,
    /// The names of the fields to change.
    pub mask: Vec<String>,
    /// The etag that must be current; empty: not checked.
    pub etag: String,
}

/// The id of one subject, with the etag of its last read if given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SubjectRef {
    /// Id, code or identity of the subject.
    pub id: String,
    /// The etag that must be current; empty: not checked.
    pub etag: String,
}

impl From<Timestamp> for RawTime {
    fn from(time: Timestamp) -> Self {
        let (seconds, nanos) = time.as_seconds();
        Self { seconds, nanos }
    }
}

impl fmt::Debug for TokenText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() { "TokenText(none)" } else { "TokenText(…)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_that_was_brought_cannot_be_printed() {
        let token = TokenText("a-token-that-nobody-must-see-anywhere".to_owned());
        assert_eq!(format!("{token:?} {:?}", TokenText::default()), "TokenText(…) TokenText(none)");
    }
}
