//! Opening the file: every reason why it may be unusable has its own sentence, with the remedy.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::functions::FunctionFlags;
use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use siphasher::sip::SipHasher13;

use super::errors::translate;
use crate::storage::options::{Options, SchemaState};
use crate::storage::{Error, Result};

mod embedded {
    refinery::embed_migrations!("migrations/sqlite");
}

/// Marks a file as Latchkey's: "LKEY", as the first migration writes it.
const APPLICATION_ID: i64 = 0x4c4b_4559;
/// The longest wait for another process's lock.
const BUSY_TIMEOUT: Duration = Duration::from_secs(3);
/// The longest wait for another process that migrates.
const MIGRATION_BUSY_TIMEOUT: Duration = Duration::from_mins(1);
/// Time between two attempts if SQLite does not wait by itself.
const BUSY_RETRY: Duration = Duration::from_millis(20);
/// How often to try to migrate when another process does the same.
const ATTEMPTS: u32 = 3;
/// The number of statements that a connection caches.
const STATEMENTS: usize = 64;
/// The page cache of the writing connection, in KiB.
const WRITER_CACHE: i64 = 32 * 1024;
/// The page cache of each reading connection, in KiB.
const READER_CACHE: i64 = 8 * 1024;

/// Opens the writing connection. Creates the file, and migrates its tables, if `options` allow it.
pub(super) fn writer(path: &Path, options: &Options) -> Result<Connection> {
    let path = &absolute(path)?;
    let empty = fs::metadata(path).map_or(true, |file| file.len() == 0);
    if options.served.is_some() && !options.start_over && empty {
        return Err(Error::unusable(format!(
            "the database file {} is missing or empty, but this server has used it before: restore it, or run \
             `latchkey migrate --start-over` to start with an empty one",
            path.display()
        )));
    }
    prepare(path, options.migrate)?;
    let mut connection = connect(path, WRITER_CACHE)?;
    let mode = enable_wal(&connection).map_err(|error| explain(path, error))?;
    if mode != "wal" {
        return Err(Error::unusable(format!(
            "the database file {} cannot have a write-ahead log: put it on a local disk, in a folder that this user \
             can write to",
            path.display()
        )));
    }
    migrate_if_needed(&mut connection, path, options.migrate)?;
    // An administrator has confirmed that it replaces another database.
    if let Some(served) = options.served.as_ref().filter(|_| options.start_over) {
        let sql = "INSERT INTO meta (key, value) VALUES ('replaces', ?1) ON CONFLICT (key) DO UPDATE SET \
                   value = value || ',' || excluded.value";
        connection.execute(sql, [served]).map_err(|error| explain(path, error))?;
    }
    Ok(connection)
}

/// Opens a connection that only reads, after [`writer`] has checked the file.
pub(super) fn reader(path: &Path) -> Result<Connection> {
    let path = &absolute(path)?;
    let connection = connect(path, READER_CACHE)?;
    connection.pragma_update(None, "query_only", true).map_err(|error| explain(path, error))?;
    Ok(connection)
}

/// Returns the state of the file's tables relative to this version. Does not create the file.
pub(super) fn schema(path: &Path) -> Result<SchemaState> {
    let path = &absolute(path)?;
    if matches!(path.try_exists(), Ok(false)) {
        return check_folder(path).map(|()| SchemaState::Empty);
    }
    prepare(path, false)?;
    state(&connect(path, READER_CACHE)?, path)
}

/// SQLite treats some names specially (`:memory:`, `file:…`): an absolute path is never one of them.
fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|error| {
        Error::unusable(format!("the path {} of the database cannot be used: {error}", path.display()))
    })
}

fn check_folder(path: &Path) -> Result<()> {
    let folder = path.parent().unwrap_or(path);
    if folder.is_dir() {
        return Ok(());
    }
    Err(Error::unusable(format!(
        "the folder {} for the database does not exist: create it, or set another path in LATCHKEY_DATABASE_URL",
        folder.display()
    )))
}

/// Ensures that the folder and, if it may be created, the file exist.
fn prepare(path: &Path, make: bool) -> Result<()> {
    check_folder(path)?;
    let shown = path.display();
    if path.is_dir() {
        return Err(Error::unusable(format!("the database {shown} is a folder: set the path of a file")));
    }
    if !make && !path.exists() {
        return Err(Error::unusable(format!(
            "the database file {shown} does not exist: run `latchkey migrate` to create it"
        )));
    }
    // For this user alone: SQLite gives the log next to it the same mode.
    let opened = fs::OpenOptions::new().read(true).write(true).create(make).truncate(false).mode(0o600).open(path);
    opened.map(drop).map_err(|error| match error.kind() {
        ErrorKind::PermissionDenied => Error::unusable(format!(
            "this user cannot read and write the database file {shown}: grant it permission, or start Latchkey as the \
             owner of the file"
        )),
        ErrorKind::ReadOnlyFilesystem => Error::unusable(format!(
            "the database file {shown} is on a read-only disk: mount it writable, or set another path in \
             LATCHKEY_DATABASE_URL"
        )),
        _ => Error::unusable(format!("the database file {shown} cannot be opened: {error}")),
    })
}

