//! A new user's terminal: a folder as after `git clone` and `cargo build --release`, and a server that runs there.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use helpers::support::process::LatchkeyProcess;

/// A folder with the program, the protos and a running server's data at the paths that the README uses.
#[derive(Debug)]
pub struct Terminal {
    /// The server. Its folder contains everything else, and is removed with it.
    pub server: LatchkeyProcess,
    folder: PathBuf,
}

impl Terminal {
    /// Starts a server and prepares its folder.
    ///
    /// # Panics
    ///
    /// When a file cannot be created.
    #[must_use]
    pub fn start() -> Self {
        let server = LatchkeyProcess::builder().start();
        let folder = server.folder().join("terminal");
        let link = |target: &Path, place: &str| {
            let place = folder.join(place);
            std::fs::create_dir_all(place.parent().expect("a place in the folder")).expect("a folder can be made");
            std::os::unix::fs::symlink(target, &place).unwrap_or_else(|error| panic!("{}: {error}", place.display()));
        };
        link(Path::new(env!("CARGO_BIN_EXE_latchkey")), "target/release/latchkey");
        link(&Path::new(env!("CARGO_MANIFEST_DIR")).join("proto"), "proto");
        // The default data folder of a server, so that the commands find it.
        link(&server.data(), "latchkey-data");
        Self { server, folder }
    }

    /// Returns the folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Runs a script in the folder, with only these variables and nothing of the developer's environment.
    ///
    /// # Panics
    ///
    /// When there is no shell.
    #[must_use]
    pub fn run(&self, script: &str, environment: &[(&str, &str)]) -> Output {
        Command::new("sh")
            .args(["-c", script])
            .current_dir(&self.folder)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", &self.folder)
            .env("LANG", "C.UTF-8")
            .envs(environment.iter().copied())
            .stdin(Stdio::null())
            .output()
            .expect("sh starts")
    }
}
