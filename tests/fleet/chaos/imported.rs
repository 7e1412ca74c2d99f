//! Right after an import, before PostgreSQL has statistics of new rows: first calls and changes must not wait for it.

use std::sync::Arc;
use std::time::Duration;

use helpers::calls::STATUSES;
use helpers::fleet::imported_keys::{Changes, ImportedKeys, grants_read};
use helpers::fleet::{Fleet, server};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Database, Options};

const MAX_STALENESS: Duration = Duration::from_secs(30);

/// Number of keys: enough for wrong estimates to exceed `jit_above_cost`, and for a full read of them to be detected.
const KEYS: usize = 20_000;
/// Number of keys that are called.
const CALLED: usize = 40;

/// Number of changes, and of 8 KiB blocks that one of their statements may read: the secrets of all keys have four
/// times as many.
const CHANGES: u32 = 20;
const BLOCKS: u32 = 100;

/// Starts a server on a database that collects no table statistics but counts the cost of statements.
async fn begin() -> (Cluster, Database, Fleet) {
    let options = Options::default().set("autovacuum", "off").set("shared_preload_libraries", "pg_stat_statements");
    let cluster = Cluster::start(options);
    let database = cluster.database();
    database.query("CREATE EXTENSION pg_stat_statements");
    let fleet = Fleet::start(vec![server(database.url(), MAX_STALENESS)], MAX_STALENESS).await;
    (cluster, database, fleet)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_calls_after_an_import_wait_for_no_compiler() {
    let (_cluster, database, fleet) = begin().await;
    let member = &fleet.members[0];
    let imported_keys = ImportedKeys::import(&member.client, KEYS).await;
    let before = grants_read(member).1;
    for (_, token) in imported_keys.0.iter().step_by(KEYS / CALLED) {
        let decision = member.client.authorize(token, STATUSES, "").await.expect("a first call is decided");
        assert!(decision.allowed, "{decision:?}");
    }
    assert!(
        grants_read(member).1 >= before + f64::from(u32::try_from(CALLED).expect("a few")),
        "they were first calls"
    );
    let sql = "SELECT query, calls, jit_functions FROM pg_stat_statements WHERE jit_functions > 0 \
               AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
               AND query NOT LIKE '%pg_stat_statements%'";
    let compiled = database.query(sql);
    assert!(compiled.is_empty(), "compiled, which takes a fifth of a second and more: {compiled:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_after_an_import_read_no_table_through() {
    let (_cluster, database, fleet) = begin().await;
    let member = &fleet.members[0];
    let imported_keys = ImportedKeys::import(&member.client, KEYS).await;
    database.query("SELECT pg_stat_statements_reset()");
    let ids = Arc::new(imported_keys.0.into_iter().map(|(id, _)| id).collect());
    let changes = Changes::start(&member.client, &ids, CHANGES);
    let enough = || (changes.done() >= usize::try_from(CHANGES).expect("a few")).then_some(());
    eventually_async("changes are made", MAX_STALENESS, async || enough()).await;
    changes.end().await;
    // A change writes its rows in every index; the reads before it and the polls after it each use one index.
    let sql = format!(
        "SELECT query, calls, shared_blks_hit + shared_blks_read FROM pg_stat_statements \
         WHERE shared_blks_hit + shared_blks_read > {BLOCKS} * calls AND query LIKE 'SELECT%' \
         AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND query NOT LIKE '%pg_stat_statements%'"
    );
    let through = database.query(&sql);
    assert!(through.is_empty(), "tables are read through: {through:?}");
    let sql = "SELECT calls FROM pg_stat_statements WHERE query LIKE '%FROM secrets t%ended_at IS NULL%' \
               AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database())";
    assert!(!database.query(sql).is_empty(), "what changes read was counted");
}
