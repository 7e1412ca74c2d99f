//! A server dies, freezes or ends connections: calls fail with the right error, and work again without help.

use std::time::Duration;

use latchkey::model::change::{Cursor, Revision, SubjectKind};
use latchkey::model::id::ReplicaId;
use latchkey::storage::{
    self, Error, Feed as _, KeyFilter, NewKey, Options, ReplicaReport, Result, SnapshotSink, Storage,
};

use crate::conformance::engine::{EngineKind, Location, block_on};
use crate::conformance::factory::{BEGINNING, RecordFactory};
use crate::conformance::write::{add_keys, begin, is_unavailable, try_begin};
use helpers::support::eventually_async;
use helpers::support::postgres::{Cluster, Database, Options as Settings};

/// Bound for recovery after the server is back.
const RECOVERY: Duration = Duration::from_mins(1);

async fn open(database: &Database) -> std::sync::Arc<Storage> {
    storage::open(Options::new(database.url().parse().expect("a URL"))).await.expect("it opens")
}

/// Makes one call for each sort of connection; returns the name and result of each call.
async fn call_everything(storage: &Storage, replica: ReplicaId, key: &NewKey) -> Vec<(&'static str, Result<()>)> {
    struct IgnoreDigests;
    impl SnapshotSink for IgnoreDigests {
        fn digests(&mut self, _: &[latchkey::model::token::Digest]) {}
    }
    let report = ReplicaReport {
        id: replica,
        host: "it".into(),
        version: "1".into(),
        started: BEGINNING,
        applied: Revision(0),
        max_staleness: None,
    };
    vec![
        ("head", storage.head().await.map(drop)),
        ("key", storage.key(key.id).await.map(drop)),
        ("grant", storage.grant(&key.secret.digest).await.map(drop)),
        ("poll", storage.poll(Cursor::default(), 10).await.map(drop)),
        ("snapshot", storage.snapshot(&mut IgnoreDigests).await.map(drop)),
        ("renew", storage.heartbeat(&report, 0).await.map(drop)),
        ("sweep", storage.delete_expired(BEGINNING).await),
        ("begin", try_begin(storage).await.map(drop)),
    ]
}

fn assert_all_unavailable(calls: &[(&str, Result<()>)], when: &str) {
    for (name, result) in calls {
        assert!(is_unavailable(result), "{name} {when}: {result:?}");
    }
}

async fn eventually_all_work(storage: &Storage, replica: ReplicaId, key: &NewKey) {
    eventually_async("every call works again", RECOVERY, async || {
        let calls = call_everything(storage, replica, key).await;
        // Until then the only error is that storage is unreachable.
        for (name, result) in &calls {
            assert!(result.is_ok() || is_unavailable(result), "{name}: {result:?}");
        }
        calls.iter().all(|(_, result)| result.is_ok()).then_some(())
    })
    .await;
}

#[test]
fn calls_fail_while_the_server_is_dead_and_work_again_once_it_lives() {
    let mut cluster = Cluster::start(Settings::default());
    let database = cluster.database();
    block_on(async {
        let mut factory = RecordFactory::new();
        let (replica, key) = (factory.replica_id(), factory.key("kept"));
        let storage = open(&database).await;
        add_keys(&storage, std::slice::from_ref(&key)).await;
        eventually_all_work(&storage, replica, &key).await;
        for round in 0..2 {
            cluster.kill9();
            for _ in 0..3 {
                assert_all_unavailable(&call_everything(&storage, replica, &key).await, "while the server is dead");
            }
            cluster.restart();
            eventually_all_work(&storage, replica, &key).await;
            let read = storage.key(key.id).await.expect("a key is read");
            assert!(read.is_some(), "what was acknowledged is there, in round {round}");
            let woken = eventually_async("commits wake again", RECOVERY, async || {
                add_keys(&storage, &[factory.key("later")]).await;
                tokio::time::timeout(Duration::from_secs(2), storage.notified()).await.ok()
            });
            woken.await;
        }
    });
}

#[test]
fn a_write_under_way_when_the_server_dies_leaves_nothing() {
    let mut cluster = Cluster::start(Settings::default());
    let database = cluster.database();
    block_on(async {
        let mut factory = RecordFactory::new();
        let keys = [factory.key("one"), factory.key("other")];
        let storage = open(&database).await;
        let mut write = begin(&storage).await;
        write.add_key(&keys[0]).await;
        cluster.kill9();
        let failed = write.insert_keys(&keys[1..]).await;
        assert!(is_unavailable(&failed), "{failed:?}");
        let failed = write.commit().await;
        assert!(matches!(failed, Err(Error::Unavailable { .. } | Error::OutcomeUnknown)), "{failed:?}");
        cluster.restart();
        let mut write = eventually_async("a write begins", RECOVERY, async || try_begin(&storage).await.ok()).await;
        assert_eq!(write.revision(), Revision(1));
        for key in &keys {
            assert_eq!(write.key(key.id).await.expect("a key is looked up"), None);
        }
        write.note(SubjectKind::Other, "it").await;
        write.done().await;
    });
}

