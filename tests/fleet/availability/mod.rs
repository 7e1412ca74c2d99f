//! Latchkey on PostgreSQL managed by Patroni: three nodes, etcd, HAProxy and pgbouncer, with one failure after another.
//! Of three servers one lists all nodes in its `database_url`, one connects through HAProxy, one through pgbouncer in
//! front of HAProxy.
//!
//! Invariants: the oracle finds nothing, keys in use get decisions throughout, and a server with several hosts writes
//! again about as soon as one behind HAProxy. `make test` has a short round; `make ha` has twenty of all kinds.

pub mod cluster;
pub mod failures;
pub mod node;
pub mod round;
pub mod write_probe;

use cluster::HaCluster;
use failures::FailureKind;
use round::RoundResult;

/// Every kind at least once in a run of twenty; the ones of `make test` come first.
const FAILURES: [FailureKind; 20] = [
    FailureKind::Switchover,
    FailureKind::PostgresKilled,
    FailureKind::NodeFrozen,
    FailureKind::NodeKilled,
    FailureKind::PrimaryCutOff,
    FailureKind::ServersCutOff,
    FailureKind::CommitsLost,
    FailureKind::DiskFull,
    FailureKind::Failover,
    FailureKind::NodeFrozen,
    FailureKind::Switchover,
    FailureKind::NodeKilled,
    FailureKind::PrimaryCutOff,
    FailureKind::CommitsLost,
    FailureKind::DiskFull,
    FailureKind::PostgresKilled,
    FailureKind::ServersCutOff,
    FailureKind::NodeFrozen,
    FailureKind::Failover,
    FailureKind::NodeKilled,
];
/// Number of rounds in `make test`.
const SHORT: usize = 2;

/// Parses `text`: a number of rounds, or one kind, such as `DiskFull`.
fn rounds(text: Option<&str>) -> Vec<FailureKind> {
    match text.map_or(Ok(SHORT), str::parse) {
        Ok(count) => FAILURES.into_iter().cycle().take(count).collect(),
        Err(_) => {
            let of_kind: Vec<_> = FAILURES.into_iter().filter(|what| Some(&*format!("{what:?}")) == text).collect();
            assert!(!of_kind.is_empty(), "LATCHKEY_HA_ROUNDS is neither a number nor a kind of {FAILURES:?}");
            of_kind
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_outlive_what_breaks_under_patroni() {
    let rounds = rounds(std::env::var("LATCHKEY_HA_ROUNDS").ok().as_deref());
    let mut cluster = HaCluster::start().await;
    let mut rows = Vec::new();
    for what in rounds {
        let row = round::run(&mut cluster, what).await;
        println!("{row}");
        rows.push(row);
    }
    println!("\n{}", RoundResult::table(&rows));
    RoundResult::assert_bounds(&rows);
}
