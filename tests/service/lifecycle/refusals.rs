//! A start that cannot succeed: an exit code, and one sentence about the problem and its solution.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use helpers::support::machine::{Account, chown, find_program, free_port};
use helpers::support::postgres::Cluster;
use helpers::support::process::{Builder, LatchkeyProcess};
use helpers::support::workspace::Workspace;

/// Bound for a start to fail, waits for storage included.
const BOUND: Duration = Duration::from_mins(1);

/// Starts a server that must fail, and returns its message: the only line that is not from the log.
pub(crate) fn refusal(builder: Builder) -> String {
    let mut server = builder.spawn();
    let status = server.wait_exit(BOUND);
    let message = server.stderr();
    let code = status.code().unwrap_or_else(|| panic!("it ended by itself, not by {status}:\n{message}"));
    assert!(code != 0 && code != 101, "code {code}:\n{message}");
    assert_eq!(server.stdout(), "", "what went wrong is told on standard error");
    assert!(!message.contains("panicked"), "{message}");
    let lines: Vec<&str> = message.lines().filter(|line| !line.starts_with('{')).collect();
    assert_eq!(lines.len(), 1, "one sentence is told:\n{message}");
    let sentence = lines[0];
    for internal in ["Os {", "Error(", "Some(", "kind:", "{ ", "src/"] {
        assert!(!sentence.contains(internal), "`{internal}` is not for people: {sentence}");
    }
    sentence.to_owned()
}

pub(crate) fn assert_mentions(sentence: &str, parts: &[&str]) {
    for part in parts {
        assert!(sentence.contains(part), "the sentence should tell `{part}`: {sentence}");
    }
}

/// Returns a folder with the SQLite file of a server that has exited.
fn used_file() -> (Workspace, PathBuf) {
    let folder = Workspace::new("file");
    let file = folder.path().join("latchkey.db");
    let mut server = LatchkeyProcess::builder().database(&url(&file)).start();
    server.terminate();
    assert!(server.wait_exit(BOUND).success());
    // Moves everything into the file itself: otherwise the log next to it would repair the damage that a test causes.
    let database = Connection::open(&file).expect("the file opens");
    let left: i64 = database
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .expect("the log can be written into the file");
    assert_eq!(left, 0, "nobody else uses the file");
    (folder, file)
}

fn url(file: &Path) -> String {
    format!("sqlite:{}", file.display())
}

#[test]
fn a_taken_port() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("a bound socket has an address").to_string();
    for setting in ["LATCHKEY_DECISION_ADDR", "LATCHKEY_ADMIN_ADDR", "LATCHKEY_OPS_ADDR"] {
        let sentence = refusal(LatchkeyProcess::builder().env(setting, &address));
        assert_mentions(&sentence, &[&address, setting]);
    }
}

#[test]
fn a_postgres_that_is_not_there() {
    let port = free_port();
    let url = format!("postgres://somebody:hunter2@127.0.0.1:{port}/latchkey");
    let sentence = refusal(LatchkeyProcess::builder().database(&url).env("LATCHKEY_START_WAIT", "0s"));
    assert_mentions(&sentence, &["127.0.0.1", &port.to_string(), "Connection refused"]);
    assert!(!sentence.contains("hunter2"), "a password is never told: {sentence}");
}

#[test]
fn a_postgres_without_the_database() {
    let cluster = Cluster::shared();
    let url = format!("postgres://postgres@127.0.0.1:{}/nobody_made_this", cluster.port());
    let sentence = refusal(LatchkeyProcess::builder().database(&url));
    assert_mentions(&sentence, &[&cluster.port().to_string(), "has no database", "LATCHKEY_DATABASE_URL"]);
}

#[test]
fn an_unknown_setting() {
    let sentence = refusal(LatchkeyProcess::builder().env("LATCHKEY_DATABASE_ULR", "sqlite:x"));
    assert_mentions(&sentence, &["LATCHKEY_DATABASE_ULR", "LATCHKEY_DATABASE_URL"]);
}

#[test]
fn a_database_url_that_is_none() {
    let sentence = refusal(LatchkeyProcess::builder().database("mysql://localhost/x"));
    assert_mentions(&sentence, &["sqlite:", "postgres://"]);
}

