//! The interface of an engine for statements: sessions that run them.

use std::fmt;
use std::sync::OnceLock;

use async_trait::async_trait;

use super::dialect::SqlDialect;
use super::value::{SqlRow, SqlValue};
use crate::storage::{Error, Result};

/// The purpose of a session: it determines the connections it uses and what it waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::storage) enum Purpose {
    /// One transaction that changes managed data.
    Write,
    /// One transaction of counts and reports, which takes no revision.
    Report,
    /// One transaction of a replica's heartbeat, which must be written wherever the follower can read.
    Heartbeat,
    /// Reading in one snapshot, for people.
    Read,
    /// One statement that reads a grant, on the primary.
    Grant,
    /// Reading in one snapshot, for the follower, on dedicated connections.
    Follow,
    /// Reading very many rows in one snapshot, on a dedicated connection, without a short time limit.
    Measure,
}

/// A storage engine.
#[async_trait]
pub(in crate::storage) trait Driver: fmt::Debug + Send + Sync + 'static {
    /// Returns its SQL dialect.
    fn dialect(&self) -> SqlDialect;

    /// Begins a session: waits for a connection, at most a few seconds ([`Error::Unavailable`]). May send nothing
    /// before its first statement.
    async fn session(&self, purpose: Purpose) -> Result<Box<dyn SqlSession>>;

    /// Returns whether the write can be repeated because the engine refused it for a conflict with another.
    fn is_conflict(&self, error: &Error) -> bool;

    /// As [`crate::storage::Feed::mark_replaced`].
    async fn mark_replaced(&self, deployment: &str) -> Result<()>;

    /// As [`crate::storage::Feed::notified`].
    async fn notified(&self);
}

/// A session: one transaction, or one statement if it is for [`Purpose::Grant`]. Dropping it undoes its changes.
#[async_trait]
pub(in crate::storage) trait SqlSession: Send {
    /// Runs a statement and returns its rows.
    async fn query(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<Vec<SqlRow>>;

    /// Runs a statement and returns the number of affected rows.
    async fn execute(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<u64>;

    /// Inserts rows, which must have values of the same types, in their order.
    async fn insert(&mut self, insert: &'static Insert, rows: Vec<Vec<SqlValue>>) -> Result<u64>;

    /// Makes the changes durable; for [`Purpose::Write`] wakes followers.
    async fn commit(self: Box<Self>) -> Result<()>;

    /// Undoes the changes.
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
    /// Its text for SQLite and for PostgreSQL, set on first use.
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

    /// Returns the statement for an engine; `source` builds its source of rows from the number of columns.
    pub(in crate::storage) fn text(&self, dialect: SqlDialect, source: impl FnOnce(usize) -> String) -> &str {
        self.texts[dialect as usize].get_or_init(|| {
            let (table, columns, on_conflict) = (self.table, self.columns.join(", "), self.on_conflict);
            format!("INSERT INTO {table} ({columns}) {} {on_conflict}", source(self.columns.len()))
        })
    }
}

/// Returns the `Error::Taken` for a violated constraint: `which` is the engine's name, an index or `table.column`.
pub(in crate::storage) fn taken_error(which: &str) -> Option<Error> {
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
