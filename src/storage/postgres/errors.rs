//! The meaning of the server's errors, and of errors in reaching it.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{self, TimeoutType};
use tokio_postgres::error::{DbError, Severity, SqlState};

use super::config::UrlSettings;
use crate::storage::Error;
use crate::storage::sql::driver::taken_error;
use crate::telemetry::outage::causes;

/// Why no host is usable: each with its own cause, in the order of the URL.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
pub(super) struct Unreachable(pub(super) Vec<HostFailure>);

#[derive(Debug, thiserror::Error)]
#[error("{host}: {cause}")]
pub(super) struct HostFailure {
    /// The host, with its port and, if it has a name, the address.
    pub(super) host: String,
    pub(super) cause: FailureCause,
}

#[derive(Debug, thiserror::Error)]
pub(super) enum FailureCause {
    #[error("its name could not be resolved: {0}")]
    Lookup(Arc<io::Error>),
    #[error("its name could not be resolved within {0:?}")]
    LookupTimeout(Duration),
    #[error("it accepted the connection but did not respond within {0:?}")]
    Unresponsive(Duration),
    #[error("it closed the connection right after accepting it")]
    Closed,
    #[error("{}", causes(.0))]
    Driver(tokio_postgres::Error),
}

impl HostFailure {
    /// Returns the driver's error, if there was one.
    const fn error(&self) -> Option<&tokio_postgres::Error> {
        if let FailureCause::Driver(error) = &self.cause { Some(error) } else { None }
    }

    pub(super) fn is_standby(&self) -> bool {
        let io = self.error().and_then(|error| std::error::Error::source(error)?.downcast_ref::<io::Error>());
        io.is_some_and(|io| io.kind() == io::ErrorKind::PermissionDenied)
    }
}

pub(super) type PoolError = managed::PoolError<Unreachable>;

pub(super) fn translate(what: &str, error: tokio_postgres::Error) -> Error {
    let Some(db_error) = error.as_db_error() else {
        // The server sent no error: the connection is gone, or never existed. Anything else is a bug of ours.
        return if error.is_closed() || sources(&error).any(<dyn std::error::Error>::is::<io::Error>) {
            unavailable("the connection to the server broke", what, error)
        } else {
            Error::failed(what, error)
        };
    };
    if *db_error.code() == SqlState::UNIQUE_VIOLATION
        && let Some(taken) = db_error.constraint().and_then(taken_error)
    {
        return taken;
    }
    match because(db_error) {
        Some(because) => unavailable(because, what, error),
        None => Error::failed(what, error),
    }
}

fn unavailable(because: &'static str, what: &str, error: tokio_postgres::Error) -> Error {
    let what = format!("{because} while {what}");
    Error::Unavailable { what, because: Some(because), source: Some(Box::new(error)) }
}

fn sources(error: &tokio_postgres::Error) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
    std::iter::successors(std::error::Error::source(error), |cause| cause.source())
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

pub(super) fn translate_pool(error: PoolError) -> Error {
    let because = match error {
        PoolError::Backend(unreachable) => {
            let what = "could not connect to the database".to_owned();
            let because = unreachable.because();
            return Error::Unavailable { what, because, source: Some(Box::new(unreachable)) };
        }
        PoolError::Timeout(TimeoutType::Wait) => "all connections to the database are busy",
        PoolError::Timeout(TimeoutType::Create | TimeoutType::Recycle) => {
            "the database did not accept a connection in time"
        }
        PoolError::Closed | PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            "the pool of connections is closed"
        }
    };
    Error::Unavailable { what: because.to_owned(), because: Some(because), source: None }
}

/// Translates the failure of the first connection: if a retry cannot help, returns a sentence with the remedy.
pub(super) fn translate_first_connect(error: PoolError, settings: &UrlSettings) -> Error {
    let place = settings.location();
    if let PoolError::Backend(unreachable) = &error
        && let Some(sentence) = unreachable.remedy(settings.database())
    {
        return Error::unusable(sentence);
    }
    let mut error = translate_pool(error);
    if let Error::Unavailable { what, .. } = &mut error {
        *what = format!(
            "cannot reach the database server {place}; check that it is running and that LATCHKEY_DATABASE_URL is \
             correct"
        );
    }
    error
}

impl Unreachable {
    /// Returns why no host is usable, in a few words: the error of the first that responded, or that none did.
    fn because(&self) -> Option<&'static str> {
        let db_error = self.0.iter().find_map(|failure| because(failure.error()?.as_db_error()?));
        db_error.or(Some("none of the database hosts can be reached"))
    }

    /// Returns a sentence on a problem with one of the hosts that lasts until someone changes a setting.
    fn remedy(&self, database: &str) -> Option<String> {
        // If one of the hosts may still come up, a retry may help.
        let sentences = self.0.iter().map(|failure| remedy(&failure.host, failure.error()?, database));
        sentences.collect::<Option<Vec<_>>>()?.into_iter().next()
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

fn tls_problem(error: &tokio_postgres::Error) -> Option<String> {
    let tls = sources(error).find_map(|cause| {
        let wrapped = || cause.downcast_ref::<io::Error>()?.get_ref()?.downcast_ref();
        cause.downcast_ref::<rustls::Error>().or_else(wrapped)
    });
    tls.map(ToString::to_string).or_else(|| Some(error.to_string()).filter(|text| text.contains("TLS")))
}