#[test]
fn a_file_that_is_no_database() {
    let folder = Workspace::new("file");
    let file = folder.path().join("letter.db");
    std::fs::write(&file, "Dear sir or madam, ".repeat(400)).expect("the file can be written");
    let sentence = refusal(LatchkeyProcess::builder().database(&url(&file)));
    assert_mentions(&sentence, &[&file.display().to_string()]);
    let untouched = std::fs::read_to_string(&file).expect("the file is still there");
    assert!(untouched.starts_with("Dear sir"), "somebody else's file is left alone");
}

#[test]
fn another_programs_sqlite_file() {
    let folder = Workspace::new("file");
    let file = folder.path().join("other.db");
    let other = Connection::open(&file).expect("a file can be made");
    other.execute_batch("PRAGMA application_id = 7; CREATE TABLE bookmarks (a)").expect("a table can be made");
    drop(other);
    assert_mentions(&refusal(LatchkeyProcess::builder().database(&url(&file))), &[&file.display().to_string()]);
    let tables: i64 = Connection::open(&file)
        .and_then(|other| other.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0)))
        .expect("the file is still there");
    assert_eq!(tables, 1, "nothing was added to somebody else's file");
}

#[test]
fn a_corrupt_file() {
    let (_folder, file) = used_file();
    let mut bytes = std::fs::read(&file).expect("the file is readable");
    // Past the header, which still marks it as a database.
    bytes[100..].fill(0xa5);
    std::fs::write(&file, &bytes).expect("the file can be written");
    assert_mentions(&refusal(LatchkeyProcess::builder().database(&url(&file))), &[&file.display().to_string()]);
}

#[test]
fn a_locked_file() {
    let (_folder, file) = used_file();
    let other = Connection::open(&file).expect("the file opens");
    other.execute_batch("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE").expect("the file can be locked");
    let sentence = refusal(LatchkeyProcess::builder().database(&url(&file)));
    assert_mentions(&sentence, &[&file.display().to_string(), "lock"]);
}

#[test]
fn a_newer_file() {
    let (_folder, file) = used_file();
    let database = Connection::open(&file).expect("the file opens");
    let set = "UPDATE meta SET value = '999' WHERE key IN ('schema_version', 'compatible_from')";
    assert_eq!(database.execute(set, []).expect("the schema's version can be changed"), 2);
    drop(database);
    let sentence = refusal(LatchkeyProcess::builder().database(&url(&file)));
    assert_mentions(&sentence, &[&file.display().to_string(), "schema 999", "install"]);
}

#[test]
fn a_file_that_is_only_for_reading() {
    let (folder, file) = used_file();
    let mut builder = LatchkeyProcess::builder().database(&url(&file));
    // Root can write every file: the server runs under an account without rights, from a folder that it can reach.
    if let Some(account) = Account::for_servers() {
        let program = folder.path().join("latchkey");
        std::fs::copy(env!("CARGO_BIN_EXE_latchkey"), &program).expect("the program can be copied");
        let data = folder.folder("data", Some(account));
        let setpriv = find_program("setpriv", &[]).expect("setpriv is part of util-linux");
        let (user, group) = (format!("--reuid={}", account.uid), format!("--regid={}", account.gid));
        builder = builder
            .program(program)
            .under(&[&*setpriv.to_string_lossy(), &user, &group, "--clear-groups", "--"])
            .env("LATCHKEY_DATA_DIR", data.as_os_str());
        chown(&file, Some(account));
    }
    let only_read = |path: &Path, mode| {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("permissions can be changed");
    };
    only_read(&file, 0o444);
    let sentence = refusal(builder);
    assert_mentions(&sentence, &[&file.display().to_string(), "writ"]);
}

#[test]
fn a_data_folder_that_cannot_be_made() {
    let folder = Workspace::new("file");
    let file = folder.path().join("occupied");
    std::fs::write(&file, "a file where a folder should be").expect("the file can be written");
    let sentence = refusal(LatchkeyProcess::builder().env("LATCHKEY_DATA_DIR", file.join("data").as_os_str()));
    assert_mentions(&sentence, &[&file.display().to_string(), "LATCHKEY_DATA_DIR"]);
}
