//! Options of storage.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use super::Error;
use crate::clock::{SharedClock, SystemClock};
use crate::lifecycle::Tasks;

/// Receives every call of an engine: its name, how long it took, and its outcome ([`Error::code`](super::Error::code)).
pub type CallObserver = Arc<dyn Fn(&'static str, Duration, Result<(), &'static str>) + Send + Sync>;

/// The options for opening storage. [`Options::new`] sets every default.
#[derive(Clone)]
pub struct Options {
    /// The location of the database.
    pub url: StorageUrl,
    /// Whether [`open`](super::open) migrates an older schema, or an empty database, to this version. Default: yes.
    pub migrate: bool,
    /// The deployment that this server's data folder recorded for this location: an empty database is then not a first
    /// start, and stays untouched. Default: none.
    pub served: Option<String>,
    /// Whether to start with an empty database even though another one was served from there. Default: no.
    pub start_over: bool,
    /// Connections that read grants, 1..=100. Default: 4 (SQLite: 2 threads).
    pub grant_connections: usize,
    /// Connections that read for people, 1..=100. Default: 4 (SQLite: 2 threads).
    pub read_connections: usize,
    /// Connections that write managed data, 1..=100; SQLite has one. Default: 8.
    pub write_connections: usize,
    /// Connections that write counts and reports, 1..=100; SQLite uses its only writer. Default: 2.
    pub report_connections: usize,
    /// The time, for an engine without a clock of its own; and the duration of calls.
    pub clock: SharedClock,
    /// The tasks that run the listener for notifications.
    pub tasks: Tasks,
    /// Receives every call. Default: does nothing.
    pub observer: CallObserver,
}

/// The location of a database: `sqlite:PATH` or `postgres://…`.
#[derive(Clone, PartialEq, Eq)]
pub enum StorageUrl {
    /// One file on this machine.
    Sqlite(PathBuf),
    /// A PostgreSQL server, or several hosts including one primary; as written, with the password.
    Postgres(String),
}

/// Why a text is not a valid location of a database. Never repeats it: it may contain a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StorageUrlError {
    /// It starts with neither scheme.
    #[error("the database URL must start with sqlite: or postgres://, such as sqlite:/var/lib/latchkey/latchkey.db")]
    UnknownScheme,
    /// `sqlite:` alone.
    #[error("sqlite: must be followed by the path of a file, such as sqlite:/var/lib/latchkey/latchkey.db")]
    NoPath,
    /// The text after `postgres://` is invalid.
    #[error("the database URL is invalid: {0}; write it like postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    Postgres(String),
}

/// The state of a database's tables relative to this version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SchemaState {
    /// There are none.
    Empty,
    /// They are older: `latchkey migrate` migrates them.
    Older {
        /// Their version.
        version: u32,
    },
    /// They match this version.
    Current,
    /// They are newer, and this version can work with them.
    Newer {
        /// Their version.
        version: u32,
    },
    /// They are newer, and this version cannot work with them.
    TooNew {
        /// Their version.
        version: u32,
        /// The oldest version that can.
        compatible_from: u32,
    },
}

/// The schema of this version: the number of the last migration.
pub const SCHEMA_VERSION: u32 = match u32::from_str_radix(env!("SCHEMA_VERSION"), 10) {
    Ok(version) => version,
    Err(_) => panic!("build.rs counts the migrations"),
};

impl Options {
    /// Creates options with all defaults: the machine's clock, separate tasks, no observer.
    pub fn new(url: StorageUrl) -> Self {
        let sqlite = matches!(url, StorageUrl::Sqlite(_));
        Self {
            url,
            migrate: true,
            served: None,
            start_over: false,
            grant_connections: if sqlite { 2 } else { 4 },
            read_connections: if sqlite { 2 } else { 4 },
            write_connections: 8,
            report_connections: 2,
            clock: Arc::new(SystemClock),
            tasks: Tasks::new(),
            observer: Arc::new(|_, _, _| ()),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("url", &self.url).field("migrate", &self.migrate).finish_non_exhaustive()
    }
}

impl StorageUrl {
    /// Returns whether processes on other machines may use it too, as in [`Feed::is_shared`](super::Feed::is_shared).
    pub const fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }
}

impl FromStr for StorageUrl {
    type Err = StorageUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            return if path.is_empty() { Err(StorageUrlError::NoPath) } else { Ok(Self::Sqlite(path.into())) };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            super::postgres::UrlSettings::parse(text).map_err(StorageUrlError::Postgres)?;
            return Ok(Self::Postgres(text.to_owned()));
        }
        Err(StorageUrlError::UnknownScheme)
    }
}

impl fmt::Display for StorageUrl {
    /// Formats the URL without its password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
            Self::Postgres(url) => f.write_str(&redacted(url)),
        }
    }
}

impl fmt::Debug for StorageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// URL parameters whose values are shown.
const VISIBLE_PARAMETERS: [&str; 7] =
    ["user", "dbname", "sslmode", "sslrootcert", "target_session_attrs", "application_name", "connect_timeout"];

