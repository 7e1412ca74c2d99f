//! Errors of the registry, classified by what the caller can do about them. The texts are for callers; storage's own
//! messages stay in the source, for the log.

use crate::model::change::SubjectKind;
use crate::model::id::KeyId;
use crate::model::operator::Permission;
use crate::model::text::named;
use crate::model::violations::Violations;
use crate::storage;

/// The result of a registry operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why an operation failed. Nothing was written, except perhaps with [`Error::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request's fields are invalid.
    #[error("{0}")]
    Invalid(Violations),
    /// The caller was revoked or has expired since it was authenticated.
    #[error("the calling operator is no longer valid: it was revoked or has expired")]
    CallerGone,
    /// The caller's role does not allow the operation.
    #[error("the calling operator's role does not allow this; required: {}", role_for(*.0))]
    CallerRefused(Permission),
    /// The subject does not exist.
    #[error("{kind} `{id}` does not exist")]
    NotFound {
        /// The kind of subject requested.
        kind: ResourceKind,
        /// The id requested, shortened if it was long.
        id: String,
    },
    /// No key has or had the requested token.
    #[error("no key has this token, and none ever had it")]
    TokenUnknown,
    /// A value that must be unique already exists.
    #[error("{violations}")]
    Taken {
        /// The value that already exists.
        what: TakenValue,
        /// Every conflicting field of the request.
        violations: Violations,
    },
    /// The subject was changed since the caller read it.
    #[error("the {} has changed since its etag was read: read it again and repeat the change", .0.as_str())]
    Stale(SubjectKind),
    /// The subject is in the wrong state.
    #[error(transparent)]
    Precondition(#[from] Precondition),
    /// Storage is unreachable, overloaded or took too long.
    #[error("storage is unavailable: nothing was changed, try again")]
    Unavailable(#[source] storage::Error),
    /// The write may have taken effect or not.
    #[error("the outcome of the write is unknown: check whether it took effect before repeating it")]
    OutcomeUnknown,
    /// A bug in Latchkey or corrupt storage.
    #[error("internal error; see the log of the server")]
    Internal(#[source] storage::Error),
}

named! {
    /// The kind of subject that does not exist.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum ResourceKind {
        /// A key.
        Key = "key",
        /// A secret of a key.
        Secret = "secret",
        /// A store.
        Store = "store",
        /// A method of the reference book.
        Method = "method",
        /// An operator.
        Operator = "operator",
    }
}

named! {
    /// The unique value that already exists, by the reason of the error.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum TakenValue {
        /// A token that some key has or had. Which key is not disclosed: it may belong to another party.
        Token = "TOKEN_TAKEN",
        /// A request id that created another key.
        RequestId = "REQUEST_ID_TAKEN",
        /// A store's code.
        StoreCode = "STORE_CODE_TAKEN",
        /// The host of another store.
        Host = "HOST_TAKEN",
        /// A method of the same verb and shape.
        Method = "METHOD_TAKEN",
        /// The name of an operator that is not revoked.
        OperatorName = "OPERATOR_NAME_TAKEN",
        /// Another value; only if two concurrent writes conflict unnoticed.
        Other = "TAKEN",
    }
}

/// A precondition that a subject does not meet.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Precondition {
    /// A revoked key accepts only descriptive changes.
    #[error(
        "the key is revoked, which is permanent: only name, owner, contact, comment and labels can still be changed"
    )]
    KeyRevoked,
    /// A key with two live tokens cannot get a third.
    #[error("the key already has two live tokens: wait until the older one expires, or revoke one of them")]
    TwoLiveSecrets,
    /// Keys would bind to their only remaining store.
    #[error(
        "without this store, {} would have exactly one store left, and calls that name no store would go to it: set \
         allow_rebinding to accept this ({})", key_count(.keys.len()), list(.keys)
    )]
    WouldRebind {
        /// The keys, at most 20.
        keys: Vec<KeyId>,
    },
    /// Without an admin that never expires nobody could manage operators.
    #[error("this is the last admin that never expires: create another one first")]
    LastAdmin,
    /// A revoked operator cannot be changed.
    #[error("the operator is revoked, which is permanent: create another one")]
    OperatorRevoked,
}

impl Error {
    /// Returns a stable name for programs: the reason in `google.rpc.ErrorInfo` and the label in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID_FIELDS",
            Self::CallerGone => "CALLER_GONE",
            Self::CallerRefused(_) => "ROLE_REFUSED",
            Self::NotFound { kind, .. } => match kind {
                ResourceKind::Key => "KEY_NOT_FOUND",
                ResourceKind::Secret => "SECRET_NOT_FOUND",
                ResourceKind::Store => "STORE_NOT_FOUND",
                ResourceKind::Method => "METHOD_NOT_FOUND",
                ResourceKind::Operator => "OPERATOR_NOT_FOUND",
            },
            Self::TokenUnknown => "TOKEN_NOT_FOUND",
            Self::Taken { what, .. } => what.as_str(),
            Self::Stale(_) => "ETAG_MISMATCH",
            Self::Precondition(state) => match state {
                Precondition::KeyRevoked => "KEY_REVOKED",
                Precondition::TwoLiveSecrets => "TWO_LIVE_SECRETS",
                Precondition::WouldRebind { .. } => "WOULD_REBIND",
                Precondition::LastAdmin => "LAST_ADMIN",
                Precondition::OperatorRevoked => "OPERATOR_REVOKED",
            },
            Self::Unavailable(_) => "STORAGE_UNAVAILABLE",
            Self::OutcomeUnknown => "OUTCOME_UNKNOWN",
            Self::Internal(_) => "INTERNAL",
        }
    }

    /// Returns the error for a subject that does not exist.
    pub(super) fn not_found(kind: ResourceKind, id: impl std::fmt::Display) -> Self {
        Self::NotFound { kind, id: crate::model::violations::excerpt(&id.to_string()) }
    }

    /// Returns the error for a field that conflicts with an existing value.
    pub(super) fn taken(what: TakenValue, field: &str, description: impl std::fmt::Display) -> Self {
        Self::Taken { what, violations: Violations::one(field, description) }
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Unavailable { .. } => Self::Unavailable(error),
            storage::Error::OutcomeUnknown => Self::OutcomeUnknown,
            storage::Error::Taken { what } => Self::Taken {
                what: TakenValue::Other,
                violations: Violations::one("", format_args!("{what} is taken")),
            },
            storage::Error::Corrupt { .. }
            | storage::Error::Bug { .. }
            | storage::Error::Unusable { .. }
            | storage::Error::Failed { .. } => Self::Internal(error),
        }
    }
}

impl From<Violations> for Error {
    fn from(violations: Violations) -> Self {
        Self::Invalid(violations)
    }
}

const fn role_for(permission: Permission) -> &'static str {
    match permission {
        Permission::Authorize => "any role",
        Permission::View => "viewer, editor or admin",
        Permission::Edit => "editor or admin",
        Permission::Administer => "admin",
    }
}

fn key_count(count: usize) -> String {
    match count {
        1 => "1 key".to_owned(),
        20.. => "at least 20 keys".to_owned(),
        _ => format!("{count} keys"),
    }
}

fn list(keys: &[KeyId]) -> String {
    keys.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_storage_says_is_not_told() {
        let error = Error::from(storage::Error::corrupt("row 7 of keys"));
        assert_eq!(error.to_string(), "internal error; see the log of the server");
        assert_eq!(error.reason(), "INTERNAL");
    }
}
