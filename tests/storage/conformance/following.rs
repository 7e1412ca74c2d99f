//! Where a follower begins, and how it is woken.

use std::collections::BTreeSet;
use std::time::Duration;

use latchkey::model::change::{Cursor, Revision, SubjectKind};
use latchkey::model::operator::Role;
use latchkey::model::token::Digest;
use latchkey::storage::{Feed as _, NewKey, SnapshotSink};

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, RecordFactory};
use crate::conformance::write::{add_keys, add_stores, begin};

/// Far longer than a notification takes: a follower that has not been woken by then never will be.
const WAKING: Duration = Duration::from_secs(20);

#[derive(Default)]
struct Digests(Vec<[u8; 32]>);

impl SnapshotSink for Digests {
    fn digests(&mut self, digests: &[Digest]) {
        self.0.extend(digests.iter().map(Digest::as_bytes));
    }
}

async fn a_snapshot_of_empty_storage_is_empty(case: Case) {
    let mut sink = Digests::default();
    let snapshot = case.storage.snapshot(&mut sink).await.expect("a snapshot");
    assert_eq!(snapshot.head, Cursor::default());
    assert_eq!((snapshot.stores, snapshot.methods, snapshot.operators), (vec![], vec![], vec![]));
    assert_eq!(sink.0, Vec::<[u8; 32]>::new());
}

async fn a_snapshot_holds_everything_that_a_world_is_made_of(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let mut write = begin(storage).await;
    let mut stores = Vec::new();
    for code in ["a", "Z", "gone", "b"] {
        stores.push(write.add_store(&factory::store(code)).await);
    }
    let gone = stores.remove(2);
    write.drop_store(&gone).await;
    let methods = write
        .add_methods(&[factory::method("GET /b", 2), factory::method("GET /a", 1), factory::method("GET /c", 1)])
        .await;
    write.drop_methods(&methods[..1]).await;
    let (first, second) = (factory.operator("first", Role::Admin), factory.operator("second", Role::Editor));
    let operator = write.add_operator(&first).await;
    let mut revoked = write.add_operator(&second).await;
    revoked.revoked = Some(write.now());
    write.update_operator(&revoked, None).await.expect("an operator is revoked");
    let (now, head) = (write.now(), write.done().await);

    let snapshot = storage.snapshot(&mut Digests::default()).await.expect("a snapshot");
    assert_eq!(snapshot.head, head);
    assert!(snapshot.now >= now, "{} is before {now}", snapshot.now);
    let mut read = snapshot.stores;
    read.sort_by_key(|store| store.number);
    assert_eq!(read, stores, "all stores that are there");
    let book: Vec<_> = snapshot.methods.iter().map(|method| (method.number, method.retired)).collect();
    let (b, a, c) = (methods[0].number, methods[1].number, methods[2].number);
    assert_eq!(book, [(a, None), (c, None), (b, Some(head.revision))], "by position, then number");
    assert_eq!(snapshot.methods[..2], methods[1..]);
    assert_eq!(snapshot.operators, [(operator, first.1)], "those not revoked, with the digests of their tokens");
}

async fn a_snapshot_passes_the_digest_of_every_secret_ever_made_once(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let keys: Vec<NewKey> = (0..3_000).map(|at| factory.key(&format!("{at}"))).collect();
    let mut expected: BTreeSet<[u8; 32]> = keys.iter().map(|key| *key.secret.digest.as_bytes()).collect();
    add_keys(storage, &keys).await;
    let mut write = begin(storage).await;
    for key in &keys[..50] {
        let second = factory.secret();
        write.insert_secret(key.id, &second).await.expect("a secret is added");
        write.end_secret(key.secret.id).await.expect("a secret is ended");
        expected.insert(*second.digest.as_bytes());
    }
    for key in &keys[40..60] {
        write.delete_key(key.id).await.expect("a key is deleted");
    }
    write.note(SubjectKind::Key, "many").await;
    // An operator's token grants access to nothing that keys have access to.
    write.add_operator(&factory.operator("it", Role::Admin)).await;
    write.done().await;

    let mut sink = Digests::default();
    let snapshot = storage.snapshot(&mut sink).await.expect("a snapshot");
    assert_eq!(snapshot.head.revision, Revision(2));
    assert_eq!(sink.0.len(), expected.len(), "each digest once");
    assert!(sink.0.into_iter().collect::<BTreeSet<_>>() == expected, "and no other");
}

async fn a_poll_goes_on_where_a_snapshot_ends(case: Case) {
    let mut factory = RecordFactory::new();
    add_stores(&case.storage, &["a"]).await;
    let head = case.storage.snapshot(&mut Digests::default()).await.expect("a snapshot").head;
    let key = factory.key("later");
    let cursor = add_keys(&case.storage, std::slice::from_ref(&key)).await;
    let poll = case.storage.poll(head, 10).await.expect("a poll");
    assert!(poll.continuous);
    assert_eq!((poll.revisions, poll.keys), (vec![cursor], vec![(key.id, cursor.revision)]));
}

async fn a_commit_wakes_whoever_waits(case: Case) {
    let mut factory = RecordFactory::new();
    for _ in 0..3 {
        let key = [factory.key("while it waits")];
        let (woken, _) =
            tokio::join!(tokio::time::timeout(WAKING, case.storage.notified()), add_keys(&case.storage, &key));
        assert!(woken.is_ok(), "woken by a commit while it waits");
    }
    add_keys(&case.storage, &[factory.key("before it waits")]).await;
    let woken = tokio::time::timeout(WAKING, case.storage.notified()).await;
    assert!(woken.is_ok(), "woken by a commit since the last call");
}

async fn a_commit_of_another_storage_wakes_whoever_waits(case: Case) {
    let mut factory = RecordFactory::new();
    let other = case.open_again().await;
    // More often than the notifications with which both test at first whether any are delivered.
    for _ in 0..5 {
        let woken = async {
            // The other process sends notifications only after its test of them has succeeded.
            let mut commits = tokio::time::interval(Duration::from_secs(1));
            let mut woken = std::pin::pin!(case.storage.notified());
            loop {
                tokio::select! {
                    () = &mut woken => return,
                    _ = commits.tick() => {
                        add_keys(&other, &[factory.key("by the other")]).await;
                    }
                }
            }
        };
        assert!(tokio::time::timeout(WAKING, woken).await.is_ok(), "woken by another storage's commit");
    }
}

for_each_engine! {
    a_snapshot_of_empty_storage_is_empty,
    a_snapshot_holds_everything_that_a_world_is_made_of,
    a_snapshot_passes_the_digest_of_every_secret_ever_made_once,
    a_poll_goes_on_where_a_snapshot_ends,
}

/// Only these engines: behind a pooler and across processes of a file there are no notifications. Polling must suffice.
mod waking {
    use crate::conformance::engine::{EngineKind, run};

    #[test]
    fn a_commit_wakes_whoever_waits_on_sqlite() {
        run(EngineKind::Sqlite, super::a_commit_wakes_whoever_waits);
    }

    #[test]
    fn a_commit_wakes_whoever_waits_on_postgres() {
        run(EngineKind::Postgres, super::a_commit_wakes_whoever_waits);
    }

    #[test]
    fn a_commit_of_another_storage_wakes_whoever_waits_on_postgres() {
        run(EngineKind::Postgres, super::a_commit_of_another_storage_wakes_whoever_waits);
    }
}
