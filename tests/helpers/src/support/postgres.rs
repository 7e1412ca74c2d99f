//! Throw-away PostgreSQL clusters from the installed binaries.
//!
//! A cluster costs seconds and a database milliseconds: tests share [`Cluster::shared`] and use separate [`Database`]s.
//! A test that kills, freezes or configures the server starts its own. Databases use the collation of a language (ICU,
//! en-US), unlike production: this reveals queries that do not request bytewise order.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio_postgres::{NoTls, SimpleQueryMessage};

use super::daemon::{Daemon, read_lossy};
use super::machine::{Account, find_program, free_port, run_as};
use super::wait::eventually;
use super::workspace::Workspace;

const INSTALL: &str = "the PostgreSQL server (15 or newer) is needed: run `make setup`, or install its programs initdb \
                       and postgres (Debian: postgresql) where PATH or /usr/lib/postgresql/VERSION/bin finds them";

/// Bound for starting, recovery after a kill included.
const START_BOUND: Duration = Duration::from_mins(1);

/// Bound of one [`query`].
const QUERY_BOUND: Duration = Duration::from_mins(1);

/// Maximum number of free ports to try.
const PORT_ATTEMPTS: u32 = 5;

/// Rows of a query: every value as text.
pub type Rows = Vec<Vec<Option<String>>>;

/// Options of a cluster.
#[derive(Debug, Clone, Default)]
pub struct Options {
    settings: Vec<(String, String)>,
    environment: Vec<(String, String)>,
}

impl Options {
    /// Sets a parameter of postgresql.conf. Unset ones keep the server's own defaults (`fsync` is on), except
    /// `max_connections`, which is 200.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Self {
        self.settings.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sets a variable of the server's environment.
    #[must_use]
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }
}

/// A running cluster. Dropping kills and removes it.
#[derive(Debug)]
pub struct Cluster {
    // Declared before the workspace, because fields are dropped in order.
    server: Daemon,
    binaries: PathBuf,
    options: Options,
    port: u16,
    databases: AtomicU32,
    workspace: Workspace,
}

