//! SQLite: the embedded engine, one file on one machine.
//!
//! One thread writes; a few read, each in its own snapshots (WAL). Another process may open the file at the same time
//! (the command line's `operators recover` and `migrate`): SQLite's locks isolate them, and [`watch`] notices their
//! commits.

mod errors;
mod open;
mod session;
mod watch;
mod worker;

use std::path::Path;
use std::sync::{Arc, mpsc};
use std::time::Duration;

use async_trait::async_trait;
use deadpool::unmanaged::Pool;
use tokio::sync::Notify;

use self::session::SqliteSession;
use self::worker::SqliteWorker;
use super::options::{Options, SchemaState};
use super::sql::dialect::SqlDialect;
use super::sql::driver::{Driver, Purpose, SqlSession};
use super::{Error, Result};

const LEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// The engine: threads that are leased to one session at a time.
pub(super) struct Sqlite {
    writer: Pool<SqliteWorker>,
    follower: Pool<SqliteWorker>,
    measurer: Pool<SqliteWorker>,
    grants: Pool<SqliteWorker>,
    readers: Pool<SqliteWorker>,
    notify: Arc<Notify>,
    /// Stops watching when it is dropped.
    _watching: mpsc::Sender<()>,
}

impl Sqlite {
    pub(super) async fn open(path: &Path, options: &Options) -> Result<Self> {
        let (path, options) = (path.to_owned(), options.clone());
        blocking(move || {
            let writer = open::writer(&path, &options)?;
            let readers = |name: &str, count: usize| {
                let workers = (0..count.max(1)).map(|_| SqliteWorker::start(name, open::reader(&path)?));
                Ok::<_, Error>(Pool::from(workers.collect::<Result<Vec<_>>>()?))
            };
            let notify = Arc::new(Notify::new());
            Ok(Self {
                _watching: watch::start(open::reader(&path)?, Arc::clone(&notify))?,
                writer: Pool::from(vec![SqliteWorker::start("sqlite-write", writer)?]),
                follower: readers("sqlite-follow", 1)?,
                measurer: readers("sqlite-measure", 1)?,
                grants: readers("sqlite-grant", options.grant_connections)?,
                readers: readers("sqlite-read", options.read_connections)?,
                notify,
            })
        })
        .await
    }
}

pub(super) async fn schema(path: &Path) -> Result<SchemaState> {
    let path = path.to_owned();
    blocking(move || open::schema(&path)).await
}

pub(super) async fn migrate(path: &Path, options: &Options) -> Result<()> {
    let (path, options) = (path.to_owned(), Options { migrate: true, ..options.clone() });
    blocking(move || open::writer(&path, &options).map(drop)).await
}

async fn blocking<T: Send + 'static>(job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(job)
        .await
        .unwrap_or_else(|_| Err(Error::unavailable("the thread that opens the SQLite file has stopped")))
}

#[async_trait]
impl Driver for Sqlite {
    fn dialect(&self) -> SqlDialect {
        SqlDialect::Sqlite
    }

    async fn session(&self, purpose: Purpose) -> Result<Box<dyn SqlSession>> {
        const WRITING: &str = "another write held the SQLite file for too long";
        const READING: &str = "all threads that read the SQLite file are busy";
        let (workers, begin, busy) = match purpose {
            Purpose::Write | Purpose::Report | Purpose::Heartbeat => (&self.writer, Some("BEGIN IMMEDIATE"), WRITING),
            Purpose::Follow => (&self.follower, Some("BEGIN"), WRITING),
            Purpose::Measure => (&self.measurer, Some("BEGIN"), WRITING),
            Purpose::Read => (&self.readers, Some("BEGIN"), READING),
            Purpose::Grant => (&self.grants, None, READING),
        };
        let on_commit = (purpose == Purpose::Write).then(|| Arc::clone(&self.notify));
        match tokio::time::timeout(LEASE_TIMEOUT, workers.get()).await {
            Ok(Ok(worker)) => Ok(Box::new(SqliteSession { worker, begin, open: false, on_commit })),
            _ => Err(Error::unavailable(busy)),
        }
    }

    // `mark_replaced` does nothing: a process with the old file open does not notice a file that replaces it.

    async fn notified(&self) {
        self.notify.notified().await;
    }
}
