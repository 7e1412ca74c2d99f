//! The time of a revocation: until every server refuses the calls that a change forbids.
//!
//! Three servers run as processes of their own on a dedicated PostgreSQL. Keys in use are called on all of them all the
//! time. Each change ends one more key; kinds of changes and servers alternate, while every server receives a request
//! about that key every millisecond or two. The time counts from sending the change to a server, so it contains the
//! write itself. One run uses notifications; another runs behind pgbouncer in transaction mode, where no notification
//! is received and changes are found by polling. The oracle replays every response at the end.

use std::time::Duration;

use crate::common::report::Section;
use crate::common::stats::Sample;
use helpers::fleet::changes::{CHANGE_KINDS, ChangeKind, Subject};
use helpers::fleet::load::Load;
use helpers::fleet::propagation::{Propagation, end_and_measure};
use helpers::fleet::{Fleet, server};
use helpers::support::pgbouncer::PgBouncer;
use helpers::support::postgres::{Cluster, Options};

const MAX_STALENESS: Duration = Duration::from_secs(30);

/// Runs the benchmark.
pub(crate) fn run(full: bool) -> Section {
    let changes = if full { 1_008 } else { CHANGE_KINDS.len() };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.expect("a runtime can be made");
    let mut section = Section::new("revocation", "Revocation");
    section.paragraph(&format!(
        "Time until every one of three servers refuses what a change has ended, counted from the sending of the change, in \
         milliseconds: {changes} changes ({}), one after the other, with calls for other keys on all servers meanwhile. No \
         answer was wrong by the oracle.",
        CHANGE_KINDS.map(|kind| format!("{kind:?}")).join(", ")
    ));
    let cluster = Cluster::start(Options::default());
    let bouncer = PgBouncer::start(&cluster, "transaction");
    let direct = cluster.database();
    let pooled = bouncer.url(&cluster.database());
    section.table(&["changes are found", "p50", "p99", "max", "answered, p50", "answered, p99", "goal"]);
    let mut by_kind = Vec::new();
    for (how, url, goal) in
        [("by notification", direct.url(), "p99 ≤ 50"), ("by polling alone", pooled.as_str(), "max ≤ 500")]
    {
        let spreads = runtime.block_on(measure(url, changes));
        let of = |time: fn(&Propagation) -> Duration| {
            Sample::new(spreads.iter().map(|(_, spread)| time(spread).as_secs_f64() * 1_000.0).collect())
        };
        let (refused, answered) = (of(|spread| spread.refused), of(|spread| spread.acknowledged));
        let figure = |sample: &Sample, part: f64| format!("{:.1}", sample.percentile(part));
        section.row(&[
            how,
            &figure(&refused, 0.5),
            &figure(&refused, 0.99),
            &figure(&refused, 1.0),
            &figure(&answered, 0.5),
            &figure(&answered, 0.99),
            goal,
        ]);
        by_kind.push((how, spreads));
    }
    section.table(&["change, median (least–greatest)", by_kind[0].0, by_kind[1].0]);
    for kind in CHANGE_KINDS {
        let of = |spreads: &[(ChangeKind, Propagation)]| {
            let times = spreads.iter().filter(|(of, _)| *of == kind);
            Sample::new(times.map(|(_, spread)| spread.refused.as_secs_f64() * 1_000.0).collect()).to_string()
        };
        section.row(&[&format!("{kind:?}"), &of(&by_kind[0].1), &of(&by_kind[1].1)]);
    }
    section
}

async fn measure(url: &str, changes: usize) -> Vec<(ChangeKind, Propagation)> {
    let fleet = Fleet::start((0..3).map(|_| server(url, MAX_STALENESS)).collect(), MAX_STALENESS).await;
    let load = Load::start(&fleet, 100, 2, Duration::from_millis(2)).await;
    let mut spreads = Vec::new();
    for number in 0..changes {
        // Combines every kind with every server.
        let (kind, through) = (CHANGE_KINDS[number % CHANGE_KINDS.len()], number / CHANGE_KINDS.len() % 3);
        let subject = Subject::create_cached(&fleet, (through + 1) % 3, kind, &format!("k{number}")).await;
        spreads.push((kind, end_and_measure(&fleet, &subject, through).await));
    }
    drop(load.end().await);
    fleet.assert_agrees_with_ledger().await;
    spreads
}
