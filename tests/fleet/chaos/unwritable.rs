//! A database that can be read but not written to, and one without a spare connection.

use std::time::Duration;

use tokio_postgres::NoTls;
use tonic::Code;

use helpers::calls::{METHODS, STATUSES, STORES, key_with_access, spawn_task};
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::support::postgres::{Cluster, Options};
use helpers::support::{eventually_async, http};

const MAX_STALENESS: Duration = Duration::from_secs(6);
/// A twentieth of this, the time between two reports, exceeds the time after which a connection counts as idle.
const SELDOM_REPORTED: Duration = Duration::from_secs(18);

/// Starts a server and returns it with the token of a cached key.
async fn start(url: &str, max_staleness: Duration) -> (Fleet, String) {
    let fleet = Fleet::start(vec![server(url, max_staleness).env("LATCHKEY_LOG", "info")], max_staleness).await;
    let client = &fleet.members[0].client;
    let key = key_with_access("in use", &STORES[..1], &METHODS[1..2]);
    let request = latchkey::proto::v1::CreateKeyRequest { key: Some(key), ..Default::default() };
    let token = client.keys().create_key(request).await.expect("a key is made").into_inner().token;
    assert!(client.authorize(&token, STATUSES, "").await.expect("a call is decided").allowed);
    (fleet, token)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_no_writes_is_named_as_such() {
    let database = Cluster::shared().database();
    let (fleet, token) = start(database.url(), MAX_STALENESS).await;
    let (member, client) = (&fleet.members[0], &fleet.members[0].client);
    let sessions = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                    WHERE datname = current_database() AND application_name = 'latchkey'";
    database.query(&format!("ALTER DATABASE {} SET default_transaction_read_only = on; {sessions}", database.name()));
    // Every guarantee depends on reports: without them it must stop, even though its polls continue.
    let status = eventually_async("it stops deciding", RECOVERY, async || {
        client.authorize(&token, STATUSES, "").await.err().filter(|status| status.message().contains("is current"))
    })
    .await;
    assert_eq!(status.code(), Code::Unavailable);
    let truth = ["can read storage", "heartbeats have failed", "does not accept writes", "read-only"];
    let ready = http::get(member.server.addresses().ops, "/readyz").expect("it answers");
    let changed = eventually_async("a line says that it does not serve", RECOVERY, async || {
        let log = member.server.stderr();
        let line = log.lines().find(|line| line.contains("health changed") && line.contains("\"serving\":false"));
        line.map(str::to_owned)
    })
    .await;
    for part in truth {
        assert!(status.message().contains(part), "{part}: {status:?}");
        assert!(ready.body.contains(part), "{part}: {ready:?}");
        assert!(changed.contains(part), "{part}: {changed}");
    }
    assert_eq!(ready.status, 503);
    assert!(!status.message().contains("has not responded"), "{status:?}");
    let reset = format!("ALTER DATABASE {} RESET default_transaction_read_only", database.name());
    Cluster::shared().query(&reset);
    fleet.wait_all_ready().await;
    assert!(client.authorize(&token, STATUSES, "").await.expect("a call is decided").allowed);
    eventually_async("a write is taken", RECOVERY, async || client.create_store("later").await.ok()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replica_that_has_one_connection_left_goes_on_deciding() {
    let cluster = Cluster::start(Options::default().set("max_connections", "16"));
    let database = cluster.database();
    let (fleet, token) = start(database.url(), SELDOM_REPORTED).await;
    let (member, client) = (&fleet.members[0], &fleet.members[0].client);
    let (watcher, connection) = tokio_postgres::connect(database.url(), NoTls).await.expect("a connection");
    drop(spawn_task(connection));
    let mut hogs = Vec::new();
    let ours = "datname = current_database() AND application_name = 'latchkey'";
    // The follower uses its connection every 250 ms; the others are ended and taken by another client.
    let idle = format!("{ours} AND state_change < clock_timestamp() - interval '700 ms'");
    eventually_async("all but one of its connections are taken", RECOVERY, async || {
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {idle}");
        watcher.batch_execute(&end).await.expect("the watcher stays");
        while let Ok((hog, connection)) = tokio_postgres::connect(database.url(), NoTls).await {
            drop(spawn_task(connection));
            hogs.push(hog);
        }
        let count = format!("SELECT count(*) FROM pg_stat_activity WHERE {ours}");
        let left: i64 = watcher.query_typed_one(&count, &[]).await.expect("the watcher stays").get(0);
        (left == 1).then_some(())
    })
    .await;
    let starved = now();
    eventually_async("its last proof would be too old by now", RECOVERY, async || {
        assert!(member.is_ready(), "{:?}", http::get(member.server.addresses().ops, "/readyz"));
        assert!(client.authorize(&token, STATUSES, "").await.expect("a call is decided").allowed);
        (now() > starved + SELDOM_REPORTED * 5 / 4).then_some(())
    })
    .await;

    // The last one, too.
    eventually_async("it has no connection, and stops deciding", RECOVERY, async || {
        let end = format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE {ours}");
        watcher.batch_execute(&end).await.expect("the watcher stays");
        while let Ok((hog, connection)) = tokio_postgres::connect(database.url(), NoTls).await {
            drop(spawn_task(connection));
            hogs.push(hog);
        }
        (!member.is_ready()).then_some(())
    })
    .await;
    let log = member.server.stderr();
    let polls = log.lines().rfind(|line| line.contains("polling storage") && line.contains("failing"));
    let polls = polls.expect("a line says that polls fail");
    assert!(polls.contains("too many clients") || polls.contains("terminating connection"), "{polls}");
    assert!(log.contains("too many clients"), "{log}");
    drop(hogs);
    fleet.wait_all_ready().await;
}
