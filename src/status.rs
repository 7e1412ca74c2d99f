//! Statuses of gRPC calls. The only file that makes them (tests/fast/tidy/statuses.rs), so that each reason for programs is
//! attached in the same way and no message is too long for a trailer.

use std::collections::HashMap;
use std::error::Error;

use tonic::{Code, Response, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

use crate::model::violations::Violations;

/// The domain of the reasons in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "latchkey.v1";
/// Most bytes of a message: with details it is sent twice, once with every non-ASCII byte tripled.
const MAX_MESSAGE: usize = 1_024;
/// Most bytes of violations: they are sent in a trailer, and gRPC clients begin to refuse trailers of 8 KiB.
const MAX_DETAILS: usize = 3_072;

/// The result of a gRPC call.
pub type Reply<T> = Result<Response<T>, Status>;

/// Returns a status without a reason for programs.
pub fn new(code: Code, message: impl Into<String>) -> Status {
    Status::new(code, cut(message.into(), MAX_MESSAGE))
}

/// Returns a status with a reason for programs, in its `google.rpc.ErrorInfo`.
pub fn with_reason(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    with_details(code, reason, message.into(), ErrorDetails::new())
}

/// Returns a status with a reason for programs and all violations of the request that fit.
pub fn with_violations(code: Code, reason: &'static str, violations: &Violations) -> Status {
    let mut details = ErrorDetails::new();
    details.set_bad_request(fitting(violations));
    with_details(code, reason, violations.to_string(), details)
}

/// Returns the status of a call that is invalid.
pub fn invalid(violations: &Violations) -> Status {
    with_violations(Code::InvalidArgument, "INVALID_FIELDS", violations)
}

/// Refuses a call with violations.
///
/// # Errors
/// The status of an invalid call, if there is a violation.
pub fn check(violations: &Violations) -> Result<(), Status> {
    if violations.is_empty() { Ok(()) } else { Err(invalid(violations)) }
}

/// Returns the status for a body that cannot be read further: the one that the connection ended with, if it had one.
pub fn of_transport(error: impl Into<Box<dyn Error + Send + Sync>>) -> Status {
    Status::from_error(error.into())
}

fn with_details(code: Code, reason: &'static str, message: String, mut details: ErrorDetails) -> Status {
    details.set_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, cut(message, MAX_MESSAGE), details)
}

/// Returns the violations that fit, and the number of those that do not.
fn fitting(violations: &Violations) -> Vec<FieldViolation> {
    let mut bytes = 0;
    let mut listed: Vec<FieldViolation> = violations
        .listed()
        .iter()
        .take_while(|violation| {
            // Two lengths and two tags in addition to the texts.
            bytes += violation.field.len() + violation.description.len() + 8;
            bytes <= MAX_DETAILS
        })
        .map(|violation| FieldViolation::new(&violation.field, &violation.description))
        .collect();
    let unlisted = violations.total() - listed.len();
    if unlisted > 0 {
        listed.push(FieldViolation::new("", format!("and {unlisted} more")));
    }
    listed
}

/// Shortens a text to this many bytes.
fn cut(mut text: String, bytes: usize) -> String {
    if text.len() > bytes {
        text.truncate(text.floor_char_boundary(bytes - '…'.len_utf8()));
        text.push('…');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_for_programs_is_attached() {
        let status = with_reason(Code::Unavailable, "BUSY", "try again");
        assert_eq!((status.code(), status.message()), (Code::Unavailable, "try again"));
        let info = status.get_error_details().error_info().cloned().unwrap();
        assert_eq!((info.reason.as_str(), info.domain.as_str()), ("BUSY", "latchkey.v1"));
        assert!(new(Code::Unavailable, "try again").get_error_details().error_info().is_none());

        assert!(check(&Violations::new()).is_ok());
        let details = check(&Violations::one("name", "is empty")).unwrap_err().get_error_details();
        assert_eq!(details.bad_request().unwrap().field_violations[0].field, "name");
        assert_eq!(details.error_info().unwrap().reason, "INVALID_FIELDS");
    }

    #[test]
    fn a_text_is_cut_between_characters() {
        for (text, expected) in [("short", "short"), ("жжж", "жжж"), ("жжжж", "ж…")] {
            assert_eq!(cut(text.to_owned(), 6), expected);
        }
        assert!(new(Code::Internal, "ж".repeat(10_000)).message().len() <= MAX_MESSAGE);
    }
}
