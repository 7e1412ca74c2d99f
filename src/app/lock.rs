//! Locks that allow one server per data folder and per SQLite file, whatever path leads to either.
//!
//! ```text
//! DATA_DIR/server.lock   flock, and a note of the holder     the folder
//! DATABASE.lock          flock, and a note of the holder     the name of the database file
//! DATABASE               flock                               the file itself: links, mounts, other names
//! ```
//!
//! The kernel releases the locks when the process ends, however it ends, so a killed server leaves nothing that blocks
//! another. The lock files stay: removing one would let two servers lock two files of the same name. SQLite's own locks
//! are of another kind (fcntl) and are not affected.

use std::ffi::OsString;
use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::OFlags;

use super::Error;
use crate::config::Config;
use crate::lifecycle::Tasks;
use crate::model::time::Timestamp;
use crate::storage::StorageUrl;

const FOLDER_LOCK: &str = "server.lock";
/// Attempts to take a lock, and the time between two: the holder may be shutting down, or still writing its note.
const ATTEMPTS: (u32, Duration) = (10, Duration::from_millis(50));
/// Time between two checks of the files in use.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);
const LONGEST_NOTE: usize = 4_096;
/// Types of file systems that treat flock and fcntl locks as one: NFS, SMB, CIFS, SMB2, 9P. SQLite could not lock its
/// file there after us.
const SHARED_LOCK_FILE_SYSTEMS: [u32; 5] = [0x6969, 0x517b, 0xff53_4d42, 0xfe53_4d42, 0x0102_1997];

/// The locks of this server, held until the process ends.
#[derive(Debug)]
pub(super) struct Locks {
    note: Note,
    /// Files that contain the note.
    notes: Vec<&'static File>,
    pub(super) owns_folder: bool,
    database: Option<LockedDatabase>,
}

#[derive(Debug)]
struct LockedDatabase {
    /// The configured path.
    path: PathBuf,
    /// The path next to which SQLite keeps its log: all links are resolved.
    name: Option<PathBuf>,
    locked: Option<FileIdentity>,
}

/// The identity of a file, the same for all of its names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct FileIdentity {
    device: u64,
    inode: u64,
}

/// The holder of a lock, as recorded in the lock file.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub(super) struct Note {
    pid: u32,
    host: String,
    since: String,
    /// Address of the administration port, once it is bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    admin: Option<String>,
}

#[derive(Debug)]
enum LockFailure {
    /// Another process has locked it.
    Held(Option<Note>),
    /// The file system has no locks.
    NoLocks(io::Error),
    Unopenable(io::Error),
}

impl Locks {
    /// Locks the data folder, and the database file if it exists.
    ///
    /// Several servers on PostgreSQL may share a data folder; the first one owns it.
    pub(super) async fn acquire(config: &Config, url: &StorageUrl, now: Timestamp) -> Result<Self, Error> {
        let note = Note {
            pid: std::process::id(),
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            since: Timestamp::from_seconds(now.as_seconds().0, 0).unwrap_or(now).to_string(),
            admin: None,
        };
        let sqlite = if let StorageUrl::Sqlite(path) = url { Some(path) } else { None };
        let mut locks = Self { note, notes: Vec::new(), owns_folder: true, database: None };
        let path = config.data_dir.join(FOLDER_LOCK);
        match retry_while_held(|| lock_file(&path)).await {
            Ok(file) => locks.write(file),
            Err(LockFailure::Unopenable(source)) => {
                return Err(Error::data_folder(&config.data_dir, &source));
            }
            Err(failure) if sqlite.is_some() => {
                let what = format!("the data folder {}", config.data_dir.display());
                return Err(failure.explain(&what, "LATCHKEY_DATA_DIR"));
            }
            Err(LockFailure::NoLocks(error)) => {
                tracing::warn!(error = %error, "the data folder cannot be locked: give each server its own data \
                     folder");
            }
            Err(LockFailure::Held(holder)) => {
                locks.owns_folder = false;
                let holder = holder.map(|note| note.to_string()).unwrap_or_default();
                tracing::warn!(
                    holder,
                    "another server uses the data folder, so addresses.json was not overwritten; set LATCHKEY_DATA_DIR \
                     to another folder so that commands can find this server"
                );
            }
        }
        if let Some(path) = sqlite {
            // SQLite interprets it the same way: `:memory:` and `file:…` are names of files.
            let path = std::path::absolute(path).unwrap_or_else(|_| path.clone());
            locks.database = Some(LockedDatabase { path, name: None, locked: None });
            locks.lock_database(false).await?;
        }
        Ok(locks)
    }

