//! Failover to a streaming standby: one that is used before it is the primary, one that has everything, and one that
//! has lost the last commits.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use tonic::Code;

use crate::chaos::PAUSE;
use crate::chaos::QUIET;
use crate::chaos::at;
use crate::chaos::local;
use crate::chaos::pass;
use helpers::calls::{METHODS, STATUSES, STORES, key_with_access};
use helpers::fleet::load::{Load, Writers};
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::oracle::{CHANGES_QUERY, History};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Options};
use helpers::support::relay::{Relay, Traffic};

const MAX_STALENESS: Duration = Duration::from_secs(6);
/// Longer than a failover, and the time that the new history must not change before it counts as complete.
const LONG: Duration = Duration::from_secs(20);

/// As in `outage`.
const MARGIN: Duration = Duration::from_millis(2_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_proves_nothing_and_takes_over_without_losing_what_was_acknowledged() {
    let mut primary = Cluster::start(Options::default());
    let database = primary.database();
    let standby = primary.standby();
    primary.require_standby_commit();
    // One server connects to the relay's target, as with a virtual address; the other finds the primary itself.
    let relay = Relay::to(local(primary.port()));
    let (user, name) = ("postgres://postgres", database.name());
    let both = format!(
        "{user}@127.0.0.1:{},127.0.0.1:{}/{name}?target_session_attrs=read-write",
        primary.port(),
        standby.port()
    );
    let builders = vec![server(&at(database.url(), relay.address()), MAX_STALENESS), server(&both, MAX_STALENESS)];
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let load = Load::start(&fleet, 20, 2, PAUSE).await;
    let began = now();
    let writers = Writers::start(&fleet, &[0, 1], 2, Duration::from_millis(30));
    pass(QUIET).await;

    // Connected to the standby, the first can read but prove nothing. The standby lags a little, so it is not usable.
    relay.redirect_to(local(standby.port()));
    let misled = now();
    eventually_async("who only reaches a standby stops deciding", RECOVERY, async || {
        (!fleet.members[0].is_ready()).then_some(())
    })
    .await;
    assert!(now() > misled + MAX_STALENESS - MARGIN, "it decides for as long as it may");
    assert!(fleet.members[1].is_ready());
    let url = at(database.url(), local(standby.port()));
    let mut stray = server(&url, MAX_STALENESS).spawn();
    relay.redirect_to(local(primary.port()));
    fleet.wait_all_ready().await;
    let back = now();
    pass(QUIET).await;

    // A server that is started on it does not serve either.
    let answer = stray.data().join("addresses.json").exists() && {
        let ops = stray.addresses().ops;
        helpers::support::http::get(ops, "/readyz").is_ok_and(|answer| answer.status == 200)
    };
    assert!(!answer, "a standby is no storage to serve from");
    if stray.try_wait().is_none() {
        stray.kill9();
    }
    drop(stray);

    // The primary is killed under load, and the standby is promoted.
    let before = writers.done();
    primary.kill9();
    standby.promote();
    relay.redirect_to(local(standby.port()));
    // Commits must not wait for a standby that no longer exists.
    eventually_async("writes are taken by the new primary", RECOVERY, async || {
        (writers.done() > before + 10).then_some(())
    })
    .await;
    fleet.wait_all_ready().await;
    let (done, _) = writers.end().await;
    pass(QUIET).await;
    let ended = now();
    let tally = load.end().await;
    assert!(done > 20, "{done} writes were acknowledged");
    tally.assert_answered(&[1], began, ended);
    tally.assert_answered(&[0], began, misled + MAX_STALENESS - MARGIN);
    tally.assert_answered(&[0], back, ended);
    fleet.assert_agrees_with_ledger().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failover_that_loses_commits_is_noticed_and_what_was_lost_counts_no_more() {
    let mut primary = Cluster::start(Options::default());
    let database = primary.database();
    let standby = primary.standby();
    let relays = [Relay::to(local(primary.port())), Relay::to(local(primary.port()))];
    let builders = relays.iter().map(|relay| server(&at(database.url(), relay.address()), LONG)).collect();
    let fleet = Fleet::start(builders, LONG).await;
    let clients = fleet.clients();
    let load = Load::start(&fleet, 20, 1, PAUSE).await;
    let began = now();
    let create_key = async |name: &str| {
        let key = key_with_access(name, &STORES[..1], &METHODS[1..2]);
        let request = proto::CreateKeyRequest { key: Some(key), ..Default::default() };
        clients[0].keys().create_key(request).await.expect("a key is made").into_inner()
    };
    let revoke = async |id: String, on: usize| {
        let request = proto::RevokeKeyRequest { id, reason: "a test".to_owned(), ..Default::default() };
        clients[on].keys().revoke_key(request).await.map(tonic::Response::into_inner)
    };
    let survives = create_key("revoked on both sides of the failover").await;
    let revived = create_key("revoked only where it is lost").await;
    primary.wait_caught_up(&standby);
    standby.stop_streaming();

    // Acknowledged, and lost: PostgreSQL was not configured to wait for its standby.
    let id = |answer: &proto::CreateKeyResponse| answer.key.clone().expect("an answer has a key").id;
    revoke(id(&revived), 0).await.expect("it is revoked");
    let lost = create_key("made only where it is lost").await;
    let lost_token = lost.written.clone().expect("a write tells its revision").revision;
    for number in 0..10 {
        create_key(&format!("lost {number}")).await;
    }

    // The second server is partitioned while the first fails over and writes more revisions than were lost.
    relays[1].set(Traffic::Silent);
    let (before, failed_over) = (History::from_rows(&database.query(CHANGES_QUERY)), now());
    primary.kill9();
    standby.promote();
    relays[0].redirect_to(local(standby.port()));
    eventually_async("the first server writes to the new primary", RECOVERY, async || {
        clients[0].create_store(&format!("s{}", now().as_millis())).await.ok()
    })
    .await;
    fleet.members[0].reloaded().await;
    let revoked = revoke(id(&survives), 0).await.expect("it is revoked").written.expect("a write tells");
    assert_eq!(revoked.pending_replicas, [fleet.members[1].replica.clone()], "the second may still allow it");
    for number in 0..30 {
        create_key(&format!("after {number}")).await;
    }
    // Its latest revision of the lost history exceeds the number of that revocation; its report must not count for it.
    relays[1].redirect_to(local(standby.port()));
    relays[1].set(Traffic::Open);

    for (client, member) in clients.iter().zip(&fleet.members) {
        eventually_async("all is loaded anew", RECOVERY, async || {
            let decision = client.authorize(&lost.token, STATUSES, "").await.ok()?;
            (decision.reason() == proto::Reason::KeyUnknown).then_some(())
        })
        .await;
        eventually_async("what was revoked since is refused everywhere", RECOVERY, async || {
            let decision = client.authorize(&survives.token, STATUSES, "").await.ok()?;
            (decision.reason() == proto::Reason::KeyRevoked).then_some(())
        })
        .await;
        // Everything is as in storage.
        let decision = client.authorize(&revived.token, STATUSES, "").await.expect("a call is decided");
        assert!(decision.allowed, "its revocation was lost: {decision:?}");
        let decision = client.authorize(&lost.token, STATUSES, "").await.expect("a call is decided");
        assert_eq!(decision.reason(), proto::Reason::KeyUnknown, "it was lost");
        // The first server may know only revisions since its reload, and then cannot determine how old a revision is.
        let request = proto::AuthorizeRequest {
            key: survives.token.clone(),
            method: STATUSES.to_owned(),
            min_revision: lost_token.clone(),
            ..Default::default()
        };
        match client.authorization().authorize(request).await {
            Ok(answer) => assert!(!answer.into_inner().decision.expect("an answer has a decision").allowed),
            Err(status) => assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}"),
        }
        let log = member.server.stderr();
        assert!(log.contains("the history of storage has diverged"), "it says what happened:\n{log}");
        for number in 0..3 {
            let decision = client.authorize(&survives.token, STATUSES, "").await.expect("a call is decided");
            assert!(!decision.allowed, "look {number}: {decision:?}");
        }
    }
    revoke(id(&revived), 1).await.expect("it is revoked once more");
    let decision = clients[0].authorize(&revived.token, STATUSES, "").await.expect("a call is decided");
    assert!(!decision.allowed, "{decision:?}");
    let ended = now();
    // Until the new history is loaded, the lost one decides: as if the last poll of it had been the last to succeed.
    load.end().await.assert_answered(&[0, 1], began, ended);
    fleet.assert_agrees_after(Some((before, failed_over))).await;
}
