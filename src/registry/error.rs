//! What can go wrong with managing, told apart by what the caller can do about it. The texts are for callers; what
//! storage said stays in the source, for the log.

use crate::model::change::SubjectKind;
use crate::model::id::KeyId;
use crate::model::operator::Permission;
use crate::storage;

use super::violations::Violations;

/// The result of managing something.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something was not managed. Nothing of it was written, but for [`Error::OutcomeUnknown`].
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request breaks the rules of its fields.
    #[error("{}", told(.0))]
    Invalid(Violations),
    /// The caller was revoked or has expired since it was recognised.
    #[error("the calling operator is no longer valid: it was revoked or has expired")]
    CallerGone,
    /// The caller's role does not allow it.
    #[error("the calling operator's role does not allow this; required: {}", role_for(*.0))]
    CallerRefused(Permission),
    /// There is no such subject.
    #[error("{} `{id}` does not exist", missing(*.kind))]
    NotFound {
        /// What was asked for.
        kind: Missing,
        /// Which one; shortened if it was long.
        id: String,
    },
    /// No key has or had the token asked about.
    #[error("no key has this token, and none ever had it")]
    TokenUnknown,
    /// Something that must be unique is there already.
    #[error("{}", told(.violations))]
    Taken {
        /// What is there already.
        what: Taken,
        /// Every place in the request that is in conflict.
        violations: Violations,
    },
    /// The subject was changed since the caller read it.
    #[error("the {} has changed since its etag was read: read it again and repeat the change", .0.as_str())]
    Stale(SubjectKind),
    /// The subject is not in a state for it.
    #[error(transparent)]
    Precondition(#[from] Precondition),
    /// Storage cannot be reached, is overloaded or took too long.
    #[error("storage is unavailable: nothing was changed, try again")]
    Unavailable(#[source] storage::Error),
    /// The write may stand or not.
    #[error("the outcome of the write is unknown: check whether it took effect before repeating it")]
    OutcomeUnknown,
    /// A mistake in Latchkey or its storage.
    #[error("internal error; see the log of the server")]
    Internal(#[source] storage::Error),
}

/// What was asked for and is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Missing {
    /// A key.
    Key,
    /// A secret of a key.
    Secret,
    /// A store.
    Store,
    /// A method of the reference book.
    Method,
    /// An operator.
    Operator,
}

/// What is unique and there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Taken {
    /// A token that some key has or had. Which key is not told: it may belong to somebody else.
    Token,
    /// A request id that made another key.
    RequestId,
    /// A store's code.
    StoreCode,
    /// A host that another store is reached at.
    Host,
    /// A method of the same verb and shape.
    Method,
    /// The name of an operator that is not revoked.
    OperatorName,
    /// Something else; only seen if two writes pass each other unnoticed.
    Other,
}

/// A state that a subject is not in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Precondition {
    /// A revoked key only takes notes.
    #[error("the key is revoked, which is permanent: only name, owner, comment and labels can still be changed")]
    KeyRevoked,
    /// A key that has two tokens takes no third.
    #[error("the key already has two live tokens: wait until the older one expires, or revoke one of them")]
    TwoLiveSecrets,
    /// Keys would be bound to the one store they are left with.
    #[error(
        "without this store, {} would have exactly one store left, and calls that name no store would go to it: set \
         allow_rebinding to accept this ({})", key_count(.keys.len()), list(.keys)
    )]
    WouldRebind {
        /// The keys, at most 20.
        keys: Vec<KeyId>,
    },
    /// Without an admin that never ends nobody could manage operators.
    #[error("this is the last admin that never expires: create another one first")]
    LastAdmin,
    /// A revoked operator stays as it is.
    #[error("the operator is revoked, which is permanent: create another one")]
    OperatorRevoked,
}

impl Error {
    /// A stable name for programs: the reason in `google.rpc.ErrorInfo` and the label in metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "INVALID_FIELDS",
            Self::CallerGone => "CALLER_GONE",
            Self::CallerRefused(_) => "ROLE_REFUSED",
            Self::NotFound { kind, .. } => match kind {
                Missing::Key => "KEY_NOT_FOUND",
                Missing::Secret => "SECRET_NOT_FOUND",
                Missing::Store => "STORE_NOT_FOUND",
                Missing::Method => "METHOD_NOT_FOUND",
                Missing::Operator => "OPERATOR_NOT_FOUND",
            },
            Self::TokenUnknown => "TOKEN_NOT_FOUND",
            Self::Taken { what, .. } => match what {
                Taken::Token => "TOKEN_TAKEN",
                Taken::RequestId => "REQUEST_ID_TAKEN",
                Taken::StoreCode => "STORE_CODE_TAKEN",
                Taken::Host => "HOST_TAKEN",
                Taken::Method => "METHOD_TAKEN",
                Taken::OperatorName => "OPERATOR_NAME_TAKEN",
                Taken::Other => "TAKEN",
            },
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

    /// There is no such subject.
    pub(super) fn not_found(kind: Missing, id: impl std::fmt::Display) -> Self {
        Self::NotFound { kind, id: super::violations::excerpt(&id.to_string()) }
    }

    /// One field is in conflict with what is there.
    pub(super) fn taken(what: Taken, field: &str, description: impl std::fmt::Display) -> Self {
        Self::Taken { what, violations: Violations::one(field, description) }
    }
}

impl From<storage::Error> for Error {
    fn from(error: storage::Error) -> Self {
        match error {
            storage::Error::Unavailable { .. } => Self::Unavailable(error),
            storage::Error::OutcomeUnknown => Self::OutcomeUnknown,
            storage::Error::Taken { what } => {
                Self::Taken { what: Taken::Other, violations: Violations::one("", format_args!("{what} is taken")) }
            }
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

/// The first violation, and how many more there are.
fn told(violations: &Violations) -> String {
    let Some(first) = violations.told().first() else { return "the request is invalid".to_owned() };
    let field = if first.field.is_empty() { String::new() } else { format!("{}: ", first.field) };
    match violations.total() - 1 {
        0 => format!("{field}{}", first.description),
        more => format!("{field}{} (and {more} more)", first.description),
    }
}

const fn missing(kind: Missing) -> &'static str {
    match kind {
        Missing::Key => "key",
        Missing::Secret => "secret",
        Missing::Store => "store",
        Missing::Method => "method",
        Missing::Operator => "operator",
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
    fn an_invalid_request_tells_its_first_fault_and_how_many_more() {
        let mut violations = Violations::one("key.name", "must not be empty");
        assert_eq!(Error::from(violations.clone()).to_string(), "key.name: must not be empty");
        violations.add("key.owner", "is too long");
        violations.add("key.comment", "is too long");
        assert_eq!(Error::from(violations).to_string(), "key.name: must not be empty (and 2 more)");
    }

    #[test]
    fn what_storage_says_is_not_told() {
        let error = Error::from(storage::Error::corrupt("row 7 of keys"));
        assert_eq!(error.to_string(), "internal error; see the log of the server");
        assert_eq!(error.reason(), "INTERNAL");
    }
}
