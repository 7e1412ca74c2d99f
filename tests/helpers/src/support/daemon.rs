//! A running program: its logs, signals to it and to its children, its exit.

use std::fs::File;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use super::wait::eventually;

/// Number of log lines shown after a failure.
const TAIL_LINES: usize = 40;

/// A started program. Dropping kills it.
#[derive(Debug)]
pub struct Daemon {
    name: String,
    child: Child,
    log: PathBuf,
    ended: Option<ExitStatus>,
}

impl Daemon {
    /// Starts `command`; its output is appended to the files `out` and `log` (errors), which may be the same.
    ///
    /// # Panics
    ///
    /// When the files cannot be opened or the program cannot be started.
    #[must_use]
    pub fn spawn(name: &str, mut command: Command, out: &Path, log: &Path) -> Self {
        let open = |path: &Path| {
            let file = File::options().create(true).append(true).open(path);
            Stdio::from(file.unwrap_or_else(|error| panic!("open the log {}: {error}", path.display())))
        };
        // In a process group of its own, so that Ctrl-C for the tests does not affect it first.
        command.stdin(Stdio::null()).stdout(open(out)).stderr(open(log)).process_group(0);
        let child = command.spawn().unwrap_or_else(|error| panic!("start {name} ({command:?}): {error}"));
        Self { name: name.to_owned(), child, log: log.to_owned(), ended: None }
    }

    /// Returns the process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns its exit status, or `None` while it runs.
    ///
    /// # Panics
    ///
    /// When the system does not return it.
    pub fn try_wait(&mut self) -> Option<ExitStatus> {
        if self.ended.is_none() {
            self.ended = self.child.try_wait().expect("a child can be asked for its end");
        }
        self.ended
    }

    /// Waits until it exits.
    ///
    /// # Panics
    ///
    /// When it still runs after `bound`.
    pub fn wait_exit(&mut self, bound: Duration) -> ExitStatus {
        let what = format!("{} (process {}) ends", self.name, self.pid());
        eventually(&what, bound, || self.try_wait())
    }

    /// Sends `signal`; does nothing once the process has ended.
    ///
    /// # Panics
    ///
    /// When the system refuses.
    pub fn signal(&mut self, signal: Signal) {
        if self.try_wait().is_none() {
            kill_process(Pid::from_child(&self.child), signal)
                .unwrap_or_else(|error| panic!("send {signal:?} to {}: {error}", self.name));
        }
    }

    /// Sends `kill -9`, and waits until it is gone.
    ///
    /// # Panics
    ///
    /// When it outlives the signal by 10 s.
    pub fn kill(&mut self) -> ExitStatus {
        self.signal(Signal::KILL);
        self.wait_exit(Duration::from_secs(10))
    }

    /// Sends `kill -9` to it and all its children at once, and waits until they are gone.
    ///
    /// # Panics
    ///
    /// When one of them outlives the signal by 10 s.
    pub fn kill_tree(&mut self) {
        // Stopped first: it starts no child while its children are listed.
        self.signal(Signal::STOP);
        let children = self.children();
        self.signal(Signal::KILL);
        for child in &children {
            send(*child, Signal::KILL);
        }
        self.wait_exit(Duration::from_secs(10));
        eventually("the children are gone", Duration::from_secs(10), || {
            children.iter().all(|child| parent_of_living(*child).is_none()).then_some(())
        });
    }

    /// Sends SIGSTOP to it and all its children: it keeps its connections and does not respond.
    pub fn freeze(&mut self) {
        self.signal(Signal::STOP);
        for child in self.children() {
            send(child, Signal::STOP);
        }
    }

    /// Ends [`Daemon::freeze`].
    pub fn thaw(&mut self) {
        for child in self.children() {
            send(child, Signal::CONT);
        }
        self.signal(Signal::CONT);
    }

    /// Returns the end of its log for a message.
    #[must_use]
    pub fn tail(&self) -> String {
        let text = read_lossy(&self.log);
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }

    fn children(&mut self) -> Vec<Pid> {
        if self.try_wait().is_some() {
            return Vec::new();
        }
        let parent = Pid::from_child(&self.child);
        let entries = std::fs::read_dir("/proc").expect("/proc is readable");
        entries
            .flatten()
            .filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
            .filter(|pid| parent_of_living(*pid) == Some(parent.as_raw_nonzero().get()))
            .collect()
    }
}

impl Drop for Daemon {
    #[expect(clippy::print_stderr, reason = "the log of a server explains a failed test, and goes with its folder")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the end of the log of {}:\n{}\n---", self.name, self.tail());
        }
        if self.ended.is_none() {
            self.child.kill().ok();
            self.child.wait().ok();
        }
    }
}

/// Sends a signal. Ignores a child that has ended in the meantime.
fn send(pid: Pid, signal: Signal) {
    kill_process(pid, signal).ok();
}

/// Returns the parent's id, unless the process is gone or a zombie.
fn parent_of_living(pid: Pid) -> Option<i32> {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    // The name, in parentheses, may contain anything.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    (state != "Z" && state != "X").then(|| fields.next()?.parse().ok())?
}

/// Returns the text of a file; empty if it does not exist, with replacements for invalid UTF-8.
#[must_use]
pub fn read_lossy(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).unwrap_or_default()).into_owned()
}
