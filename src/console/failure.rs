//! What went wrong with a request as a whole; `failure_page` renders it. What is wrong with fields is shown in the form
//! instead.

use std::time::Duration;

use http::StatusCode;

use super::form::{Kept, described};
use crate::authority::Undecided;
use crate::model::operator::Permission;
use crate::registry::{self, SignedOut};

/// Why there is no page.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nobody is signed in, or not any more.
    SignedOut {
        /// Why not any more, if there was a session.
        why: Option<SignedOut>,
        /// What was looked for, to go on with; empty: nothing that could be.
        wanted: String,
    },
    /// Nobody is signed in any more, and a form was sent that is worth keeping.
    SignedOutTyping {
        /// Why not any more.
        why: SignedOut,
        /// What was sent.
        kept: Kept,
    },
    /// The role does not allow it.
    Forbidden(Permission),
    /// There is no such page, or no such subject.
    NotFound,
    /// A form that did not come from one of our own pages, or from one made for another session.
    ForeignForm,
    /// A form that is too large.
    TooLarge,
    /// A form that took too long to come.
    TooSlow,
    /// Too much is under way, here or from the sender's address.
    Busy,
    /// Too many sign-ins failed.
    TooMany(Duration),
    /// What the registry says of a request that no field is to blame for.
    Refused(StatusCode, String),
    /// The address cannot be understood.
    BadAddress(String),
    /// Storage cannot be reached.
    Unavailable,
    /// The write may stand or not.
    OutcomeUnknown,
    /// A mistake of ours.
    Internal,
}

impl From<registry::Error> for Failure {
    fn from(error: registry::Error) -> Self {
        match error {
            registry::Error::CallerGone => Self::SignedOut { why: Some(SignedOut::Changed), wanted: String::new() },
            registry::Error::CallerRefused(permission) => Self::Forbidden(permission),
            registry::Error::NotFound { .. } | registry::Error::TokenUnknown => Self::NotFound,
            registry::Error::Invalid(violations) => {
                Self::BadAddress(violations.told().first().map(described).unwrap_or_default())
            }
            registry::Error::Taken { .. } | registry::Error::Stale(_) | registry::Error::Precondition(_) => {
                Self::Refused(StatusCode::CONFLICT, error.to_string())
            }
            registry::Error::Unavailable(source) => {
                tracing::warn!(error = %source, "page failed: storage is unavailable");
                Self::Unavailable
            }
            registry::Error::OutcomeUnknown => Self::OutcomeUnknown,
            registry::Error::Internal(source) => {
                tracing::error!(error = %source, "page failed");
                Self::Internal
            }
        }
    }
}

impl From<Undecided> for Failure {
    fn from(undecided: Undecided) -> Self {
        tracing::warn!(error = %undecided, "page failed");
        Self::Unavailable
    }
}
