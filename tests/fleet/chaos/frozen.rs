//! A server is frozen in the middle of a write, and in the middle of a poll.

use std::sync::Arc;
use std::time::Duration;

use crate::chaos::PAUSE;
use crate::chaos::at;
use crate::chaos::local;
use crate::chaos::pass;
use helpers::calls::{STATUSES, spawn_task};
use helpers::fleet::changes::{ChangeKind, Subject};
use helpers::fleet::load::Load;
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::support::eventually_async;
use helpers::support::postgres::Cluster;
use helpers::support::relay::{Relay, Traffic};

const MAX_STALENESS: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_frozen_in_a_write_does_not_block_a_revocation_and_its_write_is_all_or_nothing() {
    let database = Cluster::shared().database();
    let builders = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
    let mut fleet = Fleet::start(builders, MAX_STALENESS).await;
    let clients = fleet.clients();
    let ledger = Arc::clone(&fleet.ledger);
    let subject =
        Subject::create(&clients[1], &ledger, ChangeKind::Revoke, "to be revoked").await.expect("a key is made");
    let load = Load::start(&fleet, 10, 1, PAUSE).await;

    // The write of the first server holds the write lock and waits for a table; there it is frozen.
    let (holder, connection) =
        tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.expect("a connection of the test's own");
    let driving = spawn_task(connection);
    holder.batch_execute("BEGIN; LOCK TABLE stores IN ACCESS EXCLUSIVE MODE").await.expect("the table is locked");
    let writing = {
        let client = clients[0].clone();
        spawn_task(async move { client.create_store("lisbon").await })
    };
    eventually_async("a write waits for the table", RECOVERY, async || {
        let rows = database.query(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        );
        (rows[0][0].as_deref() != Some("0")).then_some(())
    })
    .await;
    let frozen = now();
    fleet.members[0].server.stop();
    holder.batch_execute("ROLLBACK").await.expect("the lock is given back");
    drop(holder);
    driving.await.expect("the connection's task ends").expect("the connection ends in order");

    // The other server's revocation succeeds as soon as the database has given up on the frozen one.
    eventually_async("a revocation goes through", Duration::from_secs(20), async || {
        subject.end(&clients[1], &ledger).await.ok()
    })
    .await;
    let waited = now().saturating_sub(frozen);
    assert!(waited < Duration::from_secs(20), "{waited:?}");
    let decision = clients[1].authorize(&subject.token, STATUSES, "").await.expect("a call is decided");
    assert!(!decision.allowed, "{decision:?}");
    fleet.members[0].server.cont();
    let written = writing.await.expect("the caller does not panic");
    fleet.wait_all_ready().await;
    let stores = database.query("SELECT count(*) FROM stores WHERE code = 'lisbon'");
    let stands = stores[0][0].as_deref() == Some("1");
    assert_eq!(written.is_ok(), stands, "what is answered is what was done: {written:?}");
    let tally = load.end().await;
    tally.assert_answered(&[1], frozen, now());
    fleet.assert_agrees_with_ledger().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_frozen_in_a_poll_allows_nothing_by_what_the_poll_saw() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let relay = Relay::to(local(cluster.port()));
    let builders =
        vec![server(database.url(), MAX_STALENESS), server(&at(database.url(), relay.address()), MAX_STALENESS)];
    let mut fleet = Fleet::start(builders, MAX_STALENESS).await;
    let clients = fleet.clients();
    let ledger = Arc::clone(&fleet.ledger);
    let mut subjects = Vec::new();
    for number in 0..8 {
        let kind = helpers::fleet::changes::CHANGE_KINDS[number % 8];
        let subject = Subject::create(&clients[0], &ledger, kind, &format!("k{number}")).await.expect("a key is made");
        let decision = clients[1].authorize(&subject.token, STATUSES, "").await.expect("a call is decided");
        assert!(decision.allowed, "{decision:?}");
        subjects.push(subject);
    }
    // Responses of storage are delayed for longer than the server is frozen: polls, reports, reads of grants.
    relay.set(Traffic::ResponsesHeld);
    pass(Duration::from_millis(600)).await;
    fleet.members[1].server.stop();
    relay.set(Traffic::Open);
    pass(MAX_STALENESS + Duration::from_millis(500)).await;
    for subject in &subjects {
        let written = subject.end(&clients[0], &ledger).await.expect("it is ended");
        assert!(written.pending_replicas.is_empty(), "{written:?}");
    }
    // The delayed responses are received first.
    let asking: Vec<_> = subjects
        .iter()
        .cycle()
        .take(24)
        .map(|subject| {
            let (client, subject, ledger) = (clients[1].clone(), subject.clone(), Arc::clone(&ledger));
            let replica = fleet.members[1].replica.clone();
            spawn_task(async move {
                for _ in 0..50 {
                    drop(ledger.authorize(&client, &replica, &subject.token).await);
                }
            })
        })
        .collect();
    fleet.members[1].server.cont();
    for task in asking {
        task.await.expect("a caller does not panic");
    }
    ledger.assert_clean();
    fleet.wait_all_ready().await;
    // Most calls were sent before decisions were possible; now each of them gets one.
    for subject in subjects.iter().cycle().take(120) {
        drop(ledger.authorize(&clients[1], &fleet.members[1].replica, &subject.token).await);
    }
    fleet.assert_agrees_with_ledger().await;
}
