//! Storage: the only code that contains SQL. The comments of [`Storage`] and [`Transaction`] are the contract; one
//! conformance suite checks both engines against it.
//!
//! ```text
//! Storage ── begin() ──▶ Transaction ── commit() ──▶ Cursor      every write: takes a revision first, appends changes
//!    │
//!    ├── Feed: snapshot(), poll(), grant(), heartbeat(), …        the inputs of a replica's decisions
//!    └── key(), keys(), …                                        reads for people
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

pub use self::contents::{
    ChangedParts, GrantsRead, IncompleteTable, KEY_PARTS, KEY_TABLES, StorageContents, Tally, part_of_key,
};
pub use self::error::{Error, Result};
pub use self::feed::Feed;
pub use self::filter::{ChangeFilter, KeyFilter, MethodFilter, OperatorFilter, StoreFilter, UsagePeriod};
pub use self::options::{CallObserver, Options, SCHEMA_VERSION, SchemaState, StorageUrl, StorageUrlError};
pub use self::records::{
    AffectedKey, ChangeDetail, Deployment, FoundSecret, GrantRead, LostChange, NewKey, NewSecret, Poll,
    RECENT_REVISIONS, Replica, ReplicaReport, SessionRecord, Snapshot, SnapshotSink, StoreUsers, UsageCount,
    UsageIncrement,
};
pub use self::sql::{Storage, Transaction};

use self::sql::driver::Driver;

/// Opens storage: checks that it is usable, and migrates its tables if the options allow it. If several servers open an
/// empty database at once, one creates the tables, and the others wait for it.
///
/// # Errors
/// Returns [`Error::Unusable`] with a sentence on the problem and its remedy, or [`Error::Unavailable`] if the server
/// cannot be reached.
pub async fn open(options: Options) -> Result<Arc<Storage>> {
    let driver: Arc<dyn Driver> = match &options.url {
        StorageUrl::Sqlite(path) => Arc::new(sqlite::Sqlite::open(path, &options).await?),
        StorageUrl::Postgres(url) => Arc::new(postgres::Postgres::open(url, &options).await?),
    };
    Ok(Arc::new(Storage::new(driver, &options)))
}

/// Migrates the tables to this version; creates them if there are none.
///
/// # Errors
/// As [`open`].
pub async fn migrate(options: &Options) -> Result<()> {
    match &options.url {
        StorageUrl::Sqlite(path) => sqlite::migrate(path, options).await,
        StorageUrl::Postgres(url) => postgres::migrate(url, options).await,
    }
}

/// Returns the state of the tables relative to this version. Changes nothing.
///
/// # Errors
/// As [`open`], except those about the tables.
pub async fn schema(options: &Options) -> Result<SchemaState> {
    match &options.url {
        StorageUrl::Sqlite(path) => sqlite::schema(path).await,
        StorageUrl::Postgres(url) => postgres::schema(url, options).await,
    }
}

/// Returns warnings about the database's settings: sentences with the remedy. Changes nothing.
///
/// # Errors
/// As [`schema`].
pub async fn warnings(options: &Options) -> Result<Vec<String>> {
    match &options.url {
        StorageUrl::Sqlite(_) => Ok(Vec::new()),
        StorageUrl::Postgres(url) => postgres::warnings(url, options).await,
    }
}