impl Cluster {
    /// Returns the cluster of this test process, started by the first caller.
    ///
    /// # Panics
    ///
    /// As [`Cluster::start`].
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Cluster> = OnceLock::new();
        SHARED.get_or_init(|| Self::start(Options::default()))
    }

    /// Starts a separate cluster, and returns once it accepts connections.
    ///
    /// # Panics
    ///
    /// When PostgreSQL is not installed (the message names the package) or does not start (it shows the log).
    #[must_use]
    pub fn start(options: Options) -> Self {
        Self::start_from(options, initialize)
    }

    /// Starts a cluster on the data that `make` writes to a folder with the server's binaries and account.
    ///
    /// # Panics
    ///
    /// As [`Cluster::start`].
    pub(super) fn start_from(options: Options, make: impl FnOnce(&Path, &Path, Option<Account>)) -> Self {
        let binaries = binaries();
        let workspace = Workspace::new("pg");
        let account = Account::for_servers();
        let data = workspace.folder("data", account);
        // For its sockets.
        let _ = workspace.folder("s", account);
        make(&binaries, &data, account);
        let port = free_port();
        let server = spawn(&binaries, &workspace, port, &options);
        let mut cluster = Self { server, binaries, options, port, databases: AtomicU32::new(0), workspace };
        for _ in 1..PORT_ATTEMPTS {
            match cluster.wait_ready() {
                Ok(()) => return cluster,
                // Another process took the port in the meantime.
                Err(log) if log.contains("could not create any TCP/IP sockets") => {
                    std::fs::remove_file(cluster.log_path()).ok();
                    cluster.port = free_port();
                    cluster.server = spawn(&cluster.binaries, &cluster.workspace, cluster.port, &cluster.options);
                }
                Err(log) => panic!("PostgreSQL does not start:\n{log}"),
            }
        }
        cluster.wait_ready().unwrap_or_else(|log| panic!("PostgreSQL finds no port:\n{log}"));
        cluster
    }

    /// Creates an empty database. It is removed with the cluster.
    ///
    /// # Panics
    ///
    /// When the server refuses.
    pub fn database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.query(&format!("CREATE DATABASE {name}"));
        Database {
            url: self.url_of(&name),
            socket_url: self.socket_url_of(&name),
            binaries: self.binaries.clone(),
            name,
        }
    }

    /// Runs `sql` in the database `postgres`.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn query(&self, sql: &str) -> Rows {
        query(&self.url_of("postgres"), sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Returns the server's parameter `name`, as `SHOW` does.
    ///
    /// # Panics
    ///
    /// When there is none with that name.
    pub fn setting(&self, name: &str) -> String {
        let rows = self.query(&format!("SELECT current_setting('{name}')"));
        rows[0][0].clone().expect("a setting has a value")
    }

    /// Returns the TCP port on 127.0.0.1. It stays the same after a restart.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Returns the folder of its Unix socket.
    #[must_use]
    pub fn sockets(&self) -> PathBuf {
        self.workspace.path().join("s")
    }

    /// Returns key and id of its System V segment, as at the beginning of a line of /proc/sysvipc/shm.
    ///
    /// # Panics
    ///
    /// While it has none.
    #[must_use]
    pub fn shared_memory(&self) -> (String, String) {
        let text = read_lossy(&self.workspace.path().join("data/postmaster.pid"));
        let mut words = text.lines().nth(6).expect("line 7 of postmaster.pid tells").split_ascii_whitespace();
        let mut word = || words.next().expect("a key and a number").to_owned();
        (word(), word())
    }

    /// Returns its temporary folder, which is removed with all its processes when the cluster is dropped.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.workspace.path()
    }

    /// Returns the server's log so far.
    #[must_use]
    pub fn log(&self) -> String {
        read_lossy(&self.log_path())
    }

    /// Sends `kill -9` to the server and all its processes at once.
    pub fn kill9(&mut self) {
        self.server.kill_tree();
    }

    /// Freezes the server and all its processes: connections stay open without responses.
    pub fn stop(&mut self) {
        self.server.freeze();
    }

    /// Ends [`Cluster::stop`].
    pub fn cont(&mut self) {
        self.server.thaw();
    }

    /// Kills the server if it still runs, starts it again on the same data and port, and waits for it.
    ///
    /// # Panics
    ///
    /// When it does not start: the message shows the log.
    pub fn restart(&mut self) {
        if self.server.try_wait().is_none() {
            self.kill9();
        }
        self.server = spawn(&self.binaries, &self.workspace, self.port, &self.options);
        if let Err(log) = self.wait_ready() {
            panic!("PostgreSQL does not start again:\n{log}");
        }
    }

    fn wait_ready(&mut self) -> Result<(), String> {
        let url = self.url_of("postgres");
        eventually("PostgreSQL answers", START_BOUND, || {
            if self.server.try_wait().is_some() {
                return Some(Err(self.server.tail()));
            }
            query(&url, "SELECT 1").ok().map(|_| Ok(()))
        })
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }

    fn socket_url_of(&self, database: &str) -> String {
        let sockets = self.sockets().to_string_lossy().replace('/', "%2F");
        format!("postgres://postgres@{sockets}:{}/{database}", self.port)
    }

    fn log_path(&self) -> PathBuf {
        self.workspace.path().join("server.log")
    }
}

/// An empty database for one test.
#[derive(Debug, Clone)]
pub struct Database {
    name: String,
    url: String,
    socket_url: String,
    binaries: PathBuf,
}

impl Database {
    /// Returns its name, unique in its cluster.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns its URL over TCP.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns its URL over the Unix socket.
    #[must_use]
    pub fn socket_url(&self) -> &str {
        &self.socket_url
    }

