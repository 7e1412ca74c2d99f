//! The database is killed and restarted; stopped for half of `max_staleness`, and for longer than that.

use std::time::Duration;

use crate::chaos::PAUSE;
use crate::chaos::QUIET;
use crate::chaos::pass;
use helpers::fleet::load::{Load, Writers};
use helpers::fleet::{Fleet, now, server};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Options};

const MAX_STALENESS: Duration = Duration::from_secs(6);

/// How long after losing storage every call with a warm key must get a decision: freshness counts from sending the last
/// report, and a report is sent every quarter of `max_staleness`.
const WARM_FOR: Duration = Duration::from_millis(3_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_killed_or_stopped_costs_no_decision_and_no_acknowledged_write() {
    let mut cluster = Cluster::start(Options::default());
    let database = cluster.database();
    let builders = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let load = Load::start(&fleet, 20, 2, PAUSE).await;
    // Start and end of each span: a busy machine may take longer than that to restart the database.
    let (mut since, mut answered) = (now(), Vec::new());
    let writers = Writers::start(&fleet, &[0, 1], 2, Duration::from_millis(20));
    pass(QUIET).await;

    // Killed twice during writes, and restarted soon after.
    for _ in 0..2 {
        let before = writers.done();
        answered.push((since, now() + WARM_FOR));
        cluster.kill9();
        pass(Duration::from_millis(500)).await;
        cluster.restart();
        eventually_async("writes are taken again", helpers::fleet::RECOVERY, async || {
            (writers.done() > before + 5).then_some(())
        })
        .await;
        // A report or two later: a server may only be ready because of what was proven before.
        pass(QUIET).await;
        fleet.wait_all_ready().await;
        since = now();
    }

    // Stopped for half of the allowed time.
    answered.push((since, now() + WARM_FOR));
    cluster.stop();
    pass(MAX_STALENESS / 2).await;
    cluster.cont();
    pass(QUIET).await;
    fleet.wait_all_ready().await;
    since = now();

    // Stopped for longer.
    answered.push((since, now() + WARM_FOR));
    cluster.stop();
    pass(MAX_STALENESS + Duration::from_secs(2)).await;
    for member in &fleet.members {
        assert!(!member.is_ready(), "what is not proven fresh is not served");
        for (token, _) in fleet.ledger.expected_decisions().iter().take(3) {
            let answer = member.client.authorize(token, helpers::calls::STATUSES, "").await;
            assert_eq!(answer.expect_err("nothing is decided").code(), tonic::Code::Unavailable);
        }
    }
    cluster.cont();
    fleet.wait_all_ready().await;
    since = now();
    pass(QUIET).await;
    let (done, failed) = writers.end().await;
    answered.push((since, now()));
    let tally = load.end().await;

    assert!(done > 20 && failed > 0, "{done} writes were acknowledged, {failed} were not");
    for (from, until) in answered {
        tally.assert_answered(&[0, 1], from, until);
    }
    fleet.assert_agrees_with_ledger().await;
}