fn connect(path: &Path, cache: i64) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| explain(path, error))?;
    configure(&connection, cache).map_err(|error| explain(path, error))?;
    let (id, tables) = identify(&connection).map_err(|error| explain(path, error))?;
    if tables > 0 && id != APPLICATION_ID {
        return Err(Error::unusable(format!(
            "the file {} is an SQLite database that does not belong to Latchkey: set another path in \
             LATCHKEY_DATABASE_URL",
            path.display()
        )));
    }
    Ok(connection)
}

/// Switches the file to a write-ahead log. Returns its journal mode afterwards.
///
/// Unlike elsewhere, SQLite does not wait for a lock here if two processes switch the same new file at once: each would
/// wait for the other. So it is tried again.
fn enable_wal(connection: &Connection) -> rusqlite::Result<String> {
    let mut left = BUSY_TIMEOUT;
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0));
        match mode.as_ref().map_err(rusqlite::Error::sqlite_error_code) {
            Err(Some(ErrorCode::DatabaseBusy)) if !left.is_zero() => {
                std::thread::sleep(BUSY_RETRY);
                left = left.saturating_sub(BUSY_RETRY);
            }
            _ => return mode,
        }
    }
}

fn configure(connection: &Connection, cache: i64) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
    connection.create_scalar_function("row_hash", 1, flags, |context| {
        let text = context.get_raw(0).as_str_or_null()?.unwrap_or_default();
        Ok((SipHasher13::new().hash(text.as_bytes()) >> 24).cast_signed())
    })?;
    // A commit is acknowledged only when it is on the disk.
    let synchronous = if cfg!(without_guard = "fsync") { "OFF" } else { "FULL" };
    connection.pragma_update(None, "synchronous", synchronous)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    // Negative: in KiB.
    connection.pragma_update(None, "cache_size", -cache)?;
    // A mapped file that is truncated or fails ends the process.
    connection.pragma_update(None, "mmap_size", 0)?;
    connection.pragma_update(None, "journal_size_limit", 67_108_864)?;
    Ok(())
}

/// Reads the application id, and the number of tables and indexes.
fn identify(connection: &Connection) -> rusqlite::Result<(i64, i64)> {
    // In one snapshot: another process may be creating the tables, and between two reads they would seem to be foreign.
    let snapshot = connection.unchecked_transaction()?;
    let id = snapshot.query_row("PRAGMA application_id", [], |row| row.get(0))?;
    // Refinery's own table exists a moment before the first migration marks the file as Latchkey's.
    let sql = "SELECT count(*) FROM sqlite_schema WHERE tbl_name <> 'refinery_schema_history'";
    let tables = snapshot.query_row(sql, [], |row| row.get(0))?;
    snapshot.commit()?;
    Ok((id, tables))
}

fn state(connection: &Connection, path: &Path) -> Result<SchemaState> {
    let read = || {
        let sql = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'meta'";
        if connection.query_row(sql, [], |row| row.get::<_, i64>(0))? == 0 {
            return Ok(SchemaState::Empty);
        }
        let number = |key: &str| {
            let sql = "SELECT CAST(value AS integer) FROM meta WHERE key = ?1";
            connection.query_row(sql, [key], |row| row.get::<_, u32>(0))
        };
        Ok(SchemaState::from_versions(number("schema_version")?, number("compatible_from")?))
    };
    read().map_err(|error| explain(path, error))
}

fn migrate_if_needed(connection: &mut Connection, path: &Path, migrate: bool) -> Result<()> {
    let mut attempt = 1;
    while !state(connection, path)?.is_usable(&format!("file {}", path.display()), migrate)? {
        connection.busy_timeout(MIGRATION_BUSY_TIMEOUT).map_err(|error| explain(path, error))?;
        // All in one immediate transaction: one of two processes migrates, and the other finds it done.
        connection.set_transaction_behavior(TransactionBehavior::Immediate);
        let run = embedded::migrations::runner().set_grouped(true).set_abort_missing(false).run(connection);
        connection.busy_timeout(BUSY_TIMEOUT).map_err(|error| explain(path, error))?;
        match run {
            Ok(_) => {}
            Err(_) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(Error::failed("migrating the tables", error)),
        }
    }
    Ok(())
}

fn explain(path: &Path, error: rusqlite::Error) -> Error {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::unusable(format!(
            "the database file {shown} is locked by another process: wait until that process has finished, or stop it"
        )),
        Some(ErrorCode::NotADatabase) => Error::unusable(format!(
            "the file {shown} is not an SQLite database: set another path in LATCHKEY_DATABASE_URL, or restore it from \
             a backup"
        )),
        Some(ErrorCode::DatabaseCorrupt) => {
            Error::unusable(format!("the database file {shown} is damaged: restore it from a backup"))
        }
        Some(ErrorCode::ReadOnly | ErrorCode::CannotOpen | ErrorCode::PermissionDenied) => Error::unusable(format!(
            "the database file {shown} cannot be written: give this user write permission for the file and for its \
             folder, where SQLite keeps its log"
        )),
        _ => translate("opening the file", error),
    }
}
