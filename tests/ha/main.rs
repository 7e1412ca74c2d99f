//! Latchkey over PostgreSQL as Patroni runs it: three nodes, etcd, HAProxy and pgbouncer, and one thing after the other that
//! breaks there. Of three servers one names all nodes in its `database_url`, one goes through HAProxy, one through
//! pgbouncer in front of HAProxy.
//!
//! What must hold: the oracle finds nothing, keys in use are answered throughout, and a server that names several hosts
//! writes again about as soon as one behind HAProxy does. `make test` has a short round; `make ha` has twenty of all kinds.

#[path = "../calls/mod.rs"]
pub mod calls;
#[path = "../fleet/mod.rs"]
pub mod fleet;
#[path = "../oracle/mod.rs"]
pub mod oracle;
#[path = "../support/mod.rs"]
pub mod support;

pub mod breaking;
pub mod node;
pub mod rig;
pub mod round;
pub mod writing;

use breaking::Breaking;
use rig::Rig;
use round::Row;

/// Every kind, so that each run of twenty has each at least once; first what `make test` has.
const ALL: [Breaking; 20] = [
    Breaking::Switchover,
    Breaking::PostgresKilled,
    Breaking::NodeFrozen,
    Breaking::NodeKilled,
    Breaking::PrimaryCutOff,
    Breaking::ServersCutOff,
    Breaking::CommitsLost,
    Breaking::DiskFull,
    Breaking::Failover,
    Breaking::NodeFrozen,
    Breaking::Switchover,
    Breaking::NodeKilled,
    Breaking::PrimaryCutOff,
    Breaking::CommitsLost,
    Breaking::DiskFull,
    Breaking::PostgresKilled,
    Breaking::ServersCutOff,
    Breaking::NodeFrozen,
    Breaking::Failover,
    Breaking::NodeKilled,
];
/// Rounds of `make test`.
const SHORT: usize = 2;

/// What `text` asks for: so many rounds, or those of one kind, such as `DiskFull`.
fn rounds(text: Option<&str>) -> Vec<Breaking> {
    match text.map_or(Ok(SHORT), str::parse) {
        Ok(count) => ALL.into_iter().cycle().take(count).collect(),
        Err(_) => {
            let of_kind: Vec<_> = ALL.into_iter().filter(|what| Some(&*format!("{what:?}")) == text).collect();
            assert!(!of_kind.is_empty(), "LATCHKEY_HA_ROUNDS is neither a number nor a kind of {ALL:?}");
            of_kind
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn servers_outlive_what_breaks_under_patroni() {
    let rounds = rounds(std::env::var("LATCHKEY_HA_ROUNDS").ok().as_deref());
    let mut rig = Rig::start().await;
    let mut rows = Vec::new();
    for what in rounds {
        let row = round::play(&mut rig, what).await;
        println!("{row}");
        rows.push(row);
    }
    println!("\n{}", Row::table(&rows));
    Row::judge(&rows);
}
