//! The interface of an engine for statements: sessions that run them.

use async_trait::async_trait;

use super::dialect::SqlDialect;
use super::value::SqlValue;
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

#[async_trait]
pub(in crate::storage) trait Driver: Send + Sync + 'static {
    fn dialect(&self) -> SqlDialect;

    /// Begins a session: waits for a connection, at most a few seconds ([`Error::Unavailable`]). May send nothing
    /// before its first statement.
    async fn session(&self, purpose: Purpose) -> Result<Box<dyn SqlSession>>;

    /// Returns whether the write can be repeated because the engine refused it for a conflict with another.
    fn is_conflict(&self, _error: &Error) -> bool {
        false
    }

    /// As [`crate::storage::Feed::mark_replaced`].
    async fn mark_replaced(&self, _deployment: &str) -> Result<()> {
        Ok(())
    }

    /// As [`crate::storage::Feed::notified`].
    async fn notified(&self);
}

/// A session: one transaction, or one statement if it is for [`Purpose::Grant`]. Dropping it undoes its changes.
#[async_trait]
pub(in crate::storage) trait SqlSession: Send {
    /// Returns rows of values, in the order of the statement's columns.
    async fn query(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<Vec<Vec<SqlValue>>>;

    async fn execute(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<u64>;

    /// Inserts rows, which must have values of the same types, in their order.
    async fn insert(&mut self, insert: &'static Insert, rows: Vec<Vec<SqlValue>>) -> Result<u64>;

    /// Makes the changes durable; for [`Purpose::Write`] wakes followers.
    async fn commit(self: Box<Self>) -> Result<()>;

    async fn rollback(self: Box<Self>) -> Result<()>;
}

#[derive(Debug)]
pub(in crate::storage) struct Insert {
    pub(in crate::storage) name: &'static str,
    /// The table and its columns, in the order of the values: `table (column, …)`.
    pub(in crate::storage) into: &'static str,
    /// `ON CONFLICT …`, or empty.
    pub(in crate::storage) on_conflict: &'static str,
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
