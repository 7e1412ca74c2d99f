//! A throw-away pgbouncer in front of a throw-away cluster.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::daemon::{Daemon, read_lossy};
use super::machine::{Account, chown, find_program, free_port, run_as};
use super::postgres::{Cluster, Database, query};
use super::wait::eventually;
use super::workspace::Workspace;

/// Bound for starting.
const START_BOUND: Duration = Duration::from_secs(20);

/// Maximum number of free ports to try.
const PORT_ATTEMPTS: u32 = 5;

/// A running pgbouncer. Dropping kills and removes it.
#[derive(Debug)]
pub struct PgBouncer {
    // Declared before the workspace, because fields are dropped in order.
    server: Daemon,
    program: PathBuf,
    port: u16,
    workspace: Workspace,
}

impl PgBouncer {
    /// Starts one in front of `cluster` with `pool_mode` (`transaction`, `session`, `statement`) and defaults for
    /// everything else, and returns once it accepts connections.
    ///
    /// # Panics
    ///
    /// When pgbouncer is not installed (the message names the package) or does not start (it shows the log).
    #[must_use]
    pub fn start(cluster: &Cluster, pool_mode: &str) -> Self {
        Self::start_with(cluster, pool_mode, &[])
    }

    /// Starts one like [`PgBouncer::start`] with more settings of the section `[pgbouncer]`.
    ///
    /// # Panics
    ///
    /// As [`PgBouncer::start`].
    #[must_use]
    pub fn start_with(cluster: &Cluster, pool_mode: &str, settings: &[(&str, &str)]) -> Self {
        let program = find_program("pgbouncer", &[Path::new("/usr/sbin")])
            .expect("pgbouncer is needed: run `make setup`, or install it where PATH or /usr/sbin finds it");
        let mut attempt = 1;
        loop {
            let workspace = Workspace::new("bouncer");
            let port = free_port();
            let server = spawn(&program, &workspace, cluster, port, pool_mode, settings);
            let mut bouncer = Self { server, program: program.clone(), port, workspace };
            match bouncer.wait_ready() {
                Ok(()) => return bouncer,
                Err(log) => {
                    let taken = log.contains("Address already in use");
                    assert!(taken && attempt < PORT_ATTEMPTS, "pgbouncer does not start:\n{log}");
                    attempt += 1;
                }
            }
        }
    }

    /// Returns the URL of `database` through it.
    #[must_use]
    pub fn url(&self, database: &Database) -> String {
        self.url_of(database.name())
    }

    /// Returns its temporary folder, which is removed with all its processes when the bouncer is dropped.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.workspace.path()
    }

    /// Returns its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        read_lossy(&self.workspace.path().join("server.log"))
    }

    /// Sends `kill -9`.
    pub fn kill9(&mut self) {
        self.server.kill();
    }

    /// Kills it if it still runs, starts it again on the same port, and returns once it accepts connections.
    ///
    /// # Panics
    ///
    /// When it does not start again: the message shows its log.
    pub fn restart(&mut self) {
        if self.server.try_wait().is_none() {
            self.kill9();
        }
        self.server = launch(&self.program, &self.workspace);
        self.wait_ready().unwrap_or_else(|log| panic!("pgbouncer does not start again:\n{log}"));
    }

    /// Freezes it: connections stay open without responses.
    pub fn stop(&mut self) {
        self.server.freeze();
    }

    /// Ends [`PgBouncer::stop`].
    pub fn cont(&mut self) {
        self.server.thaw();
    }

    fn wait_ready(&mut self) -> Result<(), String> {
        let url = self.url_of("postgres");
        eventually("pgbouncer answers", START_BOUND, || {
            if self.server.try_wait().is_some() {
                return Some(Err(self.server.tail()));
            }
            query(&url, "SELECT 1").ok().map(|_| Ok(()))
        })
    }

    fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}", self.port)
    }
}

fn spawn(
    program: &Path,
    workspace: &Workspace,
    cluster: &Cluster,
    port: u16,
    pool_mode: &str,
    settings: &[(&str, &str)],
) -> Daemon {
    let account = Account::for_servers();
    let folder = workspace.folder("run", account);
    let mut ini = format!(
        "[databases]\n* = host={} port={} user=postgres\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
         unix_socket_dir =\nauth_type = any\npool_mode = {pool_mode}\nmax_client_conn = 500\n",
        cluster.sockets().display(),
        cluster.port(),
    );
    for (name, value) in settings {
        writeln!(ini, "{name} = {value}").expect("writing to a string cannot fail");
    }
    let file = folder.join("pgbouncer.ini");
    std::fs::write(&file, ini).expect("the configuration can be written");
    chown(&file, account);
    launch(program, workspace)
}

fn launch(program: &Path, workspace: &Workspace) -> Daemon {
    let folder = workspace.path().join("run");
    let log = workspace.path().join("server.log");
    let mut command = Command::new(program);
    command.arg(folder.join("pgbouncer.ini")).env_clear().env("LANG", "C.UTF-8").current_dir(&folder);
    run_as(&mut command, Account::for_servers());
    Daemon::spawn("pgbouncer", command, &log, &log)
}