    /// Adds the server's address to the notes.
    pub(super) fn announce(&mut self, address: SocketAddr) {
        self.note.admin = Some(address.to_string());
        for file in &self.notes {
            self.note.write(file);
        }
    }

    /// Locks the database file if [`Locks::acquire`] did not find it; creates it first if `create_missing` is set.
    pub(super) async fn lock_database(&mut self, create_missing: bool) -> Result<(), Error> {
        let Some(LockedDatabase { path, locked: None, name }) = &self.database else { return Ok(()) };
        let Some(real) = resolve(path) else { return Ok(()) };
        let (path, is_named) = (path.clone(), name.is_some());
        let refused = |failure| match failure {
            // Storage reports problems of the folder or the file when it opens them.
            LockFailure::Unopenable(_) => Ok(()),
            failure => Err(failure.explain(&format!("the database file {}", path.display()), "LATCHKEY_DATABASE_URL")),
        };
        if !is_named {
            match retry_while_held(|| lock_file(&with_suffix(&real, ".lock"))).await {
                Ok(file) => self.write(file),
                Err(failure) => return refused(failure),
            }
        }
        let locked = match retry_while_held(|| lock_inode(&path, create_missing)).await {
            Ok(locked) => Some(locked),
            Err(failure) => {
                refused(failure)?;
                None
            }
        };
        self.database = Some(LockedDatabase { path, name: Some(real), locked });
        Ok(())
    }

    /// Watches, once storage is open, the files that SQLite has open: ends the run as failed when their names no longer
    /// lead to them, because nobody would see further writes.
    pub(super) fn watch(&self, tasks: &Tasks) -> Result<(), Error> {
        let Some(LockedDatabase { path, name, locked }) = &self.database else { return Ok(()) };
        let found = FileIdentity::of_path(path);
        if locked.is_none() || found.as_ref().ok() != locked.as_ref() {
            return Err(Error::Failed(format!(
                "the database file {} was created or replaced while it was being opened: start the server again",
                path.display()
            )));
        }
        let logs = name.iter().flat_map(|name| ["-wal", "-shm"].map(|suffix| with_suffix(name, suffix)));
        let files: Vec<_> = std::iter::once(path.clone())
            .chain(logs)
            .filter_map(|path| FileIdentity::of_path(&path).ok().map(|identity| (path, identity)))
            .collect();
        let watching = tasks.clone();
        tasks.supervise("database file", async move {
            while watching.pause(CHECK_INTERVAL).await {
                for (path, identity) in &files {
                    if is_gone(*identity, tokio::fs::metadata(path).await) {
                        watching.fail(format!(
                            "the file {} was removed or replaced while this server was using it: start the server \
                             again, and stop the server before restoring a backup",
                            path.display()
                        ));
                        return Ok(());
                    }
                }
            }
            Ok::<(), io::Error>(())
        });
        Ok(())
    }

    fn write(&mut self, file: &'static File) {
        self.note.write(file);
        self.notes.push(file);
    }
}

/// Refuses to run a tool on a database file that a server has open under another name, with another log: the tool would
/// not see the server's writes, and would damage the file.
pub(super) fn check_same_name(url: &StorageUrl) -> Result<(), Error> {
    let StorageUrl::Sqlite(path) = url else { return Ok(()) };
    let held = |path: &Path| {
        let Ok(file) = File::open(path) else { return false };
        // Released at once, when the file is closed, before SQLite opens it.
        !lock_blocks_sqlite(&file) && matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    };
    let Some(name) = resolve(path) else { return Ok(()) };
    if !held(&name) || held(&with_suffix(&name, ".lock")) {
        return Ok(());
    }
    let holder = FileIdentity::of_path(&name).ok().and_then(holder_of);
    Err(Error::in_use(
        &format!("the database file {}, by another name,", path.display()),
        &holder.map_or_else(|| "another server".to_owned(), |note| note.to_string()),
        "use the server's own path in LATCHKEY_DATABASE_URL",
    ))
}

impl LockFailure {
    /// Explains why `what` cannot be used, and that `setting` can select another one.
    fn explain(self, what: &str, setting: &str) -> Error {
        match self {
            Self::Held(holder) => Error::in_use(
                what,
                &holder.map_or_else(|| "another process".to_owned(), |note| note.to_string()),
                &format!("stop it first, or set {setting} to another location"),
            ),
            Self::NoLocks(source) | Self::Unopenable(source) => Error::Failed(format!(
                "{what} cannot be locked against a second server: {source}; put it on a local disk, or set {setting} \
                 to another location"
            )),
        }
    }

