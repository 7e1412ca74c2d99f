//! The `latchkey` program, run once, without the developer's environment.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Result of a run.
#[derive(Debug)]
pub(crate) struct RunOutput {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// The program in a folder, with some variables set.
pub(crate) struct Program {
    environment: Vec<(String, OsString)>,
    folder: std::path::PathBuf,
}

impl Program {
    /// Creates the program in `folder`, where it looks for a data folder.
    pub(crate) fn at(folder: &Path) -> Self {
        Self { environment: Vec::new(), folder: folder.to_owned() }
    }

    /// Sets a variable.
    pub(crate) fn env(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Returns the command, not started yet.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command.args(arguments).current_dir(&self.folder).env_clear();
        if let Some(value) = std::env::var_os("LLVM_PROFILE_FILE") {
            command.env("LLVM_PROFILE_FILE", value);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs it to completion.
    pub(crate) fn run(&self, arguments: &[&str]) -> RunOutput {
        self.run_with(arguments, "")
    }

    /// Runs it to completion with text on standard input.
    pub(crate) fn run_with(&self, arguments: &[&str], input: &str) -> RunOutput {
        let mut child = self.command(arguments).stdin(Stdio::piped()).spawn().expect("latchkey starts");
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        // A command that reads nothing may have exited by now.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("latchkey ends");
        RunOutput {
            code: output.status.code().expect("latchkey ends by itself"),
            out: String::from_utf8(output.stdout).expect("answers are UTF-8"),
            err: String::from_utf8(output.stderr).expect("notes are UTF-8"),
        }
    }
}

impl RunOutput {
    /// Returns the output of a successful command.
    #[track_caller]
    pub(crate) fn success(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// Returns the error message of a command that ended with this exit code and printed nothing else.
    #[track_caller]
    pub(crate) fn failure(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        assert!(self.err.contains("error: "), "{self:?}");
        for dump in ["panicked", "Error {", "Status {", "Some(", "RUST_BACKTRACE"] {
            assert!(!self.err.contains(dump), "{self:?}");
        }
        self.err
    }

    /// Returns the output parsed as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        let out = self.success();
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error} in {out}"))
    }
}
