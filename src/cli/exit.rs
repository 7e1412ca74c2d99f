//! How a command ends: its exit code, and the message if it failed.

use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::flags;
use super::output::sanitize;
use crate::app;

/// Text of `--help` about exit codes.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0    success; `authorize`: ALLOWED
  1    `authorize`: DENIED; `check`: FAIL; or a failure on this machine
  2    invalid command line or configuration
  3    not found
  4    invalid input
  5    the operator token is missing or invalid, or its role does not allow this
  6    the server cannot be reached or is temporarily unavailable
  7    conflict: it already exists, was changed meanwhile, or is in the wrong state
  70   internal error
  130  interrupted";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// It succeeded; of `authorize`: allowed.
    Success = 0,
    /// The result is negative.
    Negative = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// The object does not exist.
    NotFound = 3,
    /// The input is invalid.
    Invalid = 4,
    /// The caller is unknown or lacks permission.
    Denied = 5,
    /// The server cannot be reached or cannot respond now.
    Unavailable = 6,
    /// It conflicts with the current state.
    Conflict = 7,
    /// An internal error.
    Internal = 70,
    /// Ctrl-C.
    Interrupted = 130,
    /// The reader of our output has exited: the command ends as if killed by SIGPIPE, and as quietly.
    BrokenPipe = 141,
}

/// Why a command failed. Each text is for people.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The command line or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// The object does not exist.
    #[error("{0}")]
    NotFound(String),
    /// The input is invalid.
    #[error("{0}")]
    Invalid(String),
    /// The caller is unknown.
    #[error("{0}")]
    Credentials(String),
    /// The server cannot be reached or cannot respond now.
    #[error("{0}")]
    Unavailable(String),
    /// It conflicts with the current state.
    #[error("{0}")]
    Conflict(String),
    /// A local operation failed.
    #[error("{0}")]
    Failed(String),
    /// The server could not start, or did not shut down cleanly.
    #[error(transparent)]
    Server(#[from] app::Error),
    /// An internal error.
    #[error("{0}")]
    Internal(String),
    /// Ctrl-C.
    #[error("interrupted; the change may have been made: check before you repeat it")]
    Interrupted,
    /// Standard output can't be written.
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Error {
    /// Returns the server's status as an error. `place` is the URL of the port, `token` the source of the token.
    pub(super) fn from_status(status: &Status, place: &str, token: &str) -> Self {
        // The server's own statuses have no source: this one was created by the client.
        if let Some(cause) = std::error::Error::source(status) {
            return Self::Unavailable(format!(
                "lost the connection to {place}: {}; it stopped, or it is not Latchkey",
                root_cause(cause)
            ));
        }
        let message = sanitize(status.message());
        let message = if message.is_empty() {
            format!("{place} returned an error: {}", describe_code(status.code()))
        } else {
            message
        };
        match status.code() {
            Code::InvalidArgument | Code::OutOfRange => Self::Invalid(with_violations(message, status)),
            Code::NotFound => Self::NotFound(message),
            Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => {
                Self::Conflict(with_violations(message, status))
            }
            Code::Unauthenticated => Self::Credentials(format!("{message} (the token came from {token})")),
            Code::PermissionDenied => Self::Credentials(message),
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Cancelled => {
                Self::Unavailable(message)
            }
            Code::Unimplemented => Self::Unavailable(format!(
                "{place} does not offer this call: check --admin-url and --decision-url (are the ports swapped?)"
            )),
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Self::Internal(message),
        }
    }

    /// Returns how a command exits after this error.
    pub(super) fn exit(&self) -> Exit {
        match self {
            Self::Usage(_) => Exit::Usage,
            Self::NotFound(_) => Exit::NotFound,
            Self::Invalid(_) => Exit::Invalid,
            Self::Credentials(_) => Exit::Denied,
            Self::Unavailable(_) => Exit::Unavailable,
            Self::Conflict(_) => Exit::Conflict,
            Self::Failed(_) | Self::Server(_) => Exit::Negative,
            Self::Interrupted => Exit::Interrupted,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Exit::BrokenPipe,
            Self::Internal(_) | Self::Output(_) => Exit::Internal,
        }
    }

    /// Prints the error to standard error.
    pub(super) fn print(&self) {
        if self.exit() != Exit::BrokenPipe {
            // If this fails, there is no way left to report it.
            let _ = writeln!(io::stderr(), "error: {self}");
        }
    }
}

/// Returns every violated field on a line of its own; the message alone when there are none.
fn with_violations(message: String, status: &Status) -> String {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    if violations.is_empty() {
        return message;
    }
    // The message repeats the first violation.
    if let [one] = violations
        && message.contains(&sanitize(&one.description))
    {
        return flags::in_message(message);
    }
    let mut text = match violations.len() {
        1 => "one field is invalid:".to_owned(),
        many => format!("{many} fields are invalid:"),
    };
    for violation in violations {
        text.push_str("\n  ");
        if !violation.field.is_empty() {
            text.push_str(&sanitize(flags::of_field(&violation.field)));
            text.push_str(": ");
        }
        text.push_str(&sanitize(&violation.description));
    }
    text
}

/// Returns an error's causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let message = cause.to_string();
        if !text.contains(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = cause.source();
    }
    sanitize(&text)
}

