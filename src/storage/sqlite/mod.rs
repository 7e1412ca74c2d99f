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

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, Notify, OwnedMutexGuard, OwnedSemaphorePermit, Semaphore};

use self::session::SqliteSession;
use self::watch::FileWatcher;
use self::worker::SqliteWorker;
use super::options::{Options, SchemaState};
use super::sql::dialect::SqlDialect;
use super::sql::driver::{Driver, Purpose, SqlSession};
use super::{Error, Result};

/// The longest wait for a free thread.
const LEASE_TIMEOUT: Duration = Duration::from_secs(3);

/// The engine.
pub(super) struct Sqlite {
    writer: Arc<Mutex<SqliteWorker>>,
    follower: Arc<Mutex<SqliteWorker>>,
    measurer: Arc<Mutex<SqliteWorker>>,
    grants: ReaderPool,
    readers: ReaderPool,
    notify: Arc<Notify>,
    _watcher: FileWatcher,
}

/// Threads that are leased in turn.
struct ReaderPool {
    free: Arc<Semaphore>,
    workers: Vec<Arc<Mutex<SqliteWorker>>>,
}

/// A thread leased to one session.
#[derive(Debug)]
struct Lease {
    // Before the permit: fields are dropped in order.
    worker: OwnedMutexGuard<SqliteWorker>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl fmt::Debug for Sqlite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sqlite")
    }
}

impl Sqlite {
    /// Opens the file at `path`, and migrates its tables if `options` allow it.
    pub(super) async fn open(path: &std::path::Path, options: &Options) -> Result<Self> {
        let (path, migrate) = (path.to_owned(), options.migrate);
        let policy = open::StartPolicy { served: options.served.clone(), start_over: options.start_over };
        let (grants, readers) = (options.grant_connections, options.read_connections);
        blocking(move || {
            let writer = open::writer(&path, migrate, &policy)?;
            let start = |name: &str, connection| {
                SqliteWorker::start(name, connection).map(|worker| Arc::new(Mutex::new(worker)))
            };
            let several = |name: &str, count: usize| {
                let workers = (0..count.max(1)).map(|_| start(name, open::reader(&path)?));
                let workers = workers.collect::<Result<Vec<_>>>()?;
                Ok::<_, Error>(ReaderPool { free: Arc::new(Semaphore::new(workers.len())), workers })
            };
            let notify = Arc::new(Notify::new());
            Ok(Self {
                _watcher: FileWatcher::start(open::reader(&path)?, Arc::clone(&notify))?,
                writer: start("sqlite-write", writer)?,
                follower: start("sqlite-follow", open::reader(&path)?)?,
                measurer: start("sqlite-measure", open::reader(&path)?)?,
                grants: several("sqlite-grant", grants)?,
                readers: several("sqlite-read", readers)?,
                notify,
            })
        })
        .await
    }
}

/// Returns the state of the file's tables relative to this version. Does not create the file.
pub(super) async fn schema(path: &std::path::Path) -> Result<SchemaState> {
    let path = path.to_owned();
    blocking(move || open::schema(&path)).await
}

/// Migrates the file's tables to this version; creates the file if there is none.
pub(super) async fn migrate(path: &std::path::Path, options: &Options) -> Result<()> {
    let path = path.to_owned();
    let policy = open::StartPolicy { served: options.served.clone(), start_over: options.start_over };
    blocking(move || open::writer(&path, true, &policy).map(drop)).await
}

/// Runs a blocking job on a thread for blocking work.
async fn blocking<T: Send + 'static>(job: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(job)
        .await
        .unwrap_or_else(|_| Err(Error::unavailable("the thread that opens the SQLite file has stopped")))
}

async fn lease(worker: &Arc<Mutex<SqliteWorker>>) -> Result<Lease> {
    let lease = tokio::time::timeout(LEASE_TIMEOUT, Arc::clone(worker).lock_owned()).await;
    lease
        .map(|worker| Lease { worker, _permit: None })
        .map_err(|_| Error::unavailable("another write held the SQLite file for too long"))
}

impl ReaderPool {
    async fn lease(&self) -> Result<Lease> {
        let busy = || Error::unavailable("all threads that read the SQLite file are busy");
        let permit = tokio::time::timeout(LEASE_TIMEOUT, Arc::clone(&self.free).acquire_owned()).await;
        let permit = permit.ok().and_then(std::result::Result::ok).ok_or_else(busy)?;
        // There are as many permits as threads, so that one is free.
        let worker = self.workers.iter().find_map(|worker| Arc::clone(worker).try_lock_owned().ok());
        Ok(Lease { worker: worker.ok_or_else(busy)?, _permit: Some(permit) })
    }
}

#[async_trait]
impl Driver for Sqlite {
    fn dialect(&self) -> SqlDialect {
        SqlDialect::Sqlite
    }

    async fn session(&self, purpose: Purpose) -> Result<Box<dyn SqlSession>> {
        Ok(Box::new(match purpose {
            Purpose::Write => {
                SqliteSession::new(lease(&self.writer).await?, "BEGIN IMMEDIATE", Some(Arc::clone(&self.notify)))
            }
            Purpose::Report | Purpose::Heartbeat => {
                SqliteSession::new(lease(&self.writer).await?, "BEGIN IMMEDIATE", None)
            }
            Purpose::Follow => SqliteSession::new(lease(&self.follower).await?, "BEGIN", None),
            Purpose::Measure => SqliteSession::new(lease(&self.measurer).await?, "BEGIN", None),
            Purpose::Read => SqliteSession::new(self.readers.lease().await?, "BEGIN", None),
            Purpose::Grant => SqliteSession::new(self.grants.lease().await?, "", None),
        }))
    }

    fn is_conflict(&self, _error: &Error) -> bool {
        false
    }

    async fn mark_replaced(&self, _deployment: &str) -> Result<()> {
        // A process with the old file open does not notice a file that replaces it.
        Ok(())
    }

    async fn notified(&self) {
        self.notify.notified().await;
    }
}