#[test]
fn a_commit_whose_answer_is_lost_says_so_and_is_all_or_nothing() {
    let mut cluster = Cluster::start(Settings::default());
    let database = cluster.database();
    block_on(async {
        let mut factory = RecordFactory::new();
        let storage = open(&database).await;
        let mut expected = Revision(0);
        for _ in 0..4 {
            let keys = [factory.key("one"), factory.key("other")];
            let mut write = eventually_async("a write begins", RECOVERY, async || try_begin(&storage).await.ok()).await;
            assert_eq!(write.revision(), expected.next());
            write.add_keys(&keys).await;
            // The frozen server receives the commit and does not respond; then it is killed, having executed it or not.
            cluster.stop();
            let (answer, ()) = tokio::join!(write.commit(), async { cluster.kill9() });
            assert!(matches!(answer, Err(Error::OutcomeUnknown)), "{answer:?}");
            cluster.restart();
            let head = eventually_async("the head is read", RECOVERY, async || storage.head().await.ok()).await;
            let mut there = 0;
            for key in &keys {
                there += usize::from(storage.key(key.id).await.expect("a key is looked up").is_some());
            }
            assert_eq!(there, if head.revision == expected { 0 } else { 2 }, "all or nothing");
            expected = head.revision;
        }
    });
}

#[test]
fn calls_to_a_frozen_server_fail_and_work_again_once_it_goes_on() {
    let mut cluster = Cluster::start(Settings::default());
    let database = cluster.database();
    block_on(async {
        let mut factory = RecordFactory::new();
        let (replica, key) = (factory.replica_id(), factory.key("kept"));
        let storage = open(&database).await;
        add_keys(&storage, std::slice::from_ref(&key)).await;
        eventually_all_work(&storage, replica, &key).await;
        cluster.stop();
        assert_all_unavailable(&call_everything(&storage, replica, &key).await, "while the server is frozen");
        cluster.cont();
        eventually_all_work(&storage, replica, &key).await;
    });
}

/// Ends every connection to the database except its own.
fn end_connections(location: &Location) {
    let others = "SELECT count(pg_terminate_backend(pid))::text FROM pg_stat_activity \
                  WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let ended: u32 = location.text(others).parse().expect("a number");
    assert!(ended > 0, "there were connections to end");
}

fn ended_connections_are_replaced(kind: EngineKind) {
    block_on(async {
        let location = Location::new(kind);
        let storage = location.open().await;
        let mut factory = RecordFactory::new();
        let (replica, key) = (factory.replica_id(), factory.key("kept"));
        add_keys(&storage, std::slice::from_ref(&key)).await;
        for _ in 0..3 {
            eventually_all_work(&storage, replica, &key).await;
            let mut write = begin(&storage).await;
            write.add_key(&factory.key("lost")).await;
            end_connections(&location);
            let failed = write.commit().await;
            assert!(matches!(failed, Err(Error::Unavailable { .. } | Error::OutcomeUnknown)), "{failed:?}");
        }
        eventually_all_work(&storage, replica, &key).await;
        let all = crate::conformance::write::list_keys(&storage, &KeyFilter::default(), 50).await;
        assert_eq!(all.len(), 1, "what was not acknowledged is not there");
    });
}

#[test]
fn ended_connections_are_replaced_on_postgres() {
    ended_connections_are_replaced(EngineKind::Postgres);
}

#[test]
fn ended_connections_are_replaced_behind_pgbouncer() {
    ended_connections_are_replaced(EngineKind::Pgbouncer);
}

/// A replica that froze in the middle of a write must not prevent other replicas from revoking a key.
fn a_writer_that_says_nothing_loses_its_turn(kind: EngineKind) {
    block_on(async {
        let location = Location::new(kind);
        let storage = location.open().await;
        let mut factory = RecordFactory::new();
        let silent_key = factory.key("silent");
        let mut silent = begin(&storage).await;
        silent.add_key(&silent_key).await;
        let other = location.open().await;
        let mut write = eventually_async("another writes", RECOVERY, async || match try_begin(&other).await {
            Ok(write) => Some(write),
            Err(error) => {
                assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
                None
            }
        })
        .await;
        assert_eq!(write.revision(), Revision(1));
        write.note(SubjectKind::Other, "it").await;
        write.done().await;
        let failed = silent.commit().await;
        assert!(matches!(failed, Err(Error::Unavailable { .. } | Error::OutcomeUnknown)), "{failed:?}");
        assert_eq!(storage.key(silent_key.id).await.expect("a key is looked up"), None);
        assert_eq!(storage.head().await.expect("the head is read").revision, Revision(1));
    });
}

#[test]
fn a_writer_that_says_nothing_loses_its_turn_on_postgres() {
    a_writer_that_says_nothing_loses_its_turn(EngineKind::Postgres);
}

#[test]
fn a_writer_that_says_nothing_loses_its_turn_behind_pgbouncer() {
    a_writer_that_says_nothing_loses_its_turn(EngineKind::Pgbouncer);
}

#[test]
fn a_server_that_cannot_be_reached_is_named_without_its_password() {
    block_on(async {
        let port = helpers::support::machine::free_port();
        let url = format!("postgres://latchkey:s3cret@127.0.0.1:{port}/nowhere");
        let refused = storage::open(Options::new(url.parse().expect("a URL"))).await;
        assert!(is_unavailable(&refused), "{refused:?}");
        let error = refused.expect_err("it is not there");
        let mut said = format!("{error} {error:?}");
        let mut source = std::error::Error::source(&error);
        while let Some(cause) = source {
            said.push_str(&cause.to_string());
            source = cause.source();
        }
        assert!(!said.contains("s3cret"), "{said}");
    });
}

#[test]
fn a_database_that_is_not_there_is_refused_with_its_name() {
    block_on(async {
        let url = Cluster::shared().database().url().replace("/test_", "/no_such_");
        let refused = storage::open(Options::new(url.parse().expect("a URL"))).await;
        let Err(Error::Unusable { sentence }) = refused else { panic!("{refused:?}") };
        assert!(sentence.contains("no_such_"), "{sentence}");
    });
}
