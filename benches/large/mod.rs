//! Ten million keys: the cost of a decision with all of them cached, their memory, and how long a server with so many
//! takes to start.
//!
//! Decisions are measured as in decide.rs. Only the storage differs: writing ten million keys one by one would take the
//! better part of an hour, so [`GeneratedStorage`] generates them on demand.
//!
//! Memory is the resident memory of this process according to the kernel, before and after, including what the
//! allocator reserves, as in a server. Run `cargo bench -- large` alone for these figures: memory freed by an earlier
//! benchmark could be reused and would not be counted.
//!
//! A server is the real program on real storage, which [`filled`] fills by SQL.

mod filled;

use std::sync::Arc;
use std::time::Duration;

use crate::common::generated::GeneratedStorage;
use crate::common::report::Section;
use crate::common::{cpu, data, memory};
use crate::{decide, keys};
use helpers::support::postgres::{Cluster, Options};
use latchkey::lifecycle::Tasks;
use tokio::runtime::Runtime;

/// Runs the benchmark.
pub(crate) fn run(full: bool) -> Section {
    let count = if full { 10_000_000 } else { 1_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let mut section = Section::new("large", &format!("{count} keys"));
    // In this order: the memory of decisions is measured before much memory was freed.
    deciding(&mut section, &runtime, count, full);
    servers(&mut section, &runtime, count);
    section
}

/// Measures decisions and memory, in process.
fn deciding(section: &mut Section, runtime: &Runtime, count: u32, full: bool) {
    let (rounds, calls) = if full { (9, decide::CALLS) } else { (2, decide::CHUNK) };
    let keys = u64::from(count);
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let tasks = Tasks::new();
    let drawn = runtime.block_on(async {
        let storage = data::open(&format!("sqlite:{}", folder.path().join("latchkey.db").display())).await;
        let catalog = data::create_catalog(&storage).await;
        Arc::new(GeneratedStorage::new(storage, catalog, count, data::grant).await)
    });
    let authority = runtime.block_on(decide::started(Arc::<GeneratedStorage>::clone(&drawn), keys, &tasks));
    let (began, before) = (cpu::wall(), memory::resident(std::process::id()));
    runtime.block_on(decide::warm(&authority, keys));
    let took = cpu::wall().saturating_sub(began).as_secs_f64();
    let cached = memory::resident(std::process::id()).saturating_sub(before);

    section.paragraph(
        "Deciding with all keys in the cache: CPU time per call of one thread, in nanoseconds, measured as under \
         \"Deciding, in process\".",
    );
    section.table(&["case", "ns per call", "spread"]);
    decide::cases(section, &authority, keys, calls, rounds);
    section.paragraph(&format!(
        "First calls of all keys, each of which reads its grant from a storage that costs next to nothing: {took:.1} s, \
         {:.0} a second.",
        keys as f64 / took
    ));
    section.paragraph("Resident memory that the process grew by. Goal: at most 16 bytes for a fingerprint.");
    section.table(&["of", "bytes per key", "MiB"]);
    for (what, bytes) in [("fingerprints", drawn.grown()), ("cached grants", cached)] {
        let (each, all) = (bytes as f64 / keys as f64, bytes as f64 / 1_048_576.0);
        section.row(&[what, &format!("{each:.1}"), &format!("{all:.0}")]);
    }
    tasks.stop();
    let _ = runtime.block_on(tasks.finish(Duration::from_secs(10)));
}

/// Measures starts of the real program.
fn servers(section: &mut Section, runtime: &Runtime, count: u32) {
    section.paragraph(&format!(
        "The server on storage with so many keys: seconds from its start to readiness and its resident memory then; \
         median of {} starts. Goal: at most 15 s. Filling is by SQL, without the indexes that only lists and searches \
         read, and not what is measured.",
        keys::STARTS
    ));
    section.table(&["engine", "start to readiness, s", "memory, MiB", "filled in, s"]);
    let mut engine = |name: &str, url: &str, fill: fn(&str, u32)| {
        runtime.block_on(filled::create_catalog(url));
        let began = cpu::wall();
        fill(url, count);
        let took = cpu::wall().saturating_sub(began).as_secs_f64();
        runtime.block_on(filled::check(url, count));
        let (times, memory) = keys::starts(url);
        section.row(&[name, &times.to_string(), &format!("{:.0}", memory.median()), &format!("{took:.0}")]);
    };
    // One after another, so that only one of them takes disk space at a time.
    {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        engine("SQLite", &format!("sqlite:{}", folder.path().join("latchkey.db").display()), filled::sqlite);
    }
    // As in keys.rs. VACUUM, which would start by itself some time after so many inserts, runs once instead.
    let options = Options::default().set("shared_buffers", "1GB").set("max_wal_size", "2GB");
    let cluster = Cluster::start(options.set("maintenance_work_mem", "512MB").set("autovacuum", "off"));
    engine("PostgreSQL", cluster.database().url(), filled::postgres);
}
