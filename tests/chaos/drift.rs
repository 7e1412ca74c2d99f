//! Rows changed by SQL behind the servers' backs: noticed within a minute, reported, and then decided correctly.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::calls::{Client, METHODS, STATUSES, STORES, selected};
use crate::fleet::{Fleet, server};
use crate::support::eventually_async;
use crate::support::postgres::{Cluster, Database, Options};

const MAX_STALENESS: Duration = Duration::from_secs(60);
/// The promised bound: a minute.
const NOTICED: Duration = Duration::from_secs(60);

/// Two servers, and the key and store that the test calls them with.
struct Watched {
    database: Database,
    fleet: Fleet,
    _cluster: Cluster,
}

impl Watched {
    async fn start() -> Self {
        let cluster = Cluster::start(Options::default());
        let database = cluster.database();
        let builders = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
        let fleet = Fleet::start(builders, MAX_STALENESS).await;
        Self { database, fleet, _cluster: cluster }
    }

    async fn make(&self, name: &str) -> (String, String) {
        let (key, token) = self.fleet.members[0]
            .client
            .create_key(selected(name, &STORES[..1], &METHODS[1..2]))
            .await
            .expect("it is made");
        for client in self.fleet.clients() {
            assert!(client.authorize(&token, STATUSES, STORES[0]).await.expect("it is decided").allowed);
        }
        (key.id, token)
    }

    /// Waits until every server returns `reason` for a call, has reported it under one of these names, and returns it
    /// again. For a cached grant the report names the key; for a mismatch of fingerprints only the table.
    async fn comes_to(&self, token: &str, store: &str, reason: proto::Reason, named: &[&str]) {
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
        crate::support::pass(Duration::from_secs(20)).await;
    }

    /// Asserts that every server still accepts writes and makes decisions.
    async fn is_well(&self) {
        self.fleet.all_ready().await;
        self.make("after all").await;
    }
}

fn client(watched: &Watched) -> &Client {
    &watched.fleet.members[0].client
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_secret_and_a_key_switched_off_by_hand_are_noticed() {
    let watched = Watched::start().await;
    let (gone, gone_token) = watched.make("its secret is deleted").await;
    let (off, off_token) = watched.make("it is switched off").await;
    let (narrowed, narrowed_token) = watched.make("it loses its stores").await;
    let (_, other) = watched.make("nobody touches it").await;
    watched.database.query(&format!("DELETE FROM secrets WHERE key_id = '{gone}'"));
    watched.comes_to(&gone_token, STORES[0], proto::Reason::KeyUnknown, &[&gone, "\"secrets\""]).await;
    watched.hold(&off_token).await;
    watched.database.query(&format!("UPDATE keys SET active = FALSE WHERE id = '{off}'"));
    watched.comes_to(&off_token, STORES[0], proto::Reason::KeyInactive, &[&off, "\"keys\""]).await;
    watched.hold(&narrowed_token).await;
    watched.database.query(&format!("DELETE FROM key_stores WHERE key_id = '{narrowed}'"));
    watched.comes_to(&narrowed_token, STORES[0], proto::Reason::StoreDenied, &[&narrowed, "\"key_stores\""]).await;
    for client in watched.fleet.clients() {
        assert!(client.authorize(&other, STATUSES, STORES[0]).await.expect("it is decided").allowed);
    }
    watched.is_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_method_and_operator_changed_by_hand_are_noticed() {
    let watched = Watched::start().await;
    let (_, token) = watched.make("a key").await;
    watched.database.query(&format!("UPDATE stores SET active = FALSE WHERE code = '{}'", STORES[0]));
    watched.comes_to(&token, STORES[0], proto::Reason::StoreInactive, &[STORES[0]]).await;
    watched.database.query(&format!("UPDATE stores SET active = TRUE WHERE code = '{}'", STORES[0]));
    for client in watched.fleet.clients() {
        eventually_async("it is allowed again", NOTICED, async || {
            client.authorize(&token, STATUSES, STORES[0]).await.ok().filter(|decision| decision.allowed).map(drop)
        })
        .await;
    }
    watched.database.query(
        "INSERT INTO methods (identity, block, summary, description, store_use, store_places, position, search, \
         created_at, updated_at, row_revision) VALUES ('GET /by-hand', 'Orders', 's', '', 'optional', '[]', 99, '', 1, 1, 1)",
    );
    let open = proto::Key {
        name: "all".to_owned(),
        store_access: proto::Access::All.into(),
        method_access: proto::Access::All.into(),
        ..Default::default()
    };
    let (_, open) = client(&watched).create_key(open).await.expect("a key is made");
    for client in watched.fleet.clients() {
        eventually_async("the method is known", NOTICED, async || {
            let decision = client.authorize(&open, "GET /by-hand", STORES[0]).await.ok()?;
            (!decision.methods.is_empty()).then_some(())
        })
        .await;
    }
    watched.is_well().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn drift_among_keys_that_are_being_written_is_noticed_too() {
    let watched = Watched::start().await;
    let (id, token) = watched.make("switched off while others are written").await;
    // Its part is written to all the time, so that no measurement can be compared.
    let end = &id[id.len() - 3..];
    watched.database.query(&format!("UPDATE keys SET all_stores = TRUE WHERE id = '{id}'"));
    watched.database.query(&format!(
        "WITH r AS (UPDATE revision SET value = value + 1, nonce = 77 RETURNING value) INSERT INTO changes (revision, \
         ordinal, nonce, at, actor, actor_name, action, comment, subject_kind, subject_id, before, after) SELECT value, 0, \
         77, 1, 'system', 'system', 'update', '', 'key', 'key_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2{end}', '{{}}', '{{}}' FROM r"
    ));
    for client in watched.fleet.clients() {
        eventually_async("it opens every store", NOTICED, async || {
            client.authorize(&token, STATUSES, STORES[1]).await.ok().filter(|decision| decision.allowed).map(drop)
        })
        .await;
    }
    watched.is_well().await;
}
