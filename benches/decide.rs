//! Decisions in process: the CPU time that one call costs on one thread, without the network.
//!
//! An authority over SQLite has the given number of keys, all in its cache. Every figure is nanoseconds of CPU time of
//! the measuring thread per call: the median of the rounds (minimum and maximum), where each round runs all cases in
//! turn, so that noise of the machine affects all of them.

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use crate::common::cpu;
use crate::common::data;
use crate::common::report::Section;
use crate::common::stats::{Random, Sample, Zipf};
use futures_util::stream::{self, StreamExt as _};
use latchkey::authority::{Authority, Query, Settings};
use latchkey::books;
use latchkey::clock::SystemClock;
use latchkey::lifecycle::Tasks;
use latchkey::model::book::{Book, Entry, MethodNumber};
use latchkey::model::decision::{Decision, Request, StoresFrom};
use latchkey::model::id::ReplicaId;
use latchkey::model::path::canonicalize;
use latchkey::model::pattern::Verb;
use latchkey::model::time::Timestamp;
use latchkey::model::token::{Digest, Token};
use latchkey::storage::Feed;
use latchkey::telemetry::metrics::Metrics;

/// Calls of a case in one round.
pub(crate) const CALLS: usize = 200_000;

/// Number of requests prepared at once, so that they are in a CPU cache, as after reading them from the network.
pub(crate) const CHUNK: usize = 2_000;

/// Number of keys loaded concurrently to warm the cache.
const LOADS: usize = 64;

/// Called paths, in turn: of several depths, with and without parameters.
const CALLED: [&str; 6] = [
    "GET /api/v5/orders",
    "GET /api/v5/orders/statuses",
    "GET /api/v5/orders/4711",
    "POST /api/v5/orders/create",
    "GET /api/v5/customers/12/notes",
    "POST /api/v5/store/products/batch/edit",
];

/// Runs the benchmark.
pub(crate) fn run(full: bool) -> Section {
    let sizes: &[u64] = if full { &[1_000, 10_000, 1_000_000] } else { &[1_000] };
    let (rounds, calls) = if full { (9, CALLS) } else { (2, CHUNK) };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let mut section = Section::new("decide", "Deciding, in process");
    section.paragraph(
        "CPU time per call of one thread, in nanoseconds. `decide` is all of it: digest of the token, look-up of the \
         grant, the path made canonical, the entry of the 199-method book found, the checks, the use counted.",
    );
    section.table(&["case", "ns per call", "spread"]);
    for keys in sizes {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let tasks = Tasks::new();
        let authority = runtime.block_on(async {
            let storage = data::open(&format!("sqlite:{}", folder.path().join("latchkey.db").display())).await;
            let catalog = data::create_catalog(&storage).await;
            data::fill(&storage, &catalog, *keys).await;
            let authority = started(storage, *keys, &tasks).await;
            warm(&authority, *keys).await;
            authority
        });
        cases(&mut section, &authority, *keys, calls, rounds);
        tasks.stop();
        let _ = runtime.block_on(tasks.finish(Duration::from_secs(10)));
    }
    parts(&mut section, calls, rounds);
    section
}

/// Measures an authority that has the first `keys` keys in its cache.
pub(crate) fn cases(section: &mut Section, authority: &Authority, keys: u64, calls: usize, rounds: usize) {
    let size = if keys < 1_000_000 { format!("{} k", keys / 1_000) } else { format!("{} M", keys / 1_000_000) };
    let authority = authority.for_worker();
    let uniform = runs(&authority, keys, calls, rounds, false);
    figure(section, &format!("decide, {size} keys, each as often as the others"), &uniform);
    let zipf = runs(&authority, keys, calls, rounds, true);
    figure(section, &format!("decide, {size} keys, the n-th 1/n as often as the first"), &zipf);
}

fn figure(section: &mut Section, case: &str, sample: &Sample) {
    let spread = format!("{:.0}–{:.0}", sample.percentile(0.0), sample.percentile(1.0));
    section.row(&[case, &format!("{:.0}", sample.median()), &spread]);
}

