//! SQLite's file: possible defects, and the one sentence that reports each.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use latchkey::model::change::{Cursor, SubjectKind};
use latchkey::storage::{self, Error, Feed as _, Options, SchemaState, StorageUrl};
use rusqlite::Connection;
use tempfile::TempDir;

use crate::conformance::engine::{EngineKind, Location, block_on};
use crate::conformance::factory::RecordFactory;
use crate::conformance::write::{add_keys, begin, is_unavailable, try_begin};
use helpers::support::machine::{Account, chown};

fn options(path: &Path) -> Options {
    Options::new(StorageUrl::Sqlite(path.to_owned()))
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder can be made")
}

/// Creates a file as Latchkey leaves it, with a few hundred keys in it.
fn filled(folder: &TempDir) -> PathBuf {
    let path = folder.path().join("latchkey.db");
    block_on(async {
        let storage = storage::open(options(&path)).await.expect("it opens");
        let mut factory = RecordFactory::new();
        let keys: Vec<_> = (0..500).map(|at| factory.key(&format!("key {at}"))).collect();
        add_keys(&storage, &keys).await;
    });
    // Moves everything into the file itself, and nothing into files next to it.
    let connection = Connection::open(&path).expect("the file opens");
    connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)").expect("the log is emptied");
    path
}

/// Returns the error for the file at `path`: one sentence that names it and states what to do.
fn refusal(path: &Path) -> String {
    let opened = block_on(storage::open(options(path)));
    check_refusal(path, opened.map(drop))
}

fn check_refusal(path: &Path, opened: storage::Result<()>) -> String {
    let sentence = match opened {
        Err(Error::Unusable { sentence }) => sentence,
        other => panic!("{} is not refused as unusable: {other:?}", path.display()),
    };
    let named =
        [Some(path), path.parent()].into_iter().flatten().any(|part| sentence.contains(&*part.to_string_lossy()));
    assert!(named, "it names the file: {sentence}");
    assert!(sentence.contains(": ") && !sentence.contains('\n'), "what is wrong, a colon, the remedy: {sentence}");
    assert!(sentence.starts_with(char::is_lowercase) && !sentence.ends_with('.'), "house style: {sentence}");
    sentence
}

#[test]
fn a_folder_that_is_not_there_is_named() {
    let folder = folder();
    let sentence = refusal(&folder.path().join("nowhere/latchkey.db"));
    assert!(sentence.contains("nowhere") && sentence.contains("create it"), "{sentence}");
    assert!(!folder.path().join("nowhere").exists(), "and not made");
}

#[test]
fn a_folder_in_the_place_of_the_file_is_named() {
    let folder = folder();
    let sentence = refusal(folder.path());
    assert!(sentence.contains("is a folder"), "{sentence}");
}

#[test]
fn what_is_no_database_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("notes.txt");
    // Shorter than SQLite's header, as long as one, and longer than a page. (SQLite treats one byte as an empty file.)
    for length in [2, 100, 20_000] {
        let notes = "not a database ".repeat(length / 15 + 1)[..length].to_owned();
        fs::write(&path, &notes).expect("the file is written");
        let sentence = refusal(&path);
        assert!(sentence.contains("is not an SQLite database"), "{length} bytes: {sentence}");
        assert_eq!(fs::read_to_string(&path).expect("the file is read"), notes);
    }
}

#[test]
fn another_programs_database_is_refused_and_left_alone() {
    let folder = folder();
    let path = folder.path().join("theirs.db");
    let connection = Connection::open(&path).expect("the file opens");
    connection.execute_batch("CREATE TABLE keys (mine text); INSERT INTO keys VALUES ('kept')").expect("it is theirs");
    drop(connection);
    let before = fs::read(&path).expect("the file is read");
    let sentence = refusal(&path);
    assert!(sentence.contains("does not belong to Latchkey"), "{sentence}");
    assert!(before == fs::read(&path).expect("the file is read"), "not a byte is changed");
}

#[test]
fn an_empty_file_is_an_empty_database() {
    let folder = folder();
    let path = folder.path().join("empty.db");
    fs::write(&path, "").expect("the file is written");
    block_on(async {
        let storage = storage::open(options(&path)).await.expect("it opens");
        let mut write = begin(&storage).await;
        write.note(SubjectKind::Other, "it").await;
        write.done().await;
    });
}

