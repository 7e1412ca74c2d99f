//! Two servers on one folder or SQLite file: the second fails to start, by any path, and the first keeps working.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::lifecycle::refusals::{assert_mentions, refusal};
use helpers::calls::Client;
use helpers::support::eventually;
use helpers::support::http;
use helpers::support::postgres::Cluster;
use helpers::support::process::{Builder, LatchkeyProcess};
use helpers::support::workspace::Workspace;

/// Bound for immediate effects on a busy machine.
const BUSY_BOUND: Duration = Duration::from_mins(1);

fn in_folder(data: impl AsRef<Path>) -> Builder {
    LatchkeyProcess::builder().env("LATCHKEY_DATA_DIR", data.as_ref().as_os_str())
}

fn on(file: &Path) -> Builder {
    LatchkeyProcess::builder().database(&format!("sqlite:{}", file.display()))
}

/// Starts a second server, which must fail and not affect the first. Its message identifies the first.
fn assert_refused(first: &LatchkeyProcess, second: Builder, setting: &str) {
    let known = fs::read_to_string(first.data().join("addresses.json")).expect("the first server is found");
    let sentence = refusal(second);
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let (pid, admin) = (first.pid().to_string(), first.addresses().admin.to_string());
    assert_mentions(&sentence, &["in use", &format!("process {pid} "), &host, "since 20", &admin, setting]);
    let still = fs::read_to_string(first.data().join("addresses.json")).expect("the first server is found still");
    assert_eq!(still, known);
    let ready = http::get(first.addresses().ops, "/readyz").expect("the first server answers");
    assert_eq!(ready.status, 200);
}

fn link(to: &Path, name: PathBuf) -> PathBuf {
    std::os::unix::fs::symlink(to, &name).expect("a link can be made");
    name
}

#[test]
fn a_folder_has_one_server_by_whatever_name_it_is_reached() {
    let first = LatchkeyProcess::builder().start();
    let other = Workspace::new("names");
    let data = first.data();
    assert_refused(&first, in_folder(&data), "LATCHKEY_DATA_DIR");
    assert_refused(&first, in_folder(link(&data, other.path().join("folder"))), "LATCHKEY_DATA_DIR");
    assert_refused(
        &first,
        in_folder(link(first.folder(), other.path().join("parent")).join("data")),
        "LATCHKEY_DATA_DIR",
    );
    // From the working folder of test servers, which is next to the first one's.
    let name = first.folder().file_name().expect("a folder has a name");
    assert_refused(&first, in_folder(Path::new("../..").join(name).join("data")), "LATCHKEY_DATA_DIR");
    let other_file = format!("sqlite:{}", data.join("other.db").display());
    assert_refused(&first, in_folder(&data).database(&other_file), "LATCHKEY_DATA_DIR");
    assert!(!data.join("other.db").exists(), "nothing is made by a server that is refused");
}

#[test]
fn a_file_in_the_folder_has_one_server_by_whatever_name_it_is_reached() {
    let first = LatchkeyProcess::builder().start();
    let other = Workspace::new("names");
    let file = first.data().join("latchkey.db");
    assert_refused(&first, on(&file), "LATCHKEY_DATABASE_URL");
    assert_refused(&first, on(&link(&file, other.path().join("link.db"))), "LATCHKEY_DATABASE_URL");
    let folder = link(&first.data(), other.path().join("folder"));
    assert_refused(&first, on(&folder.join("latchkey.db")), "LATCHKEY_DATABASE_URL");
    let hard = other.path().join("hard.db");
    fs::hard_link(&file, &hard).expect("a hard link can be made");
    assert_refused(&first, on(&hard), "LATCHKEY_DATABASE_URL");
}

#[test]
fn a_file_outside_the_folders_has_one_server() {
    let folder = Workspace::new("outside");
    let file = folder.path().join("latchkey.db");
    let first = on(&file).start();
    assert_refused(&first, on(&file), "LATCHKEY_DATABASE_URL");
    assert_refused(&first, on(&link(&file, folder.path().join("link.db"))), "LATCHKEY_DATABASE_URL");
    let hard = folder.path().join("hard.db");
    fs::hard_link(&file, &hard).expect("a hard link can be made");
    assert_refused(&first, on(&hard), "LATCHKEY_DATABASE_URL");
    // It holds the data folder, too.
    assert_refused(&first, in_folder(first.data()), "LATCHKEY_DATA_DIR");
}

#[test]
fn to_remove_the_lock_files_opens_nothing() {
    let first = LatchkeyProcess::builder().start();
    for name in ["server.lock", "latchkey.db.lock"] {
        fs::remove_file(first.data().join(name)).expect("there is a lock file");
    }
    assert_refused(&first, in_folder(first.data()), "LATCHKEY_DATABASE_URL");
}

