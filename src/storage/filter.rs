//! What lists can be narrowed by. Every filter that is set must hold.

use crate::model::change::SubjectKind;
use crate::model::id::OperatorId;
use crate::model::operator::Role;
use crate::model::store::StoreKind;
use crate::model::time::Timestamp;

/// Which keys to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyFilter {
    /// Switched on and not revoked, or not so.
    pub active: Option<bool>,
    /// Revoked, or not.
    pub revoked: Option<bool>,
    /// Access to all stores (`true`) or to selected ones.
    pub all_stores: Option<bool>,
    /// Access to all methods (`true`) or to selected ones.
    pub all_methods: Option<bool>,
    /// Code of a store that they open, ALL included. One that does not exist: only keys with access to all.
    pub store: Option<String>,
    /// Identity of a method that they open, ALL included. One not in the book: only keys with access to all.
    pub method: Option<String>,
    /// Text that occurs, whatever the case, in name, owner, comment, id or a live secret's hint.
    pub text: Option<String>,
    /// The owner, exactly.
    pub owner: Option<String>,
    /// Validity ends before this time, or ended.
    pub expire_before: Option<Timestamp>,
    /// Not used since this time, or never.
    pub unused_since: Option<Timestamp>,
    /// Ever used, or never.
    pub used: Option<bool>,
}

/// Which stores to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StoreFilter {
    /// Active, or not.
    pub active: Option<bool>,
    /// The platform, exactly.
    pub platform: Option<String>,
    /// What sort of shop.
    pub kind: Option<StoreKind>,
    /// Text that occurs, whatever the case, in code, name or a host.
    pub text: Option<String>,
}

/// Which methods to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MethodFilter {
    /// Title of the block, exactly.
    pub block: Option<String>,
    /// Text that occurs, whatever the case, in identity, block, summary or description.
    pub text: Option<String>,
}

/// Which operators to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OperatorFilter {
    /// The role.
    pub role: Option<Role>,
    /// Revoked ones too.
    pub include_revoked: bool,
}

/// Which changes to list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangeFilter {
    /// What they are about.
    pub kind: Option<SubjectKind>,
    /// Which subject, with `kind`.
    pub subject: Option<String>,
    /// Who made them.
    pub actor: Option<OperatorId>,
    /// From this time on.
    pub start: Option<Timestamp>,
    /// Before this time.
    pub end: Option<Timestamp>,
}

/// How long a count of uses runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsagePeriod {
    /// An hour.
    Hour,
    /// A day, in UTC.
    Day,
}
