//! Sessions on connections of a pool.

use std::pin::pin;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::FutureExt as _;
use tokio_postgres::types::{ToSql, Type};

use super::connect::PooledConnection;
use super::errors::{refuses_writes, translate, translate_commit};
use super::hosts::{ConnectionOrigin, UNRESPONSIVE_AFTER};
use crate::storage::sql::dialect::SqlDialect;
use crate::storage::sql::driver::{Insert, SqlSession};
use crate::storage::sql::value::{SqlRow, SqlValue};
use crate::storage::{Error, Result};

/// Begins a write transaction. The first statement locks a row that all writes lock, so that each sees everything
/// before it. JIT compilation is off here and below: the statements are short, and where an estimate is far off, as
/// right after an import, compiling would take longer than running them.
pub(super) const BEGIN_WRITE: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = 3000; \
                                      SET LOCAL statement_timeout = 10000; SET LOCAL jit = off; \
                                      SET LOCAL idle_in_transaction_session_timeout = 5000";
/// Begins a transaction that reads one snapshot.
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
/// Commits.
pub(super) const COMMIT: &str = "COMMIT";
/// Wakes the followers of all replicas after the commit.
pub(super) const NOTIFY_AND_COMMIT: &str = "NOTIFY latchkey_changes; COMMIT";

/// The longest wait for any response: the server has its own limits, but may be frozen or unreachable.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(12);

/// The longest wait in a transaction of [`BEGIN_MEASURE`].
const MEASURE_TIMEOUT: Duration = Duration::from_secs(310);

/// A session: a connection for exclusive use until it ends.
pub(super) struct PostgresSession {
    /// `None` after it was returned to the pool.
    client: Option<PooledConnection>,
    begin: &'static str,
    commit: &'static str,
    state: PostgresSessionState,
    /// The longest wait for a response.
    timeout: Duration,
    /// Whether a response is outstanding.
    busy: bool,
    /// Whether the server refused to write on it: a session stays read-only, even if others may write again.
    read_only: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PostgresSessionState {
    /// Nothing was sent yet.
    Fresh,
    /// A transaction is, or may be, open.
    Open,
    /// It has ended.
    Ended,
}

/// Returns a parameter with its type, so that the server need not be queried for it.
fn typed(value: &SqlValue) -> (&(dyn ToSql + Sync), Type) {
    match value {
        SqlValue::Int(value) => (value, Type::INT8),
        SqlValue::Text(value) => (value, Type::TEXT),
        SqlValue::Bytes(value) => (value, Type::BYTEA),
        SqlValue::Bool(value) => (value, Type::BOOL),
    }
}

/// A column of an insert of many rows.
enum Column {
    Int(Vec<Option<i64>>),
    Text(Vec<Option<String>>),
    Bytes(Vec<Option<Vec<u8>>>),
    Bool(Vec<Option<bool>>),
}

impl Column {
    fn new(like: &SqlValue) -> Self {
        match like {
            SqlValue::Int(_) => Self::Int(Vec::new()),
            SqlValue::Text(_) => Self::Text(Vec::new()),
            SqlValue::Bytes(_) => Self::Bytes(Vec::new()),
            SqlValue::Bool(_) => Self::Bool(Vec::new()),
        }
    }

    fn push(&mut self, value: SqlValue) -> Result<()> {
        match (self, value) {
            (Self::Int(column), SqlValue::Int(value)) => column.push(value),
            (Self::Text(column), SqlValue::Text(value)) => column.push(value),
            (Self::Bytes(column), SqlValue::Bytes(value)) => column.push(value),
            (Self::Bool(column), SqlValue::Bool(value)) => column.push(value),
            _ => return Err(Error::bug("rows to insert with values of different types")),
        }
        Ok(())
    }

    fn typed(&self) -> (&(dyn ToSql + Sync), Type) {
        match self {
            Self::Int(column) => (column, Type::INT8_ARRAY),
            Self::Text(column) => (column, Type::TEXT_ARRAY),
            Self::Bytes(column) => (column, Type::BYTEA_ARRAY),
            Self::Bool(column) => (column, Type::BOOL_ARRAY),
        }
    }
}

fn row(row: &tokio_postgres::Row) -> Result<SqlRow> {
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
    Ok(SqlRow::new(values.collect::<Result<_>>()?))
}

impl PostgresSession {
    /// Creates a session on `client`, begun by the statements `begin` (may be empty) and ended by `commit`.
    pub(super) const fn new(client: PooledConnection, begin: &'static str, commit: &'static str) -> Self {
        Self {
            client: Some(client),
            begin,
            commit,
            state: PostgresSessionState::Fresh,
            timeout: RESPONSE_TIMEOUT,
            busy: false,
            read_only: false,
        }
    }

    /// Creates a session for measuring, on `client`.
    pub(super) fn measuring(client: PooledConnection) -> Self {
        let mut session = Self::new(client, BEGIN_MEASURE, COMMIT);
        session.timeout = MEASURE_TIMEOUT;
        session
    }

