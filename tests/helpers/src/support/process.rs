//! The real `latchkey` program as a process: started without the developer's environment, killed, terminated, started
//! again on the same data.
//!
//! Ports: every address is 127.0.0.1:0, and the server writes the actual ones to `addresses.json` in its data folder
//! once it listens.

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use rustix::process::Signal;

use super::daemon::{Daemon, read_lossy};
use super::http;
use super::wait::eventually;
use super::workspace::Workspace;

/// Bound until it is ready, migrations on a busy machine included.
const START_BOUND: Duration = Duration::from_mins(1);

/// Addresses of a server's ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
pub struct Addresses {
    /// Decisions.
    pub decision: SocketAddr,
    /// Administration.
    pub admin: SocketAddr,
    /// Metrics and health over HTTP.
    pub ops: SocketAddr,
}

/// Configuration of a server's start.
#[derive(Debug, Clone)]
pub struct Builder {
    prefix: Vec<OsString>,
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
}

impl Default for Builder {
    fn default() -> Self {
        Self { prefix: Vec::new(), program: program().into(), arguments: vec!["serve".into()], environment: Vec::new() }
    }
}

/// Returns the path of the program under test: Cargo builds it before it runs the tests, next to the folder of theirs.
///
/// # Panics
///
/// When it does not exist, because the tests were not started by Cargo.
#[must_use]
pub fn program() -> PathBuf {
    let tests = std::env::current_exe().expect("a running program has a path");
    let built = tests.parent().and_then(std::path::Path::parent).expect("Cargo builds tests in a folder of their own");
    let program = built.join("latchkey");
    assert!(program.is_file(), "{} is missing: start the tests with cargo", program.display());
    program
}

impl Builder {
    /// Sets the storage to use, instead of SQLite in the data folder.
    #[must_use]
    pub fn database(self, url: &str) -> Self {
        self.env("LATCHKEY_DATABASE_URL", url)
    }

    /// Sets an environment variable; the last value of a name counts.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Sets the arguments instead of `serve`.
    #[must_use]
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments = arguments.iter().map(OsString::from).collect();
        self
    }

    /// Sets another program than `latchkey`.
    #[must_use]
    pub fn program(mut self, program: impl Into<OsString>) -> Self {
        self.program = program.into();
        self
    }

    /// Starts the program through another, such as `["strace", "-D", …]`. Signals go to that one, so it has to become
    /// the program itself or run in the background (as `strace -D` does).
    #[must_use]
    pub fn under(mut self, prefix: &[&str]) -> Self {
        self.prefix = prefix.iter().map(OsString::from).collect();
        self
    }

    /// Starts it, and returns once it is ready.
    ///
    /// # Panics
    ///
    /// When it does not become ready: the message shows its output.
    #[must_use]
    pub fn start(self) -> LatchkeyProcess {
        let mut process = self.spawn();
        process.wait_ready();
        process
    }

    /// Starts it and returns immediately: for a start that must fail, and for several at the same moment.
    ///
    /// # Panics
    ///
    /// When there is no such program.
    #[must_use]
    pub fn spawn(self) -> LatchkeyProcess {
        let workspace = Workspace::new("server");
        // Created by the server itself, unless the test adds files first.
        let _ = workspace.folder("work", None);
        let server = launch(&self, &workspace);
        LatchkeyProcess { server, builder: self, workspace }
    }
}

/// A server process. Dropping kills it and removes its data.
#[derive(Debug)]
pub struct LatchkeyProcess {
    // Declared before the workspace, because fields are dropped in order.
    server: Daemon,
    builder: Builder,
    workspace: Workspace,
}

impl LatchkeyProcess {
    /// Returns the builder of the default server: `latchkey serve` on SQLite.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Waits until it listens and reports that it is ready.
    ///
    /// # Panics
    ///
    /// When it exits first, or is not ready in time: the message shows its output.
    pub fn wait_ready(&mut self) {
        eventually("the server is ready", START_BOUND, || {
            if let Some(status) = self.server.try_wait() {
                panic!("the server ended with {status} before it was ready:\n{}", self.server.tail());
            }
            let addresses = self.read_addresses()?;
            http::get(addresses.ops, "/readyz").is_ok_and(|answer| answer.status == 200).then_some(())
        });
    }

