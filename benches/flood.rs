//! What other clients notice of a flood of the most expensive requests from 64 connections, on one server with SQLite
//! and on two replicas with PostgreSQL. tests/alone/floods/flood.rs defines the requests; this benchmark runs them for
//! longer, on the release build.

use std::time::Duration;

use crate::common::report::Section;
use crate::flood::{DRAIN, FloodSize, Impact, run as flood};
use helpers::support::postgres::{Cluster, Options};

type Figure = fn(&Impact) -> String;

/// Runs the benchmark.
pub(crate) fn run(full: bool) -> Section {
    let time = Duration::from_secs(if full { 30 } else { 3 });
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let mut section = Section::new("flood", "A flood");
    section.paragraph(&format!(
        "What everybody else notices of {} s of the worst requests: 64 connections send Envoy's questions about bodies of \
         0.9 MB and batches of that size, with a valid key and with an unknown one, each the next as soon as one is \
         answered, or 20 ms after it was refused as overload. The flood, its clients and the servers share the machine. \
         SIGTERM comes while it goes on; the drain is {} s.",
        time.as_secs(),
        DRAIN.as_secs()
    ));
    section.table(&["noticed", "SQLite", "two replicas, PostgreSQL", "goal"]);
    let one = runtime.block_on(flood(&FloodSize { time, database: None, replicas: 1 }));
    let two = runtime.block_on(flood(&FloodSize { time, database: Some(database.url().to_owned()), replicas: 2 }));
    let rows: [(&str, Figure, &str); 9] = [
        ("/livez, the longest, ms", |impact| milliseconds(impact.livez), "1 000"),
        ("revocation acknowledged, the longest, ms", |impact| milliseconds(impact.revoked), "2 000"),
        ("revocations", |impact| impact.revocations.to_string(), ""),
        ("allowed by a replica after that", |impact| impact.allowed_after_revocation.to_string(), "0"),
        ("with a replica pending", |impact| impact.pending.to_string(), "0"),
        ("valid calls answered within 1 s, %", |impact| format!("{:.2}", impact.answered_percent()), "99"),
        ("memory, the most that a replica grew, MiB", |impact| (impact.grown >> 20).to_string(), "128"),
        ("from SIGTERM to the end, ms", |impact| milliseconds(impact.ended), "10 000"),
        ("the flood: answered, refused, failed", |impact| impact.flood.map(|count| count.to_string()).join(", "), ""),
    ];
    for (name, figure, goal) in rows {
        section.row(&[name, &figure(&one), &figure(&two), goal]);
    }
    section
}

fn milliseconds(time: Duration) -> String {
    format!("{:.0}", time.as_secs_f64() * 1_000.0)
}
