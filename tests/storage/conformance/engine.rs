//! The engines, and the empty storage that each case starts from.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use latchkey::storage::{self, Options, Storage};
use tempfile::TempDir;

use helpers::support::pgbouncer::PgBouncer;
use helpers::support::postgres::{Cluster, Database};

/// Timeout after which a case counts as hanging. No case depends on it: it keeps a hanging one from blocking all.
const BOUND: Duration = Duration::from_mins(5);

/// The engines behind the trait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EngineKind {
    /// A file.
    Sqlite,
    /// A server.
    Postgres,
    /// A server behind a pooler in transaction mode.
    Pgbouncer,
}

/// Empty storage for a single case.
#[derive(Debug)]
pub struct Case {
    /// The storage, opened.
    pub storage: Arc<Storage>,
    location: Location,
}

/// Location of a storage's data.
#[derive(Debug)]
pub struct Location {
    url: String,
    database: Option<Database>,
    folder: Option<TempDir>,
}

/// Generates one test per engine for each case. After `with run_at:` come cases that receive a [`Location`] without data.
macro_rules! for_each_engine {
    (with $run:ident: $($case:ident),+ $(,)?) => {
        mod sqlite {
            use $crate::conformance::engine::{EngineKind, $run};
            $(#[test] fn $case() { $run(EngineKind::Sqlite, super::$case); })+
        }
        mod postgres {
            use $crate::conformance::engine::{EngineKind, $run};
            $(#[test] fn $case() { $run(EngineKind::Postgres, super::$case); })+
        }
        mod pgbouncer {
            use $crate::conformance::engine::{EngineKind, $run};
            $(#[test] fn $case() { $run(EngineKind::Pgbouncer, super::$case); })+
        }
    };
    ($($case:ident),+ $(,)?) => { for_each_engine! { with run: $($case),+ } };
}

/// Runs one case on one engine, starting from a location without data.
///
/// # Panics
///
/// When the case panics or hangs.
pub fn run_at<F: Future<Output = ()>>(kind: EngineKind, case: impl FnOnce(Location) -> F) {
    block_on(case(Location::new(kind)));
}

/// Runs one case on one engine.
///
/// # Panics
///
/// When the case panics or hangs.
pub fn run<F: Future<Output = ()>>(kind: EngineKind, case: impl FnOnce(Case) -> F) {
    let location = Location::new(kind);
    block_on(async {
        let storage = location.open().await;
        case(Case { storage, location }).await;
    });
}

/// Runs `work` on a runtime of its own.
///
/// # Panics
///
/// When `work` panics or hangs.
pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime.expect("a runtime can be made").block_on(async {
        // Boxed: the state of a case would overflow the stack of a test thread.
        tokio::time::timeout(BOUND, Box::pin(work))
            .await
            .unwrap_or_else(|_| panic!("the case hangs: not done in {BOUND:?}"))
    })
}

// === impl Case ===

impl Case {
    /// Opens the same data again, as another process would.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub async fn open_again(&self) -> Arc<Storage> {
        self.location.open().await
    }
}

// === impl Location ===

impl Location {
    /// Creates a location without data.
    ///
    /// # Panics
    ///
    /// When no folder or database can be made.
    #[must_use]
    pub fn new(kind: EngineKind) -> Self {
        match kind {
            EngineKind::Sqlite => {
                let folder = tempfile::tempdir().expect("a temporary folder can be made");
                let url = format!("sqlite:{}", folder.path().join("latchkey.db").display());
                Self { url, database: None, folder: Some(folder) }
            }
            EngineKind::Postgres => {
                let database = Cluster::shared().database();
                Self { url: database.url().to_owned(), database: Some(database), folder: None }
            }
            EngineKind::Pgbouncer => {
                let database = Cluster::shared().database();
                Self { url: bouncer().url(&database), database: Some(database), folder: None }
            }
        }
    }

    /// Returns the options for opening it.
    ///
    /// # Panics
    ///
    /// When its URL is invalid.
    #[must_use]
    pub fn options(&self) -> Options {
        Options::new(self.url.parse().unwrap_or_else(|error| panic!("{}: {error}", self.url)))
    }

    /// Opens the data, or creates it if there is none.
    ///
    /// # Panics
    ///
    /// When it cannot be opened.
    pub async fn open(&self) -> Arc<Storage> {
        storage::open(self.options()).await.unwrap_or_else(|error| panic!("open {}: {error}", self.url))
    }

    /// Runs `sql` on a connection of its own, without Latchkey.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn execute(&self, sql: &str) {
        if let Some(database) = &self.database {
            database.query(sql);
            return;
        }
        let connection = rusqlite::Connection::open(self.file()).expect("the file opens");
        connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// Runs `sql` on a connection of its own and returns its single text.
    ///
    /// # Panics
    ///
    /// When it fails or returns no text.
    #[must_use]
    pub fn text(&self, sql: &str) -> String {
        if let Some(database) = &self.database {
            return database.query(sql)[0][0].clone().expect("a value");
        }
        let connection = rusqlite::Connection::open(self.file()).expect("the file opens");
        connection.query_row(sql, [], |row| row.get(0)).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Returns the path of the SQLite file.
    ///
    /// # Panics
    ///
    /// When it is on a server.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.as_ref().expect("it is a file").path().join("latchkey.db")
    }
}

/// Returns the pooler shared by this test process.
fn bouncer() -> &'static PgBouncer {
    static SHARED: OnceLock<PgBouncer> = OnceLock::new();
    // Hundreds of databases pass through it, and their idle connections would use up the server's.
    SHARED.get_or_init(|| PgBouncer::start_with(Cluster::shared(), "transaction", &[("server_idle_timeout", "2")]))
}
