//! Sessions on SQLite's threads.

use std::sync::Arc;

use async_trait::async_trait;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, Statement, ToSql};
use tokio::sync::Notify;

use super::Lease;
use super::errors::translate;
use crate::storage::sql::dialect::SqlDialect;
use crate::storage::sql::driver::{Insert, SqlSession};
use crate::storage::sql::value::{SqlRow, SqlValue};
use crate::storage::{Error, Result};

/// A session: a thread for exclusive use until it ends.
#[derive(Debug)]
pub(super) struct SqliteSession {
    lease: Lease,
    begin: &'static str,
    state: SqliteSessionState,
    /// Woken when it commits.
    on_commit: Option<Arc<Notify>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SqliteSessionState {
    /// Nothing was sent yet.
    Fresh,
    /// A transaction is, or may be, open.
    Open,
    /// It has ended.
    Ended,
}

struct SqlParam<'a>(&'a SqlValue);

impl ToSql for SqlParam<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self.0 {
            SqlValue::Int(Some(value)) => ValueRef::Integer(*value),
            SqlValue::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            SqlValue::Bytes(Some(value)) => ValueRef::Blob(value),
            SqlValue::Bool(Some(value)) => ValueRef::Integer(i64::from(*value)),
            SqlValue::Int(None) | SqlValue::Text(None) | SqlValue::Bytes(None) | SqlValue::Bool(None) => ValueRef::Null,
        }))
    }
}

fn bind(statement: &mut Statement<'_>, params: &[SqlValue]) -> rusqlite::Result<()> {
    // SQLite treats `$2` as a name, and numbers parameters in order of appearance. Some list statements omit a few.
    for place in 1..=statement.parameter_count() {
        let number = statement.parameter_name(place).and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let value = number.and_then(|number| params.get(number.checked_sub(1)?));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(params.len(), place))?;
        statement.raw_bind_parameter(place, SqlParam(value))?;
    }
    Ok(())
}

fn value(value: ValueRef<'_>) -> Result<SqlValue> {
    Ok(match value {
        ValueRef::Null => SqlValue::Int(None),
        ValueRef::Integer(value) => value.into(),
        ValueRef::Text(bytes) => {
            let text =
                std::str::from_utf8(bytes).map_err(|_| Error::corrupt("a text in the SQLite file is not UTF-8"))?;
            text.into()
        }
        ValueRef::Blob(bytes) => SqlValue::Bytes(Some(bytes.to_vec())),
        ValueRef::Real(_) => return Err(Error::corrupt("a value in the SQLite file is a floating-point number")),
    })
}

fn query(connection: &Connection, sql: &str, params: &[SqlValue]) -> Result<Vec<SqlRow>> {
    let what = "running a statement";
    let mut statement = connection.prepare_cached(sql).map_err(|error| translate(what, error))?;
    bind(&mut statement, params).map_err(|error| translate(what, error))?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut read = Vec::new();
    while let Some(row) = rows.next().map_err(|error| translate(what, error))? {
        let values = (0..columns).map(|column| value(row.get_ref(column).map_err(|error| translate(what, error))?));
        read.push(SqlRow::new(values.collect::<Result<_>>()?));
    }
    Ok(read)
}

fn execute(connection: &Connection, sql: &str, params: &[SqlValue]) -> Result<u64> {
    let what = "running a statement";
    let mut statement = connection.prepare_cached(sql).map_err(|error| translate(what, error))?;
    bind(&mut statement, params).map_err(|error| translate(what, error))?;
    let touched = statement.raw_execute().map_err(|error| translate(what, error))?;
    Ok(touched as u64)
}

fn insert(connection: &Connection, insert: &Insert, rows: &[Vec<SqlValue>]) -> Result<u64> {
    let sql = insert.text(SqlDialect::Sqlite, |columns| {
        let places: Vec<_> = (1..=columns).map(|place| format!("?{place}")).collect();
        format!("VALUES ({})", places.join(", "))
    });
    rows.iter().map(|row| execute(connection, sql, row)).sum()
}

impl SqliteSession {
    /// Creates a session on `lease`'s thread, begun by the statement `begin` (may be empty). Its commit
    /// notifies `on_commit`.
    pub(super) const fn new(lease: Lease, begin: &'static str, on_commit: Option<Arc<Notify>>) -> Self {
        Self { lease, begin, state: SqliteSessionState::Fresh, on_commit }
    }

    async fn run<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let begin = if self.state == SqliteSessionState::Fresh { self.begin } else { "" };
        // From here on a transaction may be open, even if this is dropped while it waits.
        if !self.begin.is_empty() {
            self.state = SqliteSessionState::Open;
        }
        self.lease
            .worker
            .run(move |connection| {
                if !begin.is_empty() {
                    execute(connection, begin, &[])?;
                }
                job(connection)
            })
            .await
    }
}

#[async_trait]
impl SqlSession for SqliteSession {
    async fn query(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<Vec<SqlRow>> {
        let sql = sql.to_owned();
        self.run(move |connection| query(connection, &sql, &params)).await
    }

    async fn execute(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<u64> {
        let sql = sql.to_owned();
        self.run(move |connection| execute(connection, &sql, &params)).await
    }

    async fn insert(&mut self, what: &'static Insert, rows: Vec<Vec<SqlValue>>) -> Result<u64> {
        self.run(move |connection| insert(connection, what, &rows)).await
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        let on_commit = self.on_commit.take();
        let committed = self
            .run(move |connection| {
                execute(connection, "COMMIT", &[])?;
                // Here, so that followers are woken even if the caller no longer waits for the result.
                if let Some(on_commit) = on_commit {
                    on_commit.notify_one();
                }
                Ok(())
            })
            .await;
        if committed.is_ok() {
            self.state = SqliteSessionState::Ended;
        }
        committed
    }

    async fn rollback(mut self: Box<Self>) -> Result<()> {
        if self.state != SqliteSessionState::Open {
            return Ok(());
        }
        self.state = SqliteSessionState::Ended;
        self.lease.worker.run(|connection| undo(connection)).await
    }
}

/// Undoes an open transaction, if there is one.
fn undo(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() { Ok(()) } else { execute(connection, "ROLLBACK", &[]).map(drop) }
}

impl Drop for SqliteSession {
    fn drop(&mut self) {
        if self.state == SqliteSessionState::Open {
            // Sent before the thread is leased again, and so done before any work of the next session.
            let sent = self.lease.worker.send(|connection| {
                if let Err(error) = undo(connection) {
                    tracing::error!(error = %error, "an SQLite transaction could not be rolled back");
                }
            });
            if sent.is_err() {
                tracing::error!("the thread that uses the SQLite file has stopped");
            }
        }
    }
}
