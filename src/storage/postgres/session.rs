//! Sessions on connections of a pool.

use std::error::Error as StdError;
use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio_postgres::Client;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{IsNull, ToSql, Type, to_sql_checked};
use tokio_util::bytes::BytesMut;

use super::connect::{ClientConnection, PooledConnection};
use super::errors::{translate, translate_commit};
use super::hosts::{ConnectionOrigin, UNRESPONSIVE_AFTER};
use crate::storage::sql::driver::{Insert, SqlSession};
use crate::storage::sql::value::SqlValue;
use crate::storage::{Error, Result};

/// Begins a write transaction. The first statement locks a row that all writes lock, so that each sees everything
/// before it. JIT compilation is off here and below: the statements are short, and where an estimate is far off, as
/// right after an import, compiling would take longer than running them.
pub(super) const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = 3000; \
                                      SET LOCAL statement_timeout = 10000; SET LOCAL jit = off; \
                                      SET LOCAL idle_in_transaction_session_timeout = 5000";
pub(super) const BEGIN_READ: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                                     SET LOCAL statement_timeout = 10000; SET LOCAL jit = off; \
                                     SET LOCAL idle_in_transaction_session_timeout = 5000";
/// Begins a transaction that reads one snapshot of very many rows: without parallel workers, without hurry, and by
/// indexes for its few look-ups, whatever the planner expects without statistics.
pub(super) const BEGIN_MEASURE: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
                                        SET LOCAL statement_timeout = 300000; SET LOCAL jit = off; \
                                        SET LOCAL max_parallel_workers_per_gather = 0; \
                                        SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; \
                                        SET LOCAL idle_in_transaction_session_timeout = 5000";
pub(super) const COMMIT: &str = "COMMIT";
/// Wakes the followers of all replicas after the commit.
pub(super) const NOTIFY_AND_COMMIT: &str = "NOTIFY latchkey_changes; COMMIT";

/// The longest wait for any response: the server has its own limits, but may be frozen or unreachable.
pub(super) const RESPONSE_TIMEOUT: Duration = Duration::from_secs(12);

/// The longest wait in a transaction of [`BEGIN_MEASURE`].
pub(super) const MEASURE_TIMEOUT: Duration = Duration::from_secs(310);

type Response<T> = std::result::Result<T, tokio_postgres::Error>;

/// A session: a connection for exclusive use until it ends.
pub(super) struct PostgresSession {
    /// `None` after it was returned to the pool.
    pub(super) connection: Option<PooledConnection>,
    /// Begins its transaction, together with the first statement.
    pub(super) begin: Option<&'static str>,
    pub(super) commit: &'static str,
    /// Whether a transaction is, or may be, open.
    pub(super) open: bool,
    pub(super) timeout: Duration,
    /// Whether a response is outstanding.
    pub(super) busy: bool,
    /// Whether the server refused to write on it: a session stays read-only, even if others may write again.
    pub(super) read_only: bool,
}

/// Returns the type of a parameter, so that the server need not be queried for it, and that of a list of such values.
const fn types(value: &SqlValue) -> (Type, Type) {
    match value {
        SqlValue::Int(_) => (Type::INT8, Type::INT8_ARRAY),
        SqlValue::Text(_) => (Type::TEXT, Type::TEXT_ARRAY),
        SqlValue::Bytes(_) => (Type::BYTEA, Type::BYTEA_ARRAY),
        SqlValue::Bool(_) => (Type::BOOL, Type::BOOL_ARRAY),
    }
}

fn typed(params: &[SqlValue]) -> Vec<(&(dyn ToSql + Sync), Type)> {
    params.iter().map(|value| (value as &(dyn ToSql + Sync), types(value).0)).collect()
}

