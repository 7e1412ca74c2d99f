//! Many requests through Envoy while keys are revoked and the two Latchkeys behind it are restarted in turn: none
//! fails, and each gets the correct decision for its revision.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use latchkey::clock::SystemClock;
use latchkey::proto::v1 as proto;

use crate::proxies::configured;
use crate::proxies::create_operator;
use crate::proxies::proxy::{Proxy, Upstreams};
use crate::proxies::shop::{ClientConnection, Shop};
use helpers::calls::{Client, METHODS, key_with_access};
use helpers::oracle::{Checker, DecisionRequest, History, Outcome, Recorder};
use helpers::support::eventually;
use helpers::support::postgres::Cluster;
use helpers::support::workspace::Workspace;

/// Minimum number of requests in all.
const REQUESTS: usize = 20_000;
/// Connections of clients.
const CALLERS: usize = 4;
/// Keys in use. Half of them are revoked meanwhile.
const KEYS: usize = 40;
/// Number of restarts of each server.
const ROUNDS: usize = 2;
/// Bound for Envoy to consider a server healthy, and for a server to exit.
const BOUND: Duration = Duration::from_secs(60);

const PROFILE: &str = "keys = [\"header:x-api-key\"]\nstores = [\"query:site\"]\n";

struct Load {
    recorder: Arc<Recorder>,
    tokens: Vec<String>,
    requests_sent: AtomicUsize,
    over: AtomicBool,
}

impl Load {
    /// Makes requests over one connection until the end. Returns the failures.
    fn call(&self, port: u16, first: usize) -> Vec<String> {
        let mut failed = Vec::new();
        let mut line = ClientConnection::connect(port).expect("Envoy listens");
        let mut number = first;
        while !self.over.load(Ordering::Relaxed) {
            number += CALLERS;
            let token = &self.tokens[number % self.tokens.len()];
            let site = if number.is_multiple_of(7) { "madrid" } else { "berlin" };
            let request = DecisionRequest {
                token: token.clone(),
                method: "GET /api/v5/orders".to_owned(),
                store: site.to_owned(),
                ..DecisionRequest::default()
            };
            let sent = self.recorder.now();
            let target = format!("/api/v5/orders?site={site}");
            let answer = match line.send("GET", target.as_bytes(), &[&format!("x-api-key: {token}")], b"") {
                Ok(answer) => answer,
                Err(error) => {
                    failed.push(error.to_string());
                    line = ClientConnection::connect(port).expect("Envoy listens");
                    continue;
                }
            };
            self.requests_sent.fetch_add(1, Ordering::Relaxed);
            let allowed = match answer.status() {
                200 => true,
                401 | 403 => false,
                _ => {
                    failed.push(answer.to_text());
                    continue;
                }
            };
            // Two servers respond, each at its own revision: each decision is checked by itself.
            let outcome =
                Outcome::Allowed { allowed, revision: answer.header("x-revision").and_then(|text| text.parse().ok()) };
            assert!(!allowed || matches!(outcome, Outcome::Allowed { revision: Some(_), .. }), "{}", answer.to_text());
            self.recorder.record(&format!("Envoy, request {number}"), sent, request, outcome);
        }
        failed
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_fails_while_keys_are_revoked_and_servers_restarted() {
    let (database, workspace) = (Cluster::shared().database(), Workspace::new("config"));
    // Longer than Envoy takes to notice the shutdown of a server.
    let grace = "2s";
    let start = || configured(PROFILE, &workspace).database(database.url()).env("LATCHKEY_ACCEPT_GRACE", grace).start();
    let mut servers = [start(), start()];
    let admin = servers[0].admin_token();
    let client = Client::new(servers[0].addresses(), &admin);
    client.create_test_data().await;
    let recorder = Arc::new(Recorder::new(Arc::new(SystemClock)));
    let mut keys = Vec::new();
    let mut tokens = Vec::new();
    for number in 0..KEYS {
        let stores: &[&str] = if number % 3 == 0 { &["berlin", "madrid"] } else { &["berlin"] };
        let key = key_with_access(&format!("partner {number}"), stores, &METHODS[..1]);
        let request = proto::CreateKeyRequest { key: Some(key), ..Default::default() };
        let made = client.keys().create_key(request).await.expect("a key is made").into_inner();
        recorder.record_created(made.key.as_ref(), &made.token, made.written.as_ref());
        keys.push(made.key.expect("an answer has a key").id);
        tokens.push(made.token);
    }
    let operator = create_operator(&client, "proxy").await;
    let shop = Shop::open();
    let ports = servers.each_ref().map(|server| server.addresses().decision.port());
    let upstreams =
        Upstreams { latchkey: &ports, ops: servers[0].addresses().ops.port(), shop: shop.port(), token: &operator };
    let envoy = Proxy::envoy(upstreams);
    envoy.wait_healthy(&ports, BOUND);

    let load = Arc::new(Load {
        recorder: Arc::clone(&recorder),
        tokens,
        requests_sent: AtomicUsize::new(0),
        over: AtomicBool::new(false),
    });
    let callers: Vec<_> = (0..CALLERS)
        .map(|first| {
            let (load, port) = (Arc::clone(&load), envoy.port);
            std::thread::spawn(move || load.call(port, first))
        })
        .collect();

    let mut left: Vec<String> = keys.split_off(KEYS / 2);
    for _ in 0..ROUNDS {
        for at in 0..servers.len() {
            // While this one exits, starts and catches up, keys are revoked on the other one.
            servers[at].terminate();
            let writer = Client::new(servers[1 - at].addresses(), &admin);
            for id in left.split_off(left.len() - KEYS / 2 / ROUNDS / 2) {
                let request = proto::RevokeKeyRequest { id, reason: "a test".to_owned(), ..Default::default() };
                let revoked = writer.keys().revoke_key(request).await.expect("a key is revoked").into_inner();
                recorder.record_write(revoked.written.as_ref().expect("a write tells its revision"));
            }
            let ended = servers[at].wait_exit(BOUND);
            assert!(ended.success(), "{ended}:\n{}", servers[at].stderr());
            servers[at].restart();
            envoy.wait_healthy(&ports, BOUND);
        }
    }
    eventually("all requests were sent", BOUND, || {
        (load.requests_sent.load(Ordering::Relaxed) >= REQUESTS).then_some(())
    });
    load.over.store(true, Ordering::Relaxed);
    let failed: Vec<String> = callers.into_iter().flat_map(|caller| caller.join().expect("no caller panics")).collect();
    assert!(
        failed.is_empty(),
        "{} of {} requests failed, the first: {}\nEnvoy tells:\n{}",
        failed.len(),
        load.requests_sent.load(Ordering::Relaxed),
        failed[0],
        envoy.read_admin("/stats?usedonly&filter=(cluster.latchkey|ext_authz)")
    );

    let client = Client::new(servers[0].addresses(), &admin);
    let history = History::fetch(async |request| Ok(client.audit().list_changes(request).await?.into_inner())).await;
    let records = recorder.records();
    let refused: BTreeSet<_> = records
        .calls
        .iter()
        .filter(|call| matches!(call.outcome, Outcome::Allowed { allowed: false, .. }))
        .map(|call| call.request.token.clone())
        .collect();
    assert!(refused.len() > KEYS / 2, "revoked keys were seen to be refused");
    Checker::new(history, Duration::from_secs(60)).check(&records).assert_clean(REQUESTS);
}
