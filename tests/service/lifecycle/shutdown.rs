//! Shutdown: orderly and bounded at the first signal, immediate at the second.

use std::os::unix::process::ExitStatusExt as _;
use std::time::Duration;

use latchkey::clock::{Clock as _, SystemClock};
use latchkey::proto::v1 as proto;
use tonic_health::pb::health_check_response::ServingStatus;

use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access, spawn_task};
use helpers::support::postgres::{Cluster, Database, Options};
use helpers::support::process::{Builder, LatchkeyProcess};
use helpers::support::{eventually, eventually_async};

/// Bound for immediate effects on a busy machine.
const BUSY_BOUND: Duration = Duration::from_secs(20);

/// A lock that blocks every write of a server.
struct WriteLock {
    holder: tokio_postgres::Client,
    driving: tokio::task::JoinHandle<Result<(), tokio_postgres::Error>>,
}

impl WriteLock {
    async fn acquire(database: &Database) -> Self {
        let (holder, connection) = tokio_postgres::connect(database.url(), tokio_postgres::NoTls)
            .await
            .expect("a connection of the test's own");
        let driving = spawn_task(connection);
        holder.batch_execute("BEGIN; UPDATE revision SET value = value").await.expect("the revision is taken");
        Self { holder, driving }
    }

    async fn release(self) {
        self.holder.batch_execute("ROLLBACK").await.expect("the revision is given back");
        drop(self.holder);
        self.driving.await.expect("the connection's task ends").expect("the connection ends in order");
    }
}