/// Replaces the password before the host, and each parameter that could be one, by `…`. If the extent of a password is
/// unclear, hides more rather than less.
fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (user, place) = rest.rsplit_once('@').map_or((None, rest), |(user, place)| (Some(user), place));
    let user = user.map_or(String::new(), |user| match user.split_once(':') {
        Some((name, _)) => format!("{name}:…@"),
        None => format!("{user}@"),
    });
    let (place, parameters) = place.split_once('?').map_or((place, None), |(place, rest)| (place, Some(rest)));
    let parameters = parameters.map_or(String::new(), |parameters| {
        let shown = parameters.split('&').map(|parameter| match parameter.split_once('=') {
            Some((name, _)) if VISIBLE_PARAMETERS.contains(&name) => parameter.to_owned(),
            Some((name, _)) if name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_') => {
                format!("{name}=…")
            }
            _ => "…".to_owned(),
        });
        format!("?{}", shown.collect::<Vec<_>>().join("&"))
    });
    format!("{scheme}://{user}{place}{parameters}")
}

impl SchemaState {
    /// Returns the state of tables of `version`, which programs from `compatible_from` on can use.
    pub(super) const fn from_versions(version: u32, compatible_from: u32) -> Self {
        if compatible_from > SCHEMA_VERSION {
            Self::TooNew { version, compatible_from }
        } else if version > SCHEMA_VERSION {
            Self::Newer { version }
        } else if version < SCHEMA_VERSION {
            Self::Older { version }
        } else {
            Self::Current
        }
    }

    /// Returns whether the tables of the database at `place` can be used unchanged; an error if that requires another
    /// version, or a migration without permission to `migrate`.
    pub(super) fn is_usable(self, place: &str, migrate: bool) -> Result<bool, Error> {
        match self {
            Self::Current | Self::Newer { .. } => Ok(true),
            Self::TooNew { .. } => Err(Error::unusable(format!(
                "this version cannot use the database {place}: {self}; install a later version"
            ))),
            Self::Empty | Self::Older { .. } if !migrate => {
                Err(Error::unusable(format!("the database {place} needs a migration: {self}; run `latchkey migrate`")))
            }
            Self::Empty | Self::Older { .. } => Ok(false),
        }
    }
}

impl fmt::Display for SchemaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("there are no tables yet"),
            Self::Older { version } => {
                write!(f, "the tables have schema version {version}, which is older than {SCHEMA_VERSION}")
            }
            Self::Current => write!(f, "the tables are up to date, with schema version {SCHEMA_VERSION}"),
            Self::Newer { version } => {
                write!(
                    f,
                    "the tables have schema version {version}, which is newer than {SCHEMA_VERSION} but compatible"
                )
            }
            Self::TooNew { version, compatible_from } => write!(
                f,
                "the tables have schema version {version}, which requires a version of Latchkey for schema \
                 {compatible_from} or later; this one is for schema {SCHEMA_VERSION}"
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_shown_without_its_password() {
        for (url, shown) in [
            ("postgres://u:p%40ss@db1:5432,db2/latchkey", "postgres://u:…@db1:5432,db2/latchkey"),
            ("postgres://u:p@ss@db/latchkey?sslmode=require", "postgres://u:…@db/latchkey?sslmode=require"),
            ("postgresql://db/x?user=u&password=secret", "postgresql://db/x?user=u&password=…"),
            ("postgresql://db/x?pass%77ord=secret&options=secret", "postgresql://db/x?…&options=…"),
            ("postgres://u@db", "postgres://u@db"),
            ("postgres://u:se?cr/et@db", "postgres://u:…@db"),
        ] {
            assert_eq!(StorageUrl::Postgres(url.to_owned()).to_string(), shown);
            assert_eq!(format!("{:?}", Options::new(StorageUrl::Postgres(url.to_owned())).url), shown);
        }
    }

    #[test]
    fn what_is_no_url_is_refused_with_what_would_be_one() {
        assert_eq!("mysql://x".parse::<StorageUrl>(), Err(StorageUrlError::UnknownScheme));
        assert_eq!("sqlite:".parse::<StorageUrl>(), Err(StorageUrlError::NoPath));
        assert!(matches!("postgres://h/d?nonsense=1".parse::<StorageUrl>(), Err(StorageUrlError::Postgres(_))));
        assert_eq!("sqlite:a b.db".parse(), Ok(StorageUrl::Sqlite("a b.db".into())));
    }

    #[test]
    fn schemas_are_refused_only_when_this_version_is_too_old_for_them() {
        const CURRENT: u32 = SCHEMA_VERSION;
        for (version, compatible_from, state) in [
            (CURRENT, 1, SchemaState::Current),
            (CURRENT + 5, CURRENT, SchemaState::Newer { version: CURRENT + 5 }),
            (CURRENT + 5, CURRENT + 1, SchemaState::TooNew { version: CURRENT + 5, compatible_from: CURRENT + 1 }),
            (0, 0, SchemaState::Older { version: 0 }),
        ] {
            assert_eq!(SchemaState::from_versions(version, compatible_from), state);
        }
    }
}
