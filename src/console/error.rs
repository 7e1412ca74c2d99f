//! Errors of a request as a whole; `error_page` renders them. Errors of fields are shown in the form instead.

use std::time::Duration;

use http::StatusCode;

use super::form::{PendingForm, describe};
use crate::authority::Undecided;
use crate::model::operator::Permission;
use crate::registry::{self, SessionEnd};

/// Why there is no page.
#[derive(Debug)]
pub(super) enum PageError {
    /// No session, or one that has ended.
    SignedOut {
        /// Why the session ended, if there was one.
        why: Option<SessionEnd>,
        /// The address to continue with; empty if there is none.
        return_to: String,
    },
    /// The session has ended, and a form was sent that is worth keeping.
    SignedOutWithForm {
        why: SessionEnd,
        pending: PendingForm,
    },
    Forbidden(Permission),
    /// The page or the object does not exist.
    NotFound,
    /// A form that did not come from one of our own pages, or from one made for another session.
    ForeignForm,
    TooLarge,
    TooSlow,
    /// Too many requests are in progress, here or from the sender's address.
    Busy,
    TooMany(Duration),
    /// The registry's error about a request, if it is not about a field.
    Refused(StatusCode, String),
    BadAddress(String),
    Unavailable,
    /// This replica cannot decide at the moment.
    NoDecision(Undecided),
    /// The write may or may not have succeeded.
    OutcomeUnknown,
    Internal,
}

impl From<registry::Error> for PageError {
    fn from(error: registry::Error) -> Self {
        match error {
            registry::Error::CallerGone => Self::SignedOut { why: Some(SessionEnd::Changed), return_to: String::new() },
            registry::Error::CallerRefused(permission) => Self::Forbidden(permission),
            registry::Error::NotFound { .. } | registry::Error::TokenUnknown => Self::NotFound,
            registry::Error::Invalid(violations) => {
                Self::BadAddress(violations.listed().first().map(describe).unwrap_or_default())
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

/// Returns the object of an address; an invalid id is a page that does not exist.
pub(super) fn found<T>(result: registry::Result<T>) -> Result<T, PageError> {
    match result {
        Err(registry::Error::Invalid(_)) => Err(PageError::NotFound),
        result => Ok(result?),
    }
}

impl From<Undecided> for PageError {
    fn from(undecided: Undecided) -> Self {
        tracing::warn!(error = %undecided, "page failed: no decision");
        Self::NoDecision(undecided)
    }
}