#[test]
fn a_tool_that_comes_by_another_name_is_refused() {
    let first = LatchkeyProcess::builder().start();
    let folder = Workspace::new("names");
    let hard = folder.path().join("hard.db");
    fs::hard_link(first.data().join("latchkey.db"), &hard).expect("a hard link can be made");
    for arguments in [&["migrate"] as &[&str], &["operators", "recover"]] {
        let sentence = refusal(on(&hard).args(arguments));
        assert_mentions(&sentence, &["another name", &first.pid().to_string(), "LATCHKEY_DATABASE_URL"]);
    }
    assert!(!folder.path().join("hard.db-wal").exists(), "there is no second log");
}

#[test]
fn of_servers_started_at_once_on_one_folder_one_serves() {
    for outside in [false, true] {
        let folder = Workspace::new("fresh");
        let builder = || {
            if outside { on(&folder.path().join("latchkey.db")) } else { in_folder(folder.path().join("data")) }
        };
        let mut servers: Vec<_> = (0..4).map(|_| builder().spawn()).collect();
        let mut refused = 0;
        eventually("all but one have ended", BUSY_BOUND, || {
            refused = servers.iter_mut().filter_map(LatchkeyProcess::try_wait).count();
            (refused == servers.len() - 1).then_some(())
        });
        let serving = servers.iter_mut().position(|server| server.try_wait().is_none()).expect("one server goes on");
        let serving = servers.remove(serving);
        for mut server in servers {
            assert_eq!(server.try_wait().and_then(|status| status.code()), Some(1), "{}", server.stderr());
            assert_mentions(&server.stderr(), &["in use", &serving.pid().to_string()]);
        }
        let data = if outside { serving.data() } else { folder.path().join("data") };
        eventually("the one that goes on listens", BUSY_BOUND, || data.join("addresses.json").exists().then_some(()));
    }
}

#[test]
fn a_killed_server_keeps_nobody_out() {
    let mut server = LatchkeyProcess::builder().start();
    let killed = server.pid();
    server.restart();
    assert_ne!(server.pid(), killed);
    // It holds the locks itself, and reports its own process id.
    assert_refused(&server, in_folder(server.data()), "LATCHKEY_DATA_DIR");
    server.terminate();
    assert!(server.wait_exit(BUSY_BOUND).success());
    server.restart();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_ends_when_its_file_is_not_there_any_more() {
    type Move = fn(&Path);
    let moves: [(&str, Move); 4] = [
        ("latchkey.db", |file| {
            let copy = file.with_extension("copy");
            fs::copy(file, &copy).and_then(|_| fs::rename(&copy, file)).expect("a backup can be moved over the file");
        }),
        ("latchkey.db", |file| fs::remove_file(file).expect("the file can be removed")),
        ("latchkey.db-wal", |file| fs::remove_file(file.with_extension("db-wal")).expect("the log can be removed")),
        ("latchkey.db", |file| {
            let folder = file.parent().expect("a file is in a folder");
            fs::rename(folder, folder.with_extension("away")).expect("the folder can be moved away");
        }),
    ];
    for (name, change) in moves {
        let mut server = LatchkeyProcess::builder().start();
        Client::for_admin(&server).create_test_data().await;
        let file = server.data().join("latchkey.db");
        change(&file);
        let status = server.wait_exit(BUSY_BOUND);
        assert_eq!(status.code(), Some(1), "{}", server.stderr());
        let message = server.stderr();
        let sentence = message.lines().last().expect("it says why");
        assert_mentions(sentence, &[&server.data().join(name).display().to_string(), "removed or replaced"]);
    }
}

#[test]
fn a_server_ends_when_a_link_leads_to_another_file() {
    let folder = Workspace::new("link");
    let (blue, green) = (folder.path().join("blue.db"), folder.path().join("green.db"));
    let name = link(&blue, folder.path().join("latchkey.db"));
    fs::write(&blue, "").expect("a file can be made");
    fs::write(&green, "").expect("a file can be made");
    let mut server = on(&name).start();
    let aside = link(&green, folder.path().join("next"));
    fs::rename(aside, &name).expect("the link can be turned");
    assert_eq!(server.wait_exit(BUSY_BOUND).code(), Some(1), "{}", server.stderr());
    assert_mentions(&server.stderr(), &["removed or replaced"]);
}

/// Replicas on PostgreSQL in one folder do not conflict, and the commands find the first.
#[test]
fn servers_on_postgres_share_a_folder_and_leave_the_firsts_addresses_alone() {
    let database = Cluster::shared().database();
    let first = LatchkeyProcess::builder().database(database.url()).start();
    let known = fs::read_to_string(first.data().join("addresses.json")).expect("the first server is found");
    let mut second = in_folder(first.data()).database(database.url()).spawn();
    eventually("the second server listens", BUSY_BOUND, || second.stderr().contains("listening").then_some(()));
    assert_mentions(
        &second.stderr(),
        &["another server uses the data folder", &first.pid().to_string(), "LATCHKEY_DATA_DIR"],
    );
    second.terminate();
    assert!(second.wait_exit(BUSY_BOUND).success(), "{}", second.stderr());
    let still = fs::read_to_string(first.data().join("addresses.json")).expect("the first server is found still");
    assert_eq!(still, known);
}
