//! Log messages of an outage: when and why it began, that it continues, when it ended; not a line for every call.

use std::time::Duration;

use helpers::calls::{METHODS, STATUSES, STORES, key_with_access, spawn_task};
use helpers::fleet::{Fleet, RECOVERY, server};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Options};

const MAX_STALENESS: Duration = Duration::from_mins(1);

/// Keys that are called while the database is away, and how often each.
const COLD: (usize, usize) = (40, 75);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_outage_with_thousands_of_calls_takes_a_few_lines_which_have_the_cause() {
    let mut cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let fleet =
        Fleet::start(vec![server(database.url(), MAX_STALENESS).env("LATCHKEY_LOG", "info")], MAX_STALENESS).await;
    let (member, client) = (&fleet.members[0], &fleet.members[0].client);
    let mut tokens = Vec::new();
    for number in 0..COLD.0 {
        let key = key_with_access(&format!("key {number}"), &STORES[..1], &METHODS[1..2]);
        let request = latchkey::proto::v1::CreateKeyRequest { key: Some(key), ..Default::default() };
        tokens.push(client.keys().create_key(request).await.expect("a key is made").into_inner().token);
    }
    let before = member.server.stderr().lines().count();
    cluster.kill9();
    let asking: Vec<_> = tokens
        .iter()
        .map(|token| {
            let (client, token) = (client.clone(), token.clone());
            spawn_task(async move {
                for _ in 0..COLD.1 {
                    client.authorize(&token, STATUSES, "").await.expect_err("nothing is known of it without storage");
                }
            })
        })
        .collect();
    for task in asking {
        task.await.expect("a caller does not panic");
    }
    cluster.restart();
    for token in &tokens {
        eventually_async("a key is read again", RECOVERY, async || {
            client.authorize(token, STATUSES, "").await.ok().filter(|decision| decision.allowed).map(drop)
        })
        .await;
    }
    let kinds = ["reading keys from storage", "polling storage for changes", "listening for changes in the database"];
    eventually_async("it says that all works again", RECOVERY, async || {
        let log = member.server.stderr();
        kinds.iter().all(|kind| log.contains(&format!("{kind}: recovered"))).then_some(())
    })
    .await;
    let log = member.server.stderr();
    let lines: Vec<_> = log.lines().skip(before).collect();
    assert!(lines.len() <= 40, "{} lines for {} calls:\n{}", lines.len(), COLD.0 * COLD.1, lines.join("\n"));
    for kind in kinds {
        let begins = lines.iter().filter(|line| line.contains(&format!("{kind}: failing"))).count();
        assert!((1..=2).contains(&begins), "{kind}: {begins} lines say that it begins:\n{}", lines.join("\n"));
    }
    let failures = |line: &&&str| {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        value["failures"].as_u64().unwrap_or_default()
    };
    let counted: u64 = lines
        .iter()
        .filter(|line| line.contains("reading keys from storage: recovered"))
        .map(|line| failures(&line))
        .sum();
    assert!(counted > 1_000, "{counted} of {} reads were counted:\n{}", COLD.0 * COLD.1, lines.join("\n"));
    for line in lines.iter().filter(|line| line.contains(": failing\"")) {
        let value: serde_json::Value = serde_json::from_str(line).expect("a line is JSON");
        let cause = value["cause"].as_str().unwrap_or_default();
        let ends = ["db error", "renew", "connecting", "while running a statement", "error connecting to server"];
        assert!(cause.len() > 20 && !ends.iter().any(|end| cause.ends_with(end)), "the cause is hidden: {line}");
    }
    assert!(!log.contains("deadpool"), "{log}");
}