    /// Waits for a response of the server, at most for `timeout`; `None` if there was none in time.
    async fn await_response<T>(
        origin: &ConnectionOrigin,
        timeout: Duration,
        work: impl Future<Output = std::result::Result<T, tokio_postgres::Error>>,
    ) -> Option<std::result::Result<T, tokio_postgres::Error>> {
        let mut work = pin!(work);
        let response = if let Ok(response) = tokio::time::timeout(UNRESPONSIVE_AFTER, &mut work).await {
            Some(response)
        } else {
            // The server may be slow or frozen: other responses of its host show which.
            origin.record_timeout();
            tokio::time::timeout(timeout.saturating_sub(UNRESPONSIVE_AFTER), work).await.ok()
        };
        match &response {
            Some(Ok(_)) => origin.record_response(),
            Some(Err(error)) if error.as_db_error().is_some() => origin.record_response(),
            _ => {}
        }
        response
    }

    /// Waits for `work` on the connection, after sending the begin of the transaction.
    async fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&tokio_postgres::Client) -> std::result::Result<T, tokio_postgres::Error>,
    ) -> Result<T> {
        let begin = if self.state == PostgresSessionState::Fresh { self.begin } else { "" };
        if !self.begin.is_empty() {
            self.state = PostgresSessionState::Open;
        }
        let Some(client) = &self.client else {
            return Err(Error::bug("a session was used after its end"));
        };
        self.busy = true;
        let origin = client.origin();
        let work = async {
            if begin.is_empty() {
                return work(client).await;
            }
            // Both are sent before either response: one round trip.
            let (opened, done) = futures_util::join!(client.batch_execute(begin), work(client));
            opened.and(done)
        };
        match Self::await_response(origin, self.timeout, work).await {
            Some(result) => {
                self.busy = false;
                if result.as_ref().is_err_and(refuses_writes) {
                    origin.record_refused_write();
                    self.read_only = true;
                }
                result.map_err(|error| translate("running a statement", error))
            }
            // Still outstanding: the connection will not be used again.
            None => Err(Error::unavailable(format!("no response from the server within {RESPONSE_TIMEOUT:?}"))),
        }
    }
}

#[async_trait]
impl SqlSession for PostgresSession {
    async fn query(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<Vec<SqlRow>> {
        let rows = self
            .run(async |client| {
                let params: Vec<_> = params.iter().map(typed).collect();
                client.query_typed(sql, &params).await
            })
            .await?;
        rows.iter().map(row).collect()
    }

    async fn execute(&mut self, sql: &str, params: Vec<SqlValue>) -> Result<u64> {
        self.run(async |client| {
            let params: Vec<_> = params.iter().map(typed).collect();
            client.execute_typed(sql, &params).await
        })
        .await
    }

    async fn insert(&mut self, insert: &'static Insert, rows: Vec<Vec<SqlValue>>) -> Result<u64> {
        let Some(first) = rows.first() else { return Ok(0) };
        let mut columns: Vec<_> = first.iter().map(Column::new).collect();
        for row in rows {
            for (column, value) in columns.iter_mut().zip(row) {
                column.push(value)?;
            }
        }
        let sql = insert.text(SqlDialect::Postgres, |_| {
            let arrays = columns.iter().enumerate().map(|(n, column)| format!("${}::{}", n + 1, array_type(column)));
            format!("SELECT * FROM unnest({})", arrays.collect::<Vec<_>>().join(", "))
        });
        self.run(async |client| {
            let params: Vec<_> = columns.iter().map(Column::typed).collect();
            client.execute_typed(sql, &params).await
        })
        .await
    }

    async fn commit(mut self: Box<Self>) -> Result<()> {
        let Some(client) = &self.client else {
            return Err(Error::bug("a session was used after its end"));
        };
        self.busy = true;
        match Self::await_response(client.origin(), self.timeout, client.batch_execute(self.commit)).await {
            Some(Ok(())) => {
                (self.busy, self.state) = (false, PostgresSessionState::Ended);
                Ok(())
            }
            Some(Err(error)) => {
                self.busy = false;
                Err(translate_commit(error))
            }
            None => Err(Error::OutcomeUnknown),
        }
    }

    async fn rollback(mut self: Box<Self>) -> Result<()> {
        if self.state != PostgresSessionState::Open || self.busy {
            return Ok(());
        }
        self.run(async |client| client.batch_execute("ROLLBACK").await).await?;
        self.state = PostgresSessionState::Ended;
        Ok(())
    }
}

const fn array_type(column: &Column) -> &'static str {
    match column {
        Column::Int(_) => "bigint[]",
        Column::Text(_) => "text[]",
        Column::Bytes(_) => "bytea[]",
        Column::Bool(_) => "boolean[]",
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        let Some(client) = self.client.take() else { return };
        if self.read_only {
            drop(PooledConnection::take(client));
        } else if self.busy {
            // The caller stopped waiting: the next user of the connection would wait for the unfinished work. Closing
            // the connection undoes that work.
            drop(PooledConnection::take(client));
        } else if self.state == PostgresSessionState::Open {
            // Sent at the first poll, before any statement of the connection's next user. The response is ignored; if
            // it fails, the connection is gone and so is the transaction.
            let _ = client.batch_execute("ROLLBACK").now_or_never();
        }
    }
}
