//! The meaning of the server's errors, and of errors in reaching it.

use deadpool::managed::TimeoutType;
use tokio_postgres::error::{DbError, Severity, SqlState};

use super::config::UrlSettings;
use super::connect::PoolError;
use super::hosts::{FailureCause, Unreachable};
use crate::storage::Error;
use crate::storage::sql::driver::taken_error;

/// Translates `error` while doing `what`.
pub(super) fn translate(what: &str, error: tokio_postgres::Error) -> Error {
    let Some(db_error) = error.as_db_error() else {
        // The server sent no error: the connection is gone, or never existed. Anything else is a bug of ours.
        return if is_connection(&error) {
            unavailable("the connection to the server broke", what, error)
        } else {
            Error::Failed { what: what.to_owned(), source: Box::new(error) }
        };
    };
    if *db_error.code() == SqlState::UNIQUE_VIOLATION
        && let Some(taken) = db_error.constraint().and_then(taken_error)
    {
        return taken;
    }
    match because(db_error) {
        Some(because) => unavailable(because, what, error),
        None => Error::Failed { what: what.to_owned(), source: Box::new(error) },
    }
}

fn unavailable(because: &'static str, what: &str, error: tokio_postgres::Error) -> Error {
    let what = format!("{because} while {what}");
    Error::Unavailable { what, because: Some(because), source: Some(Box::new(error)) }
}

fn is_connection(error: &tokio_postgres::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<std::io::Error>() {
            return true;
        }
        source = cause.source();
    }
    error.is_closed()
}

/// Returns why a retry may help; `None` if it does not.
fn because(db_error: &DbError) -> Option<&'static str> {
    let code = db_error.code();
    Some(match code.code() {
        "55P03" => "another write held a lock for too long",
        "40001" | "40P01" => "there was a conflict with another write",
        "57014" => "the server took too long",
        "25P03" | "25P04" | "57P05" => "the client took too long",
        "25006" => "the database does not accept writes: it is read-only or a standby",
        "3D000" => "the database does not exist",
        "57P01" | "57P02" | "57P03" | "57P04" => "the server has stopped or is starting",
        text => match text.get(..2) {
            Some("08") => "the connection to the server broke",
            Some("28") => "the server rejected the user or password",
            Some("53") if code.code() == "53300" => "the database has no free connection",
            Some("53") => "the server is out of connections, memory or disk space",
            Some("58") => "the server's disk failed",
            _ if is_fatal(db_error) => "the server closed the connection",
            _ => return None,
        },
    })
}

fn is_fatal(db_error: &DbError) -> bool {
    matches!(db_error.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
}

/// Translates the error of a COMMIT: the outcome is known only if the server reported its failure.
pub(super) fn translate_commit(error: tokio_postgres::Error) -> Error {
    match error.as_db_error() {
        Some(db_error) if !is_fatal(db_error) => translate("committing", error),
        _ => Error::OutcomeUnknown,
    }
}

fn unavailable_because(because: &'static str) -> Error {
    Error::Unavailable { what: because.to_owned(), because: Some(because), source: None }
}

/// Translates a pool's failure to return a connection.
pub(super) fn translate_pool(error: PoolError) -> Error {
    match error {
        PoolError::Backend(unreachable) => Error::Unavailable {
            what: "could not connect to the database".to_owned(),
            because: unreachable.because(),
            source: Some(Box::new(unreachable)),
        },
        PoolError::Timeout(TimeoutType::Wait) => unavailable_because("all connections to the database are busy"),
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
            unavailable_because("the database did not accept a connection in time")
        }
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            unavailable_because("the pool of connections is closed")
        }
    }
}

/// Translates the failure of the first connection: if a retry cannot help, returns a sentence with the remedy.
pub(super) fn translate_first_connect(error: PoolError, settings: &UrlSettings) -> Error {
    let place = settings.location();
    if let PoolError::Backend(unreachable) = &error
        && let Some(sentence) = unreachable.remedy(settings.database())
    {
        return Error::Unusable { sentence };
    }
    match translate_pool(error) {
        Error::Unavailable { because, source, .. } => Error::Unavailable {
            because,
            what: format!(
                "cannot reach the database server {place}; check that it is running and that LATCHKEY_DATABASE_URL is \
                 correct"
            ),
            source,
        },
        other => other,
    }
}

impl Unreachable {
    /// Returns why no host is usable, in a few words: the error of the first that responded, or that none did.
    fn because(&self) -> Option<&'static str> {
        let db_error = self.0.iter().find_map(|failure| match &failure.cause {
            FailureCause::Driver(error) => error.as_db_error().and_then(because),
            _ => None,
        });
        db_error.or(Some("none of the database hosts can be reached"))
    }

    /// Returns a sentence on a problem with one of the hosts that lasts until someone changes a setting.
    fn remedy(&self, database: &str) -> Option<String> {
        // If one of the hosts may still come up, a retry may help.
        let errors = self.0.iter().map(|failure| match &failure.cause {
            FailureCause::Driver(error) => remedy(&failure.host, error, database),
            _ => None,
        });
        let sentences: Vec<_> = errors.flatten().collect();
        if sentences.len() == self.0.len() { sentences.into_iter().next() } else { None }
    }
}

fn remedy(host: &str, error: &tokio_postgres::Error, database: &str) -> Option<String> {
    match error.code().map(SqlState::code) {
        Some("28P01" | "28000") => Some(format!(
            "the database server {host} rejected the user or password: correct LATCHKEY_DATABASE_URL, and check that \
             pg_hba.conf allows this user to connect from here"
        )),
        Some("3D000") => Some(format!(
            "the database server {host} has no database {database}: create it (createdb), or set another in \
             LATCHKEY_DATABASE_URL"
        )),
        _ => tls_problem(error).map(|why| {
            format!(
                "TLS to the database server {host} failed: {why}; check sslmode and sslrootcert in \
                 LATCHKEY_DATABASE_URL"
            )
        }),
    }
}

/// Returns what is wrong with TLS, if that failed.
fn tls_problem(error: &tokio_postgres::Error) -> Option<String> {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(tls) = cause.downcast_ref::<rustls::Error>() {
            return Some(tls.to_string());
        }
        if let Some(io) = cause.downcast_ref::<std::io::Error>()
            && let Some(tls) = io.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>())
        {
            return Some(tls.to_string());
        }
        source = cause.source();
    }
    let text = error.to_string();
    text.contains("TLS").then_some(text)
}

/// Returns whether the server accepts no writes because it follows a primary or is read-only.
pub(super) fn refuses_writes(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)
}

/// Returns whether a write was refused because of a conflict with another.
pub(super) fn is_conflict(error: &Error) -> bool {
    let Error::Unavailable { source: Some(source), .. } = error else { return false };
    let code = source.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
    code.is_some_and(|code| [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code))
}
