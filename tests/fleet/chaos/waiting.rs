//! What the response of a write states about late replicas, and what they do when they are back.

use std::sync::Arc;
use std::time::Duration;

use latchkey::proto::v1::{self as proto, Reason, Written};

use crate::chaos::pass;
use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access, spawn_task};
use helpers::fleet::changes::{ChangeKind, Subject};
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Database};

const MAX_STALENESS: Duration = Duration::from_secs(8);

async fn pair(database: &Database) -> Fleet {
    Fleet::start((0..2).map(|_| server(database.url(), MAX_STALENESS)).collect(), MAX_STALENESS).await
}

async fn revoke(client: &Client, key: &proto::Key) -> Written {
    let request = proto::RevokeKeyRequest { id: key.id.clone(), reason: "a test".to_owned(), ..Default::default() };
    client.keys().revoke_key(request).await.expect("it is revoked").into_inner().written.expect("a write tells")
}

/// A stopped server can resume where it was at any moment until its `max_staleness` has passed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_may_still_allow_is_named_and_who_is_not_named_never_allows_again() {
    let database = Cluster::shared().database();
    let mut fleet = pair(&database).await;
    let clients = fleet.clients();
    let ledger = Arc::clone(&fleet.ledger);
    let mut subjects = Vec::new();
    for number in 0..3 {
        let subject = Subject::create(&clients[0], &ledger, ChangeKind::Revoke, &format!("key {number}")).await;
        subjects.push(subject.expect("a key is made"));
    }
    for subject in &subjects {
        let decision = clients[1].authorize(&subject.token, STATUSES, "").await.expect("a call is decided");
        assert!(decision.allowed, "{decision:?}");
    }
    let frozen = fleet.members[1].replica.clone();
    fleet.members[1].server.stop();
    let stopped = now();
    let written = subjects[0].end(&clients[0], &ledger).await.expect("it is revoked");
    assert_eq!(written.pending_replicas, std::slice::from_ref(&frozen), "it is live and has not applied it");

    // It no longer counts as live, and writes do not wait for it; but it may still allow calls.
    pass((stopped + MAX_STALENESS / 2 + Duration::from_millis(500)).saturating_sub(now())).await;
    let asked = now();
    let written = subjects[1].end(&clients[0], &ledger).await.expect("it is revoked");
    assert_eq!(written.pending_replicas, [frozen], "its max_staleness has not run out");
    assert!(!written.pending_unknown);
    assert!(now().saturating_sub(asked) < Duration::from_millis(900), "it is not waited for");

    // It may allow nothing any more.
    pass((stopped + MAX_STALENESS + Duration::from_millis(500)).saturating_sub(now())).await;
    let written = subjects[2].end(&clients[0], &ledger).await.expect("it is revoked");
    assert!(written.pending_replicas.is_empty() && !written.pending_unknown, "{written:?}");

    // Called at the very moment when it resumes.
    let asking: Vec<_> = (0..24)
        .map(|number| {
            let (client, subject, ledger) = (clients[1].clone(), subjects[number % 3].clone(), Arc::clone(&ledger));
            let replica = fleet.members[1].replica.clone();
            spawn_task(async move {
                for _ in 0..50 {
                    let answer = ledger.authorize(&client, &replica, &subject.token).await;
                    assert!(!answer.is_ok_and(|decision| decision.allowed), "{}", ledger.describe(&subject.token));
                }
            })
        })
        .collect();
    pass(Duration::from_millis(300)).await;
    fleet.members[1].server.cont();
    for task in asking {
        task.await.expect("no call was allowed");
    }
    fleet.wait_all_ready().await;
    let decision = clients[1].authorize(&subjects[2].token, STATUSES, "").await.expect("a call is decided");
    assert_eq!(decision.reason(), Reason::KeyRevoked);
    fleet.assert_agrees_with_ledger().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_applied_a_write_is_unknown_when_storage_cannot_be_asked_after_it() {
    let database = Cluster::shared().database();
    let fleet = pair(&database).await;
    let client = &fleet.members[0].client;
    let (key, token) =
        client.create_key(key_with_access("key", &STORES[..1], &METHODS[1..2])).await.expect("a key is made");
    // A lock on this table blocks the writing and reading of reports, and nothing else.
    let (holder, connection) =
        tokio_postgres::connect(database.url(), tokio_postgres::NoTls).await.expect("a connection of the test's own");
    let driving = spawn_task(connection);
    holder.batch_execute("BEGIN; LOCK TABLE replicas IN ACCESS EXCLUSIVE MODE").await.expect("the table is locked");
    let written = revoke(client, &key).await;
    assert!(written.pending_unknown && written.pending_replicas.is_empty(), "{written:?}");
    for member in &fleet.members {
        eventually_async("the write stands", RECOVERY, async || {
            let decision = member.client.authorize(&token, STATUSES, "").await.ok()?;
            (!decision.allowed).then_some(())
        })
        .await;
    }
    holder.batch_execute("ROLLBACK").await.expect("the lock is given back");
    drop(holder);
    driving.await.expect("the connection's task ends").expect("the connection ends in order");
    let (key, _) =
        client.create_key(key_with_access("another", &STORES[..1], &METHODS[1..2])).await.expect("a key is made");
    let written = revoke(client, &key).await;
    assert!(!written.pending_unknown && written.pending_replicas.is_empty(), "{written:?}");
}
