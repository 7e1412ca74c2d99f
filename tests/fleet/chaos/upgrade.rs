//! Upgrading server by server across a migration, under load: callers use the servers that report serving.
//!
//! A later version is simulated by a migration that this one does not know (`compatible_from` stays) and an unknown
//! kind of subject in the audit trail. Servers from before and after the migration serve side by side.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use latchkey::storage::SCHEMA_VERSION;
use tokio::sync::RwLock;

use crate::chaos::pass;
use helpers::calls::{Client, METHODS, STORES, key_with_access, spawn_task};
use helpers::fleet::ledger::Ledger;
use helpers::fleet::load::Writers;
use helpers::fleet::{Fleet, Member, RECOVERY, changes, server};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Database};
use helpers::support::process::LatchkeyProcess;

const MAX_STALENESS: Duration = Duration::from_secs(10);

/// How long a server keeps serving after its health service reports the shutdown: longer than callers take to notice.
const GRACE: &str = "2s";

/// A server to call.
#[derive(Clone)]
struct Target {
    client: Client,
    replica: String,
    /// Whether its health service reports serving.
    serving: bool,
}

impl Target {
    fn of(member: &Member, serving: bool) -> Self {
        Self { client: member.client.clone(), replica: member.replica.clone(), serving }
    }
}

/// The servers, in the order of the fleet.
type Targets = Arc<RwLock<Vec<Target>>>;

/// Migrates as a later version would: a new table, a new column, and nothing that older versions would miss.
fn migrate(database: &Database) {
    let later = SCHEMA_VERSION + 1;
    database.query(&format!(
        "BEGIN; SET LOCAL lock_timeout = '3s'; CREATE TABLE tariffs (code text PRIMARY KEY); \
         ALTER TABLE keys ADD COLUMN tariff text; ALTER TABLE stores ADD COLUMN tariff text; \
         UPDATE meta SET value = '{later}' WHERE key = 'schema_version'; COMMIT"
    ));
}

/// Writes as a later version would, with a kind of subject that this one does not know.
fn write_as_later(database: &Database, code: &str) {
    database.query(&format!(
        "BEGIN; UPDATE revision SET value = value + 1, nonce = 4711; INSERT INTO changes (revision, ordinal, nonce, at, \
         actor, actor_name, action, comment, subject_kind, subject_id, after) SELECT value, 0, nonce, \
         CAST(extract(epoch FROM now()) * 1000000 AS bigint), 'system', 'system', 'create', '', 'tariff', '{code}', '{{}}' \
         FROM revision; INSERT INTO tariffs VALUES ('{code}'); COMMIT"
    ));
}

/// Calls the serving servers in turn until stopped; returns how many decisions there were, and the failures.
async fn call(targets: Targets, ledger: Arc<Ledger>, token: String, stop: Arc<AtomicBool>) -> (usize, Vec<String>) {
    let (mut decided, mut failed) = (0, Vec::new());
    for number in 0.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let target = {
            let targets = targets.read().await;
            let serving: Vec<_> = targets.iter().filter(|target| target.serving).collect();
            serving.get(number % serving.len().max(1)).map(|target| (*target).clone())
        };
        match target {
            None => failed.push("no server serves".to_owned()),
            Some(target) => match ledger.authorize(&target.client, &target.replica, &token).await {
                Ok(decision) if decision.allowed => decided += 1,
                other => failed.push(format!("{other:?}")),
            },
        }
        pass(Duration::from_millis(3)).await;
    }
    (decided, failed)
}

/// Tracks the servers' health, as a service mesh does.
async fn watch(targets: Targets, stop: Arc<AtomicBool>) {
    while !stop.load(Ordering::Relaxed) {
        let clients: Vec<_> = targets.read().await.iter().map(|target| target.client.clone()).collect();
        for (at, client) in clients.into_iter().enumerate() {
            let serving = tokio::time::timeout(Duration::from_secs(1), client.is_serving()).await.unwrap_or(false);
            targets.write().await[at].serving = serving;
        }
        pass(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upgrade_server_by_server_across_a_migration_fails_no_call() {
    let database = Cluster::shared().database();
    let build = || server(database.url(), MAX_STALENESS).env("LATCHKEY_ACCEPT_GRACE", GRACE);
    let mut fleet = Fleet::start((0..3).map(|_| build()).collect(), MAX_STALENESS).await;
    let key = key_with_access("in use", &STORES[..1], &METHODS[1..2]);
    let (_, token) = changes::create_key(&fleet.members[0].client, &fleet.ledger, key).await.expect("a key is made");
    let targets: Targets = Arc::new(RwLock::new(fleet.members.iter().map(|member| Target::of(member, true)).collect()));
    let stop = Arc::new(AtomicBool::new(false));
    let watching = spawn_task(watch(Arc::clone(&targets), Arc::clone(&stop)));
    let caller = || call(Arc::clone(&targets), Arc::clone(&fleet.ledger), token.clone(), Arc::clone(&stop));
    let calling: Vec<_> = (0..6).map(|_| spawn_task(caller())).collect();

    // The first server of the new version migrates while all others are old.
    let writers = Writers::start(&fleet, &[0, 1, 2], 1, Duration::from_millis(30));
    migrate(&database);
    write_as_later(&database, "gold");
    eventually_async("writes go on", RECOVERY, async || (writers.done() > 5).then_some(())).await;
    let (_, failed) = writers.end().await;
    assert_eq!(failed, 0, "writes are taken beside the migration");

    for at in 0..fleet.members.len() {
        fleet.members[at].server.terminate();
        let ended = fleet.members[at].server.wait_exit(RECOVERY);
        assert_eq!(ended.code(), Some(0), "{}", fleet.members[at].server.stderr());
        fleet.members[at].server.restart();
        fleet.reconnect(at).await;
        targets.write().await[at] = Target::of(&fleet.members[at], false);
        write_as_later(&database, &format!("of server {at}"));
        // Old and new versions, side by side.
        let target = Arc::clone(&targets);
        eventually_async("it is called again", RECOVERY, async || target.read().await[at].serving.then_some(())).await;
    }
    let writers = Writers::start(&fleet, &[0, 1, 2], 1, Duration::from_millis(30));
    eventually_async("writes go on", RECOVERY, async || (writers.done() > 5).then_some(())).await;
    let (_, failed) = writers.end().await;
    assert_eq!(failed, 0, "writes are taken after it");
    stop.store(true, Ordering::Relaxed);
    watching.await.expect("health is watched");
    for task in calling {
        let (decided, failed) = task.await.expect("a caller does not panic");
        assert!(decided > 50, "only {decided} calls were decided");
        assert!(failed.is_empty(), "{} calls failed, the first: {:?}", failed.len(), &failed[..failed.len().min(3)]);
    }
    fleet.assert_agrees_with_ledger().await;

    // The next migration drops support for this version: it does not start any more, and reports why.
    database.query(&format!("UPDATE meta SET value = '{}' WHERE key = 'compatible_from'", SCHEMA_VERSION + 1));
    let mut refused: LatchkeyProcess = build().spawn();
    let ended = refused.wait_exit(RECOVERY);
    assert_ne!(ended.code(), Some(0));
    let said = refused.stderr();
    assert!(said.contains("install a later version"), "it says what would help:\n{said}");
}
