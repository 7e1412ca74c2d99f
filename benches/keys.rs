//! A million keys: the cost of listing them, and of a server with them, on both engines.
//!
//! ListKeys is measured at storage, in milliseconds of real time: 200 calls with pages of 50 for each filter, with new
//! random values for each call and, where there are several pages, half of the calls for a later page. There is one
//! caller and no other load. A server is the real program on that storage: its time to readiness, and its memory after
//! that.

use std::sync::Arc;
use std::time::Duration;

use crate::common::cpu;
use crate::common::data::{self, Catalog};
use crate::common::memory;
use crate::common::report::Section;
use crate::common::stats::{Random, Sample};
use helpers::support::postgres::{Cluster, Options};
use helpers::support::process::LatchkeyProcess;
use latchkey::model::page::PageRequest;
use latchkey::model::time::Timestamp;
use latchkey::storage::{KeyFilter, Storage};

/// Calls for each filter.
const CALLS: usize = 200;

/// Entries of a page.
const PAGE: u32 = 50;

/// Number of server starts.
pub(crate) const STARTS: usize = 3;

/// A measured filter: its name, and a function that draws it.
type Case = (&'static str, fn(&mut Random, &Catalog, u64) -> KeyFilter);

/// Runs the benchmark.
pub(crate) fn run(full: bool) -> Section {
    let keys = if full { 1_000_000 } else { 2_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    // Default settings, except for the memory: PostgreSQL's own default is too small for any current machine.
    let cluster = Cluster::start(Options::default().set("shared_buffers", "1GB").set("max_wal_size", "8GB"));
    let database = cluster.database();
    let engines = [
        ("SQLite", format!("sqlite:{}", folder.path().join("latchkey.db").display())),
        ("PostgreSQL", database.url().to_owned()),
    ];
    let mut section = Section::new("keys", &format!("{keys} keys"));
    let mut filled = Vec::new();
    let mut listed = Vec::new();
    for (_, url) in &engines {
        let (batches, figures) = runtime.block_on(lists(url, keys, if full { CALLS } else { 5 }));
        filled.push(batches);
        listed.push(figures);
    }
    section.paragraph(
        "ListKeys: a page of 50 by filter, milliseconds on the wall at storage: the median and the 95th percentile of \
         200 calls. Goal: 10 ms at the 95th.",
    );
    section.table(&["filter", "SQLite, median", "SQLite, p95", "PostgreSQL, median", "PostgreSQL, p95"]);
    for (at, (name, _)) in CASES.iter().enumerate() {
        let cells: Vec<String> = listed
            .iter()
            .flat_map(|figures| [figures[at].median(), figures[at].percentile(0.95)])
            .map(|figure| format!("{figure:.2}"))
            .collect();
        section.row(&[name, &cells[0], &cells[1], &cells[2], &cells[3]]);
    }
    section.paragraph("Writing 10 000 keys in one transaction, seconds on the wall, over all batches of the million:");
    section.table(&["engine", "median", "slowest"]);
    for ((engine, _), batches) in engines.iter().zip(&filled) {
        section.row(&[engine, &format!("{:.2}", batches.median()), &format!("{:.2}", batches.percentile(1.0))]);
    }
    section.paragraph(&format!(
        "The server, started on that storage: seconds from its start to readiness and its resident memory then; median \
         of {STARTS} starts."
    ));
    section.table(&["engine", "start to readiness, s", "memory, MiB"]);
    for (engine, url) in &engines {
        let (times, memory) = starts(url);
        section.row(&[engine, &times.to_string(), &format!("{:.0}", memory.median())]);
    }
    section
}

/// Fills storage and measures its lists. Returns seconds per batch and, for each case, milliseconds per call.
async fn lists(url: &str, keys: u64, calls: usize) -> (Sample, Vec<Sample>) {
    let storage = data::open(url).await;
    let catalog = data::create_catalog(&storage).await;
    let batches = data::fill(&storage, &catalog, keys).await;
    let batches = Sample::new(batches.iter().map(Duration::as_secs_f64).collect());
    if url.starts_with("postgres") {
        // Autovacuum would do the same some time after so many inserts.
        helpers::support::postgres::query(url, "VACUUM ANALYZE").expect("a vacuum");
    }
    let mut figures = Vec::new();
    for (name, filter) in CASES {
        figures.push(Sample::new(measured(&storage, &catalog, keys, calls, filter).await));
        assert!(!name.is_empty());
    }
    (batches, figures)
}

async fn measured(
    storage: &Arc<Storage>,
    catalog: &Catalog,
    keys: u64,
    calls: usize,
    filter: fn(&mut Random, &Catalog, u64) -> KeyFilter,
) -> Vec<f64> {
    let mut random = Random::new(99);
    let mut times = Vec::new();
    // The first calls of each kind warm caches and are not counted.
    for call in 0..calls + calls / 10 {
        let filter = filter(&mut random, catalog, keys);
        let mut page = PageRequest { size: PAGE, after: None };
        if call % 2 == 1 {
            page.after = storage.keys(&filter, &page).await.expect("keys are listed").next;
        }
        let began = cpu::wall();
        storage.keys(&filter, &page).await.expect("keys are listed");
        let took = cpu::wall().saturating_sub(began);
        if call >= calls / 10 {
            times.push(took.as_secs_f64() * 1_000.0);
        }
    }
    times
}

/// Starts the real program on storage several times. Returns seconds to readiness, and MiB.
pub(crate) fn starts(url: &str) -> (Sample, Sample) {
    let (mut times, mut sizes) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let began = cpu::wall();
        let server = LatchkeyProcess::builder().database(url).start();
        times.push(cpu::wall().saturating_sub(began).as_secs_f64());
        sizes.push(memory::resident(server.pid()) as f64 / 1_048_576.0);
    }
    (Sample::new(times), Sample::new(sizes))
}

fn some_store(random: &mut Random) -> String {
    let number = random.below(u64::from(data::STORES));
    data::store_code(u32::try_from(number).expect("a small number"))
}

fn some_method(random: &mut Random, catalog: &Catalog) -> String {
    catalog.methods[random.place(catalog.methods.len())].1.clone()
}

fn some_time(random: &mut Random) -> Timestamp {
    Timestamp::from_micros(1_750_000_000_000_000).plus(Duration::from_hours(random.below(9_000)))
}

const CASES: [Case; 18] = [
    ("none", |_, _, _| KeyFilter::default()),
    ("active", |random, _, _| KeyFilter { active: Some(random.below(2) == 0), ..Default::default() }),
    ("revoked", |_, _, _| KeyFilter { revoked: Some(true), ..Default::default() }),
    ("access to all stores, or selected", |random, _, _| KeyFilter {
        all_stores: Some(random.below(2) == 0),
        ..Default::default()
    }),
    ("access to all methods, or selected", |random, _, _| KeyFilter {
        all_methods: Some(random.below(2) == 0),
        ..Default::default()
    }),
    ("store", |random, _, _| KeyFilter { store: Some(some_store(random)), ..Default::default() }),
    ("store, selected only", |random, _, _| KeyFilter {
        store: Some(some_store(random)),
        all_stores: Some(false),
        ..Default::default()
    }),
    ("method", |random, catalog, _| KeyFilter { method: Some(some_method(random, catalog)), ..Default::default() }),
    ("text of one key", |random, _, keys| KeyFilter {
        text: Some(format!("of {}", random.below(keys))),
        ..Default::default()
    }),
    ("text of very many keys", |_, _, _| KeyFilter { text: Some("landing".to_owned()), ..Default::default() }),
    ("text of no key", |random, _, _| KeyFilter {
        text: Some(format!("nobody {}", random.next())),
        ..Default::default()
    }),
    ("owner", |random, _, keys| KeyFilter { owner: Some(data::owner(random.below(keys))), ..Default::default() }),
    ("validity ends before", |random, _, _| KeyFilter { expire_before: Some(some_time(random)), ..Default::default() }),
    ("not used since", |random, _, _| KeyFilter { unused_since: Some(some_time(random)), ..Default::default() }),
    ("ever used, or never", |random, _, _| KeyFilter { used: Some(random.below(2) == 0), ..Default::default() }),
    ("active, store and method", |random, catalog, _| KeyFilter {
        active: Some(true),
        store: Some(some_store(random)),
        method: Some(some_method(random, catalog)),
        ..Default::default()
    }),
    ("owner and store", |random, _, keys| KeyFilter {
        owner: Some(data::owner(random.below(keys))),
        store: Some(some_store(random)),
        ..Default::default()
    }),
    ("revoked, store, selected only, text", |random, _, _| KeyFilter {
        revoked: Some(true),
        store: Some(some_store(random)),
        all_stores: Some(false),
        text: Some("export".to_owned()),
        ..Default::default()
    }),
];
