//! A write is all or nothing, however it ends.

use std::sync::Arc;

use latchkey::model::change::{Cursor, Revision, SubjectKind};
use latchkey::model::key::KeySpec;
use latchkey::model::operator::Role;
use latchkey::model::page::PageRequest;
use latchkey::model::token::Digest;
use latchkey::storage::{ChangeFilter, Feed as _, KeyFilter, NewKey, SnapshotSink, Storage};

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, RecordFactory};
use crate::conformance::write::{Write, begin, gather};

/// Returns everything in storage that can be read without knowing an id.
async fn everything(storage: &Storage) -> String {
    struct Digests(Vec<[u8; 32]>);
    impl SnapshotSink for Digests {
        fn digests(&mut self, digests: &[Digest]) {
            self.0.extend(digests.iter().map(Digest::as_bytes));
        }
    }
    let mut digests = Digests(Vec::new());
    let snapshot = storage.snapshot(&mut digests).await.expect("a snapshot");
    digests.0.sort_unstable();
    let keys = gather(50, async |page| storage.keys(&KeyFilter::default(), &page).await).await;
    let changes = gather(50, async |page| storage.changes(&ChangeFilter::default(), &page).await).await;
    let poll = storage.poll(Cursor::default(), 1_000).await.expect("a poll");
    let fed = (poll.head, poll.revisions, poll.subjects, poll.keys);
    let world = (snapshot.head, snapshot.stores, snapshot.methods, snapshot.operators);
    format!("{keys:#?}\n{changes:#?}\n{fed:#?}\n{world:#?}\n{:?}", digests.0)
}

/// An object of each kind that exists before.
struct Before {
    keys: Vec<NewKey>,
    store: latchkey::model::store::Store,
    methods: Vec<latchkey::model::reference::Method>,
    operator: latchkey::model::operator::Operator,
}

async fn prepare(storage: &Storage, factory: &mut RecordFactory) -> Before {
    let mut write = begin(storage).await;
    let mut store = factory::store("kept");
    store.hosts = vec!["kept.example".into()];
    let store = write.add_store(&store).await;
    let methods = write.add_methods(&[factory::method("GET /a", 1), factory::method("GET /b", 2)]).await;
    let keys: Vec<NewKey> =
        (0..3).map(|at| factory.narrow_key(&format!("{at}"), &[store.number], &[methods[0].number])).collect();
    write.add_keys(&keys).await;
    let operator = write.add_operator(&factory.operator("kept", Role::Admin)).await;
    write.insert_request("system", "kept", keys[0].id).await.expect("a request is remembered");
    write.done().await;
    Before { keys, store, methods, operator }
}

/// Performs every operation that a write has.
async fn do_everything(write: &mut Write, before: &Before, factory: &mut RecordFactory) {
    let [first, second, third] = before.keys.as_slice() else { panic!("three keys") };
    let spec = KeySpec { name: "changed".into(), ..first.spec.clone() };
    write.update_key(first.id, &spec, None).await.expect("a key is changed");
    write.set_key_stores(first.id, &[]).await.expect("stores are set");
    write.set_key_methods(first.id, &[before.methods[1].number]).await.expect("methods are set");
    write.insert_secret(second.id, &factory.secret()).await.expect("a secret is added");
    write.expire_secret(second.secret.id, Some(factory::BEGINNING)).await.expect("a secret is bounded");
    write.end_secret(first.secret.id).await.expect("a secret is ended");
    write.delete_key(third.id).await.expect("a key is deleted");
    let key = factory.key("added");
    write.add_key(&key).await;
    let mut added = factory::store("added");
    added.hosts = vec!["added.example".into()];
    write.add_store(&added).await;
    write.drop_store(&before.store).await;
    write.add_methods(&[factory::method("GET /added", 3)]).await;
    write.drop_methods(&before.methods[..1]).await;
    let mut operator = before.operator.clone();
    operator.role = Role::Viewer;
    write.update_operator(&operator, Some(&factory.digest())).await.expect("an operator is changed");
    write.add_operator(&factory.operator("added", Role::Admin)).await;
    write.insert_request("system", "added", key.id).await.expect("a request is remembered");
}

async fn an_undone_write_leaves_nothing(case: Case) {
    let mut factory = RecordFactory::new();
    let before = prepare(&case.storage, &mut factory).await;
    let expected = everything(&case.storage).await;
    for ending in ["undone", "dropped"] {
        let mut write = begin(&case.storage).await;
        assert_eq!(write.revision(), Revision(2), "{ending}: the revision is free again");
        do_everything(&mut write, &before, &mut factory).await;
        if ending == "undone" {
            write.rollback().await;
        } else {
            drop(write);
        }
        assert_eq!(everything(&case.storage).await, expected, "{ending}");
    }
    let mut write = begin(&case.storage).await;
    assert_eq!(write.key_by_request("system", "added").await.expect("a request is looked up"), None);
    assert_eq!(write.key_by_request("system", "kept").await.expect("a request"), Some(before.keys[0].id));
    // What was rolled back can be done again.
    do_everything(&mut write, &before, &mut factory).await;
    assert_eq!(write.done().await.revision, Revision(2));
    assert_ne!(everything(&case.storage).await, expected);
}

