//! Storage: the only code that knows SQL. The comments of [`Storage`] and [`Transaction`] are the contract; one
//! conformance suite holds both engines to it.
//!
//! ```text
//! Storage ── begin() ──▶ Transaction ── commit() ──▶ Cursor      every write: the next revision first, changes appended
//!    │
//!    ├── snapshot(), poll(), renew(), woken()                    what a follower needs
//!    ├── grant()                                                 what deciding needs
//!    └── key(), keys(), …                                        what people read
//! ```

mod contents;
mod error;
mod filter;
mod options;
mod postgres;
mod records;
mod sql;
mod sqlite;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

pub use self::contents::{Changed, Contents, GrantsRead, KEY_TABLES, Missing, PARTS, Tally, part_of};
pub use self::error::{Error, Result};
pub use self::filter::{ChangeFilter, KeyFilter, MethodFilter, OperatorFilter, StoreFilter, UsagePeriod};
pub use self::options::{Observer, Options, SCHEMA_VERSION, SchemaState, StorageUrl, StorageUrlError};
pub use self::records::{
    AffectedKey, Deployment, Detail, EndedSecret, Engine, Found, GrantRead, LINEAGE, LostChange, NewKey, NewSecret,
    Poll, Replica, ReplicaReport, Session, Snapshot, SnapshotSink, StoreUsers, UsageAdd, UsageCount,
};

use crate::model::book::MethodNumber;
use crate::model::change::{Actor, Change, Cursor, NewChange, Revision};
use crate::model::id::{KeyId, OperatorId, ReplicaId, SecretId};
use crate::model::key::{Key, KeySpec, Revocation};
use crate::model::marks::Mark;
use crate::model::operator::Operator;
use crate::model::page::{Page, PageRequest};
use crate::model::pattern::MethodIdentity;
use crate::model::reference::Method;
use crate::model::store::{Store, StoreCode, StoreNumber};
use crate::model::time::Timestamp;
use crate::model::token::Digest;

