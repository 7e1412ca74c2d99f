//! Every kind of change that ends the access of a token, under load on three servers: found by notification, and by
//! polling alone. `make revocation` measures how fast that is; here it must be correct.

use std::time::Duration;

use crate::chaos::PAUSE;
use crate::chaos::QUIET;
use crate::chaos::pass;
use helpers::fleet::changes::{CHANGE_KINDS, Subject};
use helpers::fleet::load::Load;
use helpers::fleet::propagation::end_and_measure;
use helpers::fleet::{Fleet, now, server};
use helpers::support::pgbouncer::PgBouncer;
use helpers::support::postgres::Cluster;

const MAX_STALENESS: Duration = Duration::from_secs(30);

async fn every_kind_of_change_on(url: &str) {
    let fleet = Fleet::start((0..3).map(|_| server(url, MAX_STALENESS)).collect(), MAX_STALENESS).await;
    let load = Load::start(&fleet, 20, 1, PAUSE).await;
    let began = now();
    for number in 0..CHANGE_KINDS.len() * 2 {
        let kind = CHANGE_KINDS[number % CHANGE_KINDS.len()];
        let subject = Subject::create_cached(&fleet, number % 3, kind, &format!("k{number}")).await;
        end_and_measure(&fleet, &subject, (number + 1) % 3).await;
    }
    pass(QUIET).await;
    load.end().await.assert_answered(&[0, 1, 2], began, now());
    fleet.assert_agrees_with_ledger().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_change_reaches_every_server_by_notification() {
    every_kind_of_change_on(Cluster::shared().database().url()).await;
}

/// Behind a pooler in transaction mode no notification is received.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_change_reaches_every_server_by_polling_alone() {
    let cluster = Cluster::shared();
    let bouncer = PgBouncer::start(cluster, "transaction");
    every_kind_of_change_on(&bouncer.url(&cluster.database())).await;
}
