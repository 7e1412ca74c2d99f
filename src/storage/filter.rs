//! Filters of lists. All filters that are set must match.

use crate::model::change::SubjectKind;
use crate::model::id::OperatorId;
use crate::model::operator::Role;
use crate::model::store::StoreKind;
use crate::model::time::Timestamp;

/// A filter of keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Whether they are switched on and not revoked.
    pub active: Option<bool>,
    /// Whether they are revoked.
    pub revoked: Option<bool>,
    /// Access to all stores (`true`) or to selected ones.
    pub all_stores: Option<bool>,
    /// Access to all methods (`true`) or to selected ones.
    pub all_methods: Option<bool>,
    /// The code of a store they have access to, ALL included. If it does not exist: only keys with access to all.
    pub store: Option<String>,
    /// The identity of a method they have access to, ALL included. If not in the book: only keys with access to all.
    pub method: Option<String>,
    /// Text contained, ignoring case, in name, owner, comment, id or a live secret's hint.
    pub text: Option<String>,
    /// The owner, exactly.
    pub owner: Option<String>,
    /// They expire or expired before this time.
    pub expire_before: Option<Timestamp>,
    /// They have not been used since this time.
    pub unused_since: Option<Timestamp>,
    /// Whether they were ever used.
    pub used: Option<bool>,
}

/// A filter of stores.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreFilter {
    /// Whether they are active.
    pub active: Option<bool>,
    /// The platform, exactly.
    pub platform: Option<String>,
    /// The kind of shop.
    pub kind: Option<StoreKind>,
    /// Text contained, ignoring case, in code, name or a host.
    pub text: Option<String>,
}

/// A filter of methods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodFilter {
    /// Title of the block, exactly.
    pub block: Option<String>,
    /// Text contained, ignoring case, in identity, block, summary or description.
    pub text: Option<String>,
}

/// A filter of operators.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorFilter {
    /// The role.
    pub role: Option<Role>,
    /// Include revoked operators.
    pub include_revoked: bool,
}

/// A filter of changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// The kind of subject.
    pub kind: Option<SubjectKind>,
    /// The id of the subject, together with `kind`.
    pub subject: Option<String>,
    /// The author of the changes.
    pub actor: Option<OperatorId>,
    /// From this time on.
    pub start: Option<Timestamp>,
    /// Before this time.
    pub end: Option<Timestamp>,
}

/// The period of a usage count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsagePeriod {
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}
