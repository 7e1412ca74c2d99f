//! A million well-formed tokens that were never issued cause no storage reads except rate-limited polls, and no memory
//! growth of the server; and valid keys keep working.

mod attack;
mod statements;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use attack::{Attack, Tally};
use helpers::calls::{Client, METHODS, STATUSES, STORES, key_with_access, spawn_task};
use helpers::support::postgres::{Cluster, Options};
use helpers::support::process::LatchkeyProcess;
use helpers::support::{Deadline, eventually_async};
use latchkey::clock::{Clock as _, SystemClock};
use statements::Statements;

/// Tokens tried during the measurement.
const FORGED: u64 = 1_000_000;

/// Polls per second that they may cause.
const POLLS: f64 = 50.0;

/// Bytes by which the peak may exceed that of the warm-up: fewer than a map entry per token.
const GROWTH: u64 = 24 * 1024 * 1024;

/// Valid keys that remain in use.
const VALID_KEYS: usize = 50;

/// How long storage is observed with only valid keys: several flushes of usage and reports of the replica.
const IDLE: Duration = Duration::from_secs(25);

/// Results of valid keys.
#[derive(Debug, Default)]
struct ValidKeyResults {
    answered: u64,
    slowest: Duration,
    grown_to: u64,
}

/// Uses valid keys in turn until it is stopped; measures the server's memory meanwhile.
async fn use_valid_keys(
    client: Client,
    keys: Arc<Vec<(String, String)>>,
    pid: u32,
    stop: Arc<AtomicBool>,
) -> ValidKeyResults {
    let mut results = ValidKeyResults::default();
    for (id, token) in keys.iter().cycle() {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let began = SystemClock.monotonic();
        let open = client.authorize(token, STATUSES, STORES[0]).await.expect("a valid key is decided");
        results.slowest = results.slowest.max(SystemClock.monotonic().saturating_sub(began));
        assert!(open.allowed && open.key_id == *id, "{open:?}");
        let closed = client.authorize(token, "GET /api/v5/orders", STORES[0]).await.expect("a valid key is decided");
        assert!(!closed.allowed && closed.key_id == *id, "{closed:?}");
        results.answered += 2;
        results.grown_to = results.grown_to.max(statements::memory(pid));
    }
    results
}

/// Runs `work` while valid keys are used; returns its duration and the results of the valid keys.
async fn with_valid_keys<T>(
    client: &Client,
    keys: &Arc<Vec<(String, String)>>,
    pid: u32,
    work: impl Future<Output = T>,
) -> (T, Duration, ValidKeyResults) {
    let stop = Arc::new(AtomicBool::new(false));
    let using = spawn_task(use_valid_keys(client.clone(), Arc::clone(keys), pid, Arc::clone(&stop)));
    let began = SystemClock.monotonic();
    let answer = work.await;
    let took = SystemClock.monotonic().saturating_sub(began);
    stop.store(true, Ordering::Relaxed);
    let results = using.await.expect("valid keys are answered right");
    (answer, took, results)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[expect(clippy::print_stdout, reason = "the figures are shown with --nocapture and when the test fails")]
async fn a_million_forged_tokens_cost_polls_only_and_no_memory() {
    let _serial = crate::SERIAL.lock().await;
    let cluster = Cluster::start(Statements::options(Options::default()));
    let database = cluster.database();
    let server = LatchkeyProcess::builder()
        .database(database.url())
        // The replica reports, each report a statement, often enough to be seen while storage is observed.
        .env("LATCHKEY_MAX_STALENESS", "20s")
        .start();
    let client = Client::for_admin(&server);
    client.create_test_data().await;
    let mut keys = Vec::new();
    for number in 0..VALID_KEYS {
        let key = key_with_access(&format!("valid {number}"), &STORES[..1], &METHODS[1..2]);
        let (key, token) = client.create_key(key).await.expect("a key is made");
        keys.push((key.id, token));
    }
    let keys = Arc::new(keys);
    let mut attack = Attack::new(server.addresses(), &server.admin_token());

    // Warm-up: pools, buffers and caches have had their maximum number of concurrent calls.
    let (warming, _, warm) = with_valid_keys(&client, &keys, server.pid(), attack.run(FORGED / 10)).await;
    assert_eq!(warming.total(), FORGED / 10);
    // The peak: at rest, the allocator has returned several MiB of it.
    let memory = warm.grown_to;

    let mut statements = Statements::new(&cluster, database.name());
    statements.skip_seen();
    let watched = Deadline::after(IDLE);
    let watching = eventually_async("storage was watched at rest", IDLE * 2, async || watched.passed().then_some(()));
    let ((), idle_time, _) = with_valid_keys(&client, &keys, server.pid(), watching).await;
    let idle = statements.take();

    let (tally, time, results) = with_valid_keys(&client, &keys, server.pid(), attack.run(FORGED)).await;
    let busy = statements.take();

    let growth = results.grown_to.saturating_sub(memory);
    println!("{tally:?} in {time:?}; {results:?}; grew by {growth} bytes from {memory}");
    assert_eq!(tally.total(), FORGED, "every forged token got an answer of its own");
    assert!(tally.unknown > 0, "some were decided: {tally:?}");
    assert!(growth <= GROWTH, "grew from {memory} to {} bytes", results.grown_to);
    assert!(results.answered > 1_000, "valid keys are answered while forged ones are tried: {results:?}");
    assert!(results.slowest < Duration::from_secs(5), "no valid key waits for forged ones: {results:?}");
    for (statement, count) in &busy {
        let before = idle.get(statement).copied().unwrap_or(0);
        assert!(
            before > 0 || statements::is_sweep(statement),
            "a statement that there was none of at rest: {statement}"
        );
        let extra = rate(*count, time) - rate(before, idle_time);
        println!("{extra:+.1}/s {statement}");
        assert!(extra <= POLLS, "{extra:.1}/s above rest: {statement}");
    }
    a_new_key_is_let_in(&client, &mut attack).await;
}

/// Asserts that a new key is allowed by the next call during the attack.
async fn a_new_key_is_let_in(client: &Client, attack: &mut Attack) {
    let making = async {
        for number in 0..5 {
            let key = key_with_access(&format!("new {number}"), &STORES[..1], &METHODS[1..2]);
            let (key, token) = client.create_key(key).await.expect("a key is made under attack");
            let decision = client.authorize(&token, STATUSES, STORES[0]).await.expect("a new key is decided");
            assert!(decision.allowed && decision.key_id == key.id, "{decision:?}");
        }
    };
    let (tally, ()): (Tally, ()) = tokio::join!(attack.run(FORGED / 20), making);
    assert_eq!(tally.total(), FORGED / 20);
}

#[expect(clippy::cast_precision_loss, reason = "counts of statements are small")]
fn rate(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
