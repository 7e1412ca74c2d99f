//! Storage: the only code that knows SQL. The comments of [`Storage`] and [`Transaction`] are the contract; one
//! conformance suite holds both engines to it.
//!
//! ```text
//! Storage ── begin() ──▶ Transaction ── commit() ──▶ Cursor      every write: the next revision first, changes appended
//!    │
//!    ├── Feed: snapshot(), poll(), grant(), heartbeat(), …        what a replica decides by
//!    └── key(), keys(), …                                        what people read
//! ```

mod contents;
mod error;
mod feed;
mod filter;
mod options;
mod postgres;
mod records;
mod sql;
mod sqlite;
#[cfg(test)]
mod tests;

use std::sync::Arc;

pub use self::contents::{Changed, Contents, GrantsRead, KEY_TABLES, Missing, PARTS, Tally, part_of};
pub use self::error::{Error, Result};
pub use self::feed::Feed;
pub use self::filter::{ChangeFilter, KeyFilter, MethodFilter, OperatorFilter, StoreFilter, UsagePeriod};
pub use self::options::{Observer, Options, SCHEMA_VERSION, SchemaState, StorageUrl, StorageUrlError};
pub use self::records::{
    AffectedKey, Deployment, Detail, EndedSecret, Found, GrantRead, LINEAGE, LostChange, NewKey, NewSecret, Poll,
    Replica, ReplicaReport, Session, Snapshot, SnapshotSink, StoreUsers, UsageAdd, UsageCount,
};
pub use self::sql::{Storage, Transaction};

use self::sql::driver::Driver;

/// Opens storage: makes sure that it can be used, and brings its tables up if the options say so. Of several that are
/// opened at once on an empty database one makes the tables, and the others wait for it.
///
/// # Errors
/// [`Error::Unusable`] with a sentence that says what is wrong and what would help, and [`Error::Unavailable`] if the
/// server cannot be reached.
pub async fn open(options: Options) -> Result<Arc<Storage>> {
    let driver: Arc<dyn Driver> = match &options.url {
        StorageUrl::Sqlite(path) => Arc::new(sqlite::Sqlite::open(path, &options).await?),
        StorageUrl::Postgres(url) => Arc::new(postgres::Postgres::open(url, &options).await?),
    };
    Ok(Arc::new(Storage::new(driver, &options)))
}

/// Brings the tables up to this version; makes them if there are none.
///
/// # Errors
/// As [`open`].
pub async fn migrate(options: &Options) -> Result<()> {
    match &options.url {
        StorageUrl::Sqlite(path) => sqlite::migrate(path, options).await,
        StorageUrl::Postgres(url) => postgres::migrate(url, options).await,
    }
}

/// How the tables stand to this version. Changes nothing.
///
/// # Errors
/// As [`open`], but for the tables.
pub async fn schema(options: &Options) -> Result<SchemaState> {
    match &options.url {
        StorageUrl::Sqlite(path) => sqlite::schema(path).await,
        StorageUrl::Postgres(url) => postgres::schema(url, options).await,
    }
}

/// What should be looked at of how the database is set up: sentences with the remedy. Changes nothing.
///
/// # Errors
/// As [`schema`].
pub async fn warnings(options: &Options) -> Result<Vec<String>> {
    match &options.url {
        StorageUrl::Sqlite(_) => Ok(Vec::new()),
        StorageUrl::Postgres(url) => postgres::warnings(url, options).await,
    }
}