impl ToSql for SqlValue {
    /// Fails if the values of a column to insert have different types.
    fn to_sql(&self, of: &Type, out: &mut BytesMut) -> std::result::Result<IsNull, Box<dyn StdError + Sync + Send>> {
        match self {
            Self::Int(value) => value.to_sql_checked(of, out),
            Self::Text(value) => value.to_sql_checked(of, out),
            Self::Bytes(value) => value.to_sql_checked(of, out),
            Self::Bool(value) => value.to_sql_checked(of, out),
        }
    }

    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

fn row(row: &tokio_postgres::Row) -> Result<Vec<SqlValue>> {
    let values = row.columns().iter().enumerate().map(|(place, column)| {
        let value = match *column.type_() {
            Type::INT8 => row.try_get(place).map(SqlValue::Int),
            Type::INT4 => row.try_get::<_, Option<i32>>(place).map(|value| SqlValue::Int(value.map(i64::from))),
            Type::INT2 => row.try_get::<_, Option<i16>>(place).map(|value| SqlValue::Int(value.map(i64::from))),
            Type::TEXT | Type::VARCHAR => row.try_get(place).map(SqlValue::Text),
            Type::BYTEA => row.try_get(place).map(SqlValue::Bytes),
            Type::BOOL => row.try_get(place).map(SqlValue::Bool),
            ref other => return Err(Error::bug(format!("the column {} has the type {other}", column.name()))),
        };
        value.map_err(|error| translate("reading a row", error))
    });
    values.collect()
}

impl PostgresSession {
    /// Waits for a response of the server, at most for `timeout`; `None` if there was none in time.
    async fn await_response<T>(
        origin: &ConnectionOrigin,
        timeout: Duration,
        work: impl Future<Output = Response<T>>,
    ) -> Option<Response<T>> {
        let mut work = pin!(work);
        let mut response = tokio::time::timeout(UNRESPONSIVE_AFTER, &mut work).await;
        if response.is_err() {
            // The server may be slow or frozen: other responses of its host show which.
            origin.record_timeout();
            response = tokio::time::timeout(timeout.saturating_sub(UNRESPONSIVE_AFTER), work).await;
        }
        let response = response.ok()?;
        if response.as_ref().err().is_none_or(|error| error.as_db_error().is_some()) {
            origin.endpoint.record_response();
        }
        Some(response)
    }

    /// Waits for `work` on the connection, after sending the begin of the transaction.
    async fn run<T>(&mut self, work: impl AsyncFnOnce(&Client) -> Response<T>) -> Result<T> {
        let begin = self.begin.take();
        self.open |= begin.is_some();
        let Some(ClientConnection { client, origin, .. }) = self.connection.as_deref() else {
            return Err(Error::bug("a session was used after its end"));
        };
        self.busy = true;
        let work = async {
            let Some(begin) = begin else { return work(client).await };
            // Both are sent before either response: one round trip.
            let (opened, done) = futures_util::join!(client.batch_execute(begin), work(client));
            opened.and(done)
        };
        let Some(response) = Self::await_response(origin, self.timeout, work).await else {
            // Still outstanding: the connection will not be used again.
            return Err(Error::unavailable(format!("no response from the server within {RESPONSE_TIMEOUT:?}")));
        };
        self.busy = false;
        // It follows a primary or is read-only.
        if response.as_ref().is_err_and(|error| error.code() == Some(&SqlState::READ_ONLY_SQL_TRANSACTION)) {
            origin.record_refused_write();
            self.read_only = true;
        }
        response.map_err(|error| translate("running a statement", error))
    }
}

#[async_trait]
impl SqlSession for PostgresSession {
    async fn query(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<Vec<Vec<SqlValue>>> {
        let rows = self.run(async |client| client.query_typed(sql, &typed(&params)).await).await?;
        rows.iter().map(row).collect()
    }

    async fn execute(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<u64> {
        self.run(async |client| client.execute_typed(sql, &typed(&params)).await).await
    }

    async fn insert(&mut self, insert: &'static Insert, rows: Vec<Vec<SqlValue>>) -> Result<u64> {
        let Some(first) = rows.first() else { return Ok(0) };
        let types: Vec<_> = first.iter().map(|value| types(value).1).collect();
        let places: Vec<_> = (1..=types.len()).map(|place| format!("${place}")).collect();
        let source = format!("SELECT * FROM unnest({})", places.join(", "));
        let sql = format!("INSERT INTO {} {source} {}", insert.into, insert.on_conflict);
        let mut columns = vec![Vec::with_capacity(rows.len()); types.len()];
        for row in rows {
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value);
            }
        }
        let columns = columns.iter().map(|column| column as &(dyn ToSql + Sync));
        let params: Vec<_> = columns.zip(types).collect();
        self.run(async |client| client.execute_typed(&sql, &params).await).await
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        let Some(ClientConnection { client, origin, .. }) = self.connection.as_deref() else {
            return Err(Error::bug("a session was used after its end"));
        };
        self.busy = true;
        let response = Self::await_response(origin, self.timeout, client.batch_execute(self.commit)).await;
        self.busy = response.is_none();
        response.ok_or(Error::OutcomeUnknown)?.map_err(translate_commit)?;
        self.open = false;
        Ok(())
    }

    async fn rollback(mut self: Box<Self>) -> Result<()> {
        if self.open && !self.busy {
            self.run(async |client| client.batch_execute("ROLLBACK").await).await?;
            self.open = false;
        }
        Ok(())
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        let Some(connection) = self.connection.take() else { return };
        if self.read_only || self.busy {
            // If it is busy, the caller stopped waiting: the next user of the connection would wait for the unfinished work. Closing
            // the connection undoes that work.
            drop(PooledConnection::take(connection));
        } else if self.open {
            // Sent at the first poll, before any statement of the connection's next user. The response is ignored; if
            // it fails, the connection is gone and so is the transaction.
            let _ = connection.client.batch_execute("ROLLBACK").now_or_never();
        }
    }
}
