//! Measures every statement by its name and, on both engines alike, runs no further statement of a transaction after
//! one has failed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::driver::{Driver, Insert, Purpose, SqlSession};
use super::text::Sql;
use super::value::{SqlRow, SqlValue};
use crate::clock::SharedClock;
use crate::model::time::Timestamp;
use crate::storage::options::CallObserver;
use crate::storage::{Error, Result};

/// Opens connections, and measures their statements.
pub(super) struct Connector {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) clock: SharedClock,
    pub(super) observer: CallObserver,
}

/// A session of an engine, with its statements measured.
pub(super) struct Connection {
    connector: Arc<Connector>,
    session: Box<dyn SqlSession>,
    failed: bool,
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("driver", &self.driver).finish_non_exhaustive()
    }
}

impl Connector {
    /// Waits for a connection and begins a session on it.
    pub(super) async fn connect(self: &Arc<Self>, purpose: Purpose) -> Result<Connection> {
        let began = self.clock.monotonic();
        let session = self.driver.session(purpose).await;
        self.observe(
            match purpose {
                Purpose::Write => "connect_write",
                Purpose::Report => "connect_report",
                Purpose::Heartbeat => "connect_heartbeat",
                Purpose::Read => "connect_read",
                Purpose::Grant => "connect_grant",
                Purpose::Follow => "connect_follow",
                Purpose::Measure => "connect_measure",
            },
            began,
            session.as_ref().err(),
        );
        Ok(Connection { connector: Arc::clone(self), session: session?, failed: false })
    }

    fn observe(&self, name: &'static str, began: Duration, error: Option<&Error>) {
        let took = self.clock.monotonic().saturating_sub(began);
        (self.observer)(name, took, error.map_or(Ok(()), |error| Err(error.code())));
    }
}

impl Connection {
    /// Returns the SQL dialect of its engine.
    pub(super) fn dialect(&self) -> super::dialect::SqlDialect {
        self.connector.driver.dialect()
    }

    /// Returns the time for an engine without a clock of its own.
    pub(super) fn local_time(&self) -> Timestamp {
        self.connector.clock.now()
    }

    /// Runs a statement and returns its rows.
    pub(super) async fn rows<'a>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
    ) -> Result<Vec<SqlRow>> {
        self.check(name, params.iter())?;
        let sql = sql.into().for_dialect(self.dialect());
        let began = self.connector.clock.monotonic();
        let result = self.session.query(sql, params).await;
        self.finish(name, began, result)
    }

    /// Runs a statement that returns at most one row.
    pub(super) async fn row<'a>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
    ) -> Result<Option<SqlRow>> {
        Ok(self.rows(name, sql, params).await?.into_iter().next())
    }

    /// Runs a statement that returns exactly one row.
    pub(super) async fn one<'a>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
    ) -> Result<SqlRow> {
        let row = self.row(name, sql, params).await?;
        row.ok_or_else(|| Error::corrupt(format!("{name}: no row, although there must be one")))
    }

    /// Runs a statement and returns the number of affected rows.
    pub(super) async fn execute<'a>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
    ) -> Result<u64> {
        self.check(name, params.iter())?;
        let sql = sql.into().for_dialect(self.dialect());
        let began = self.connector.clock.monotonic();
        let result = self.session.execute(sql, params).await;
        self.finish(name, began, result)
    }

    /// Runs a statement that changes one row, which is `what` and must exist.
    pub(super) async fn update<'a>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
        what: impl fmt::Display,
    ) -> Result<()> {
        match self.execute(name, sql, params).await? {
            1 => Ok(()),
            _ => Err(Error::bug(format!("{name}: {what} does not exist"))),
        }
    }

    /// Inserts rows, in batches that are quick for every engine.
    pub(super) async fn insert(&mut self, insert: &'static Insert, mut rows: Vec<Vec<SqlValue>>) -> Result<u64> {
        const PIECE: usize = 5_000;
        self.check(insert.name, rows.iter().flatten())?;
        let mut inserted = 0;
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(PIECE));
            let began = self.connector.clock.monotonic();
            let result = self.session.insert(insert, rows).await;
            inserted += self.finish(insert.name, began, result)?;
            rows = rest;
        }
        Ok(inserted)
    }

    /// Makes the changes durable.
    pub(super) async fn commit(self, name: &'static str) -> Result<()> {
        if self.failed {
            self.session.rollback().await?;
            return Err(Error::bug("a write was committed after one of its statements had failed; it was undone"));
        }
        let began = self.connector.clock.monotonic();
        let result = self.session.commit().await;
        self.connector.observe(name, began, result.as_ref().err());
        result
    }

    /// Undoes the changes.
    pub(super) async fn rollback(self) -> Result<()> {
        self.session.rollback().await
    }

    fn check<'a>(&self, name: &str, mut params: impl Iterator<Item = &'a SqlValue>) -> Result<()> {
        if self.failed {
            return Err(Error::bug(format!("{name}: an earlier statement of this transaction failed")));
        }
        // Postgres cannot store it, and both engines refuse the same values.
        if params.any(|value| matches!(value, SqlValue::Text(Some(text)) if text.contains('\0'))) {
            return Err(Error::bug(format!(
                "{name}: a text contains the character U+0000, which storage cannot store"
            )));
        }
        Ok(())
    }

    fn finish<T>(&mut self, name: &'static str, began: Duration, result: Result<T>) -> Result<T> {
        self.connector.observe(name, began, result.as_ref().err());
        self.failed |= result.is_err();
        result.map_err(|error| match error {
            // The statement's name helps to find the bug.
            Error::Failed { source, .. } => Error::Failed { what: name.to_owned(), source },
            other => other,
        })
    }
}