/// Opens storage: makes sure that it can be used, and brings its tables up if the options say so. Of several that are
/// opened at once on an empty database one makes the tables, and the others wait for it.
///
/// # Errors
/// [`Error::Unusable`] with a sentence that says what is wrong and what would help, and [`Error::Unavailable`] if the
/// server cannot be reached.
pub async fn open(options: Options) -> Result<Arc<dyn Storage>> {
    Ok(match &options.url {
        StorageUrl::Sqlite(path) => {
            Arc::new(sql::SqlStorage::new(Arc::new(sqlite::Sqlite::open(path, &options).await?), &options))
        }
        StorageUrl::Postgres(url) => {
            Arc::new(sql::SqlStorage::new(Arc::new(postgres::Postgres::open(url, &options).await?), &options))
        }
    })
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

/// A database that keeps keys, stores, methods, operators and what was done to them.
///
/// Every method that reads does so in one consistent snapshot of one revision. A method that finds nothing answers
/// `None`; only writes name what they miss. Text is ordered and compared by its bytes.
#[async_trait]
pub trait Storage: std::fmt::Debug + Send + Sync + 'static {
    /// Which engine it is.
    fn engine(&self) -> Engine;

    // --- following -------------------------------------------------------------------------------------------------

    /// Reads everything that a World is made of, and passes the digests of all secrets ever made to `sink`, in pieces,
    /// all as of one revision.
    async fn snapshot(&self, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot>;

    /// Reads, in one transaction on the primary: the head; whether `cursor` is part of its history; the changes after
    /// `cursor`; and the records that they touch, as of the head. Works on a connection of its own, so that nothing
    /// else can hold it up. At most `limit` subjects are told one by one; beyond that the answer says that there are
    /// more.
    async fn poll(&self, cursor: Cursor, limit: usize) -> Result<Poll>;

    /// Measures what storage holds, all as of one revision, and tells what changed after `since`. Reads every row of keys
    /// inside the database, on a connection that nothing else waits for.
    async fn contents(&self, since: Cursor) -> Result<Contents>;

    /// Passes the digests of the secrets of keys in `parts` to `sink`; all if that is `None`. Returns the head that they are
    /// of.
    async fn digests(&self, parts: Option<&BTreeSet<u16>>, sink: &mut (dyn SnapshotSink + Send)) -> Result<Cursor>;

    /// Reads the grants of several digests, as of one revision. For comparing: deciding reads one in one statement.
    async fn grants(&self, digests: &[Digest]) -> Result<GrantsRead>;

    /// Completes when a write may have been committed since the last call; never completes if the engine has no way to
    /// tell. May complete for nothing.
    async fn woken(&self);

    /// Records what a replica has applied, by a committed write on the primary; answers storage's clock. A revision that
    /// storage does not have under `nonce` is of another past and counts for nothing: 0 is recorded. Records how far time
    /// has come, too, and adds a mark where storage's clock is behind that.
    async fn renew(&self, report: &ReplicaReport, nonce: u64) -> Result<Timestamp>;

    /// All replicas of which there is a report, the newest first, and the head. Whatever their age: how old a report is by
    /// storage's clock says nothing of a replica, for clocks are set.
    async fn replicas(&self) -> Result<(Vec<Replica>, Revision)>;

    /// Records changes that were applied and that storage does not have any more, each once whoever reports it.
    async fn report_lost(&self, changes: &[LostChange]) -> Result<()>;

    /// The changes that were lost within the last 35 days, the newest revision first, at most 1 000.
    async fn lost_changes(&self) -> Result<Vec<LostChange>>;

    /// Which database it is.
    async fn deployment(&self) -> Result<Deployment>;

    /// Leaves a mark that the database in this place is not `deployment`, which servers have served from it, so that
    /// none that starts takes an empty one for a first start. Does nothing where the engine has no such place, or where the
    /// database is not empty.
    async fn mark_replaced(&self, deployment: &str) -> Result<()>;

    /// Notes that a replica ends in order, and decides nothing any more.
    async fn forget_replica(&self, replica: ReplicaId) -> Result<()>;

    /// Removes the reports of these replicas, each if it is still the one of this time.
    async fn remove_replicas(&self, replicas: &[(ReplicaId, Timestamp)]) -> Result<()>;

    /// Adds a mark: a time that storage's clock went back from, and the last revision that was judged by it. Polls and
    /// snapshots return all of them.
    async fn mark(&self, mark: Mark) -> Result<()>;

    // --- deciding --------------------------------------------------------------------------------------------------

    /// Reads the secret with this digest, its key and the head in one statement, on the primary.
    async fn grant(&self, digest: &Digest) -> Result<GrantRead>;

    // --- reading ---------------------------------------------------------------------------------------------------

    /// The head: the newest revision and its nonce.
    async fn head(&self) -> Result<Cursor>;
    /// The key with this id, unless it was deleted.
    async fn key(&self, id: KeyId) -> Result<Option<Key>>;
    /// Keys that pass the filter, the newest (greatest id) first.
    async fn keys(&self, filter: &KeyFilter, page: &PageRequest) -> Result<Page<Key>>;
    /// The secret with this digest and its key, ended, revoked and deleted ones included.
    async fn find(&self, digest: &Digest) -> Result<Option<Found>>;
    /// The store with this code.
    async fn store(&self, code: &StoreCode) -> Result<Option<Store>>;
    /// Stores that pass the filter, in byte order of their codes.
    async fn stores(&self, filter: &StoreFilter, page: &PageRequest) -> Result<Page<Store>>;
    /// The method with this identity, unless it is retired.
    async fn method(&self, identity: &MethodIdentity) -> Result<Option<Method>>;
    /// Methods that are not retired and pass the filter, by position, then number.
    async fn methods(&self, filter: &MethodFilter, page: &PageRequest) -> Result<Page<Method>>;
    /// The operator with this id, also a revoked one.
    async fn operator(&self, id: OperatorId) -> Result<Option<Operator>>;
    /// Operators that pass the filter, the newest first.
    async fn operators(&self, filter: &OperatorFilter, page: &PageRequest) -> Result<Page<Operator>>;
    /// Changes that pass the filter, the newest revision first and within it by descending ordinal.
    async fn changes(&self, filter: &ChangeFilter, page: &PageRequest) -> Result<Page<Change>>;

    // --- sessions of the console -------------------------------------------------------------------------------------

    /// The session with this token's digest, whether it is still good or not, and its operator as it is now.
    async fn session(&self, digest: &Digest) -> Result<Option<Session>>;
    /// Moves the last request of a session forward, if there is such a session; takes no revision.
    async fn touch_session(&self, digest: &Digest, at: Timestamp) -> Result<()>;

    // --- usage -----------------------------------------------------------------------------------------------------

    /// Adds counts, and moves the last uses of keys and secrets forward; takes no revision. Counts of methods and
    /// stores that do not exist are kept as unknown. Sorted by id within, so that replicas do not deadlock.
    async fn add_usage(&self, counts: &[UsageAdd]) -> Result<()>;
    /// The counts of a key from `start` until before `end`, oldest first, at most `limit`.
    async fn usage(
        &self,
        key: KeyId,
        start: Timestamp,
        end: Timestamp,
        period: UsagePeriod,
        limit: usize,
    ) -> Result<Vec<UsageCount>>;
    /// Drops hourly counts older than 35 days, daily ones older than 400, request ids older than a day and sessions begun
    /// more than a day ago.
    async fn sweep(&self, now: Timestamp) -> Result<()>;

    // --- writing ---------------------------------------------------------------------------------------------------

    /// Begins a write: the first statement takes the next revision and with it the right to write; others wait, at most
    /// 3 s. Nothing of it is seen before `commit`; dropping it undoes it.
    async fn begin(&self, nonce: u64, actor: &Actor, comment: &str) -> Result<Box<dyn Transaction>>;
}

/// One write. All statements see everything committed before it began, and what it has done itself.
#[async_trait]
pub trait Transaction: Send {
    /// The revision that this write makes.
    fn revision(&self) -> Revision;
    /// Storage's clock when it began.
    fn now(&self) -> Timestamp;

    /// Makes it durable and visible: the cursor of its revision. [`Error::OutcomeUnknown`] if the answer was lost.
    /// Refused as [`Error::Corrupt`] if no change was appended: a revision without changes would be a hole in the feed.
    async fn commit(self: Box<Self>) -> Result<Cursor>;
    /// Undoes it.
    async fn rollback(self: Box<Self>) -> Result<()>;

    /// Appends to the audit trail, in the order given.
    async fn append(&mut self, changes: &[NewChange]) -> Result<()>;

    // --- operators
    /// The operator with this id, also a revoked one.
    async fn operator(&mut self, id: OperatorId) -> Result<Option<Operator>>;
    /// The operator that has this name and is not revoked.
    async fn operator_named(&mut self, name: &str) -> Result<Option<Operator>>;
    /// How many admins are neither revoked nor ever expire.
    async fn lasting_admins(&mut self) -> Result<u64>;
    /// How many operators there are at all, revoked ones included.
    async fn operator_count(&mut self) -> Result<u64>;
    /// Adds an operator.
    async fn insert_operator(&mut self, operator: &Operator, digest: &Digest) -> Result<()>;
    /// Writes all of an operator; with a digest, that of its new token.
    async fn update_operator(&mut self, operator: &Operator, digest: Option<&Digest>) -> Result<()>;

    // --- sessions
    /// Adds a session of the operator whose token has the digest `shown`, seen now; it remembers the operator's row
    /// revision. Answers whether that is the operator's token.
    async fn insert_session(&mut self, digest: &Digest, operator: OperatorId, shown: &Digest) -> Result<bool>;
    /// Ends a session. Answers whether there was one.
    async fn end_session(&mut self, digest: &Digest) -> Result<bool>;

    // --- stores
    /// The store with this code.
    async fn store(&mut self, code: &StoreCode) -> Result<Option<Store>>;
    /// The numbers of the stores with these codes, in their order; `None` where there is none.
    async fn store_numbers(&mut self, codes: &[String]) -> Result<Vec<Option<StoreNumber>>>;
    /// The store that is reached at `host`.
    async fn store_at(&mut self, host: &str) -> Result<Option<StoreCode>>;
    /// Adds a store and answers its number, never used before.
    async fn insert_store(&mut self, store: &Store) -> Result<StoreNumber>;
    /// Writes all of a store but its code.
    async fn update_store(&mut self, store: &Store) -> Result<()>;
    /// Removes a store. Keys keep the number, which opens nothing any more.
    async fn delete_store(&mut self, number: StoreNumber) -> Result<()>;
    /// The keys that select this store: how many, and those (at most 20, by id) that would be left with exactly one
    /// store without it. Deleted and revoked keys do not count.
    async fn store_users(&mut self, number: StoreNumber) -> Result<StoreUsers>;

    // --- methods
    /// All methods that are not retired, by position.
    async fn live_methods(&mut self) -> Result<Vec<Method>>;
    /// The numbers of the methods with these identities, in their order; `None` where there is none.
    async fn method_numbers(&mut self, identities: &[String]) -> Result<Vec<Option<MethodNumber>>>;
    /// Adds methods and answers their numbers, never used before, in their order.
    async fn insert_methods(&mut self, methods: &[Method]) -> Result<Vec<MethodNumber>>;
    /// Writes all of each method but its identity.
    async fn update_methods(&mut self, methods: &[Method]) -> Result<()>;
    /// Retires methods. Keys keep the numbers, which open nothing any more.
    async fn retire_methods(&mut self, numbers: &[MethodNumber]) -> Result<()>;
    /// The keys that select any of these methods, by id, at most `limit`, and how many there are. Deleted and revoked
    /// keys do not count.
    async fn method_users(&mut self, numbers: &[MethodNumber], limit: usize) -> Result<(Vec<AffectedKey>, u64)>;
    /// The keys with access to all methods, by id, at most `limit`, and how many there are. Deleted and revoked keys do
    /// not count.
    async fn all_method_users(&mut self, limit: usize) -> Result<(Vec<AffectedKey>, u64)>;

    // --- keys
    /// The key with this id, unless it was deleted.
    async fn key(&mut self, id: KeyId) -> Result<Option<Key>>;
    /// The key that a live or ended secret belongs to, unless it was deleted.
    async fn key_of_secret(&mut self, id: SecretId) -> Result<Option<KeyId>>;
    /// The secret with this digest, whatever became of it, and its key.
    async fn secret_with(&mut self, digest: &Digest) -> Result<Option<(SecretId, KeyId)>>;
    /// The places in `digests` of those that some secret has or had.
    async fn digests_taken(&mut self, digests: &[Digest]) -> Result<Vec<usize>>;
    /// Adds keys with their secrets, set-based.
    async fn insert_keys(&mut self, keys: &[NewKey]) -> Result<()>;
    /// Writes what people set of a key, and whether it is revoked: not its secrets, nor the members of its lists.
    async fn update_key(&mut self, id: KeyId, spec: &KeySpec, revoked: Option<&Revocation>) -> Result<()>;
    /// Replaces the stores that a key selects.
    async fn set_key_stores(&mut self, key: KeyId, stores: &[StoreNumber]) -> Result<()>;
    /// Replaces the methods that a key selects.
    async fn set_key_methods(&mut self, key: KeyId, methods: &[MethodNumber]) -> Result<()>;
    /// Adds a secret to a key.
    async fn insert_secret(&mut self, key: KeyId, secret: &NewSecret) -> Result<()>;
    /// Sets when a secret ends by itself.
    async fn expire_secret(&mut self, id: SecretId, expires: Option<Timestamp>) -> Result<()>;
    /// Ends a secret for good. Its digest stays taken.
    async fn end_secret(&mut self, id: SecretId) -> Result<()>;
    /// Removes a key from all lists and ends its secrets for good.
    async fn delete_key(&mut self, id: KeyId) -> Result<()>;

    // --- requests
    /// The key that an earlier request of this actor with this id made, within the last day.
    async fn request(&mut self, actor: &str, request_id: &str) -> Result<Option<KeyId>>;
    /// Remembers that a request made a key.
    async fn insert_request(&mut self, actor: &str, request_id: &str, key: KeyId) -> Result<()>;
}
