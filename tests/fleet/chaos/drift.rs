//! Rows changed by SQL behind the servers' backs: noticed within a minute, reported, and then decided correctly.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access};
use helpers::fleet::{Fleet, server};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Database, Options};

const MAX_STALENESS: Duration = Duration::from_secs(60);
/// The promised bound: a minute.
const NOTICED: Duration = Duration::from_secs(60);

/// Two servers, and the key and store that the test calls them with.
struct Setup {
    database: Database,
    fleet: Fleet,
    _cluster: Cluster,
}

impl Setup {
    async fn start() -> Self {
        let cluster = Cluster::start(Options::default());
        let database = cluster.database();
        let builders = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
        let fleet = Fleet::start(builders, MAX_STALENESS).await;
        Self { database, fleet, _cluster: cluster }
    }

    async fn create_key(&self, name: &str) -> (String, String) {
        let (key, token) = self.fleet.members[0]
            .client
            .create_key(key_with_access(name, &STORES[..1], &METHODS[1..2]))
            .await
            .expect("it is made");
        for client in self.fleet.clients() {
            assert!(client.authorize(&token, STATUSES, STORES[0]).await.expect("it is decided").allowed);
        }
        (key.id, token)
    }

    /// Waits until every server returns `reason` for a call, has reported it under one of these names, and returns it
    /// again. For a cached grant the report names the key; for a mismatch of fingerprints only the table.
    async fn wait_for_reason(&self, token: &str, store: &str, reason: proto::Reason, named: &[&str]) {
        for member in &self.fleet.members {
            let answer = async || member.client.authorize(token, STATUSES, store).await.ok();
            eventually_async(&format!("{reason:?} is answered"), NOTICED, async || {
                answer().await.filter(|decision| decision.reason() == reason).map(drop)
            })
            .await;
            assert_eq!(answer().await.map(|decision| decision.reason()), Some(reason));
            assert!(member.metric("latchkey_drift_total") > 0.0, "it is counted");
            let log = member.server.stderr();
            let line = log.lines().find(|line| {
                line.contains("although no write changed it") && named.iter().any(|named| line.contains(named))
            });
            assert!(line.is_some(), "it is reported with one of {named:?}:\n{log}");
        }
    }

    /// Makes every server cache the key for long enough that it was compared.
    async fn hold(&self, token: &str) {
        for client in self.fleet.clients() {
            eventually_async("it is allowed", NOTICED, async || {
                client.authorize(token, STATUSES, STORES[0]).await.ok().filter(|decision| decision.allowed).map(drop)
            })
            .await;
        }
        helpers::support::pass(Duration::from_secs(20)).await;
    }

    /// Asserts that every server still accepts writes and makes decisions.
    async fn assert_healthy(&self) {
        self.fleet.wait_all_ready().await;
        self.create_key("after all").await;
    }
}

fn client(setup: &Setup) -> &Client {
    &setup.fleet.members[0].client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_secret_and_a_key_switched_off_by_hand_are_noticed() {
    let setup = Setup::start().await;
    let (gone, gone_token) = setup.create_key("its secret is deleted").await;
    let (off, off_token) = setup.create_key("it is switched off").await;
    let (narrowed, narrowed_token) = setup.create_key("it loses its stores").await;
    let (_, other) = setup.create_key("nobody touches it").await;
    setup.database.query(&format!("DELETE FROM secrets WHERE key_id = '{gone}'"));
    setup.wait_for_reason(&gone_token, STORES[0], proto::Reason::KeyUnknown, &[&gone, "\"secrets\""]).await;
    setup.hold(&off_token).await;
    setup.database.query(&format!("UPDATE keys SET active = FALSE WHERE id = '{off}'"));
    setup.wait_for_reason(&off_token, STORES[0], proto::Reason::KeyInactive, &[&off, "\"keys\""]).await;
    setup.hold(&narrowed_token).await;
    setup.database.query(&format!("DELETE FROM key_stores WHERE key_id = '{narrowed}'"));
    setup.wait_for_reason(&narrowed_token, STORES[0], proto::Reason::StoreDenied, &[&narrowed, "\"key_stores\""]).await;
    for client in setup.fleet.clients() {
        assert!(client.authorize(&other, STATUSES, STORES[0]).await.expect("it is decided").allowed);
    }
    setup.assert_healthy().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_method_and_operator_changed_by_hand_are_noticed() {
    let setup = Setup::start().await;
    let (_, token) = setup.create_key("a key").await;
    setup.database.query(&format!("UPDATE stores SET active = FALSE WHERE code = '{}'", STORES[0]));
    setup.wait_for_reason(&token, STORES[0], proto::Reason::StoreInactive, &[STORES[0]]).await;
    setup.database.query(&format!("UPDATE stores SET active = TRUE WHERE code = '{}'", STORES[0]));
    for client in setup.fleet.clients() {
        eventually_async("it is allowed again", NOTICED, async || {
            client.authorize(&token, STATUSES, STORES[0]).await.ok().filter(|decision| decision.allowed).map(drop)
        })
        .await;
    }
    setup.database.query(
        "INSERT INTO methods (identity, block, summary, description, store_use, store_places, position, search, \
         created_at, updated_at, row_revision) VALUES ('GET /by-hand', 'Orders', 's', '', 'optional', '[]', 99, '', 1, 1, 1)",
    );
    let open = proto::Key {
        name: "all".to_owned(),
        store_access: proto::Access::All.into(),
        method_access: proto::Access::All.into(),
        ..Default::default()
    };
    let (_, open) = client(&setup).create_key(open).await.expect("a key is made");
    for client in setup.fleet.clients() {
        eventually_async("the method is known", NOTICED, async || {
            let decision = client.authorize(&open, "GET /by-hand", STORES[0]).await.ok()?;
            (!decision.methods.is_empty()).then_some(())
        })
        .await;
    }
    setup.assert_healthy().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_among_keys_that_are_being_written_is_noticed_too() {
    let setup = Setup::start().await;
    let (id, token) = setup.create_key("switched off while others are written").await;
    // Its part is written to all the time, so that no measurement can be compared.
    let end = &id[id.len() - 3..];
    setup.database.query(&format!("UPDATE keys SET all_stores = TRUE WHERE id = '{id}'"));
    setup.database.query(&format!(
        "WITH r AS (UPDATE revision SET value = value + 1, nonce = 77 RETURNING value) INSERT INTO changes (revision, \
         ordinal, nonce, at, actor, actor_name, action, comment, subject_kind, subject_id, before, after) SELECT value, 0, \
         77, 1, 'system', 'system', 'update', '', 'key', 'key_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2{end}', '{{}}', '{{}}' FROM r"
    ));
    for client in setup.fleet.clients() {
        eventually_async("it opens every store", NOTICED, async || {
            client.authorize(&token, STATUSES, STORES[1]).await.ok().filter(|decision| decision.allowed).map(drop)
        })
        .await;
    }
    setup.assert_healthy().await;
}
