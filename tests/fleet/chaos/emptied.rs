//! A database is emptied while servers run on it.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use tonic::Code;

use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access};
use helpers::fleet::{Fleet, RECOVERY, server};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Options};

const MAX_STALENESS: Duration = Duration::from_secs(30);

fn recreate(cluster: &Cluster, name: &str) {
    cluster.query(&format!("DROP DATABASE {name} WITH (FORCE)"));
    cluster.query(&format!("CREATE DATABASE {name}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_server_begins_with_a_database_that_was_emptied_under_others() {
    let cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let mut fleet = Fleet::start((0..2).map(|_| server(database.url(), MAX_STALENESS)).collect(), MAX_STALENESS).await;
    let clients = fleet.clients();
    let (_, token) =
        clients[0].create_key(key_with_access("a key", &STORES[..1], &METHODS[1..2])).await.expect("it is made");
    for client in &clients {
        assert!(client.authorize(&token, STATUSES, STORES[0]).await.expect("it is decided").allowed);
    }
    let dump = database.dump();
    recreate(&cluster, database.name());

    // A server that has never used this database, and one that has.
    let mut newcomer = server(database.url(), MAX_STALENESS).spawn();
    let status = newcomer.wait_exit(RECOVERY);
    assert!(!status.success(), "it must not begin with an empty database:\n{}", newcomer.stderr());
    let said = newcomer.stderr();
    assert!(said.contains("is empty") && said.contains("migrate --start-over"), "it says what would help:\n{said}");
    let old = &mut fleet.members[1].server;
    old.kill9();
    let tables =
        "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' AND tablename IN ('meta', 'keys', 'operators')";
    assert_eq!(database.query(tables)[0][0].as_deref(), Some("0"), "nothing is made");
    // The other server continues with its cache, and reports no key as unknown.
    match clients[0].authorize(&token, STATUSES, STORES[0]).await {
        Ok(decision) => assert!(decision.allowed, "{decision:?}"),
        Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
    }
    database.run_script(&cluster, &dump);
    eventually_async("all is as it was", RECOVERY, async || {
        clients[0].authorize(&token, STATUSES, STORES[0]).await.ok().filter(|decision| decision.allowed)
    })
    .await;
    let again = server(database.url(), MAX_STALENESS).start();
    let client = Client::new(again.addresses(), &fleet.token);
    assert!(client.authorize(&token, STATUSES, STORES[0]).await.expect("it is decided").allowed);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn running_servers_follow_an_empty_database_only_once_it_is_confirmed() {
    let cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let fleet = Fleet::start(vec![server(database.url(), MAX_STALENESS)], MAX_STALENESS).await;
    let client = &fleet.members[0].client;
    let (_, token) =
        client.create_key(key_with_access("a key", &STORES[..1], &METHODS[1..2])).await.expect("it is made");
    assert!(client.authorize(&token, STATUSES, STORES[0]).await.expect("it is decided").allowed);
    // Emptied and filled with tables by hand, before any server could notice that they were missing.
    let other = cluster.database();
    let made = server(other.url(), MAX_STALENESS).start();
    drop(made);
    let dump = other.dump();
    database.restore(&cluster, &dump);
    let deciding = async || client.authorize(&token, STATUSES, STORES[0]).await;
    eventually_async("it says that it is not the database that it followed", RECOVERY, async || {
        fleet.members[0].server.stderr().contains("is not the one served before").then_some(())
    })
    .await;
    for _ in 0..20 {
        match deciding().await {
            Ok(decision) => assert!(decision.allowed, "no key is unknown: {decision:?}"),
            Err(status) => assert_eq!(status.code(), Code::Unavailable, "{status:?}"),
        }
        helpers::support::pass(Duration::from_millis(100)).await;
    }
    let confirmed = std::process::Command::new(env!("CARGO_BIN_EXE_latchkey"))
        .args(["migrate", "--start-over"])
        .env("LATCHKEY_DATABASE_URL", database.url())
        .env("LATCHKEY_DATA_DIR", cluster.folder().join("confirm"))
        .output()
        .expect("it runs");
    assert!(confirmed.status.success(), "{}", String::from_utf8_lossy(&confirmed.stderr));
    eventually_async("it follows", RECOVERY, async || fleet.members[0].is_ready().then_some(())).await;
    let status = deciding().await.expect_err("the operator is of the database that is gone");
    assert_eq!(status.code(), Code::Unauthenticated, "{status:?}");
    let _ = proto::Reason::KeyUnknown;
}