    fn from_error(error: TryLockError, holder: impl FnOnce() -> Option<Note>) -> Self {
        match error {
            TryLockError::WouldBlock => Self::Held(holder()),
            TryLockError::Error(error) => Self::NoLocks(error),
        }
    }
}

impl Note {
    /// Writes the note. Failure does not keep the server from serving: only the lock matters.
    fn write(&self, file: &File) {
        let text = serde_json::to_string(self).unwrap_or_default();
        if let Err(error) = file.set_len(0).and_then(|()| file.write_all_at(text.as_bytes(), 0)) {
            tracing::warn!(error = %error, "the note in a lock file cannot be written");
        }
    }

    fn read(file: &File) -> Option<Self> {
        let mut text = vec![0; LONGEST_NOTE];
        let length = file.read_at(&mut text, 0).ok()?;
        serde_json::from_slice(&text[..length]).ok()
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "process {} on host {} since {}", self.pid, self.host, self.since)?;
        match &self.admin {
            Some(admin) => write!(f, ", whose administration port is {admin}"),
            None => f.write_str(", which is starting"),
        }
    }
}

impl FileIdentity {
    fn of_path(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|about| Self::from_metadata(&about))
    }

    fn from_metadata(about: &std::fs::Metadata) -> Self {
        Self { device: about.dev(), inode: about.ino() }
    }
}

/// Returns whether the path of the file `identity` no longer leads to it, given the metadata found there.
fn is_gone(identity: FileIdentity, found: io::Result<std::fs::Metadata>) -> bool {
    match found {
        Ok(about) => FileIdentity::from_metadata(&about) != identity,
        // Other errors prove nothing about the file: a disk that hangs does not mean that the file was replaced.
        Err(error) => matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory),
    }
}

/// Retries for a moment while another process holds the lock.
async fn retry_while_held<T>(attempt: impl Fn() -> Result<T, LockFailure>) -> Result<T, LockFailure> {
    for _ in 1..ATTEMPTS.0 {
        match attempt() {
            Err(LockFailure::Held(_)) => tokio::time::sleep(ATTEMPTS.1).await,
            other => return other,
        }
    }
    attempt()
}

/// Locks a file that only serves as a lock.
fn lock_file(path: &Path) -> Result<&'static File, LockFailure> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        // A link placed in a folder that others can write to must not lead to a file of theirs.
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(path)
        .map_err(LockFailure::Unopenable)?;
    file.try_lock().map_err(|error| LockFailure::from_error(error, || Note::read(&file)))?;
    Ok(keep_open(file))
}

fn lock_inode(path: &Path, create_missing: bool) -> Result<FileIdentity, LockFailure> {
    let opened = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound && create_missing => {
            // With the mode that storage uses: for this user alone.
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
        }
        opened => opened,
    };
    let file = opened.map_err(LockFailure::Unopenable)?;
    let about = file.metadata().map_err(LockFailure::Unopenable)?;
    let identity = FileIdentity::from_metadata(&about);
    if !lock_blocks_sqlite(&file) {
        file.try_lock().map_err(|error| LockFailure::from_error(error, || holder_of(identity)))?;
    }
    keep_open(file);
    Ok(identity)
}

/// Returns whether a lock of the file itself would block SQLite.
fn lock_blocks_sqlite(file: &File) -> bool {
    let kind = rustix::fs::fstatfs(file).map(|about| about.f_type.to_ne_bytes());
    kind.is_ok_and(|kind| {
        let kind = kind.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
        SHARED_LOCK_FILE_SYSTEMS.contains(&kind)
    })
}

/// Keeps a file open until the process ends, which releases its locks. Closing any descriptor of the database file
/// would drop the locks that SQLite has on it.
fn keep_open(file: File) -> &'static File {
    Box::leak(Box::new(file))
}

