//! How a command ends: its exit code, and the sentence when it did not do what was asked.

use std::io;
use std::io::Write as _;
use std::process::ExitCode;

use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use super::output::clean;
use crate::app;

/// What `--help` says about exit codes.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0    done; of `authorize`: ALLOWED
  1    the answer is no (`authorize`: DENIED, `check`: FAIL), or it could not be done here
  2    the command line or the configuration is wrong
  3    what was asked for does not exist
  4    the input is invalid
  5    the operator's token is missing, not good, or its role does not allow it
  6    the server cannot be reached, or cannot answer now
  7    a conflict: it is there already, was changed meanwhile, or is not in a state for it
  70   an internal error
  130  interrupted";

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    /// It did what was asked; of `authorize`: allowed.
    Done = 0,
    /// The answer is no.
    No = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// There is no such thing.
    NotFound = 3,
    /// The input is invalid.
    Invalid = 4,
    /// The caller is not known or may not.
    Refused = 5,
    /// The server cannot be reached or cannot answer now.
    Unavailable = 6,
    /// It is in conflict with what is there.
    Conflict = 7,
    /// A mistake of ours.
    Internal = 70,
    /// Ctrl-C.
    Interrupted = 130,
    /// Whoever read our output has gone away: as if killed by SIGPIPE, and as quietly.
    Unread = 141,
}

/// Why a command did not do what was asked. Each text is for people.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    /// The command line or the configuration is wrong.
    #[error("{0}")]
    Usage(String),
    /// There is no such thing.
    #[error("{0}")]
    NotFound(String),
    /// What was given is wrong.
    #[error("{0}")]
    Invalid(String),
    /// Who calls is not known.
    #[error("{0}")]
    Credentials(String),
    /// The server cannot be reached or cannot answer now.
    #[error("{0}")]
    Unavailable(String),
    /// It is in conflict with what is there.
    #[error("{0}")]
    Conflict(String),
    /// Something could not be done here.
    #[error("{0}")]
    Failed(String),
    /// The server could not start, or did not end as asked.
    #[error(transparent)]
    Server(#[from] app::Error),
    /// A mistake of ours.
    #[error("{0}")]
    Internal(String),
    /// Ctrl-C.
    #[error("interrupted; what was already sent may have been done: look before repeating it")]
    Interrupted,
    /// Standard output does not take what we say.
    #[error("standard output cannot be written: {0}")]
    Output(io::Error),
}

impl From<Ending> for ExitCode {
    fn from(ending: Ending) -> Self {
        Self::from(ending as u8)
    }
}

impl Error {
    /// What the server answered, as a sentence. `place` is where it was asked, `token` where the token came from.
    pub(super) fn of_status(status: &Status, place: &str, token: &str) -> Self {
        // The server's own statuses have no source: this one was made on the way.
        if let Some(cause) = std::error::Error::source(status) {
            return Self::Unavailable(format!(
                "the connection to {place} broke: {}; either it stopped, or it is no Latchkey",
                root(cause)
            ));
        }
        let message = clean(status.message());
        let message = if message.is_empty() { format!("{place} answered {}", words(status.code())) } else { message };
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
            Code::Unimplemented => {
                Self::Unavailable(format!("what answers at {place} is not this service of Latchkey: {message}"))
            }
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Self::Internal(message),
        }
    }

    /// How the command ends with it.
    pub(super) fn ending(&self) -> Ending {
        match self {
            Self::Usage(_) => Ending::Usage,
            Self::NotFound(_) => Ending::NotFound,
            Self::Invalid(_) => Ending::Invalid,
            Self::Credentials(_) => Ending::Refused,
            Self::Unavailable(_) => Ending::Unavailable,
            Self::Conflict(_) => Ending::Conflict,
            Self::Failed(_) | Self::Server(_) => Ending::No,
            Self::Interrupted => Ending::Interrupted,
            Self::Output(error) if error.kind() == io::ErrorKind::BrokenPipe => Ending::Unread,
            Self::Internal(_) | Self::Output(_) => Ending::Internal,
        }
    }

    /// Says it on standard error.
    pub(super) fn tell(&self) {
        if self.ending() != Ending::Unread {
            // Nobody is left to be told when this fails.
            let _ = writeln!(io::stderr(), "error: {self}");
        }
    }
}

