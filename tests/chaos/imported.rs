//! Right after an import, before PostgreSQL has statistics of what came: first calls of many keys must not wait for it.

use std::time::Duration;

use crate::calls::STATUSES;
use crate::fleet::crowd::{Crowd, grants_read};
use crate::fleet::{Fleet, server};
use crate::support::postgres::{Cluster, Options};

const MAX_STALENESS: Duration = Duration::from_secs(30);

/// Keys: so many that wrong estimates pass `jit_above_cost`.
const KEYS: usize = 4_000;
/// Keys that are called.
const CALLED: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn first_calls_after_an_import_wait_for_no_compiler() {
    // Without autovacuum nothing makes statistics; what was compiled is counted by the database itself.
    let options = Options::default().set("autovacuum", "off").set("shared_preload_libraries", "pg_stat_statements");
    let cluster = Cluster::start(options);
    let database = cluster.database();
    database.query("CREATE EXTENSION pg_stat_statements");
    let fleet = Fleet::start(vec![server(database.url(), MAX_STALENESS)], MAX_STALENESS).await;
    let member = &fleet.members[0];
    let crowd = Crowd::import(&member.client, KEYS).await;
    let before = grants_read(member).1;
    for (_, token) in crowd.0.iter().step_by(KEYS / CALLED) {
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