/// Starts an authority over `storage` with a cache for twice `keys` keys, and waits until it is ready.
pub(crate) async fn started(storage: Arc<impl Feed>, keys: u64, tasks: &Tasks) -> Authority {
    let settings = Settings {
        replica: ReplicaId::new(Timestamp::EPOCH, [0; 10]),
        host: "bench".to_owned(),
        cache_capacity: 2 * keys,
        poll_interval: Duration::from_millis(250),
        max_staleness: Duration::from_mins(1),
        read_wait: Duration::from_millis(500),
        usage: true,
        hash_key: [5; 16],
    };
    let clock: latchkey::clock::SharedClock = Arc::new(SystemClock);
    let authority = Authority::start(storage, settings, &clock, tasks, Arc::new(Metrics::new()));
    while authority.readiness().is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    authority
}

/// Decides about each of the first `keys` keys once, so that all of them are cached.
pub(crate) async fn warm(authority: &Authority, keys: u64) {
    let loads = stream::iter(0..keys).for_each_concurrent(LOADS, |number| {
        let authority = authority.clone();
        async move {
            let token = data::token(number);
            let query = Query { token: token.reveal(), request: request(CALLED[0]), min_revision: None };
            // On a busy machine a read may time out without a decision; it is retried.
            while authority.decide(&query, |_| ()).await.is_err() {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    });
    loads.await;
}

const fn request(method: &str) -> Request<'_> {
    Request { method, store: "store-007", stores: &[], client: None, stores_from: StoresFrom::Service }
}

fn runs(authority: &Authority, keys: u64, calls: usize, rounds: usize, zipf: bool) -> Sample {
    let mut random = Random::new(u64::from(zipf) + 1);
    let weights = zipf.then(|| Zipf::new(keys));
    let mut figures = Vec::new();
    let mut allowed = 0_u64;
    for _ in 0..rounds {
        let mut spent = Duration::ZERO;
        for _ in 0..calls / CHUNK {
            let number = |random: &mut Random| match &weights {
                Some(zipf) => zipf.next(random),
                None => random.below(keys),
            };
            let tokens: Vec<Token> = (0..CHUNK).map(|_| data::token(number(&mut random))).collect();
            let began = cpu::of_thread();
            for (token, method) in tokens.iter().zip(CALLED.iter().cycle()) {
                let query = Query { token: token.reveal(), request: request(method), min_revision: None };
                let answer = authority.decide_now(&query, |decision: &Decision<'_>| decision.failed.first().is_none());
                allowed += u64::from(answer.expect("everything needed is at hand"));
            }
            spent += cpu::of_thread().saturating_sub(began);
        }
        figures.push(spent.as_nanos() as f64 / calls as f64);
    }
    assert!(allowed > 0, "some calls are allowed");
    Sample::new(figures)
}

/// Measures single steps of a decision.
fn parts(section: &mut Section, calls: usize, rounds: usize) {
    let book = books::parse(books::RETAILCRM).expect("the built-in book is good");
    let methods = book.blocks.iter().flat_map(|block| &block.methods);
    let entries = methods.zip(1..).map(|(method, number)| Entry {
        number: MethodNumber(number),
        identity: method.method.parse().expect("an identity"),
        store_use: method.store_use,
        retired: false,
    });
    let book = Book::compile(entries).expect("the built-in book compiles");
    let tokens: Vec<Token> = (0..1_000).map(data::token).collect();
    let paths: Vec<(Option<Verb>, &str)> = CALLED
        .iter()
        .map(|called| called.split_once(' ').expect("a verb and a path"))
        .map(|(verb, path)| (verb.parse().ok(), path))
        .collect();
    let canonical: Vec<_> =
        paths.iter().map(|(verb, path)| (*verb, canonicalize(path).expect("a good path"))).collect();
    let mut figures = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..rounds {
        figures[0].push(timed(calls, |at| {
            black_box(Digest::of(tokens[at % 1_000].reveal().as_bytes()));
        }));
        figures[1].push(timed(calls, |at| drop(black_box(canonicalize(black_box(paths[at % 6].1))))));
        figures[2].push(timed(calls, |at| {
            let (verb, path) = &canonical[at % 6];
            drop(black_box(book.resolve(*verb, black_box(path))));
        }));
    }
    let [digest, path, resolve] = figures;
    figure(section, "digest of a token", &Sample::new(digest));
    figure(section, "path made canonical", &Sample::new(path));
    figure(section, "entry found in the 199-method book", &Sample::new(resolve));
}

fn timed(calls: usize, mut call: impl FnMut(usize)) -> f64 {
    let began = cpu::of_thread();
    for at in 0..calls {
        call(at);
    }
    cpu::of_thread().saturating_sub(began).as_nanos() as f64 / calls as f64
}
