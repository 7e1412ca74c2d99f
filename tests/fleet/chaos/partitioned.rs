//! One of three servers is partitioned from the database while keys end by every kind of change.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tonic::Code;

use crate::chaos::PAUSE;
use crate::chaos::QUIET;
use crate::chaos::network::Network;
use crate::chaos::pass;
use helpers::calls::STATUSES;
use helpers::fleet::changes::{CHANGE_KINDS, Subject};
use helpers::fleet::load::Load;
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::support::eventually_async;
use helpers::support::postgres::Cluster;

const MAX_STALENESS: Duration = Duration::from_secs(6);

/// As in `outage`.
const MARGIN: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_cut_off_is_named_stops_in_time_and_brings_nothing_back() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let network = Network::to(cluster.port());
    let mut builders: Vec<_> = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
    builders.push(network.server(database.url(), MAX_STALENESS));
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let clients = fleet.clients();
    let lost = fleet.members[2].replica.clone();
    let mut subjects = Vec::new();
    for (number, kind) in CHANGE_KINDS.into_iter().cycle().take(CHANGE_KINDS.len() * 2).enumerate() {
        let made = Subject::create(&clients[number % 2], &fleet.ledger, kind, &format!("k{number}")).await;
        let subject = made.expect("a key is made");
        for client in &clients {
            let decision = client.authorize(&subject.token, STATUSES, "").await.expect("a call is decided");
            assert!(decision.allowed, "{decision:?}");
        }
        subjects.push(subject);
    }
    let load = Load::start(&fleet, 20, 2, PAUSE).await;
    let began = now();
    pass(QUIET).await;

    let cut = now();
    network.cut();
    for (number, subject) in subjects[..CHANGE_KINDS.len()].iter().enumerate() {
        let asked = now();
        let written = subject.end(&clients[number % 2], &fleet.ledger).await.expect("it is ended");
        // No writer has to name it once it cannot allow calls any more.
        if now() < cut + MAX_STALENESS - MARGIN {
            assert_eq!(written.pending_replicas, std::slice::from_ref(&lost), "{:?}", subject.kind);
        }
        assert!(now().saturating_sub(asked) < Duration::from_secs(3), "the others do not wait for long");
    }
    eventually_async("who is cut off stops deciding", RECOVERY, async || (!fleet.members[2].is_ready()).then_some(()))
        .await;
    let stopped = now();
    assert!(stopped < cut + MAX_STALENESS + Duration::from_secs(1), "in time");
    // Writers count from when they read its last report, by their own clocks: that may be after the partition began.
    let probe = AtomicUsize::new(0);
    eventually_async("writers name nobody any more", RECOVERY, async || {
        let mut silent = true;
        for client in &clients[..2] {
            let name = format!("probe {}", probe.fetch_add(1, Ordering::Relaxed));
            let subject = Subject::create(client, &fleet.ledger, CHANGE_KINDS[0], &name).await.expect("a key is made");
            let written = subject.end(client, &fleet.ledger).await.expect("it is ended");
            silent &= written.pending_replicas.is_empty();
        }
        silent.then_some(())
    })
    .await;
    for (number, subject) in subjects[CHANGE_KINDS.len()..].iter().enumerate() {
        let written = subject.end(&clients[number % 2], &fleet.ledger).await.expect("it is ended");
        assert!(written.pending_replicas.is_empty(), "{:?}: nobody can allow it: {written:?}", subject.kind);
        let status = clients[2].authorize(&subject.token, STATUSES, "").await.expect_err("nothing is decided");
        assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    }

    network.reconnect();
    fleet.wait_all_ready().await;
    let back = now();
    pass(QUIET).await;
    let ended = now();
    let tally = load.end().await;
    tally.assert_answered(&[0, 1], began, ended);
    tally.assert_answered(&[2], began, cut + MAX_STALENESS - MARGIN);
    tally.assert_answered(&[2], back, ended);
    fleet.assert_agrees_with_ledger().await;
}