    /// Returns its addresses.
    ///
    /// # Panics
    ///
    /// While it does not listen.
    #[must_use]
    pub fn addresses(&self) -> Addresses {
        self.read_addresses().expect("the server listens: addresses.json is in its data folder")
    }

    /// Returns its data folder.
    #[must_use]
    pub fn data(&self) -> PathBuf {
        self.workspace.path().join("data")
    }

    /// Returns its temporary folder, which contains the data folder and is removed with all its processes on drop.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.workspace.path()
    }

    /// Returns the token of the operator created by the first start.
    ///
    /// # Panics
    ///
    /// When this server did not create one.
    #[must_use]
    pub fn admin_token(&self) -> String {
        let path = self.data().join("admin.token");
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()));
        text.trim_end().to_owned()
    }

    /// Returns the process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.server.pid()
    }

    /// Returns its standard output so far, over all its starts.
    #[must_use]
    pub fn stdout(&self) -> String {
        read_lossy(&self.workspace.path().join("stdout"))
    }

    /// Returns its standard error so far, over all its starts.
    #[must_use]
    pub fn stderr(&self) -> String {
        read_lossy(&self.workspace.path().join("stderr"))
    }

    /// Sends `kill -9`, and waits until it is gone.
    pub fn kill9(&mut self) {
        self.server.kill();
    }

    /// Sends SIGTERM.
    pub fn terminate(&mut self) {
        self.server.signal(Signal::TERM);
    }

    /// Sends SIGINT, like Ctrl-C.
    pub fn interrupt(&mut self) {
        self.server.signal(Signal::INT);
    }

    /// Sends SIGSTOP: it stays alive without responding.
    pub fn stop(&mut self) {
        self.server.freeze();
    }

    /// Ends [`LatchkeyProcess::stop`].
    pub fn cont(&mut self) {
        self.server.thaw();
    }

    /// Returns its exit status, or `None` while it runs.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        self.server.try_wait()
    }

    /// Waits until it exits.
    ///
    /// # Panics
    ///
    /// When it still runs after `bound`.
    pub fn wait_exit(&mut self, bound: Duration) -> ExitStatus {
        self.server.wait_exit(bound)
    }

    /// Kills it if it still runs, starts it again on the same data, and returns once it is ready. Its ports change.
    ///
    /// # Panics
    ///
    /// When it does not become ready.
    pub fn restart(&mut self) {
        if self.server.try_wait().is_none() {
            self.kill9();
        }
        // Addresses of the earlier start could be mistaken for those of this one.
        std::fs::remove_file(self.addresses_path()).ok();
        self.server = launch(&self.builder, &self.workspace);
        self.wait_ready();
    }

    fn addresses_path(&self) -> PathBuf {
        self.data().join("addresses.json")
    }

    fn read_addresses(&self) -> Option<Addresses> {
        serde_json::from_slice(&std::fs::read(self.addresses_path()).ok()?).ok()
    }
}

fn launch(builder: &Builder, workspace: &Workspace) -> Daemon {
    let folder = workspace.path();
    let mut words = builder.prefix.iter().chain(std::iter::once(&builder.program)).chain(&builder.arguments);
    let mut command = Command::new(words.next().expect("a program is named"));
    command.args(words).current_dir(folder.join("work")).env_clear();
    for inherited in ["PATH", "LLVM_PROFILE_FILE"] {
        if let Some(value) = std::env::var_os(inherited) {
            command.env(inherited, value);
        }
    }
    command
        .env("HOME", folder.join("work"))
        .env("LANG", "C.UTF-8")
        .env("RUST_BACKTRACE", "1")
        .env("LATCHKEY_DATA_DIR", folder.join("data"))
        .env("LATCHKEY_DECISION_ADDR", "127.0.0.1:0")
        .env("LATCHKEY_ADMIN_ADDR", "127.0.0.1:0")
        .env("LATCHKEY_OPS_ADDR", "127.0.0.1:0")
        // No mesh has to notice the shutdown, unless a test is about that.
        .env("LATCHKEY_ACCEPT_GRACE", "0s")
        .envs(builder.environment.iter().map(|(name, value)| (name, value)));
    Daemon::spawn("latchkey", command, &folder.join("stdout"), &folder.join("stderr"))
}
