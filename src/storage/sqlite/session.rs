//! Sessions on SQLite's threads.

use std::sync::Arc;

use async_trait::async_trait;
use deadpool::unmanaged::Object;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, ToSql};
use tokio::sync::Notify;

use super::errors::translate;
use super::worker::SqliteWorker;
use crate::storage::sql::driver::{Insert, SqlSession};
use crate::storage::sql::value::SqlValue;
use crate::storage::{Error, Result};

/// A session: a thread for exclusive use until it ends.
pub(super) struct SqliteSession {
    pub(super) worker: Object<SqliteWorker>,
    /// Begins its transaction, before the first statement.
    pub(super) begin: Option<&'static str>,
    /// Whether a transaction is, or may be, open.
    pub(super) open: bool,
    pub(super) on_commit: Option<Arc<Notify>>,
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Int(Some(value)) => ValueRef::Integer(*value),
            Self::Text(Some(value)) => ValueRef::Text(value.as_bytes()),
            Self::Bytes(Some(value)) => ValueRef::Blob(value),
            Self::Bool(Some(value)) => ValueRef::Integer(i64::from(*value)),
            Self::Int(None) | Self::Text(None) | Self::Bytes(None) | Self::Bool(None) => ValueRef::Null,
        }))
    }
}

fn failed(error: rusqlite::Error) -> Error {
    translate("running a statement", error)
}

fn prepare<'c>(connection: &'c Connection, sql: &str, params: &[SqlValue]) -> rusqlite::Result<CachedStatement<'c>> {
    let mut statement = connection.prepare_cached(sql)?;
    // SQLite treats `$2` as a name, and numbers parameters in order of appearance. Some list statements omit a few.
    for place in 1..=statement.parameter_count() {
        let number = statement.parameter_name(place).and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let value = number.and_then(|number| params.get(number.checked_sub(1)?));
        let value = value.ok_or(rusqlite::Error::InvalidParameterCount(params.len(), place))?;
        statement.raw_bind_parameter(place, value)?;
    }
    Ok(statement)
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

fn query(connection: &Connection, sql: &str, params: &[SqlValue]) -> Result<Vec<Vec<SqlValue>>> {
    let mut statement = prepare(connection, sql, params).map_err(failed)?;
    let columns = statement.column_count();
    let mut rows = statement.raw_query();
    let mut read = Vec::new();
    while let Some(row) = rows.next().map_err(failed)? {
        let values = (0..columns).map(|column| value(row.get_ref(column).map_err(failed)?));
        read.push(values.collect::<Result<_>>()?);
    }
    Ok(read)
}

fn execute(connection: &Connection, sql: &str, params: &[SqlValue]) -> Result<u64> {
    let touched = prepare(connection, sql, params).and_then(|mut statement| statement.raw_execute());
    touched.map(|touched| touched as u64).map_err(failed)
}

fn insert(connection: &Connection, insert: &Insert, rows: &[Vec<SqlValue>]) -> Result<u64> {
    let places: Vec<_> = (1..=rows.first().map_or(0, Vec::len)).map(|place| format!("?{place}")).collect();
    let sql = format!("INSERT INTO {} VALUES ({}) {}", insert.into, places.join(", "), insert.on_conflict);
    rows.iter().map(|row| execute(connection, &sql, row)).sum()
}

impl SqliteSession {
    async fn run<T: Send + 'static>(
        &mut self,
        job: impl FnOnce(&Connection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let begin = self.begin.take();
        // From here on a transaction may be open, even if this is dropped while it waits.
        self.open |= begin.is_some();
        let job = move |connection: &Connection| {
            if let Some(begin) = begin {
                execute(connection, begin, &[])?;
            }
            job(connection)
        };
        self.worker.run(job).await
    }
}

#[async_trait]
impl SqlSession for SqliteSession {
    async fn query(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<Vec<Vec<SqlValue>>> {
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
        self.open &= committed.is_err();
        committed
    }

    async fn rollback(mut self: Box<Self>) -> Result<()> {
        if !std::mem::take(&mut self.open) {
            return Ok(());
        }
        self.worker.run(undo).await
    }
}

/// Undoes an open transaction, if there is one.
fn undo(connection: &Connection) -> Result<()> {
    if connection.is_autocommit() { Ok(()) } else { execute(connection, "ROLLBACK", &[]).map(drop) }
}

impl Drop for SqliteSession {
    fn drop(&mut self) {
        if self.open {
            // Sent before the thread is leased again, and so done before any work of the next session.
            let sent = self.worker.send(|connection| {
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