/// Returns the path with all links resolved, even if the file does not exist; `None` if its folder does not.
fn resolve(path: &Path) -> Option<PathBuf> {
    if let Ok(real) = std::fs::canonicalize(path) {
        return Some(real);
    }
    let folder = std::fs::canonicalize(path.parent()?).ok()?;
    Some(folder.join(path.file_name()?))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Returns the holder of a lock on the file, under any of its names: the kernel lists the process, and the process has
/// its lock files open. `None` if that is not visible from here, for example in another container.
fn holder_of(file: FileIdentity) -> Option<Note> {
    let locks = std::fs::read_to_string("/proc/locks").ok()?;
    let holders: Vec<_> = locks.lines().filter_map(parse_lock_line).filter(|(_, of)| of.inode == file.inode).collect();
    // Some file systems show programs another device than the kernel's list: then the inode must suffice.
    let (exact, alike): (Vec<_>, Vec<_>) = holders.into_iter().partition(|(_, of)| of.device == file.device);
    exact.into_iter().chain(alike).find_map(|(pid, _)| note_of_process(pid))
}

/// Parses the process and the file of a line of /proc/locks: `1: FLOCK ADVISORY WRITE 4711 fe:00:1234 0 EOF`.
fn parse_lock_line(line: &str) -> Option<(u32, FileIdentity)> {
    let columns: Vec<_> = line.split_whitespace().collect();
    let ["FLOCK", _, "WRITE", pid, file, ..] = columns.get(1..)? else { return None };
    let mut numbers = file.split(':');
    let mut number = || u32::from_str_radix(numbers.next()?, 16).ok();
    let device = rustix::fs::makedev(number()?, number()?);
    Some((pid.parse().ok()?, FileIdentity { device, inode: numbers.next()?.parse().ok()? }))
}

/// Returns the note in the lock files that a process has open.
fn note_of_process(pid: u32) -> Option<Note> {
    let open = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    open.flatten().find_map(|entry| {
        let leads_to = std::fs::read_link(entry.path()).ok()?;
        // The kernel's display of a file whose name was removed: it is still locked.
        let name = Path::new(leads_to.to_str()?.trim_end_matches(" (deleted)"));
        let is_lock = name.extension().is_some_and(|extension| extension == "lock");
        let file = is_lock.then(|| File::open(entry.path()).ok())??;
        Note::read(&file)
    })
}

#[cfg(test)]
mod tests {
    use rustix::io::Errno;

    use super::*;

    #[test]
    fn the_kernels_list_of_locks_names_process_and_file() {
        let (pid, file) = parse_lock_line("12: FLOCK  ADVISORY  WRITE 4711 fe:0a:1234 0 EOF").unwrap();
        assert_eq!((pid, file), (4711, FileIdentity { device: rustix::fs::makedev(0xfe, 0x0a), inode: 1234 }));
        for other in ["1: POSIX  ADVISORY  WRITE 7 fe:00:1 128 128", "1: -> FLOCK ADVISORY WRITE 7 fe:00:1 0 EOF", ""] {
            assert!(parse_lock_line(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_looked_at_is_not_taken_for_a_replaced_one() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("latchkey.db");
        std::fs::write(&path, "").unwrap();
        let identity = FileIdentity::of_path(&path).unwrap();
        assert!(!is_gone(identity, std::fs::metadata(&path)));
        assert!(!is_gone(identity, Err(ErrorKind::PermissionDenied.into())));
        assert!(!is_gone(identity, Err(Errno::STALE.into())));
        assert!(is_gone(identity, Err(ErrorKind::NotFound.into())));
        // As a server does: the inode number of an open file is not reused.
        let _open = File::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, "").unwrap();
        assert!(is_gone(identity, std::fs::metadata(&path)));
    }

    #[test]
    fn a_file_system_without_locks_is_explained_with_the_setting_that_leads_elsewhere() {
        for errno in [Errno::NOLCK, Errno::OPNOTSUPP, Errno::NOSYS] {
            let failure = LockFailure::from_error(TryLockError::Error(errno.into()), || panic!("nobody holds it"));
            let sentence = failure.explain("the data folder /mnt/share", "LATCHKEY_DATA_DIR").to_string();
            for part in ["/mnt/share", "cannot be locked", "local disk", "LATCHKEY_DATA_DIR"] {
                assert!(sentence.contains(part), "{part}: {sentence}");
            }
        }
    }

    #[tokio::test]
    async fn a_lock_file_that_says_nothing_keeps_others_out_all_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FOLDER_LOCK);
        std::fs::write(&path, "{\"pid\": 1, half a no").unwrap();
        let file = lock_file(&path).unwrap();
        assert!(matches!(retry_while_held(|| lock_file(&path)).await, Err(LockFailure::Held(None))));
        let note = Note { pid: 7, host: "web-1".to_owned(), since: "2026-01-01T00:00:00Z".to_owned(), admin: None };
        note.write(file);
        let Err(failure) = lock_file(&path) else { panic!("it is locked") };
        let sentence = failure.explain("the data folder x", "LATCHKEY_DATA_DIR").to_string();
        assert!(
            sentence.contains("process 7 on host web-1 since 2026-01-01T00:00:00Z, which is starting"),
            "{sentence}"
        );
    }
}
