//! A database is restored table by table under running servers: missing rows are never reported as unknown.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use tonic::{Code, Status};

use crate::chaos::PAUSE;
use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access, spawn_task};
use helpers::fleet::{Fleet, RECOVERY, server};
use helpers::support::postgres::{Cluster, Database, Options};
use helpers::support::{eventually_async, pass};

/// Longer than any of these restores: cached keys keep getting decisions.
const MAX_STALENESS: Duration = Duration::from_secs(60);
/// Number of keys in the dump.
const KEYS: usize = 6;

async fn create_key(client: &Client, name: &str) -> String {
    let key = key_with_access(name, &STORES[..1], &METHODS[1..2]);
    client.create_key(key).await.expect("a key is made").1
}

/// Returns `data` with pauses before the statements that fill some tables.
fn slowly(data: &str, pauses: &[(&str, f64)]) -> String {
    pauses.iter().fold(data.to_owned(), |data, (table, seconds)| {
        let copy = format!("COPY public.{table} ");
        assert!(data.contains(&copy), "{table} is in the dump");
        data.replace(&copy, &format!("SELECT pg_sleep({seconds});\n{copy}"))
    })
}

/// Returns whether `status` reveals nothing about the key. A server that does not know its caller responds before it
/// has read the call, and HTTP/2 ends a connection after 1 024 of those responses.
fn is_no_decision(status: &Status) -> bool {
    let closed = matches!(status.code(), Code::ResourceExhausted | Code::Cancelled);
    status.code() == Code::Unavailable || closed && format!("{status:?}").contains("hyper")
}

/// Calls every server with every key while `until` does not hold, with a store and without. The only permitted results
/// are that the call is allowed, or no decision. Returns how often there was no decision.
async fn authorize_until(clients: &[Client], tokens: &[String], until: impl Fn() -> bool) -> usize {
    let mut undecided = 0;
    while !until() {
        for client in clients {
            for token in tokens {
                for store in ["", STORES[0]] {
                    match client.authorize(token, STATUSES, store).await {
                        Ok(decision) => {
                            assert!(decision.allowed, "a key of the dump, at store `{store}`: {decision:?}");
                        }
                        Err(status) => {
                            assert!(is_no_decision(&status), "{status:?}");
                            undecided += 1;
                        }
                    }
                }
            }
        }
        pass(PAUSE).await;
    }
    undecided
}

/// Restores while servers are called, and expects the original state in the end. `lost` writes are made after the dump.
async fn restore_slowly(pauses: &'static [(&'static str, f64)], lost: usize, warm: usize) -> Fleet {
    let cluster = Cluster::start(Options::default());
    let database: Database = cluster.database();
    let fleet = Fleet::start((0..2).map(|_| server(database.url(), MAX_STALENESS)).collect(), MAX_STALENESS).await;
    let clients = fleet.clients();
    let mut tokens = Vec::new();
    for number in 0..KEYS {
        tokens.push(create_key(&clients[0], &format!("of the dump {number}")).await);
    }
    for client in &clients {
        for token in &tokens[..warm] {
            assert!(client.authorize(token, STATUSES, STORES[0]).await.expect("it is decided").allowed);
        }
    }
    let data = slowly(&database.dump_data(), pauses);
    for number in 0..lost {
        create_key(&clients[0], &format!("after the dump {number}")).await;
    }
    // Followed by both, so that both must notice.
    for client in &clients {
        let token = create_key(client, "after the dump").await;
        if lost == 0 {
            continue;
        }
        for client in &clients {
            assert!(client.authorize(&token, STATUSES, "").await.expect("it is decided").allowed);
        }
    }
    let data = if lost == 0 { slowly(&database.dump_data(), pauses) } else { data };
    let restore = spawn_task(async move {
        tokio::task::spawn_blocking(move || {
            database.run_script(&cluster, &data);
            (cluster, database)
        })
        .await
        .expect("it is restored")
    });
    authorize_until(&clients, &tokens, || restore.is_finished()).await;
    let (_cluster, _database) = restore.await.expect("it is restored");
    if lost > 0 {
        // Before that they decide from their caches, which is correct too but proves nothing for the following steps.
        for member in &fleet.members {
            eventually_async("it notices that commits were lost", RECOVERY, async || {
                member.server.stderr().contains("once storage is complete").then_some(())
            })
            .await;
            member.reloaded().await;
        }
    }
    for client in &clients {
        for token in &tokens {
            eventually_async("all is as it was, without a restart", RECOVERY, async || {
                match client.authorize(token, STATUSES, STORES[0]).await {
                    Ok(decision) => {
                        assert!(decision.allowed, "{decision:?}");
                        Some(())
                    }
                    Err(status) => {
                        assert!(is_no_decision(&status), "{status:?}");
                        None
                    }
                }
            })
            .await;
        }
    }
    fleet.wait_all_ready().await;
    let written = create_key(&clients[1], "of the restored database").await;
    for client in &clients {
        assert!(client.authorize(&written, STATUSES, STORES[0]).await.expect("it is decided").allowed);
    }
    fleet
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_brings_secrets_and_stores_late_calls_none_of_them_unknown() {
    let fleet = restore_slowly(&[("secrets", 4.0), ("stores", 2.0)], 3, 3).await;
    for member in &fleet.members {
        let log = member.server.stderr();
        assert!(log.contains("waiting for the database to be complete"), "it says what it waits for:\n{log}");
        assert!(log.contains("secrets"), "and for which table:\n{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_that_brings_methods_and_lists_of_keys_late_refuses_nobody() {
    restore_slowly(
        &[("methods", 0.5), ("key_stores", 0.5), ("key_methods", 1.0), ("keys", 3.0), ("operators", 1.0)],
        3,
        3,
    )
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restore_of_the_newest_revision_calls_no_cold_key_unknown() {
    restore_slowly(&[("secrets", 3.0), ("stores", 3.0)], 0, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_starts_in_the_middle_of_a_restore_waits_for_the_rest() {
    let cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let first = server(database.url(), MAX_STALENESS).start();
    let client = Client::for_admin(&first);
    client.create_test_data().await;
    let token = create_key(&client, "of the dump").await;
    let data = slowly(&database.dump_data(), &[("secrets", 6.0), ("stores", 2.0)]);
    let operator = first.admin_token();
    drop(first);
    let url = database.url().to_owned();
    let restore = spawn_task(async move {
        tokio::task::spawn_blocking(move || {
            database.run_script(&cluster, &data);
            (cluster, database)
        })
        .await
        .expect("it is restored")
    });
    let looking = url.clone();
    eventually_async("the revision is there, the secrets are not", RECOVERY, async || {
        let sql = "SELECT 1 FROM revision WHERE NOT EXISTS (SELECT 1 FROM secrets)";
        helpers::support::postgres::query(&looking, sql).ok().filter(|rows| !rows.is_empty()).map(drop)
    })
    .await;
    let started = server(&url, MAX_STALENESS).spawn();
    let client = Client::new(
        eventually_async("it listens", RECOVERY, async || {
            started.data().join("addresses.json").exists().then(|| started.addresses())
        })
        .await,
        &operator,
    );
    authorize_until(std::slice::from_ref(&client), std::slice::from_ref(&token), || restore.is_finished()).await;
    let _kept = restore.await.expect("it is restored");
    eventually_async("it decides once all is there", RECOVERY, async || {
        client.authorize(&token, STATUSES, STORES[0]).await.ok().filter(|decision: &proto::Decision| decision.allowed)
    })
    .await;
}
