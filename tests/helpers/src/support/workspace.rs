//! A temporary folder that ends its processes when it is removed.
//!
//! A test process can be killed, and statics are never dropped. So each folder has a sentinel: a shell that waits on a
//! pipe from the test process. When the pipe closes, by drop or by death, it kills every process whose working folder
//! is inside and removes the folder. A server started here must therefore have its working folder here.

use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::machine::{Account, chown};

const SENTINEL: &str = include_str!("sentinel.sh");

/// It contains Unix sockets, whose paths are limited to 107 bytes.
const MAX_BASE_LENGTH: usize = 60;

/// A temporary folder; see the module.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
    sentinel: Child,
}

impl Workspace {
    /// Creates a folder whose name contains `label`.
    ///
    /// # Panics
    ///
    /// When the folder or its sentinel cannot be created.
    #[must_use]
    pub fn new(label: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix(&format!("latchkey-{label}-"))
            .permissions(std::fs::Permissions::from_mode(0o755))
            .tempdir_in(base())
            .expect("a temporary folder can be made")
            .keep();
        let sentinel = Command::new("sh")
            .args(["-c", SENTINEL, "sentinel"])
            .arg(&folder)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("sh starts");
        Self { folder, sentinel }
    }

    /// Returns the folder.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// Creates the folder `name` inside, for `account` alone.
    ///
    /// # Panics
    ///
    /// When it cannot be created.
    #[must_use]
    pub fn folder(&self, name: &str, account: Option<Account>) -> PathBuf {
        let path = self.folder.join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .unwrap_or_else(|error| panic!("make the folder {}: {error}", path.display()));
        chown(&path, account);
        path
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        drop(self.sentinel.stdin.take());
        // The sentinel has its own bound. The tests of this module find what it could not remove.
        self.sentinel.wait().ok();
    }
}

/// Returns the folder for temporary files, or /tmp if it is too deep for sockets or closed to the servers' account.
fn base() -> PathBuf {
    let wanted = std::env::temp_dir();
    let open = |folder: &Path| folder.metadata().is_ok_and(|about| about.permissions().mode() & 0o001 != 0);
    let usable = wanted.as_os_str().len() <= MAX_BASE_LENGTH
        && (Account::for_servers().is_none() || wanted.ancestors().all(open));
    if usable { wanted } else { PathBuf::from("/tmp") }
}

/// Returns the processes whose working folder is `folder` or below it.
#[must_use]
pub fn processes_in(folder: &Path) -> Vec<u32> {
    let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
    entries
        .flatten()
        .filter(|entry| std::fs::read_link(entry.path().join("cwd")).is_ok_and(|cwd| cwd.starts_with(folder)))
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .collect()
}
