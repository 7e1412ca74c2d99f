//! How a command ends: its exit code, and the message if it failed.

use std::io::{self, Write as _};
use std::iter::successors;
use std::process::ExitCode;

use tonic::{Code, Status};
use tonic_types::{FieldViolation, StatusExt as _};

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

/// How a command ended; see [`EXIT_CODES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    Success = 0,
    Negative = 1,
    Usage = 2,
    NotFound = 3,
    Invalid = 4,
    Denied = 5,
    Unavailable = 6,
    Conflict = 7,
    Internal = 70,
    Interrupted = 130,
    /// The reader of our output has exited: the command ends as if killed by SIGPIPE, and as quietly.
    BrokenPipe = 141,
}

/// Why a command failed. Each text is for people.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{0}")]
    Usage(String),
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    Invalid(String),
    #[error("{0}")]
    Credentials(String),
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Conflict(String),
    /// A failure on this machine.
    #[error("{0}")]
    Failed(String),
    /// The server could not start, or did not shut down cleanly.
    #[error(transparent)]
    Server(#[from] app::Error),
    #[error("{0}")]
    Internal(String),
    #[error("interrupted; the change may have been made: check before you repeat it")]
    Interrupted,
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

impl Error {
    /// Returns the server's status as an error. `token` is the source of the operator's token.
    pub(super) fn from_status(status: &Status, token: Option<&str>) -> Self {
        // The server's own statuses have no source: this one was created by the client.
        if let Some(cause) = std::error::Error::source(status) {
            return Self::Unavailable(format!(
                "lost the connection to the server: {}; it stopped, or it is not Latchkey",
                root_cause(cause)
            ));
        }
        // The description is for a server that gives no message.
        let (description, error): (&str, fn(String) -> Self) = match status.code() {
            Code::InvalidArgument | Code::OutOfRange => ("the input is invalid", Self::Invalid),
            Code::NotFound => ("it does not exist", Self::NotFound),
            Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => {
                ("it conflicts with the current state", Self::Conflict)
            }
            Code::Unauthenticated => ("the caller is unknown", Self::Credentials),
            Code::PermissionDenied => ("the caller is not allowed to do this", Self::Credentials),
            Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Cancelled => {
                ("it is temporarily unavailable", Self::Unavailable)
            }
            Code::Unimplemented => {
                return Self::Unavailable(
                    "the server does not offer this call: check --admin-url and --decision-url (are the ports \
                     swapped?)"
                        .to_owned(),
                );
            }
            Code::Ok => ("no response", Self::Internal),
            Code::Unknown | Code::Internal | Code::DataLoss => ("internal error", Self::Internal),
        };
        let mut message = sanitize(status.message());
        if message.is_empty() {
            message = format!("the server returned an error: {description}");
        }
        match error(message) {
            Self::Invalid(message) => Self::Invalid(with_violations(message, status)),
            Self::Conflict(message) => Self::Conflict(with_violations(message, status)),
            Self::Credentials(message) if status.code() == Code::Unauthenticated => Self::Credentials(match token {
                Some(origin) => format!("{message} (the token came from {origin})"),
                None => format!("{message}; no token was sent: set LATCHKEY_TOKEN or LATCHKEY_TOKEN_FILE"),
            }),
            error => error,
        }
    }

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
    let lines = violations.iter().map(|FieldViolation { field, description, .. }| {
        let name = flags::flag(field).unwrap_or_else(|| sanitize(field));
        format!("\n  {name}{}{}", if name.is_empty() { "" } else { ": " }, sanitize(description))
    });
    let lines: String = lines.collect();
    if violations.len() == 1 {
        format!("one field is invalid:{lines}")
    } else {
        format!("{} fields are invalid:{lines}", violations.len())
    }
}

/// Returns an error's causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    for cause in successors(error.source(), |cause| cause.source()).map(ToString::to_string) {
        if !text.contains(&cause) {
            text.extend([": ", &cause]);
        }
    }
    sanitize(&text)
}

/// Returns the last of an error's causes.
pub(super) fn root_cause(error: &dyn std::error::Error) -> String {
    let last = successors(Some(error), |cause| cause.source()).last();
    sanitize(&last.unwrap_or(error).to_string())
}

#[cfg(test)]
mod tests {
    use tonic_types::ErrorDetails;

    use super::*;

    fn convert(status: &Status) -> (String, Exit) {
        let error = Error::from_status(status, Some("LATCHKEY_TOKEN"));
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
    fn what_the_server_says_is_told_once_by_flag_and_cannot_drive_the_terminal() {
        let violating = |code, message: &str, fields: &[(&str, &str)]| {
            let fields = fields.iter().map(|(field, what)| FieldViolation::new(*field, *what));
            Status::with_error_details(code, message, ErrorDetails::with_bad_request(fields.collect::<Vec<_>>()))
        };
        let taken = "the code is taken: store.code: `a` is there already";
        for (status, expected) in [
            (
                violating(Code::InvalidArgument, "x", &[("key.name", "must not be empty"), ("", "and this")]),
                "2 fields are invalid:\n  --name: must not be empty\n  and this",
            ),
            (
                violating(Code::InvalidArgument, "key.contact: is not valid", &[("key.contact", "is not valid")]),
                "--contact: is not valid",
            ),
            (violating(Code::AlreadyExists, taken, &[("store.code", "`a` is there already")]), taken),
            (Status::unauthenticated("unknown"), "unknown (the token came from LATCHKEY_TOKEN)"),
            (Status::not_found("a\u{1b}[2Jb"), "a\u{fffd}[2Jb"),
        ] {
            assert_eq!(convert(&status).0, expected);
        }
        let error = Error::from_status(&Status::unauthenticated("unknown"), None);
        assert_eq!(error.to_string(), "unknown; no token was sent: set LATCHKEY_TOKEN or LATCHKEY_TOKEN_FILE");
    }

    #[test]
    fn a_reader_that_has_gone_away_is_no_failure_to_talk_about() {
        let gone = Error::Output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(gone.exit(), Exit::BrokenPipe);
        let full = Error::Output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit(), Exit::Internal);
    }
}
