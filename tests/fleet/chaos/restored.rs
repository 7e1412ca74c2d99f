//! The database is restored from an older dump, and then exceeds the revision that running servers had followed.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use tonic::Code;

use crate::chaos::PAUSE;
use crate::chaos::at;
use crate::chaos::local;
use crate::chaos::pass;
use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access};
use helpers::fleet::load::{Load, Writers};
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::oracle::{CHANGES_QUERY, History};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Options};
use helpers::support::relay::{Relay, Traffic};

/// Longer than the restore takes: cached keys keep getting decisions meanwhile.
const MAX_STALENESS: Duration = Duration::from_secs(20);

async fn create_key(client: &Client, name: &str) -> proto::CreateKeyResponse {
    let key = key_with_access(name, &STORES[..1], &METHODS[1..2]);
    let request = proto::CreateKeyRequest { key: Some(key), ..Default::default() };
    client.keys().create_key(request).await.expect("a key is made").into_inner()
}

async fn revoke(client: &Client, key: &proto::CreateKeyResponse) -> proto::Written {
    let id = key.key.clone().expect("an answer has a key").id;
    let request = proto::RevokeKeyRequest { id, reason: "a test".to_owned(), ..Default::default() };
    client.keys().revoke_key(request).await.expect("it is revoked").into_inner().written.expect("a write tells")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_database_is_noticed_even_when_it_has_grown_past_what_was_followed() {
    let cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let relay = Relay::to(local(cluster.port()));
    let url = at(database.url(), relay.address());
    let fleet = Fleet::start((0..2).map(|_| server(&url, MAX_STALENESS)).collect(), MAX_STALENESS).await;
    let clients = fleet.clients();
    let load = Load::start(&fleet, 20, 1, PAUSE).await;
    let kept = create_key(&clients[0], "revoked in both pasts").await;
    let revived = create_key(&clients[0], "revoked after the dump").await;
    let dump = database.dump();

    let lost = create_key(&clients[0], "made after the dump").await;
    revoke(&clients[0], &revived).await;
    let lost_revision = revoke(&clients[0], &lost).await.revision;
    let lost_too = create_key(&clients[0], "made after the dump, and good").await;
    let last = lost_too.written.clone().expect("a write tells").revision;
    for client in &clients {
        let decision = client.authorize(&lost_too.token, STATUSES, "").await.expect("a call is decided");
        assert!(decision.allowed, "{decision:?}");
    }

    // No server reaches the database while it is restored; a separate server then writes more revisions than were lost.
    relay.set(Traffic::Closed);
    let (before, restored) = (History::from_rows(&database.query(CHANGES_QUERY)), now());
    database.restore(&cluster, &dump);
    let served = server(database.url(), MAX_STALENESS).start();
    let newcomer = Client::new(served.addresses(), &fleet.token);
    revoke(&newcomer, &kept).await;
    for number in 0..20 {
        create_key(&newcomer, &format!("of the new past {number}")).await;
    }
    relay.set(Traffic::Open);

    for (client, member) in clients.iter().zip(&fleet.members) {
        eventually_async("all is loaded anew", RECOVERY, async || {
            let decision = client.authorize(&lost_too.token, STATUSES, "").await.ok()?;
            (decision.reason() == proto::Reason::KeyUnknown).then_some(())
        })
        .await;
        eventually_async("what was revoked in the new past is refused", RECOVERY, async || {
            let decision = client.authorize(&kept.token, STATUSES, "").await.ok()?;
            (!decision.allowed).then_some(())
        })
        .await;
        for _ in 0..3 {
            let decision = client.authorize(&kept.token, STATUSES, "").await.expect("a call is decided");
            assert_eq!(decision.reason(), proto::Reason::KeyRevoked);
            let decision = client.authorize(&revived.token, STATUSES, "").await.expect("a call is decided");
            assert!(decision.allowed, "its revocation is not in the dump: {decision:?}");
            for gone in [&lost, &lost_too] {
                let decision = client.authorize(&gone.token, STATUSES, "").await.expect("a call is decided");
                assert_eq!(decision.reason(), proto::Reason::KeyUnknown, "it is not in the dump");
            }
        }
        let log = member.server.stderr();
        assert!(log.contains("the history of storage has diverged"), "it says what happened:\n{log}");
    }
    // The new server has followed the new history from its beginning, and can tell how old a revision is.
    for revision in [&lost_revision, &last] {
        let request = proto::AuthorizeRequest {
            key: revived.token.clone(),
            method: STATUSES.to_owned(),
            min_revision: revision.clone(),
            ..Default::default()
        };
        let status = newcomer.authorization().authorize(request).await.expect_err("it is of a lost past");
        assert_eq!(status.code(), Code::FailedPrecondition, "{status:?}");
    }
    // All servers follow the same history again.
    let written = revoke(&clients[1], &revived).await;
    assert!(written.pending_replicas.is_empty(), "{written:?}");
    for client in [&clients[0], &clients[1], &newcomer] {
        let decision = client.authorize(&revived.token, STATUSES, "").await.expect("a call is decided");
        assert!(!decision.allowed, "{decision:?}");
    }
    let writers = Writers::start(&fleet, &[0, 1], 1, Duration::from_millis(20));
    pass(Duration::from_secs(1)).await;
    let (done, failed) = writers.end().await;
    assert!(done > 0 && failed == 0, "{done} writes were acknowledged, {failed} were not");
    drop(load.end().await);
    fleet.assert_agrees_after(Some((before, restored))).await;
}
