//! Measures every statement by its name and, on both engines alike, runs no further statement of a transaction after
//! one has failed.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::dialect::{Sql, SqlDialect};
use super::driver::{Driver, Insert, Purpose, SqlSession};
use super::value::{FromColumn, SqlRow, SqlValue, each};
use crate::clock::SharedClock;
use crate::model::time::Timestamp;
use crate::storage::{CallObserver, Error, Options, Result};

/// A database with keys, stores, methods, operators and their audit trail.
///
/// Every method that reads does so in one consistent snapshot of one revision. A method that finds nothing returns
/// `None`; only writes name the missing record. Text is ordered and compared by its bytes.
pub struct Storage {
    pub(super) driver: Arc<dyn Driver>,
    meter: Meter,
    pub(super) is_shared: bool,
}

#[derive(Clone)]
struct Meter {
    clock: SharedClock,
    observer: CallObserver,
}

pub(super) struct Connection {
    session: Box<dyn SqlSession>,
    pub(super) dialect: SqlDialect,
    meter: Meter,
    failed: bool,
}

impl fmt::Debug for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Storage").finish_non_exhaustive()
    }
}

impl Storage {
    pub(in crate::storage) fn new(driver: Arc<dyn Driver>, options: &Options) -> Self {
        let meter = Meter { clock: Arc::clone(&options.clock), observer: Arc::clone(&options.observer) };
        Self { driver, meter, is_shared: options.url.is_shared() }
    }

    pub(super) async fn connect(&self, purpose: Purpose) -> Result<Connection> {
        let began = self.meter.clock.monotonic();
        let session = self.driver.session(purpose).await;
        let name = match purpose {
            Purpose::Write => "connect_write",
            Purpose::Report => "connect_report",
            Purpose::Heartbeat => "connect_heartbeat",
            Purpose::Read => "connect_read",
            Purpose::Grant => "connect_grant",
            Purpose::Follow => "connect_follow",
            Purpose::Measure => "connect_measure",
        };
        self.meter.observe(name, began, session.as_ref().err());
        Ok(Connection { session: session?, dialect: self.driver.dialect(), meter: self.meter.clone(), failed: false })
    }
}

impl Meter {
    fn observe(&self, name: &'static str, began: Duration, error: Option<&Error>) {
        let took = self.clock.monotonic().saturating_sub(began);
        (self.observer)(name, took, error.map_or(Ok(()), |error| Err(error.code())));
    }
}

impl Connection {
    /// Returns the time for an engine without a clock of its own.
    pub(super) fn local_time(&self) -> Timestamp {
        self.meter.clock.now()
    }

    /// Runs a statement that returns rows of `table`.
    pub(super) async fn rows<'a>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
        table: &'static str,
    ) -> Result<Vec<SqlRow>> {
        self.check(name, params.iter())?;
        let sql = sql.into().for_dialect(self.dialect);
        let began = self.meter.clock.monotonic();
        let result = self.session.query(sql, params).await;
        let rows = self.finish(name, began, result)?;
        Ok(rows.into_iter().map(|values| SqlRow::new(table, values)).collect())
    }

    pub(super) async fn row<'a>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
        table: &'static str,
    ) -> Result<Option<SqlRow>> {
        Ok(self.rows(name, sql, params, table).await?.into_iter().next())
    }

    pub(super) async fn one<'a>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
        table: &'static str,
    ) -> Result<SqlRow> {
        let row = self.row(name, sql, params, table).await?;
        row.ok_or_else(|| Error::corrupt(format!("{name}: no row, although there must be one")))
    }

    /// Runs a statement that returns rows of one column, called `column`, of `table`.
    pub(super) async fn column<'a, T: FromColumn>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
        (table, column): (&'static str, &str),
    ) -> Result<Vec<T>> {
        self.rows(name, sql, params, table).await?.into_iter().map(|mut row| row.get(column)).collect()
    }

    /// Returns the numbers of the records with these names, in their order; `None` for each that does not exist.
    /// Parameter 1 of the statement contains the names; it returns `column`, the name, and the number of records.
    pub(super) async fn numbers<T: FromColumn + Copy>(
        &mut self,
        name: &'static str,
        sql: Sql<'_>,
        (table, column): (&'static str, &str),
        names: &[String],
    ) -> Result<Vec<Option<T>>> {
        let mut found = HashMap::<String, T>::new();
        for mut row in self.rows(name, sql, params![each(names)], table).await? {
            found.insert(row.get(column)?, row.get("number")?);
        }
        Ok(names.iter().map(|name| found.get(name).copied()).collect())
    }

    pub(super) async fn execute<'a>(
        &mut self,
        name: &'static str,
        sql: impl Into<Sql<'a>>,
        params: Vec<SqlValue>,
    ) -> Result<u64> {
        self.check(name, params.iter())?;
        let sql = sql.into().for_dialect(self.dialect);
        let began = self.meter.clock.monotonic();
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
            let began = self.meter.clock.monotonic();
            let result = self.session.insert(insert, rows).await;
            inserted += self.finish(insert.name, began, result)?;
            rows = rest;
        }
        Ok(inserted)
    }

    pub(super) async fn commit(self, name: &'static str) -> Result<()> {
        if self.failed {
            self.session.rollback().await?;
            return Err(Error::bug("a write was committed after one of its statements had failed; it was undone"));
        }
        let began = self.meter.clock.monotonic();
        let result = self.session.commit().await;
        self.meter.observe(name, began, result.as_ref().err());
        result
    }

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
        self.meter.observe(name, began, result.as_ref().err());
        self.failed |= result.is_err();
        result.map_err(|error| match error {
            // The statement's name helps to find the bug.
            Error::Failed { source, .. } => Error::Failed { what: name.to_owned(), source },
            other => other,
        })
    }
}
