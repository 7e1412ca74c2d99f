//! Resources of this machine: programs, an account without rights, a free port.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// An account without special rights. PostgreSQL and pgbouncer refuse to run as root.
#[derive(Debug, Clone, Copy)]
pub struct Account {
    /// The user id.
    pub uid: u32,
    /// The id of the user's main group.
    pub gid: u32,
}

impl Account {
    /// Returns the account for servers; `None` when this process is not root and they can run under the same account.
    ///
    /// # Panics
    ///
    /// As root on a machine that has neither the account `postgres` nor `nobody`.
    #[must_use]
    pub fn for_servers() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let accounts = std::fs::read_to_string("/etc/passwd").expect("/etc/passwd is readable");
        let found = ["postgres", "nobody"].iter().find_map(|name| Self::find(&accounts, name));
        Some(found.expect("servers refuse to run as root: /etc/passwd needs an account postgres or nobody"))
    }

    fn find(accounts: &str, name: &str) -> Option<Self> {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(Self { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    }
}

/// Makes `command` run under `account`, or under that of this process.
pub fn run_as(command: &mut Command, account: Option<Account>) {
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
}

/// Changes the owner of `path` to `account`.
///
/// # Panics
///
/// When the system refuses.
pub fn chown(path: &Path, account: Option<Account>) {
    if let Some(Account { uid, gid }) = account {
        std::os::unix::fs::chown(path, Some(uid), Some(gid))
            .unwrap_or_else(|error| panic!("chown {}: {error}", path.display()));
    }
}

/// Returns the path of `program`: in PATH, or in one of `extra_folders`.
#[must_use]
pub fn find_program(program: &str, extra_folders: &[&Path]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(extra_folders.iter().map(|folder| folder.to_path_buf()))
        .map(|folder| folder.join(program))
        .find(|candidate| candidate.is_file())
}

/// Returns a Python 3 that can import `module`. Debian's own comes first: it has the modules that Debian's packages
/// install, unlike other Pythons earlier in PATH.
///
/// # Panics
///
/// When there is none: the message names the packages.
#[must_use]
pub fn python_with(module: &str) -> PathBuf {
    let candidates = [Some(PathBuf::from("/usr/bin/python3")), find_program("python3", &[])];
    let imports = |python: &PathBuf| {
        Command::new(python)
            .args(["-c", &format!("import {module}")])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    };
    candidates.into_iter().flatten().find(imports).unwrap_or_else(|| {
        panic!("no python3 imports {module}: run `make setup`, which installs Debian's packages of it")
    })
}

/// Returns a port of 127.0.0.1 that was free a moment ago. Another process can take it before the caller does, who must
/// then call again.
///
/// # Panics
///
/// When the system has none left.
#[must_use]
pub fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("127.0.0.1 has a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}
