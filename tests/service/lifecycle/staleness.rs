//! Without storage: cached keys get decisions for as long as permitted, then no key does; and everything recovers.

use std::time::Duration;

use latchkey::clock::{Clock as _, SystemClock};
use latchkey::model::token::Token;
use latchkey::proto::v1::Reason;
use tonic::Code;
use tonic_health::pb::health_check_response::ServingStatus;

use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access, spawn_task};
use helpers::support::postgres::{Cluster, Options};
use helpers::support::process::LatchkeyProcess;
use helpers::support::{Deadline, eventually_async, http};

/// The minimum of the setting.
const MAX_STALENESS: Duration = Duration::from_secs(5);

/// Bound for running calls when the limit passes, on a busy machine.
const SLACK: Duration = Duration::from_secs(5);

/// Bound for a server to recover.
const RECOVERY: Duration = Duration::from_secs(30);

fn status_of(server: &LatchkeyProcess, path: &str) -> u16 {
    http::get(server.addresses().ops, path).expect("the operations port answers").status
}

/// A server on a separate cluster that a test can freeze.
struct Setup {
    cluster: Cluster,
    server: LatchkeyProcess,
    client: Client,
    /// Token of a key with access to [`STATUSES`] at the first store.
    good: String,
}

impl Setup {
    async fn start() -> Self {
        Self::start_with(MAX_STALENESS).await
    }

    async fn start_with(max_staleness: Duration) -> Self {
        let cluster = Cluster::start(Options::default());
        let server = LatchkeyProcess::builder()
            .database(cluster.database().url())
            .env("LATCHKEY_MAX_STALENESS", format!("{}s", max_staleness.as_secs()))
            .start();
        let client = Client::for_admin(&server);
        client.create_test_data().await;
        let key = key_with_access("known", &STORES[..1], &METHODS[1..2]);
        let (_, good) = client.create_key(key).await.expect("a key is made");
        let decision = client.authorize(&good, STATUSES, "").await.expect("a call is decided");
        assert!(decision.allowed, "{decision:?}");
        Self { cluster, server, client, good }
    }

    async fn wait_not_serving(&self) {
        eventually_async("the server says that it does not serve", MAX_STALENESS + SLACK, async || {
            (self.client.health().await == ServingStatus::NotServing).then_some(())
        })
        .await;
    }

    async fn wait_recovered(&self) {
        eventually_async("the server serves again, without a restart", RECOVERY, async || {
            (self.client.health().await == ServingStatus::Serving).then_some(())
        })
        .await;
        assert_eq!(status_of(&self.server, "/readyz"), 200);
        let decision = self.client.authorize(&self.good, STATUSES, "").await.expect("a call is decided");
        assert!(decision.allowed, "{decision:?}");
        let unknown = self.client.authorize(unknown_token().reveal(), STATUSES, "").await.expect("a call is decided");
        assert_eq!(unknown.reason(), Reason::KeyUnknown);
    }
}

