//! pgbouncer in transaction mode is killed and restarted between servers and database.

use std::time::Duration;

use crate::chaos::PAUSE;
use crate::chaos::QUIET;
use crate::chaos::pass;
use helpers::fleet::load::{Load, Writers};
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::support::eventually_async;
use helpers::support::pgbouncer::PgBouncer;
use helpers::support::postgres::Cluster;

const MAX_STALENESS: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pooler_that_is_restarted_costs_no_decision_and_no_acknowledged_write() {
    let cluster = Cluster::shared();
    let database = cluster.database();
    let mut bouncer = PgBouncer::start(cluster, "transaction");
    let builders = (0..2).map(|_| server(&bouncer.url(&database), MAX_STALENESS)).collect();
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let load = Load::start(&fleet, 20, 2, PAUSE).await;
    let began = now();
    let writers = Writers::start(&fleet, &[0, 1], 2, Duration::from_millis(20));
    pass(QUIET).await;
    for _ in 0..2 {
        let before = writers.done();
        bouncer.kill9();
        pass(Duration::from_millis(700)).await;
        bouncer.restart();
        eventually_async("writes are taken again", RECOVERY, async || (writers.done() > before + 5).then_some(()))
            .await;
    }
    // Frozen, like a network that drops everything.
    bouncer.stop();
    pass(MAX_STALENESS / 3).await;
    bouncer.cont();
    pass(QUIET).await;
    let (done, failed) = writers.end().await;
    let ended = now();
    assert!(done > 20 && failed > 0, "{done} writes were acknowledged, {failed} were not");
    load.end().await.assert_answered(&[0, 1], began, ended);
    fleet.assert_agrees_with_ledger().await;
}
