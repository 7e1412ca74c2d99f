//! Migrating the tables, one server at a time.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::error::SqlState;

use super::config::UrlSettings;
use super::connect::{ConnectionPool, PooledConnection};
use super::errors::{translate, translate_first_connect, translate_pool};
use super::replaced;
use crate::storage::options::{Options, SchemaState};
use crate::storage::{Error, Result};

mod embedded {
    refinery::embed_migrations!("migrations/postgres");
}

/// How often to try to create the lock when another server does the same.
const ATTEMPTS: u32 = 10;
/// Time between these attempts.
const RETRY: Duration = Duration::from_millis(100);

/// The longest wait for a response at the start: a host may freeze right after accepting a connection.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(12);
/// The longest wait for another server that migrates, beyond the lock's own time-out.
const LOCK_TIMEOUT: Duration = Duration::from_secs(70);

pub(super) async fn with_timeout<T>(what: &str, bound: Duration, work: impl Future<Output = Result<T>>) -> Result<T> {
    let late = |_| Error::unavailable(format!("no response from the server within {bound:?} while {what}"));
    tokio::time::timeout(bound, work).await.map_err(late).and_then(|done| done)
}

/// Makes the first connection, which reveals problems with the location.
pub(super) async fn connect(pool: &ConnectionPool, settings: &UrlSettings) -> Result<PooledConnection> {
    pool.get().await.map_err(|error| translate_first_connect(error, settings))
}

pub(super) async fn is_true(client: &Client, what: &str, sql: &str) -> Result<bool> {
    let row = client.query_typed_one(sql, &[]).await;
    row.and_then(|row| row.try_get(0)).map_err(|error| translate(what, error))
}

pub(super) async fn state(client: &Client) -> Result<SchemaState> {
    let what = "reading the schema version";
    let read = async {
        if !is_true(client, what, "SELECT to_regclass('meta') IS NOT NULL").await? {
            return Ok(SchemaState::Empty);
        }
        let sql = "SELECT CAST(a.value AS bigint), CAST(b.value AS bigint) FROM meta a, meta b \
                   WHERE a.key = 'schema_version' AND b.key = 'compatible_from'";
        let numbers = match client.query_typed_opt(sql, &[]).await {
            Ok(Some(row)) => {
                let number = |place| row.try_get(place).ok().and_then(|number: i64| u32::try_from(number).ok());
                number(0).zip(number(1))
            }
            Ok(None) => None,
            Err(error) if error.as_db_error().is_some() => None,
            Err(error) => return Err(translate(what, error)),
        };
        let state = numbers.map(|(version, compatible_from)| SchemaState::from_versions(version, compatible_from));
        state.ok_or_else(|| {
            Error::unusable(
                "the database has a table `meta` that does not belong to Latchkey: set LATCHKEY_DATABASE_URL to a \
                 database that only Latchkey uses",
            )
        })
    };
    with_timeout(what, RESPONSE_TIMEOUT, read).await
}

pub(super) async fn migrate_if_needed(
    pool: &ConnectionPool,
    settings: &UrlSettings,
    migrate: bool,
    options: &Options,
) -> Result<()> {
    let client = &mut connect(pool, settings).await?.client;
    if is_usable(client, settings, migrate).await? {
        return replaced::confirm(client, options).await;
    }
    if state(client).await? == SchemaState::Empty {
        let checking = replaced::check(client, settings, options);
        with_timeout("checking for running servers", RESPONSE_TIMEOUT, checking).await?;
    }
    with_timeout("creating the migration lock", RESPONSE_TIMEOUT, create_lock(client)).await?;
    // Held on a dedicated connection for the whole time: not an advisory lock, which a pooler would lose.
    let holder = pool.get().await.map_err(translate_pool)?;
    let failed = |error| translate("waiting for another server to finish migrating", error);
    let lock = "BEGIN; SET LOCAL lock_timeout = 60000; SET LOCAL statement_timeout = 0; \
                SET LOCAL idle_in_transaction_session_timeout = 0; LOCK TABLE latchkey_migrating";
    let locking = async { holder.client.batch_execute(lock).await.map_err(failed) };
    with_timeout("waiting for another server to finish migrating", LOCK_TIMEOUT, locking).await?;
    let done = run(client, settings).await;
    let released = holder.client.batch_execute("ROLLBACK").await.map_err(failed);
    done.and(released)?;
    replaced::confirm(client, options).await
}

async fn is_usable(client: &Client, settings: &UrlSettings, migrate: bool) -> Result<bool> {
    state(client).await?.is_usable(&format!("on {}", settings.location()), migrate)
}

/// Creates the table used as a lock. Concurrent creation fails for some servers, whatever the statement.
async fn create_lock(client: &Client) -> Result<()> {
    let mut attempt = 1;
    loop {
        match client.batch_execute("CREATE TABLE IF NOT EXISTS latchkey_migrating ()").await {
            Err(error) if attempt < ATTEMPTS && is_race(&error) => tokio::time::sleep(RETRY).await,
            made => return made.map_err(|error| translate("creating the migration lock", error)),
        }
        attempt += 1;
    }
}

fn is_race(error: &tokio_postgres::Error) -> bool {
    let races = [SqlState::UNIQUE_VIOLATION, SqlState::DUPLICATE_TABLE, SqlState::DUPLICATE_OBJECT];
    error.code().is_some_and(|code| races.contains(code))
}

/// Applies the missing migrations, while the lock is held.
async fn run(client: &mut Client, settings: &UrlSettings) -> Result<()> {
    // Another server may have done it meanwhile.
    if is_usable(client, settings, true).await? {
        return Ok(());
    }
    let runner = embedded::migrations::runner().set_grouped(true).set_abort_missing(false);
    runner.run_async(client).await.map(drop).map_err(|error| Error::failed("migrating the tables", error))
}