    /// Runs `sql`, one or more statements, and returns the rows of all.
    ///
    /// # Panics
    ///
    /// When it fails.
    pub fn query(&self, sql: &str) -> Rows {
        query(&self.url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// Replaces all contents with a [`Database::dump`], ending all connections, by psql.
    ///
    /// # Panics
    ///
    /// When psql is missing or fails.
    pub fn restore(&self, cluster: &Cluster, dump: &str) {
        cluster.query(&format!("DROP DATABASE {} WITH (FORCE)", self.name));
        cluster.query(&format!("CREATE DATABASE {}", self.name));
        self.run_script(cluster, dump);
    }

    /// Runs a script of SQL by psql, statement by statement, each committed by itself.
    ///
    /// # Panics
    ///
    /// When psql is missing or fails.
    pub fn run_script(&self, cluster: &Cluster, script: &str) {
        let file = cluster.folder().join(format!("{}.sql", self.name));
        std::fs::write(&file, script).expect("a script can be written");
        let output = Command::new(self.client_program("psql"))
            .args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", &self.url, "--file"])
            .arg(&file)
            .output()
            .expect("psql starts");
        assert!(output.status.success(), "psql: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// Returns the contents of its tables, without definitions, as SQL that commits each table separately, by pg_dump.
    ///
    /// # Panics
    ///
    /// When pg_dump is missing or fails.
    pub fn dump_data(&self) -> String {
        let output = Command::new(self.client_program("pg_dump"))
            .args(["--data-only", "--exclude-table=refinery_schema_history", "--dbname", &self.url])
            .output()
            .expect("pg_dump starts");
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let tables = self.query(
            "SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables WHERE schemaname = 'public' \
             AND tablename NOT IN ('refinery_schema_history', 'latchkey_migrating')",
        );
        let tables = tables[0][0].clone().expect("there are tables");
        format!("TRUNCATE {tables};\n{text}")
    }

    /// Returns all contents as SQL text, by pg_dump.
    ///
    /// # Panics
    ///
    /// When pg_dump is missing or fails.
    pub fn dump(&self) -> String {
        let output = Command::new(self.client_program("pg_dump"))
            .args(["--dbname", &self.url])
            .output()
            .expect("pg_dump starts");
        assert!(output.status.success(), "pg_dump: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}

impl Database {
    /// Returns a client program of PostgreSQL: the one next to the server first, which fits its version.
    fn client_program(&self, name: &str) -> PathBuf {
        let beside = self.binaries.join(name);
        let found = if beside.is_file() { Some(beside) } else { find_program(name, &[]) };
        found.unwrap_or_else(|| panic!("{name} comes with the server: run `make setup`"))
    }
}

/// Runs `sql` on a separate connection and thread: it can be called from sync and async tests.
///
/// # Errors
///
/// The error as text.
///
/// # Panics
///
/// When no thread can be started.
pub fn query(url: &str, sql: &str) -> Result<Rows, String> {
    let work = async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.map_err(|error| explain(&error))?;
        tokio::select! {
            ended = connection => Err(ended.err().map_or_else(|| "connection closed".to_owned(), |error| explain(&error))),
            messages = client.simple_query(sql) => Ok(rows(&messages.map_err(|error| explain(&error))?)),
        }
    };
    let bounded = async {
        tokio::time::timeout(QUERY_BOUND, work)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {QUERY_BOUND:?}")))
    };
    std::thread::scope(|scope| {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime can be made");
        scope.spawn(move || runtime.block_on(bounded)).join().expect("a query does not panic")
    })
}

fn rows(messages: &[SimpleQueryMessage]) -> Rows {
    messages
        .iter()
        .filter_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some((0..row.len()).map(|column| row.get(column).map(str::to_owned)).collect())
            }
            _ => None,
        })
        .collect()
}

fn explain(error: &tokio_postgres::Error) -> String {
    error.as_db_error().map_or_else(|| error.to_string(), ToString::to_string)
}

/// Returns the folder with initdb and postgres: the real folder of PATH's initdb, else Debian's newest.
#[must_use]
pub fn binaries() -> PathBuf {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut debian: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    debian.sort();
    let from_path =
        find_program("initdb", &[]).and_then(|initdb| Some(initdb.canonicalize().ok()?.parent()?.to_owned()));
    let complete = |folder: &PathBuf| folder.join("initdb").is_file() && folder.join("postgres").is_file();
    from_path.into_iter().chain(debian.into_iter().rev().map(|(_, folder)| folder)).find(complete).expect(INSTALL)
}

fn initialize(binaries: &Path, data: &Path, account: Option<Account>) {
    let mut initdb = Command::new(binaries.join("initdb"));
    // No sync: it only protects against a loss of power between creating and using the cluster.
    initdb
        .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--no-sync", "--no-instructions"])
        .args(["--locale=C.UTF-8", "--locale-provider=icu", "--icu-locale=en-US", "--pgdata"])
        .arg(data)
        .current_dir(data);
    run_as(&mut initdb, account);
    let output = initdb.output().unwrap_or_else(|error| panic!("start initdb: {error}"));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "initdb failed ({INSTALL}):\n{said}");
}

fn spawn(binaries: &Path, workspace: &Workspace, port: u16, options: &Options) -> Daemon {
    let data = workspace.path().join("data");
    let log = workspace.path().join("server.log");
    let mut command = Command::new(binaries.join("postgres"));
    command.arg("-D").arg(&data).arg("-k").arg(workspace.path().join("s")).arg("-p").arg(port.to_string());
    let ours = [
        ("listen_addresses", "127.0.0.1"),
        ("max_connections", "200"),
        ("lc_messages", "C"),
        // In files of the data folder, which are removed with it: /dev/shm would keep the segments of a killed server.
        ("dynamic_shared_memory_type", "mmap"),
    ];
    let theirs = options.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in ours.into_iter().chain(theirs) {
        command.arg("-c").arg(format!("{name}={value}"));
    }
    command.env_clear().env("LANG", "C.UTF-8").env("TZ", "UTC").current_dir(&data);
    command.envs(options.environment.iter().map(|(name, value)| (name, value)));
    run_as(&mut command, Account::for_servers());
    Daemon::spawn("PostgreSQL", command, &log, &log)
}