#[test]
fn a_first_start_that_was_killed_halfway_is_begun_again() {
    let folder = folder();
    let path = folder.path().join("half.db");
    let connection = Connection::open(&path).expect("the file opens");
    // The table that refinery creates before it begins with the first migration.
    let made = "CREATE TABLE refinery_schema_history (version INT8 PRIMARY KEY, name VARCHAR(255), \
                applied_on VARCHAR(255), checksum VARCHAR(255))";
    connection.execute_batch(made).expect("the table is made");
    drop(connection);
    let opened = block_on(storage::open(options(&path)));
    assert!(opened.is_ok(), "{opened:?}");
}

#[test]
fn a_damaged_file_is_refused() {
    let folder = folder();
    let path = filled(&folder);
    let whole = fs::read(&path).expect("the file is read");
    // The header stays; the pages that it points to are gone.
    let mut damaged = whole.clone();
    damaged[100..4_096].fill(0xA5);
    fs::write(&path, &damaged).expect("the file is written");
    let sentence = refusal(&path);
    assert!(sentence.contains("damaged") && sentence.contains("backup"), "{sentence}");

    fs::write(&path, &whole[..whole.len() / 2 / 4_096 * 4_096]).expect("the file is written");
    let sentence = refusal(&path);
    assert!(sentence.contains("damaged") && sentence.contains("backup"), "cut in half: {sentence}");
}

#[test]
fn damage_that_shows_later_is_an_error_and_no_wrong_answer() {
    let folder = folder();
    let path = filled(&folder);
    let connection = Connection::open(&path).expect("the file opens");
    let page: u32 = connection.query_row("PRAGMA page_size", [], |row| row.get(0)).expect("a page has a size");
    // The root of the index of secrets: opening the file does not read it.
    let sql = "SELECT rootpage FROM sqlite_schema WHERE name = 'secrets_digest'";
    let root: u32 = connection.query_row(sql, [], |row| row.get(0)).expect("the index is there");
    drop(connection);
    let mut bytes = fs::read(&path).expect("the file is read");
    bytes[((root - 1) * page) as usize..(root * page) as usize].fill(0xA5);
    fs::write(&path, bytes).expect("the file is written");
    block_on(async {
        let Ok(storage) = storage::open(options(&path)).await else { return };
        let read = storage.grant(&RecordFactory::new().digest()).await;
        assert!(matches!(read, Err(Error::Corrupt { .. })), "not an unknown token: {read:?}");
    });
}

#[test]
fn a_file_locked_by_another_process_is_waited_for_and_not_for_ever() {
    let folder = folder();
    let path = filled(&folder);
    let other = Connection::open(&path).expect("the file opens");
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").expect("the lock is taken");
    other.execute_batch("UPDATE meta SET value = value").expect("the file is held");
    let sentence = refusal(&path);
    assert!(sentence.contains("locked by another process"), "{sentence}");
    other.execute_batch("ROLLBACK").expect("the write is undone");
    drop(other);
    block_on(async {
        storage::open(options(&path)).await.expect("it opens once the lock is gone");
    });
}

#[test]
fn a_write_of_another_process_holds_up_writes_and_no_reads() {
    let folder = folder();
    let path = filled(&folder);
    block_on(async {
        let storage = storage::open(options(&path)).await.expect("it opens");
        let other = Connection::open(&path).expect("the file opens");
        other.execute_batch("BEGIN IMMEDIATE").expect("the lock is taken");
        let refused = try_begin(&storage).await;
        assert!(is_unavailable(&refused), "{refused:?}");
        let renewed = storage.delete_expired(crate::conformance::factory::BEGINNING).await;
        assert!(is_unavailable(&renewed), "{renewed:?}");
        assert_eq!(storage.head().await.expect("reading goes on").revision.0, 1);
        let poll = storage.poll(Cursor::default(), 10).await.expect("polling goes on");
        assert_eq!(poll.revisions.len(), 1);
        other.execute_batch("ROLLBACK").expect("the write is undone");
        let mut write = begin(&storage).await;
        write.note(SubjectKind::Other, "it").await;
        assert_eq!(write.done().await.revision.0, 2, "and works again by itself");
    });
}

