//! A brief flood does not block other clients.

use std::time::Duration;

use super::flood::{DRAIN, FloodSize, Impact, run};
use helpers::support::postgres::Cluster;

/// How much worse the limits are than in `cargo bench -- flood`: for times, and for calls without a response. Other
/// load on the machine and the unoptimised build make the results worse.
const FACTOR: u32 = 4;

fn assert_small_impact(impact: &Impact) {
    println!("{impact:#?}");
    assert!(impact.livez <= Duration::from_secs(1) * FACTOR, "/livez took {:?}", impact.livez);
    assert!(impact.revoked <= Duration::from_secs(2) * FACTOR, "a revocation took {:?}", impact.revoked);
    assert_eq!(impact.allowed_after_revocation, 0, "an acknowledged revocation holds at every replica");
    assert!(impact.answered_percent() >= 100.0 - f64::from(FACTOR), "{:.1} %", impact.answered_percent());
    assert!(impact.grown <= 128 << 20, "a replica grew by {} MiB", impact.grown >> 20);
    assert!(impact.ended <= DRAIN + Duration::from_secs(3), "a replica took {:?} to end", impact.ended);
    assert!(impact.flood[0] > 0, "the flood was answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_on_sqlite_holds_nothing_up() {
    let _serial = crate::SERIAL.lock().await;
    let size = FloodSize { time: Duration::from_secs(6), database: None, replicas: 1 };
    assert_small_impact(&run(&size).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_on_two_replicas_holds_nothing_up() {
    let _serial = crate::SERIAL.lock().await;
    let database = Cluster::shared().database();
    let size = FloodSize { time: Duration::from_secs(6), database: Some(database.url().to_owned()), replicas: 2 };
    assert_small_impact(&run(&size).await);
}
