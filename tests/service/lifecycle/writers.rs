//! Writes of other processes to the SQLite file of a running server: by offline commands, and by any program.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use latchkey::lifecycle::Tasks;
use latchkey::model::change::Cursor;
use latchkey::model::operator::Role;
use latchkey::proto::v1 as proto;
use latchkey::random::OsRandom;
use latchkey::registry::{Caller, Convergence, Pending, Registry, SubjectRef, WriteOptions};
use latchkey::storage;

use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access};
use helpers::support::process::LatchkeyProcess;
use helpers::support::{eventually, eventually_async, http};

/// The longest poll interval that can be configured.
const POLL: Duration = Duration::from_secs(10);

/// Writes of each test. One could come right before a poll by chance, two in a row could not.
const ROUNDS: usize = 3;

fn server() -> LatchkeyProcess {
    LatchkeyProcess::builder().env("LATCHKEY_POLL_INTERVAL", format!("{}s", POLL.as_secs())).start()
}

/// Returns the newest revision that a server has applied.
fn applied(server: &LatchkeyProcess) -> u64 {
    let metrics = http::get(server.addresses().ops, "/metrics").expect("the operations port answers").body;
    let value = metrics.lines().find_map(|line| line.strip_prefix("latchkey_applied_revision "));
    value.expect("the metric is there").parse().expect("a revision is a number")
}

/// Runs a command on the server's own data folder, as an administrator does on its machine.
fn run(server: &LatchkeyProcess, arguments: &[&str]) -> std::process::Output {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_latchkey"))
        .args(arguments)
        .current_dir(server.folder())
        .env_clear()
        .env("LATCHKEY_DATA_DIR", server.data())
        .output()
        .expect("the program starts");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    output
}

#[derive(Debug)]
struct NoReplicas;

#[async_trait::async_trait]
impl Convergence for NoReplicas {
    async fn wait(&self, _: Cursor, _: Duration) -> Pending {
        Pending::Known(Vec::new())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_another_process_revokes_is_refused_long_before_the_next_poll() {
    let server = server();
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    let listed = client.operators().list_operators(proto::ListOperatorsRequest::default()).await;
    let admin = listed.expect("operators are listed").into_inner().operators.remove(0);
    let admin = Caller { id: admin.id.parse().expect("an id"), name: admin.name, role: Role::Admin };
    // This process is the other program.
    let url = format!("sqlite:{}", server.data().join("latchkey.db").display());
    let storage = storage::open(storage::Options::new(url.parse().expect("a URL"))).await.expect("the file opens");
    let registry = Registry::new(storage, Tasks::new(), Arc::new(OsRandom), Arc::new(NoReplicas), Duration::ZERO);
    for round in 0..ROUNDS {
        let key = key_with_access(&format!("key {round}"), &STORES[..1], &METHODS[1..2]);
        let (key, token) = client.create_key(key).await.expect("a key is made");
        assert!(client.authorize(&token, STATUSES, "").await.expect("a call is decided").allowed);
        let named = SubjectRef { id: key.id, ..SubjectRef::default() };
        registry.revoke_key(&admin, &named, "a test", &WriteOptions::default()).await.expect("the key is revoked");
        eventually_async("the revocation is applied before half of the poll interval", POLL / 2, async || {
            let decision = client.authorize(&token, STATUSES, "").await.expect("a call is decided");
            (!decision.allowed).then_some(())
        })
        .await;
    }
}

#[test]
fn tools_that_write_storage_work_beside_a_server_and_are_noticed() {
    let server = server();
    run(&server, &["migrate"]);
    for round in 0..ROUNDS {
        let before = applied(&server);
        let token = server.folder().join(format!("recovered-{round}"));
        run(&server, &["operators", "recover", "--into", &token.display().to_string()]);
        eventually("the new admin is applied before half of the poll interval", POLL / 2, || {
            (applied(&server) > before).then_some(())
        });
        let text = std::fs::read_to_string(&token).expect("the token was kept");
        run(&server, &["operators", "list", "--token-file", &token.display().to_string()]);
        assert!(!text.trim().is_empty());
    }
}

/// Copies one SQLite file into another with SQLite's backup API, as `sqlite3 FILE ".restore COPY"` does.
fn copy(from: &Path, to: &Path) {
    let script = "import sqlite3, sys\nsqlite3.connect(sys.argv[1]).backup(sqlite3.connect(sys.argv[2]))";
    let status = std::process::Command::new("python3").args(["-c", script]).args([from, to]).status();
    assert!(status.expect("python3 starts").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_restored_into_the_file_is_followed_at_once() {
    let server = server();
    let (file, backup) = (server.data().join("latchkey.db"), server.folder().join("backup.db"));
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    let key = key_with_access("kept", &STORES[..1], &METHODS[1..2]);
    let (key, token) = client.create_key(key).await.expect("a key is made");
    copy(&file, &backup);
    for _ in 0..ROUNDS {
        let request = proto::DeleteKeyRequest { id: key.id.clone(), ..Default::default() };
        client.keys().delete_key(request).await.expect("the key is deleted");
        assert!(!client.authorize(&token, STATUSES, "").await.expect("a call is decided").allowed);
        copy(&backup, &file);
        eventually_async("what was restored is decided by before half of the poll interval", POLL / 2, async || {
            // There are no decisions during a reload.
            let decision = client.authorize(&token, STATUSES, "").await.ok()?;
            decision.allowed.then_some(())
        })
        .await;
    }
}
