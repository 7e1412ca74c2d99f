//! Several servers start at the same moment on one empty database: all serve, and there is one first operator.

use std::time::Duration;

use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access};
use helpers::support::eventually_async;
use helpers::support::postgres::Cluster;
use helpers::support::process::{Builder, LatchkeyProcess};
use helpers::support::workspace::Workspace;
use latchkey::model::token::Token;
use latchkey::proto::v1 as proto;

/// Bound for the servers to apply each other's writes: by polls, not by proofs of freshness.
const CONVERGENCE: Duration = Duration::from_secs(10);

/// Number of races, each with any winner.
const ROUNDS: usize = 3;

/// Starts a server for each builder at once, and returns once all are ready.
fn start(builders: Vec<Builder>) -> Vec<LatchkeyProcess> {
    let mut servers: Vec<_> = builders.into_iter().map(Builder::spawn).collect();
    for server in &mut servers {
        server.wait_ready();
    }
    servers
}

/// Returns the token of the first operator: from the data folder of the one server that created it.
fn the_only_token(servers: &[LatchkeyProcess]) -> String {
    let made: Vec<_> = servers.iter().filter(|server| server.data().join("admin.token").exists()).collect();
    let count = made.len();
    assert_eq!(count, 1, "one server made the first operator, and kept its token");
    made[0].admin_token()
}

/// Checks that every server accepts the token, and lists one operator, `admin`.
async fn one_admin(servers: &[LatchkeyProcess], token: &str) {
    for server in servers {
        let client = Client::new(server.addresses(), token);
        let request = proto::ListOperatorsRequest { include_revoked: true, ..Default::default() };
        let listed = client.operators().list_operators(request).await.expect("the token is good on every server");
        let listed = listed.into_inner().operators;
        let names: Vec<_> = listed.iter().map(|operator| (operator.name.as_str(), operator.role())).collect();
        assert_eq!(names, [("admin", proto::Role::Admin)]);
    }
}

/// Checks that every server decides by the writes of each server.
async fn they_are_one_service(servers: &[LatchkeyProcess], token: &str) {
    let clients: Vec<_> = servers.iter().map(|server| Client::new(server.addresses(), token)).collect();
    clients[0].create_test_data().await;
    for (number, writer) in clients.iter().enumerate() {
        let key = key_with_access(&format!("made by server {number}"), &STORES[..1], &METHODS[1..2]);
        let request = proto::CreateKeyRequest { key: Some(key), ..Default::default() };
        let made = writer.keys().create_key(request).await.expect("every server writes").into_inner();
        let id = made.key.expect("an answer has a key").id;
        for client in &clients {
            let request = proto::AuthorizeRequest {
                key: made.token.clone(),
                method: STATUSES.to_owned(),
                min_revision: made.written.as_ref().expect("a write tells its revision").revision.clone(),
                ..Default::default()
            };
            let answer = client.authorization().authorize(request).await.expect("every server decides");
            let decision = answer.into_inner().decision.expect("an answer has a decision");
            assert!(decision.allowed && decision.key_id == id && decision.store == STORES[0], "{decision:?}");
        }
        let revoke = proto::RevokeKeyRequest { id, reason: "a test".to_owned(), ..Default::default() };
        writer.keys().revoke_key(revoke).await.expect("every server writes");
        for client in &clients {
            eventually_async("the revocation is applied everywhere", CONVERGENCE, async || {
                let decision = client.authorize(&made.token, STATUSES, "").await.expect("every server decides");
                (!decision.allowed).then_some(())
            })
            .await;
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_started_at_once_on_one_empty_postgres_all_serve_and_make_one_admin() {
    for round in 0..ROUNDS {
        let database = Cluster::shared().database();
        let servers = start((0..3).map(|_| LatchkeyProcess::builder().database(database.url())).collect());
        let token = the_only_token(&servers);
        one_admin(&servers, &token).await;
        if round > 0 {
            continue;
        }
        they_are_one_service(&servers, &token).await;
        let client = Client::new(servers[2].addresses(), &token);
        let listed = client.replicas().list_replicas(proto::ListReplicasRequest {}).await.expect("replicas are told");
        let live = listed.into_inner().replicas.into_iter().filter(|replica| replica.live).count();
        assert_eq!(live, 3);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_servers_brought_the_same_token_take_it_once() {
    let database = Cluster::shared().database();
    let folder = Workspace::new("token");
    let file = folder.path().join("first.token");
    let token = Token::issue_operator([17; 32]);
    std::fs::write(&file, format!("{}\n", token.reveal())).expect("the file can be written");
    let builder =
        || LatchkeyProcess::builder().database(database.url()).env("LATCHKEY_BOOTSTRAP_TOKEN_FILE", file.as_os_str());
    let servers = start((0..3).map(|_| builder()).collect());
    one_admin(&servers, token.reveal()).await;
    for server in &servers {
        assert!(!server.data().join("admin.token").exists(), "a token that was brought is not written down again");
    }
}
