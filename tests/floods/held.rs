//! A brief flood does not block other clients.

use std::time::Duration;

use crate::flood::{DRAIN, Extent, Noticed, run};
use crate::support::postgres::Cluster;

/// How much worse the limits are than in `cargo bench -- flood`: for times, and for calls without a response. Other
/// load on the machine and the unoptimised build make the results worse.
const FACTOR: u32 = 4;

fn hold(noticed: &Noticed) {
    println!("{noticed:#?}");
    assert!(noticed.livez <= Duration::from_secs(1) * FACTOR, "/livez took {:?}", noticed.livez);
    assert!(noticed.revoked <= Duration::from_secs(2) * FACTOR, "a revocation took {:?}", noticed.revoked);
    assert_eq!(noticed.let_through, 0, "an acknowledged revocation holds at every replica");
    assert!(noticed.answered_of_100() >= 100.0 - f64::from(FACTOR), "{:.1} %", noticed.answered_of_100());
    assert!(noticed.grown <= 128 << 20, "a replica grew by {} MiB", noticed.grown >> 20);
    assert!(noticed.ended <= DRAIN + Duration::from_secs(3), "a replica took {:?} to end", noticed.ended);
    assert!(noticed.flood[0] > 0, "the flood was answered");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_on_sqlite_holds_nothing_up() {
    let _alone = crate::ALONE.lock().await;
    let extent = Extent { time: Duration::from_secs(6), database: None, replicas: 1 };
    hold(&run(&extent).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_on_two_replicas_holds_nothing_up() {
    let _alone = crate::ALONE.lock().await;
    let database = Cluster::shared().database();
    let extent = Extent { time: Duration::from_secs(6), database: Some(database.url().to_owned()), replicas: 2 };
    hold(&run(&extent).await);
}