/// Waits until a write of a server waits for the lock.
async fn wait_for_blocked_write(database: &Database) {
    eventually_async("a write waits for the revision", BUSY_BOUND, async || {
        let rows = database.query(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        );
        (rows[0][0].as_deref() != Some("0")).then_some(())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_lets_calls_under_way_finish() {
    let database = Cluster::shared().database();
    let mut server = LatchkeyProcess::builder().database(database.url()).start();
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    let lock = WriteLock::acquire(&database).await;
    let writing = {
        let client = client.clone();
        spawn_task(async move { client.create_store("lisbon").await })
    };
    wait_for_blocked_write(&database).await;
    server.terminate();
    let message = "shutting down";
    eventually("the server has heard the signal", BUSY_BOUND, || server.stderr().contains(message).then_some(()));
    lock.release().await;
    let made = writing.await.expect("the caller does not panic").expect("the call under way is answered");
    assert_eq!(made.code, "lisbon");
    assert_eq!(server.wait_exit(BUSY_BOUND).code(), Some(0), "{}", server.stderr());
    let rows = database.query("SELECT count(*) FROM stores WHERE code = 'lisbon'");
    assert_eq!(rows[0][0].as_deref(), Some("1"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_signal_ends_at_once() {
    let database = Cluster::shared().database();
    let mut server = LatchkeyProcess::builder().database(database.url()).env("LATCHKEY_DRAIN", "60s").start();
    let client = Client::for_admin(&server);
    let lock = WriteLock::acquire(&database).await;
    let writing = {
        let client = client.clone();
        spawn_task(async move { client.create_store("lisbon").await })
    };
    wait_for_blocked_write(&database).await;
    server.terminate();
    eventually("the server has heard the signal", BUSY_BOUND, || {
        server.stderr().contains("shutting down").then_some(())
    });
    assert!(server.try_wait().is_none(), "a call is under way");
    server.interrupt();
    assert_eq!(server.wait_exit(Duration::from_secs(2)).code(), Some(130), "{}", server.stderr());
    writing.await.expect("the caller does not panic").expect_err("the call was cut off");
    lock.release().await;
    let rows = database.query("SELECT count(*) FROM stores");
    assert_eq!(rows[0][0].as_deref(), Some("0"), "what was not answered was not done");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_end_is_bounded_even_when_storage_says_nothing() {
    let mut cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let mut server = LatchkeyProcess::builder().database(database.url()).env("LATCHKEY_DRAIN", "2s").start();
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    let (_, token) =
        client.create_key(key_with_access("used", &STORES[..1], &METHODS[1..2])).await.expect("a key is made");
    let decision = client.authorize(&token, STATUSES, "").await.expect("a call is decided");
    assert!(decision.allowed, "there is a use to be flushed: {decision:?}");
    cluster.stop();
    let writing = {
        let client = client.clone();
        spawn_task(async move { client.create_store("lisbon").await })
    };
    let signalled = SystemClock.monotonic();
    server.terminate();
    let status = server.wait_exit(BUSY_BOUND);
    let took = SystemClock.monotonic().saturating_sub(signalled);
    // The drain, the bound of the last flush, and the machine.
    assert!(took < Duration::from_secs(10), "it took {took:?}");
    assert!(status.signal().is_none(), "it ended by itself: {status}");
    drop(writing.await);
    cluster.cont();
}

/// Returns the calls counted for a key, by the server that `builder` starts.
async fn counted_calls(server: &LatchkeyProcess, token: &str, key_id: &str) -> (i64, i64) {
    let client = Client::new(server.addresses(), token);
    let request = proto::GetKeyUsageRequest {
        key_id: key_id.to_owned(),
        period: proto::UsagePeriod::Day.into(),
        ..Default::default()
    };
    let counts = client.usage().get_key_usage(request).await.expect("usage is told").into_inner().counts;
    let of = |allowed| counts.iter().filter(|count| count.allowed == allowed).map(|count| count.calls).sum();
    (of(true), of(false))
}

async fn usage_outlives(builder: Builder) {
    let mut server = builder.start();
    let admin = server.admin_token();
    let client = Client::new(server.addresses(), &admin);
    client.create_test_data().await;
    let (key, token) =
        client.create_key(key_with_access("used", &STORES[..1], &METHODS[1..2])).await.expect("a key is made");
    for _ in 0..7 {
        client.authorize(&token, STATUSES, "").await.expect("a call is decided");
    }
    for _ in 0..3 {
        client.authorize(&token, "GET /api/v5/orders", "").await.expect("a call is decided");
    }
    server.terminate();
    assert_eq!(server.wait_exit(BUSY_BOUND).code(), Some(0), "{}", server.stderr());
    assert!(!server.data().join("addresses.json").exists(), "nobody is sent to where nobody listens");
    server.restart();
    assert_eq!(counted_calls(&server, &admin, &key.id).await, (7, 3));
    let client = Client::new(server.addresses(), &admin);
    let key = client.keys().get_key(proto::GetKeyRequest { id: key.id }).await.expect("the key is there").into_inner();
    assert!(key.key.expect("an answer has a key").last_use_time.is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uses_are_in_storage_when_the_server_has_ended_on_sqlite() {
    usage_outlives(LatchkeyProcess::builder()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn uses_are_in_storage_when_the_server_has_ended_on_postgres() {
    usage_outlives(LatchkeyProcess::builder().database(Cluster::shared().database().url())).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_stopping_says_that_it_does_not_serve() {
    let database = Cluster::shared().database();
    let mut server = LatchkeyProcess::builder().database(database.url()).start();
    let client = Client::for_admin(&server);
    let mut watch = client.watch_health().await;
    // Health follows readiness after a moment.
    while watch.message().await.expect("health is streamed").map(|update| update.status())
        != Some(ServingStatus::Serving)
    {}
    // Keeps the server busy, so that it does not exit before it is checked.
    let lock = WriteLock::acquire(&database).await;
    let writing = {
        let client = client.clone();
        spawn_task(async move { client.create_store("lisbon").await })
    };
    wait_for_blocked_write(&database).await;
    server.terminate();
    let next = tokio::time::timeout(BUSY_BOUND, watch.message()).await.expect("health changes at the signal");
    assert_eq!(next.expect("health is streamed").expect("health goes on").status(), ServingStatus::NotServing);
    drop(watch);
    lock.release().await;
    writing.await.expect("the caller does not panic").expect("the call under way is answered");
    assert_eq!(server.wait_exit(BUSY_BOUND).code(), Some(0), "{}", server.stderr());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_watches_hears_of_the_end_and_does_not_hold_it_up() {
    let mut server = LatchkeyProcess::builder().env("LATCHKEY_DRAIN", "30s").start();
    let client = Client::for_admin(&server);
    let mut health = client.watch_health().await;
    let mut changes = client
        .authorization()
        .watch_changes(proto::WatchChangesRequest::default())
        .await
        .expect("changes are streamed")
        .into_inner();
    health.message().await.expect("health is streamed").expect("health begins with what it is");
    changes.message().await.expect("changes are streamed").expect("changes begin with where they are");
    server.terminate();
    // Like a mesh that keeps its streams open: neither is dropped before the server has exited.
    let status = server.wait_exit(BUSY_BOUND);
    assert_eq!(status.code(), Some(0), "{}", server.stderr());
    let mut last = None;
    while let Some(update) = health.message().await.expect("the stream ends in order") {
        last = Some(update.status());
    }
    assert_eq!(last, Some(ServingStatus::NotServing));
    assert_eq!(changes.message().await.expect("the stream ends in order"), None);
}

/// A mesh learns about the shutdown before anything is refused: calls that it still sends get correct decisions.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_sigterm_calls_are_answered_until_others_have_noticed() {
    let mut server = LatchkeyProcess::builder().env("LATCHKEY_ACCEPT_GRACE", "3s").start();
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    let (key, token) =
        client.create_key(key_with_access("used", &STORES[..1], &METHODS[1..2])).await.expect("a key is made");
    server.terminate();
    eventually_async("health says that it ends", BUSY_BOUND, async || {
        (client.health().await == ServingStatus::NotServing).then_some(())
    })
    .await;
    let ready = helpers::support::http::get(server.addresses().ops, "/readyz").expect("the operations port answers");
    assert_eq!(ready.status, 503);
    // On a separate connection, opened after the signal.
    let late = Client::for_admin(&server);
    assert!(late.authorize(&token, STATUSES, "").await.expect("a call is decided").allowed);
    let revoke = proto::RevokeKeyRequest { id: key.id, reason: "lost".to_owned(), ..Default::default() };
    late.keys().revoke_key(revoke).await.expect("a key is revoked");
    assert!(!late.authorize(&token, STATUSES, "").await.expect("a call is decided").allowed);
    assert_eq!(server.wait_exit(BUSY_BOUND).code(), Some(0), "{}", server.stderr());
}

/// SIGINT from a terminal does not wait for a mesh.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigint_ends_without_waiting_for_others_to_notice() {
    let builder = LatchkeyProcess::builder().env("LATCHKEY_ACCEPT_GRACE", "5m").env("LATCHKEY_DRAIN", "10m");
    let mut server = builder.start();
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    server.interrupt();
    assert_eq!(server.wait_exit(BUSY_BOUND).code(), Some(0), "{}", server.stderr());
}
