//! What an engine is to the statements: sessions that run them.

use std::fmt;
use std::sync::OnceLock;

use async_trait::async_trait;

use super::dialect::Dialect;
use super::value::{Row, Value};
use crate::storage::{Error, Result};

/// What a session is for: it decides which connections it takes and what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Purpose {
    /// One transaction that changes what is managed.
    Write,
    /// One transaction of counts and reports, which takes no revision.
    Report,
    /// The same for a replica's report of itself, which must be written wherever the follower can read.
    Heartbeat,
    /// Reading in one snapshot, for people.
    Read,
    /// One statement that reads a grant, on the primary.
    Grant,
    /// Reading in one snapshot, for the follower, on connections of its own.
    Follow,
    /// Reading very many rows in one snapshot, on a connection of its own, for as long as that takes.
    Measure,
}

/// An engine.
#[async_trait]
pub(in crate::storage) trait Driver: fmt::Debug + Send + Sync + 'static {
    /// How statements are written for it.
    fn dialect(&self) -> Dialect;

    /// Begins a session: waits for a connection, at most a few seconds ([`Error::Unavailable`]). Nothing need be sent
    /// before its first statement.
    async fn session(&self, purpose: Purpose) -> Result<Box<dyn Session>>;

    /// Whether the same write can be begun again, because the engine refused it as in conflict with another.
    fn is_conflict(&self, error: &Error) -> bool;

    /// As [`crate::storage::Feed::mark_replaced`].
    async fn mark_replaced(&self, deployment: &str) -> Result<()>;

    /// As [`crate::storage::Feed::notified`].
    async fn notified(&self);
}

/// A session: one transaction, or one statement if it is for [`Purpose::Grant`]. Dropping it undoes what it did.
#[async_trait]
pub(in crate::storage) trait Session: Send {
    /// Runs a statement and returns its rows.
    async fn query(&mut self, sql: &str, params: Vec<Value>) -> Result<Vec<Row>>;

    /// Runs a statement and returns how many rows it touched.
    async fn execute(&mut self, sql: &str, params: Vec<Value>) -> Result<u64>;

    /// Inserts rows, which must have values of the same types, in their order.
    async fn insert(&mut self, insert: &'static Insert, rows: Vec<Vec<Value>>) -> Result<u64>;

    /// Makes what was done durable; for [`Purpose::Write`] wakes followers.
    async fn commit(self: Box<Self>) -> Result<()>;

    /// Undoes what was done.
    async fn rollback(self: Box<Self>) -> Result<()>;
}

/// A statement that inserts many rows into a table.
#[derive(Debug)]
pub(in crate::storage) struct Insert {
    /// The statement's name.
    pub(in crate::storage) name: &'static str,
    table: &'static str,
    columns: &'static [&'static str],
    on_conflict: &'static str,
    /// Its text for SQLite and for PostgreSQL, once it was needed.
    texts: [OnceLock<String>; 2],
}

impl Insert {
    /// Inserts into these columns of `table`, in the order of the values; `on_conflict` is `ON CONFLICT …` or empty.
    pub(super) const fn new(
        name: &'static str,
        table: &'static str,
        columns: &'static [&'static str],
        on_conflict: &'static str,
    ) -> Self {
        Self { name, table, columns, on_conflict, texts: [OnceLock::new(), OnceLock::new()] }
    }

    /// The statement for an engine, whose `source` of rows is given the number of columns.
    pub(in crate::storage) fn text(&self, dialect: Dialect, source: impl FnOnce(usize) -> String) -> &str {
        self.texts[dialect as usize].get_or_init(|| {
            let (table, columns, on_conflict) = (self.table, self.columns.join(", "), self.on_conflict);
            format!("INSERT INTO {table} ({columns}) {} {on_conflict}", source(self.columns.len()))
        })
    }
}

/// What `Error::Taken` says of a broken uniqueness: `which` is what the engine names, an index or `table.column`.
pub(in crate::storage) fn taken(which: &str) -> Option<Error> {
    let what = match which {
        "stores_code" | "stores.code" => "the store code",
        "store_hosts_pkey" | "store_hosts.host" => "the host",
        "methods_identity" | "methods.identity" => "the method",
        "keys_pkey" | "keys.id" => "the key id",
        "secrets_pkey" | "secrets.id" => "the secret id",
        "secrets_digest" | "secrets.digest" => "the token",
        "operators_pkey" | "operators.id" => "the operator id",
        "operators_digest" | "operators.digest" => "the operator's token",
        "operators_name" | "operators.name" => "the operator name",
        "sessions_pkey" | "sessions.digest" => "the session",
        _ => return None,
    };
    Some(Error::Taken { what })
}