/// Returns the last of an error's causes.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    sanitize(&last.to_string())
}

/// Describes a status code, for a server that gives no message.
const fn describe_code(code: Code) -> &'static str {
    match code {
        Code::Ok => "no response",
        Code::InvalidArgument | Code::OutOfRange => "the input is invalid",
        Code::NotFound => "it does not exist",
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => "it conflicts with the current state",
        Code::Unauthenticated => "the caller is unknown",
        Code::PermissionDenied => "the caller is not allowed to do this",
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Cancelled => {
            "it is temporarily unavailable"
        }
        Code::Unimplemented => "unknown method",
        Code::Unknown | Code::Internal | Code::DataLoss => "internal error",
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    fn convert(status: &Status) -> (String, Exit) {
        let error = Error::from_status(status, "http://h:1", "LATCHKEY_TOKEN");
        (error.to_string(), error.exit())
    }

    #[test]
    fn each_status_has_its_exit_code() {
        for (code, exit) in [
            (Code::InvalidArgument, Exit::Invalid),
            (Code::OutOfRange, Exit::Invalid),
            (Code::NotFound, Exit::NotFound),
            (Code::AlreadyExists, Exit::Conflict),
            (Code::Aborted, Exit::Conflict),
            (Code::FailedPrecondition, Exit::Conflict),
            (Code::Unauthenticated, Exit::Denied),
            (Code::PermissionDenied, Exit::Denied),
            (Code::Unavailable, Exit::Unavailable),
            (Code::ResourceExhausted, Exit::Unavailable),
            (Code::Unimplemented, Exit::Unavailable),
            (Code::Internal, Exit::Internal),
        ] {
            assert_eq!(convert(&Status::new(code, "x")).1, exit, "{code:?}");
            assert!(convert(&Status::new(code, "")).0.len() > 10, "{code:?} says nothing");
        }
    }

    #[test]
    fn every_violated_field_is_on_a_line_of_its_own() {
        let violations =
            vec![FieldViolation::new("key.name", "must not be empty"), FieldViolation::new("", "and this")];
        let status = Status::with_error_details(Code::InvalidArgument, "x", ErrorDetails::with_bad_request(violations));
        let (text, _) = convert(&status);
        assert_eq!(text, "2 fields are invalid:\n  --name: must not be empty\n  and this");
    }

    #[test]
    fn a_wrong_value_is_named_by_its_flag() {
        let violations = ErrorDetails::with_bad_request(vec![FieldViolation::new("key.contact", "is not valid")]);
        let status = Status::with_error_details(Code::InvalidArgument, "key.contact: is not valid", violations);
        assert_eq!(convert(&status).0, "--contact: is not valid");
    }

    #[test]
    fn what_is_taken_is_told_once() {
        let violations =
            ErrorDetails::with_bad_request(vec![FieldViolation::new("store.code", "`a` is there already")]);
        let message = "the code is taken: store.code: `a` is there already";
        assert_eq!(convert(&Status::with_error_details(Code::AlreadyExists, message, violations)).0, message);
    }

    #[test]
    fn a_refused_token_tells_where_it_came_from() {
        assert!(convert(&Status::unauthenticated("unknown")).0.ends_with("(the token came from LATCHKEY_TOKEN)"));
    }

    #[test]
    fn what_the_server_says_cannot_drive_the_terminal() {
        assert_eq!(convert(&Status::not_found("a\u{1b}[2Jb")).0, "a\u{fffd}[2Jb");
    }

    #[test]
    fn a_reader_that_has_gone_away_is_no_failure_to_talk_about() {
        let gone = Error::Output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(gone.exit(), Exit::BrokenPipe);
        let full = Error::Output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit(), Exit::Internal);
    }
}
