//! Mixed load and changes on three servers for a long time: memory and latency stay constant, and the oracle finds no
//! wrong decision. `make soak` runs it for half an hour; without LATCHKEY_SOAK_SECONDS it takes ten seconds.
//!
//! The last third is compared with the first without its beginning, when caches fill. The bounds are wide: this detects
//! growth without end, on a machine with other load.

use helpers::calls;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use helpers::calls::{METHODS, STATUSES, STORES, spawn_task};
use helpers::fleet::load::{Load, Writers};
use helpers::fleet::{Fleet, now, server};
use helpers::support::pass;
use helpers::support::postgres::Cluster;
use latchkey::proto::v1 as proto;

const MAX_STALENESS: Duration = Duration::from_secs(30);

/// Longest time for caches to fill and connections to open: a quarter of the run, if that is less.
const WARM_UP: Duration = Duration::from_secs(10);

/// Permitted memory growth in the last third: a factor, and the reserve of allocators in KiB.
const GROWTH: (f64, f64) = (1.25, 24.0 * 1024.0);

/// Permitted increase of call durations in the last third: a factor, and a time in microseconds.
const SLOWER: (u32, u32) = (2, 20_000);

/// Returns the resident memory of a process in KiB.
fn resident(pid: u32) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process is there");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a process has memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number of KiB")
}

fn mean(figures: &[f64]) -> f64 {
    figures.iter().sum::<f64>() / f64::from(u32::try_from(figures.len()).expect("not so many"))
}

/// Returns the median and the 99th percentile.
fn percentiles(mut times: Vec<u32>) -> (u32, u32) {
    times.sort_unstable();
    (times[times.len() / 2], times[times.len() * 99 / 100])
}

/// Makes all calls except Authorize, repeatedly, on one server.
async fn use_admin_api(
    fleet_client: calls::Client,
    token: String,
    stop: Arc<AtomicBool>,
    calls_made: Arc<AtomicUsize>,
) {
    let question = proto::AuthorizeRequest { key: token.clone(), method: STATUSES.to_owned(), ..Default::default() };
    while !stop.load(Ordering::Relaxed) {
        let questions = vec![question.clone(); 20];
        let request = proto::BatchAuthorizeRequest { requests: questions };
        let answer = fleet_client.authorization().batch_authorize(request).await.expect("a batch is decided");
        assert_eq!(answer.into_inner().results.len(), 20);
        let request = proto::IntrospectKeyRequest { key: token.clone(), ..Default::default() };
        fleet_client.authorization().introspect_key(request).await.expect("a key is told of");
        let request = proto::ListKeysRequest { page_size: 50, text: "warm".to_owned(), ..Default::default() };
        fleet_client.keys().list_keys(request).await.expect("keys are listed");
        let request = proto::ListChangesRequest { page_size: 50, ..Default::default() };
        fleet_client.audit().list_changes(request).await.expect("changes are listed");
        calls_made.fetch_add(1, Ordering::Relaxed);
        pass(Duration::from_millis(200)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn memory_and_latency_stay_flat_under_mixed_load_with_changes_all_the_while() {
    let _serial = crate::SERIAL.lock().await;
    let seconds = std::env::var("LATCHKEY_SOAK_SECONDS").map_or(10, |text| text.parse().expect("a number of seconds"));
    let lasts = Duration::from_secs(seconds);
    let database = Cluster::shared().database();
    let builders = (0..3).map(|_| server(database.url(), MAX_STALENESS)).collect();
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    // Every decision is kept for the oracle: the longer the run, the fewer per second.
    let pause = if seconds > 300 { Duration::from_millis(25) } else { Duration::from_millis(5) };
    let load = Load::start(&fleet, 100, 2, pause).await;
    let writers = Writers::start(&fleet, &[0, 1, 2], 1, Duration::from_millis(700));
    let key = calls::key_with_access("caller", &STORES[..1], &METHODS[1..2]);
    let (_, token) = fleet.members[0].client.create_key(key).await.expect("a key is made");
    let (stop, calls_made) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let callers: Vec<_> = fleet
        .clients()
        .into_iter()
        .map(|client| spawn_task(use_admin_api(client, token.clone(), Arc::clone(&stop), Arc::clone(&calls_made))))
        .collect();

    pass(WARM_UP.min(lasts / 4)).await;
    let (began, mut memory) = (now(), vec![Vec::new(); fleet.members.len()]);
    while now() < began + lasts {
        pass(Duration::from_millis(500)).await;
        for (member, memory) in fleet.members.iter().zip(&mut memory) {
            memory.push(resident(member.server.pid()));
        }
    }
    let ended = now();
    stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("every visit is served");
    }
    let (done, failed) = writers.end().await;
    let tally = load.end().await;

    assert_eq!(failed, 0, "every change is made");
    assert!(done as u64 >= seconds / 3, "{done} changes in {seconds} s");
    assert!(calls_made.load(Ordering::Relaxed) as u64 >= seconds, "the callers were served");
    tally.assert_answered(&[0, 1, 2], began, ended);
    for (server, memory) in memory.iter().enumerate() {
        let third = memory.len() / 3;
        let (first, last) = (mean(&memory[..third]), mean(&memory[memory.len() - third..]));
        println!("server {server}: {first:.0} KiB in the first third, {last:.0} KiB in the last");
        assert!(last <= first * GROWTH.0 + GROWTH.1, "server {server} grows: {first:.0} KiB, then {last:.0} KiB");
    }
    let within = |from: Duration, until: Duration| percentiles(tally.times(from, until));
    let (first, last) = (within(began, began + lasts / 3), within(began + lasts / 3 * 2, ended));
    println!(
        "calls: p50 {} µs and p99 {} µs in the first third, {} and {} in the last",
        first.0, first.1, last.0, last.1
    );
    for (first, last) in [(first.0, last.0), (first.1, last.1)] {
        assert!(last <= first * SLOWER.0 + SLOWER.1, "calls take longer: {first} µs, then {last} µs");
    }
    fleet.assert_agrees_with_ledger().await;
}
