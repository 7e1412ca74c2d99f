//! The cost of unrelated changes for keys in use: dropping the whole cache after every change would be correct, and
//! slow.
//!
//! Two servers run as processes of their own on a dedicated PostgreSQL with 100 000 keys. One receives changes of keys
//! that nobody uses, 200 a second; the other, which is measured, only follows, and receives calls with the remaining
//! keys. Each round measures both without and with changes: the CPU time of the whole process per call, as counted by
//! the kernel, and the grants read from storage.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinHandle;
use tonic::Code;

use crate::common::report::Section;
use crate::common::stats::Sample;
use helpers::calls::{Client, STATUSES, spawn_task};
use helpers::fleet::imported_keys::{Changes, ImportedKeys, grants_read};
use helpers::fleet::{Fleet, server};
use helpers::support::pass;
use helpers::support::postgres::{Cluster, Options};

const MAX_STALENESS: Duration = Duration::from_mins(1);

/// Changes per second.
const CHANGES: u32 = 200;

/// Time from a response to the next call: without it, two cores have no time left for so many changes.
const PAUSE: Duration = Duration::from_millis(4);

/// Connections to the measured server, and concurrent calls on each.
const LINES: (usize, usize) = (8, 16);

/// Runs the benchmark.
pub(crate) fn run(full: bool) -> Section {
    let (keys, used, rounds, time) = if full { (100_000, 20_000, 7, 5) } else { (2_000, 200, 1, 1) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let (figures, again) = runtime.block_on(measure(keys, used, rounds, Duration::from_secs(time)));
    let mut section = Section::new("unrelated", "Changes of other keys");
    section.paragraph(&format!(
        "{keys} keys, {used} of them in use; CPU time of the whole process per Authorize while {CHANGES} changes a second \
         are made of the others, beside quiet. Median of {rounds} rounds of {time} s each (the least–the greatest)."
    ));
    section.table(&["", "CPU per call, µs", "calls/s", "changes/s", "grants read"]);
    let mut medians = Vec::new();
    for (name, changing) in [("quiet", false), ("with changes", true)] {
        let of = |figure: fn(&Round) -> f64| {
            Sample::new(figures.iter().filter(|round| round.changing == changing).map(figure).collect())
        };
        let cpu = of(|round| round.cpu);
        medians.push(cpu.median());
        section.row(&[
            name,
            &cpu.to_string(),
            &of(|round| round.calls).to_string(),
            &of(|round| round.changes).to_string(),
            &format!("{:.0}", of(|round| round.read).percentile(1.0)),
        ]);
    }
    section.paragraph(&format!(
        "With changes a call costs {:.2} × what it costs in quiet (goal ≤ 1.3). Before, while the cache filled right after \
         the import, {again} calls waited for storage longer than a call waits, and were asked again.",
        medians[1] / medians[0]
    ));
    section
}

/// Results of one round.
struct Round {
    changing: bool,
    /// CPU time of the server per call, in microseconds.
    cpu: f64,
    /// Calls per second.
    calls: f64,
    /// Changes per second.
    changes: f64,
    /// Grants read from storage.
    read: f64,
}

/// Counters shared by all callers.
#[derive(Debug, Default)]
struct Tally {
    stop: AtomicBool,
    calls: AtomicU64,
    /// First calls of keys that got no decision and were retried.
    again: AtomicU64,
}

/// Returns the rounds, and how many first calls were retried.
async fn measure(keys: usize, used: usize, rounds: usize, time: Duration) -> (Vec<Round>, u64) {
    let cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let builders = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let (measured, other) = (&fleet.members[0], &fleet.members[1]);
    let imported_keys = ImportedKeys::import(&other.client, keys).await.0;
    let (mine, others) = imported_keys.split_at(used);
    let tokens: Arc<Vec<String>> = Arc::new(mine.iter().map(|(_, token)| token.clone()).collect());
    let ids: Arc<Vec<String>> = Arc::new(others.iter().map(|(id, _)| id.clone()).collect());

    let tally = Arc::new(Tally::default());
    let callers: Vec<_> = (0..LINES.0)
        .flat_map(|_| {
            let client = Client::new(measured.server.addresses(), &fleet.token);
            std::iter::repeat_n(client, LINES.1)
        })
        .enumerate()
        .map(|(number, client)| spawn_task(call(client, Arc::clone(&tokens), number, Arc::clone(&tally))))
        .collect();
    // Every key once, and some more.
    while tally.calls.load(Ordering::Relaxed) < used as u64 * 2 {
        assert!(!callers.iter().any(JoinHandle::is_finished), "no caller gives up");
        pass(Duration::from_millis(100)).await;
    }
    let mut figures = Vec::new();
    for round in 0..rounds {
        // The order alternates.
        for changing in [round % 2 == 0, round % 2 != 0] {
            let changes = changing.then(|| Changes::start(&other.client, &ids, CHANGES));
            pass(Duration::from_millis(500)).await;
            let before = (cpu(measured.server.pid()), tally.calls.load(Ordering::Relaxed), grants_read(measured).1);
            pass(time).await;
            let spent = cpu(measured.server.pid()) - before.0;
            let called = (tally.calls.load(Ordering::Relaxed) - before.1) as f64;
            let read = grants_read(measured).1 - before.2;
            let changed = match changes {
                Some(changes) => changes.end().await,
                None => 0,
            };
            figures.push(Round {
                changing,
                cpu: spent / called,
                calls: called / time.as_secs_f64(),
                changes: changed as f64 / (time.as_secs_f64() + 0.5),
                read,
            });
            pass(Duration::from_millis(500)).await;
        }
    }
    tally.stop.store(true, Ordering::Relaxed);
    for caller in callers {
        caller.await.expect("every call is allowed");
    }
    (figures, tally.again.load(Ordering::Relaxed))
}

async fn call(client: Client, tokens: Arc<Vec<String>>, first: usize, tally: Arc<Tally>) {
    let mut lap = 0;
    for number in (first..).step_by(LINES.0 * LINES.1) {
        let place = number % tokens.len();
        lap += usize::from(place < LINES.0 * LINES.1);
        loop {
            if tally.stop.load(Ordering::Relaxed) {
                return;
            }
            match client.authorize(&tokens[place], STATUSES, "").await {
                Ok(decision) => {
                    assert!(decision.allowed, "{decision:?}");
                    break;
                }
                // The first call of a key waits for storage, which has just run an import; when that takes too long
                // there is no decision, and the call is retried.
                Err(status) => assert!(lap <= 2 && status.code() == Code::Unavailable, "{status:?}"),
            }
            tally.again.fetch_add(1, Ordering::Relaxed);
            pass(Duration::from_millis(50)).await;
        }
        tally.calls.fetch_add(1, Ordering::Relaxed);
        pass(PAUSE).await;
    }
}

/// Returns the CPU time of all threads of a process, user and system, in microseconds (resolution: 10 ms).
fn cpu(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let (_, fields) = stat.rsplit_once(')').expect("a name in parentheses");
    let ticks = fields.split_ascii_whitespace().skip(11).take(2).map(|field| field.parse::<f64>().expect("a number"));
    ticks.sum::<f64>() * 10_000.0
}