async fn nothing_of_a_write_is_seen_before_its_commit(case: Case) {
    let mut factory = RecordFactory::new();
    let before = prepare(&case.storage, &mut factory).await;
    let expected = everything(&case.storage).await;
    let mut write = begin(&case.storage).await;
    do_everything(&mut write, &before, &mut factory).await;
    assert_eq!(everything(&case.storage).await, expected, "from the storage that writes");
    assert_eq!(everything(&*case.open_again().await).await, expected, "from another one");
    let grant = case.storage.grant(&before.keys[0].secret.digest).await.expect("a grant is read");
    assert_eq!(grant.head.revision, Revision(1));
    assert_eq!(grant.grant.expect("it is there").standing, latchkey::model::grant::Standing::Active);
    write.done().await;
    let grant = case.storage.grant(&before.keys[0].secret.digest).await.expect("a grant is read");
    assert_eq!(grant.head.revision, Revision(2));
    assert_eq!(grant.grant.expect("it is there").standing, latchkey::model::grant::Standing::Revoked);
}

/// Polls `work` that many times and drops it if it has not completed.
async fn cut<T>(work: impl Future<Output = T>, polls: usize) -> Option<T> {
    tokio::select! {
        biased;
        done = work => Some(done),
        () = async { for _ in 0..polls { tokio::task::yield_now().await; } } => None,
    }
}

async fn a_write_dropped_in_the_middle_of_a_statement_leaves_nothing(case: Case) {
    let mut factory = RecordFactory::new();
    prepare(&case.storage, &mut factory).await;
    let expected = everything(&case.storage).await;
    for polls in 0..40 {
        let keys: Vec<NewKey> = (0..200).map(|at| factory.key(&format!("cut {at}"))).collect();
        let mut write = begin(&case.storage).await;
        write.note(SubjectKind::Other, "cut").await;
        cut(write.insert_keys(&keys), polls).await;
        drop(write);
        assert_eq!(case.storage.key(keys[0].id).await.expect("a key is looked up"), None, "after {polls} polls");
    }
    assert_eq!(everything(&case.storage).await, expected);
}

async fn a_write_dropped_while_it_begins_takes_no_turn(case: Case) {
    for polls in 0..40 {
        drop(cut(crate::conformance::write::try_begin(&case.storage), polls).await);
    }
    let mut write = begin(&case.storage).await;
    assert_eq!(write.revision(), Revision(1));
    write.note(SubjectKind::Other, "it").await;
    write.done().await;
}

async fn a_write_dropped_while_it_commits_is_all_or_nothing(case: Case) {
    let mut factory = RecordFactory::new();
    let mut stands = 0;
    for polls in 0..40 {
        let keys = [factory.key("one"), factory.key("other")];
        let mut write = begin(&case.storage).await;
        let revision = write.revision();
        assert_eq!(revision, Revision(stands + 1), "every revision that was taken stands");
        write.add_keys(&keys).await;
        let answer = cut(write.commit(), polls).await;
        // The next write begins only when that one has ended, so that the state read then is final.
        begin(&case.storage).await.rollback().await;
        let head = case.storage.head().await.expect("the head is read").revision;
        let mut there = 0;
        for key in &keys {
            there += usize::from(case.storage.key(key.id).await.expect("a key is looked up").is_some());
        }
        assert_eq!(there, if head == revision { 2 } else { 0 }, "at {head:?} after {polls} polls");
        assert!(answer.is_none() || head == revision, "what was acknowledged stands");
        stands = head.0;
    }
}

async fn a_storage_that_is_closed_in_the_middle_of_a_write_leaves_nothing(case: Case) {
    let mut factory = RecordFactory::new();
    let before = prepare(&case.storage, &mut factory).await;
    let expected = everything(&case.storage).await;
    let other = case.open_again().await;
    let mut write = begin(&other).await;
    do_everything(&mut write, &before, &mut factory).await;
    drop(other);
    drop(write);
    assert_eq!(everything(&case.storage).await, expected);
    let mut write = begin(&case.storage).await;
    write.note(SubjectKind::Other, "it").await;
    write.done().await;
}

async fn a_refused_statement_can_be_undone(case: Case) {
    let mut factory = RecordFactory::new();
    let before = prepare(&case.storage, &mut factory).await;
    let expected = everything(&case.storage).await;
    for _ in 0..2 {
        let mut write = begin(&case.storage).await;
        write.add_key(&factory.key("added")).await;
        let taken = write.insert_store(&before.store).await;
        assert!(crate::conformance::write::is_taken(&taken), "{taken:?}");
        write.rollback().await;
        assert_eq!(everything(&case.storage).await, expected);
        let first = case.storage.keys(&KeyFilter::default(), &PageRequest::first()).await.expect("keys are listed");
        assert_eq!(first.items.len(), 3);
    }
    // Dropped without rollback, as by an early return.
    let storage = Arc::clone(&case.storage);
    let mut write = begin(&storage).await;
    assert!(crate::conformance::write::is_taken(&write.insert_store(&before.store).await));
    drop(write);
    let mut write = begin(&storage).await;
    write.note(SubjectKind::Other, "it").await;
    assert_eq!(write.done().await.revision, Revision(2));
}

for_each_engine! {
    an_undone_write_leaves_nothing,
    nothing_of_a_write_is_seen_before_its_commit,
    a_write_dropped_in_the_middle_of_a_statement_leaves_nothing,
    a_write_dropped_while_it_begins_takes_no_turn,
    a_write_dropped_while_it_commits_is_all_or_nothing,
    a_storage_that_is_closed_in_the_middle_of_a_write_leaves_nothing,
    a_refused_statement_can_be_undone,
}