#[test]
fn a_file_keeps_a_log_and_every_commit_is_in_it() {
    let location = Location::new(EngineKind::Sqlite);
    block_on(async {
        let storage = location.open().await;
        assert_eq!(location.text("PRAGMA journal_mode"), "wal");
        for revision in 1..=3_u64 {
            let mut write = begin(&storage).await;
            write.note(SubjectKind::Other, revision).await;
            write.done().await;
            // As seen by another process, or by the one that starts after this one was killed.
            assert_eq!(location.text("SELECT CAST(value AS text) FROM revision"), revision.to_string());
        }
    });
    assert_eq!(location.text("PRAGMA integrity_check"), "ok");
}

#[test]
fn the_file_and_its_log_are_for_their_owner_alone() {
    let location = Location::new(EngineKind::Sqlite);
    block_on(async {
        let storage = location.open().await;
        let mut write = begin(&storage).await;
        write.note(SubjectKind::Other, "it").await;
        write.done().await;
        for suffix in ["", "-wal", "-shm"] {
            let mut name = location.file().into_os_string();
            name.push(suffix);
            let mode = fs::metadata(&name).expect("the file is there").permissions().mode() & 0o777;
            assert_eq!(mode, 0o600, "{name:?} is {mode:o}");
        }
    });
}

#[test]
fn a_name_may_have_any_characters() {
    let folder = folder();
    let base = folder.path();
    for name in ["ünï côde.db", "a?mode=ro", "b#c%20d", "file:e", "quo'te\"d", " ", "-wal"] {
        let path = base.join(name);
        block_on(async {
            let url = format!("sqlite:{}", path.display());
            let storage = storage::open(Options::new(url.parse().expect("a URL"))).await.expect("it opens");
            let mut write = begin(&storage).await;
            write.note(SubjectKind::Other, name).await;
            write.done().await;
        });
        assert!(path.is_file(), "{name:?} is the file's name");
    }
}

#[test]
fn asking_for_the_schema_makes_no_file() {
    let folder = folder();
    let path = folder.path().join("latchkey.db");
    block_on(async {
        assert_eq!(storage::schema(&options(&path)).await.expect("it is asked"), SchemaState::Empty);
        let refused = storage::open(Options { migrate: false, ..options(&path) }).await;
        assert!(matches!(refused, Err(Error::Unusable { .. })), "{refused:?}");
    });
    assert_eq!(fs::read_dir(folder.path()).expect("the folder is read").count(), 0);
}

/// Opens the file as a user without rights would: root could write even a read-only file.
fn refusal_without_rights(path: &Path) -> String {
    let path = path.to_owned();
    let without_rights = move || {
        if let Some(Account { uid, gid }) = Account::for_servers() {
            // For this thread alone, and those that it starts.
            let gid = rustix::process::Gid::from_raw(gid);
            rustix::thread::set_thread_res_gid(gid, gid, gid).expect("root may change its group");
            let uid = rustix::process::Uid::from_raw(uid);
            rustix::thread::set_thread_res_uid(uid, uid, uid).expect("root may change its user");
        }
        refusal(&path)
    };
    std::thread::spawn(without_rights).join().expect("it is refused")
}

fn permit(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("the mode is set");
}

#[test]
fn a_file_that_may_only_be_read_is_refused() {
    let folder = folder();
    let path = filled(&folder);
    chown(folder.path(), Account::for_servers());
    chown(&path, Account::for_servers());
    permit(&path, 0o400);
    let sentence = refusal_without_rights(&path);
    assert!(sentence.contains("permission"), "{sentence}");
    permit(&path, 0o000);
    let sentence = refusal_without_rights(&path);
    assert!(sentence.contains("permission"), "{sentence}");
}

#[test]
fn a_file_in_a_folder_that_may_only_be_read_is_refused() {
    let folder = folder();
    let path = filled(&folder);
    chown(folder.path(), Account::for_servers());
    chown(&path, Account::for_servers());
    for suffix in ["-wal", "-shm"] {
        fs::remove_file(format!("{}{suffix}", path.display())).ok();
    }
    permit(folder.path(), 0o500);
    let sentence = refusal_without_rights(&path);
    permit(folder.path(), 0o700);
    assert!(sentence.contains("permission") && sentence.contains("folder"), "{sentence}");
    let missing = folder.path().join("missing.db");
    permit(folder.path(), 0o500);
    let sentence = refusal_without_rights(&missing);
    permit(folder.path(), 0o700);
    assert!(sentence.contains("permission"), "{sentence}");
    assert!(!missing.exists());
}