/// Every violated field on a line of its own; the message alone when there are none.
fn with_violations(message: String, status: &Status) -> String {
    let details = status.get_error_details();
    let violations = details.bad_request().map(|bad| bad.field_violations.as_slice()).unwrap_or_default();
    if violations.is_empty() {
        return message;
    }
    if let [one] = violations
        && message.contains(&clean(&one.description))
        && status.code() != Code::InvalidArgument
    {
        return message;
    }
    let mut text = match (status.code(), violations.len()) {
        (Code::InvalidArgument, 1) => "the server refuses one field:".to_owned(),
        (Code::InvalidArgument, many) => format!("the server refuses {many} fields:"),
        _ => message,
    };
    for violation in violations {
        text.push_str("\n  ");
        if !violation.field.is_empty() {
            text.push_str(&clean(&violation.field));
            text.push_str(": ");
        }
        text.push_str(&clean(&violation.description));
    }
    text
}

/// An error's causes in one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let told = cause.to_string();
        if !text.contains(&told) {
            text.push_str(": ");
            text.push_str(&told);
        }
        source = cause.source();
    }
    clean(&text)
}

/// What an error comes down to: the last of its causes.
pub(super) fn root(error: &dyn std::error::Error) -> String {
    let mut last = error;
    while let Some(cause) = last.source() {
        last = cause;
    }
    clean(&last.to_string())
}

/// A status code in words, for a server that gives no other.
const fn words(code: Code) -> &'static str {
    match code {
        Code::Ok => "without an answer",
        Code::InvalidArgument | Code::OutOfRange => "that the input is invalid",
        Code::NotFound => "that it does not exist",
        Code::AlreadyExists | Code::Aborted | Code::FailedPrecondition => "that it is in conflict with what is there",
        Code::Unauthenticated => "that the caller is not known",
        Code::PermissionDenied => "that the caller may not do this",
        Code::Unavailable | Code::DeadlineExceeded | Code::ResourceExhausted | Code::Cancelled => "that it cannot now",
        Code::Unimplemented => "that it does not know this call",
        Code::Unknown | Code::Internal | Code::DataLoss => "with an internal error",
    }
}

#[cfg(test)]
mod tests {
    use tonic_types::{ErrorDetails, FieldViolation};

    use super::*;

    fn told(status: &Status) -> (String, Ending) {
        let error = Error::of_status(status, "http://h:1", "LATCHKEY_TOKEN");
        (error.to_string(), error.ending())
    }

    #[test]
    fn each_status_has_its_exit_code() {
        for (code, ending) in [
            (Code::InvalidArgument, Ending::Invalid),
            (Code::OutOfRange, Ending::Invalid),
            (Code::NotFound, Ending::NotFound),
            (Code::AlreadyExists, Ending::Conflict),
            (Code::Aborted, Ending::Conflict),
            (Code::FailedPrecondition, Ending::Conflict),
            (Code::Unauthenticated, Ending::Refused),
            (Code::PermissionDenied, Ending::Refused),
            (Code::Unavailable, Ending::Unavailable),
            (Code::ResourceExhausted, Ending::Unavailable),
            (Code::Unimplemented, Ending::Unavailable),
            (Code::Internal, Ending::Internal),
        ] {
            assert_eq!(told(&Status::new(code, "x")).1, ending, "{code:?}");
            assert!(told(&Status::new(code, "")).0.len() > 10, "{code:?} says nothing");
        }
    }

    #[test]
    fn every_violated_field_is_on_a_line_of_its_own() {
        let violations =
            vec![FieldViolation::new("key.name", "must not be empty"), FieldViolation::new("", "and this")];
        let status = Status::with_error_details(Code::InvalidArgument, "x", ErrorDetails::with_bad_request(violations));
        let (text, _) = told(&status);
        assert_eq!(text, "the server refuses 2 fields:\n  key.name: must not be empty\n  and this");
    }

    #[test]
    fn what_is_taken_is_told_once() {
        let violations =
            ErrorDetails::with_bad_request(vec![FieldViolation::new("store.code", "`a` is there already")]);
        let message = "the code is taken: store.code: `a` is there already";
        assert_eq!(told(&Status::with_error_details(Code::AlreadyExists, message, violations)).0, message);
    }

    #[test]
    fn a_refused_token_tells_where_it_came_from() {
        assert!(told(&Status::unauthenticated("unknown")).0.ends_with("(the token came from LATCHKEY_TOKEN)"));
    }

    #[test]
    fn what_the_server_says_cannot_drive_the_terminal() {
        assert_eq!(told(&Status::not_found("a\u{1b}[2Jb")).0, "a\u{fffd}[2Jb");
    }

    #[test]
    fn a_reader_that_has_gone_away_is_no_failure_to_talk_about() {
        let gone = Error::Output(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(gone.ending(), Ending::Unread);
        let full = Error::Output(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.ending(), Ending::Internal);
    }
}