/// Returns a token that belongs to no key.
fn unknown_token() -> Token {
    Token::issue([99; 32])
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_decided_is_unavailable() {
    let mut setup = Setup::start().await;
    let stopped = SystemClock.monotonic();
    setup.cluster.stop();

    // For a while cached keys are still proven fresh enough; unknown tokens cannot be looked up.
    let mut allowed = 0;
    let refused_at = eventually_async("calls stop being allowed", MAX_STALENESS + SLACK, async || {
        let asked = SystemClock.monotonic().saturating_sub(stopped);
        let unknown = setup.client.authorize(unknown_token().reveal(), STATUSES, "").await;
        let status = unknown.expect_err("without storage nobody can say that a token is unknown");
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        match setup.client.authorize(&setup.good, STATUSES, "").await {
            Ok(decision) => {
                assert!(decision.allowed, "what is known does not change: {decision:?}");
                allowed += 1;
                None
            }
            Err(status) => {
                assert_eq!(status.code(), Code::Unavailable, "{status:?}");
                Some(asked)
            }
        }
    })
    .await;
    assert!(allowed > 0, "an outage of storage is not at once an outage of decisions");
    assert!(refused_at > Duration::from_secs(2), "known keys were refused after {refused_at:?}");

    // And then it stays so, on all ports alike.
    setup.wait_not_serving().await;
    let watched = Deadline::after(Duration::from_secs(3));
    eventually_async("it was watched for a while", RECOVERY, async || {
        for token in [&*setup.good, unknown_token().reveal()] {
            let answer = setup.client.authorize(token, STATUSES, "").await;
            let status = answer.expect_err("nothing is decided on what is not proven fresh");
            assert_eq!(status.code(), Code::Unavailable, "{status:?}");
        }
        assert_eq!(setup.client.health().await, ServingStatus::NotServing);
        assert_eq!(status_of(&setup.server, "/readyz"), 503);
        assert_eq!(status_of(&setup.server, "/livez"), 200, "restarting it would not help");
        watched.passed().then_some(())
    })
    .await;

    setup.cluster.cont();
    setup.wait_recovered().await;
}

/// Returns the metric of staleness.
fn staleness_of(server: &LatchkeyProcess) -> Duration {
    let page = http::get(server.addresses().ops, "/metrics").expect("the operations port answers").body;
    let value = page.lines().find_map(|line| line.strip_prefix("latchkey_staleness_milliseconds "));
    Duration::from_millis(value.expect("the metric is there").parse().expect("it is a number of milliseconds"))
}

/// Promise, metric and alert agree: the metric stays far below the limit in normal operation, so a server survives an
/// outage for nearly the whole limit, whenever it begins.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_server_is_fresh_and_survives_an_outage_for_nearly_all_of_the_bound() {
    const BOUND: Duration = Duration::from_secs(10);
    const SMALL: Duration = Duration::from_millis(1_250);
    let mut setup = Setup::start_with(BOUND).await;
    let (mut seen, watched) = (Vec::new(), Deadline::after(Duration::from_secs(8)));
    eventually_async("it was watched for a while", RECOVERY, async || {
        seen.push(staleness_of(&setup.server));
        watched.passed().then_some(())
    })
    .await;
    seen.sort_unstable();
    // All but the samples that a busy machine may have delayed.
    let most = seen[seen.len() * 9 / 10];
    assert!(most < SMALL, "nine of ten times it was stale by up to {most:?}, of {BOUND:?}");

    // At the worst moment: the next proof is due.
    eventually_async("the last proof is as old as it gets", RECOVERY, async || {
        (staleness_of(&setup.server) >= most.mul_f64(0.8)).then_some(())
    })
    .await;
    let stopped = SystemClock.monotonic();
    setup.cluster.stop();
    let refused_at = eventually_async("calls stop being allowed", BOUND + SLACK, async || {
        let asked = SystemClock.monotonic().saturating_sub(stopped);
        setup.client.authorize(&setup.good, STATUSES, "").await.is_err().then_some(asked)
    })
    .await;
    assert!(refused_at >= BOUND - SMALL, "a key in use was refused {refused_at:?} after the outage began");
    setup.wait_not_serving().await;
    setup.cluster.cont();
    setup.wait_recovered().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_postgres_that_was_away_is_found_again() {
    let mut setup = Setup::start().await;
    setup.cluster.kill9();
    setup.wait_not_serving().await;
    assert_eq!(status_of(&setup.server, "/livez"), 200);
    let write = setup.client.create_store("lisbon").await.expect_err("nothing can be written");
    assert_eq!(write.code(), Code::Unavailable, "{write:?}");
    setup.cluster.restart();
    setup.wait_recovered().await;
    setup.client.create_store("lisbon").await.expect("what was refused was not done, and can be done now");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_served_before_everything_is_loaded() {
    let cluster = Cluster::start(Options::default());
    let database = cluster.database();
    drop(LatchkeyProcess::builder().database(database.url()).start());
    // A lock on this table prevents the server from loading it.
    let (holder, connection) =
        tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.expect("a connection of the test's own");
    let driving = spawn_task(connection);
    holder.batch_execute("BEGIN; LOCK TABLE methods IN ACCESS EXCLUSIVE MODE").await.expect("the table is locked");

    let mut server = LatchkeyProcess::builder().database(database.url()).spawn();
    eventually_async("it listens", RECOVERY, async || server.data().join("addresses.json").exists().then_some(()))
        .await;
    assert_eq!(status_of(&server, "/livez"), 200);
    assert_eq!(status_of(&server, "/readyz"), 503);
    let client = Client::new(server.addresses(), Token::issue_operator([1; 32]).reveal());
    assert_eq!(client.admin_health().await, ServingStatus::NotServing);
    // No call is accepted that would get no decision: a client with several servers uses another.
    let connected = std::net::TcpStream::connect(server.addresses().decision);
    assert_eq!(connected.expect_err("it is refused").kind(), std::io::ErrorKind::ConnectionRefused);
    let status = client.authorize(unknown_token().reveal(), STATUSES, "").await.expect_err("nothing is loaded yet");
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");

    holder.batch_execute("ROLLBACK").await.expect("the lock is given back");
    server.wait_ready();
    eventually_async("the health service says what /readyz says", RECOVERY, async || {
        (client.health().await == ServingStatus::Serving).then_some(())
    })
    .await;
    drop(holder);
    driving.await.expect("the connection's task ends").expect("the connection ends in order");
}
