//! Statuses of gRPC calls. The only file that makes them (tests/tidy/statuses.rs), so that each reason for programs is
//! attached in the same way and no message is too long for a trailer.

use std::collections::HashMap;
use std::error::Error;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt as _};

/// The domain of the reasons in `google.rpc.ErrorInfo`.
const DOMAIN: &str = "latchkey.v1";
/// Most bytes of a message: with details it is sent twice, once with every non-ASCII byte tripled.
const MAX_MESSAGE: usize = 1_024;

/// Returns a status without a reason for programs.
pub fn new(code: Code, message: impl Into<String>) -> Status {
    Status::new(code, cut(message.into(), MAX_MESSAGE))
}

/// Returns a status with a reason for programs, in its `google.rpc.ErrorInfo`.
pub fn with_reason(code: Code, reason: &'static str, message: impl Into<String>) -> Status {
    with_details(code, reason, message.into(), ErrorDetails::new())
}

/// Returns a status with a reason for programs and the invalid fields of the request.
pub fn with_fields(
    code: Code,
    reason: &'static str,
    message: impl Into<String>,
    fields: Vec<FieldViolation>,
) -> Status {
    let mut details = ErrorDetails::new();
    details.set_bad_request(fields);
    with_details(code, reason, message.into(), details)
}

/// Returns the status for a body that cannot be read further: the one that the connection ended with, if it had one.
pub fn of_transport(error: impl Into<Box<dyn Error + Send + Sync>>) -> Status {
    Status::from_error(error.into())
}

fn with_details(code: Code, reason: &'static str, message: String, mut details: ErrorDetails) -> Status {
    details.set_error_info(reason, DOMAIN, HashMap::new());
    Status::with_error_details(code, cut(message, MAX_MESSAGE), details)
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

        let fields = vec![FieldViolation::new("name", "is empty")];
        let details = with_fields(Code::InvalidArgument, "INVALID_FIELDS", "x", fields).get_error_details();
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
