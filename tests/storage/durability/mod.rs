//! Acknowledged writes survive: servers and databases are killed with -9 under eight writers, several times; afterwards
//! every acknowledged write exists, none is partial, and all ways to read agree.

mod fsync;
mod state;
mod verify;
mod writers;

use std::path::PathBuf;
use std::time::Duration;

use helpers::calls::Client;
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Options};
use helpers::support::process::LatchkeyProcess;
use writers::{Crash, Writers};

/// For each round, the number of acknowledged writes before the kill.
const ROUNDS: [usize; 4] = [25, 70, 140, 45];

/// Bound for a server to recover after its storage did.
const RECOVERY: Duration = Duration::from_secs(30);

/// Returns the SQLite file of a server with default settings.
fn file(server: &LatchkeyProcess) -> PathBuf {
    let entries = std::fs::read_dir(server.data()).expect("the data folder is readable");
    let files = entries.map(|entry| entry.expect("the data folder is read to its end").path());
    let mut files =
        files.filter(|path| path.extension().is_some_and(|extension| extension == "db" || extension == "sqlite"));
    let found = files.next().expect("a database is in the data folder");
    assert_eq!(files.next(), None, "one database is in the data folder");
    found
}

fn pragma(file: &std::path::Path, name: &str) -> String {
    let database = rusqlite::Connection::open(file).expect("the file opens beside the server");
    database.pragma_query_value(None, name, |row| row.get(0)).expect("the pragma answers a text")
}

async fn kill_the_server(mut server: LatchkeyProcess) {
    let token = server.admin_token();
    let mut writers = Writers::new(Crash::OfTheServer);
    Client::new(server.addresses(), &token).create_test_data().await;
    for (round, target) in ROUNDS.into_iter().enumerate() {
        let client = Client::new(server.addresses(), &token);
        writers.write_until(&client, round, target, || server.kill9()).await;
        server.restart();
        let client = Client::new(server.addresses(), &token);
        verify::check_all(&client, writers.records()).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kill_9_of_the_server_on_sqlite() {
    let server = LatchkeyProcess::builder().start();
    let file = file(&server);
    assert_eq!(pragma(&file, "journal_mode"), "wal", "as the server left it in the file");
    kill_the_server(server).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_killed_server_leaves_a_sound_sqlite_file() {
    let mut server = LatchkeyProcess::builder().start();
    let file = file(&server);
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    let mut writers = Writers::new(Crash::OfTheServer);
    for (round, target) in [40, 90].into_iter().enumerate() {
        let client = Client::for_admin(&server);
        writers.write_until(&client, round, target, || server.kill9()).await;
        assert_eq!(pragma(&file, "integrity_check"), "ok");
        let database = rusqlite::Connection::open(&file).expect("the file opens");
        let broken: i64 = database
            .query_row("SELECT count(*) FROM pragma_foreign_key_check", [], |row| row.get(0))
            .expect("foreign keys can be checked");
        assert_eq!(broken, 0, "rows that refer to rows that are not there");
        drop(database);
        server.restart();
    }
    verify::check_all(&Client::for_admin(&server), writers.records()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kill_9_of_the_server_on_postgres() {
    let database = Cluster::shared().database();
    // Writes wait for replicas that may be alive: a killed one counts as live for half of this.
    let builder = LatchkeyProcess::builder().database(database.url()).env("LATCHKEY_MAX_STALENESS", "5s");
    kill_the_server(builder.start()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledged_writes_survive_kill_9_of_postgres() {
    // Each commit waits 20 ms before it is written, which is most of a write: the kill will mostly happen then.
    let slow = Options::default().set("commit_delay", "20000").set("commit_siblings", "0");
    let mut cluster = Cluster::start(slow);
    for durable in ["fsync", "synchronous_commit", "full_page_writes"] {
        assert_eq!(cluster.setting(durable), "on", "{durable}");
    }
    let database = cluster.database();
    let server = LatchkeyProcess::builder().database(database.url()).start();
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    let overrides = database.query("SELECT count(*) FROM pg_db_role_setting");
    assert_eq!(overrides[0][0].as_deref(), Some("0"), "nothing weaker is set for the database or the role");

    let mut writers = Writers::new(Crash::OfStorage);
    for (round, target) in ROUNDS.into_iter().enumerate() {
        writers.write_until(&client, round, target, || cluster.kill9()).await;
        cluster.restart();
        eventually_async("the server writes again, without a restart of its own", RECOVERY, async || {
            client.create_store(&format!("after-{round}")).await.ok()
        })
        .await;
        verify::check_all(&client, writers.records()).await;
    }
}

#[test]
fn a_postgres_that_can_lose_what_it_answered_is_warned_of() {
    let lax = Options::default().set("fsync", "off").set("synchronous_commit", "off").set("full_page_writes", "off");
    let cluster = Cluster::start(lax);
    let server = LatchkeyProcess::builder().database(cluster.database().url()).start();
    let log = server.stderr();
    for setting in ["fsync", "synchronous_commit", "full_page_writes"] {
        let warned = |line: &str| line.contains("lose acknowledged writes") && line.contains(&format!("\"{setting}\""));
        assert!(log.lines().any(warned), "nothing about {setting}:\n{log}");
    }
    let strict = LatchkeyProcess::builder().database(Cluster::shared().database().url()).start();
    assert!(!strict.stderr().contains("lose acknowledged writes"), "{}", strict.stderr());
}
