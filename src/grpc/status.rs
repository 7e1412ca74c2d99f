//! The only conversion of errors of the registry to statuses: code, reason for programs, and fields. Internal causes
//! are logged here, once, and never sent.

use tonic::{Code, Status};

use crate::registry::Error;
use crate::status;
use crate::telemetry::outage::causes;

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let code = match &error {
            Error::Invalid(_) => Code::InvalidArgument,
            Error::CallerGone => Code::Unauthenticated,
            Error::CallerRefused(_) => Code::PermissionDenied,
            Error::NotFound { .. } | Error::TokenUnknown => Code::NotFound,
            Error::Taken { .. } => Code::AlreadyExists,
            Error::Stale(_) => Code::Aborted,
            Error::Precondition(_) => Code::FailedPrecondition,
            Error::Unavailable(_) | Error::OutcomeUnknown => Code::Unavailable,
            Error::Internal(_) => Code::Internal,
        };
        let reason = error.reason();
        match code {
            Code::Internal => tracing::error!(reason, cause = %causes(&error), "call failed with an internal error"),
            Code::Unavailable => {
                tracing::warn!(reason, cause = %causes(&error), "call failed: storage is unavailable");
            }
            // Caused by the caller: the response reports it, and the log need not.
            _ => {}
        }
        match &error {
            Error::Invalid(violations) | Error::Taken { violations, .. } => {
                status::with_violations(code, reason, violations)
            }
            _ => status::with_reason(code, reason, error.to_string()),
        }
    }
}

/// Returns the status of a call from an unknown caller.
pub(super) fn no_caller() -> Status {
    let message = "no credentials: send an operator's token as `authorization: Bearer lko_…`";
    status::with_reason(Code::Unauthenticated, "NO_CREDENTIALS", message)
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;
    use crate::model::id::KeyId;
    use crate::model::time::Timestamp;
    use crate::model::violations::Violations;
    use crate::registry::Precondition;

    fn violations(count: usize) -> Violations {
        let mut violations = Violations::new();
        for at in 0..count {
            violations.add(format_args!("keys[{at}].key.stores[{at}]"), "the store `nowhere` does not exist");
        }
        violations
    }

    #[test]
    fn all_violations_are_told_by_field_with_a_reason_for_programs() {
        let status = Status::from(Error::Invalid(violations(3)));
        assert_eq!(status.code(), Code::InvalidArgument);
        assert_eq!(status.message(), "keys[0].key.stores[0]: the store `nowhere` does not exist (and 2 more)");
        let details = status.get_error_details();
        let fields: Vec<_> = details.bad_request().unwrap().field_violations.iter().map(|v| v.field.clone()).collect();
        assert_eq!(fields, ["keys[0].key.stores[0]", "keys[1].key.stores[1]", "keys[2].key.stores[2]"]);
        let info = details.error_info().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("INVALID_FIELDS", "latchkey.v1"));
    }

    #[test]
    fn a_status_fits_into_the_trailers_that_clients_take() {
        let ids: Vec<KeyId> = (0..20).map(|at| KeyId::new(Timestamp::EPOCH, [at; 10])).collect();
        let ambiguous = "ж".repeat(10_000);
        for error in [
            Error::Invalid(violations(100_000)),
            Error::Precondition(Precondition::WouldRebind { keys: ids }),
            Error::Invalid(Violations::one("name", ambiguous)),
        ] {
            let headers = Status::from(error).into_http::<()>().headers().clone();
            let bytes: usize = headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 32).sum();
            assert!(bytes < 8_192, "{bytes} bytes");
        }
        let details = Status::from(Error::Invalid(violations(100_000))).get_error_details();
        let sent = details.bad_request().unwrap().field_violations.clone();
        assert_eq!(sent.last().unwrap().description, format!("and {} more", 100_001 - sent.len()));
        assert!(sent.len() > 20);
    }
}
