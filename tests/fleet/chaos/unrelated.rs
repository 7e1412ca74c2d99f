//! Unrelated changes must not drop the cache: changes of other keys cause no storage read for keys in use.

use std::sync::Arc;
use std::time::Duration;

use crate::chaos::pass;
use helpers::fleet::imported_keys::{Changes, ImportedKeys, grants_read};
use helpers::fleet::load::Load;
use helpers::fleet::{Fleet, RECOVERY, now, server};
use helpers::support::eventually_async;
use helpers::support::postgres::Cluster;

const MAX_STALENESS: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_other_keys_cost_those_in_use_no_read() {
    let database = Cluster::shared().database();
    let builders = (0..2).map(|_| server(database.url(), MAX_STALENESS)).collect();
    let fleet = Fleet::start(builders, MAX_STALENESS).await;
    let imported_keys = ImportedKeys::import(&fleet.members[1].client, 2_000).await;
    let load = Load::start(&fleet, 100, 2, Duration::from_millis(2)).await;
    let began = now();
    pass(Duration::from_millis(500)).await;
    let (before, hits) = (grants_read(&fleet.members[0]), fleet.members[0].metric("latchkey_cache_hits_total"));
    let revision = fleet.members[0].metric("latchkey_applied_revision");

    let ids = Arc::new(imported_keys.0.into_iter().map(|(id, _)| id).collect::<Vec<_>>());
    let changes = Changes::start(&fleet.members[1].client, &ids, 200);
    // At 200 a second if the machine is fast enough.
    eventually_async("changes are made", RECOVERY, async || (changes.done() >= 100).then_some(())).await;
    let done = changes.end().await;
    let applied = || fleet.members[0].metric("latchkey_applied_revision") - revision;
    eventually_async("changes are applied", RECOVERY, async || (applied() as usize >= done).then_some(())).await;

    let hits = fleet.members[0].metric("latchkey_cache_hits_total") - hits;
    assert!(hits >= 100.0, "{hits} calls were decided meanwhile");
    assert_eq!(grants_read(&fleet.members[0]), before, "after {done} changes of other keys");
    load.end().await.assert_answered(&[0, 1], began, now());
    fleet.assert_agrees_with_ledger().await;
}
