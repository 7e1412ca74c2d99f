//! Polls: the changes that a follower receives after its cursor.

use std::collections::BTreeSet;

use latchkey::model::change::{Action, Cursor, Revision, SubjectKind};
use latchkey::model::operator::Role;
use latchkey::model::token::Digest;
use latchkey::storage::{Feed as _, NewKey, Poll, Storage};

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, RecordFactory, change};
use crate::conformance::write::{add_keys, add_methods, add_stores, begin};

async fn poll(storage: &Storage, cursor: Cursor) -> Poll {
    storage.poll(cursor, 1_000).await.expect("a poll")
}

fn digest_set(digests: &[Digest]) -> BTreeSet<[u8; 32]> {
    digests.iter().map(|digest| *digest.as_bytes()).collect()
}

/// Asserts that the poll returned only the latest revision.
fn assert_bare(poll: &Poll) {
    assert_eq!((&poll.revisions, &poll.subjects, &poll.keys), (&vec![], &vec![], &vec![]));
    assert_eq!((poll.digests.len(), poll.overflow), (0, false));
    assert!(poll.stores.is_none() && poll.methods.is_none() && poll.operators.is_none(), "{poll:?}");
}

/// Makes writes that each touch one subject and change nothing.
async fn touch(storage: &Storage, count: usize) -> Vec<Cursor> {
    let mut cursors = Vec::new();
    for at in 0..count {
        let mut write = begin(storage).await;
        write.note(SubjectKind::Other, at).await;
        cursors.push(write.done().await);
    }
    cursors
}

async fn a_poll_of_empty_storage_tells_nothing(case: Case) {
    let poll = poll(&case.storage, Cursor::default()).await;
    assert!(poll.continuous, "everything begins at revision 0");
    assert_eq!(poll.head, Cursor::default());
    assert_bare(&poll);
}

async fn a_poll_from_the_head_tells_nothing(case: Case) {
    let mut factory = RecordFactory::new();
    add_stores(&case.storage, &["a"]).await;
    let head = add_keys(&case.storage, &[factory.key("it")]).await;
    let poll = poll(&case.storage, head).await;
    assert!(poll.continuous);
    assert_eq!(poll.head, head);
    assert_bare(&poll);
}

async fn a_poll_tells_every_revision_after_its_cursor_and_what_each_changed(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let mut write = begin(storage).await;
    let changes = [
        change(Action::Import, SubjectKind::Method, "GET /é"),
        change(Action::Create, SubjectKind::Store, "b"),
        change(Action::Delete, SubjectKind::Store, "a"),
        change(Action::Revoke, SubjectKind::Operator, factory.operator_id()),
        change(Action::Update, SubjectKind::Other, "of a later version"),
    ];
    write.append(&changes).await.expect("changes are appended");
    let first = write.done().await;
    let rest = touch(storage, 3).await;
    let all: Vec<Cursor> = [first].into_iter().chain(rest).collect();
    for start in 0..=all.len() {
        let cursor = start.checked_sub(1).map_or_else(Cursor::default, |before| all[before]);
        let poll = poll(storage, cursor).await;
        assert!(poll.continuous && !poll.overflow);
        assert_eq!((poll.head, poll.revisions.as_slice()), (all[3], &all[start..]));
        let mut expected: Vec<_> = changes
            .iter()
            .map(|polled| {
                (first.revision, polled.kind.as_str().into(), polled.subject.clone(), polled.action.as_str().into())
            })
            .collect();
        let touched = all[1..].iter().zip(0..);
        expected.extend(
            touched.map(|(cursor, at)| (cursor.revision, "other".to_owned(), format!("{at}"), "update".into())),
        );
        expected.retain(|(revision, ..)| *revision > cursor.revision);
        assert_eq!(poll.subjects, expected, "after {cursor:?}");
    }
}

async fn a_cursor_of_another_past_is_not_continued(case: Case) {
    let storage = &case.storage;
    let cursors = touch(storage, 3).await;
    let head = cursors[2];
    let foreign = |cursor: Cursor| Cursor { nonce: cursor.nonce ^ 1, ..cursor };
    let ahead = Cursor { revision: Revision(4), nonce: head.nonce };
    let far = Cursor { revision: Revision(i64::MAX.unsigned_abs()), nonce: u64::MAX };
    for cursor in [foreign(cursors[0]), foreign(cursors[1]), foreign(head), ahead, far, Cursor { nonce: 0, ..head }] {
        let poll = poll(storage, cursor).await;
        assert!(!poll.continuous, "{cursor:?} is not part of the history of {head:?}");
        assert_eq!(poll.head, head, "the head is told all the same");
        assert_bare(&poll);
    }
    assert!(poll(storage, cursors[0]).await.continuous);
}

async fn a_poll_tells_each_key_once_with_its_newest_revision(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let keys: Vec<NewKey> = (0..3).map(|at| factory.key(&format!("{at}"))).collect();
    let start = add_keys(storage, &keys).await;
    let mut newest = [Revision(0); 3];
    for touched in [&[0, 1][..], &[0], &[0, 1]] {
        let mut write = begin(storage).await;
        for at in touched {
            newest[*at] = write.revision();
            write.note(SubjectKind::Key, keys[*at].id).await;
            write.note(SubjectKind::Key, keys[*at].id).await;
        }
        write.done().await;
    }
    let mut polled = poll(storage, start).await.keys;
    polled.sort_unstable();
    assert_eq!(polled, [(keys[0].id, newest[0]), (keys[1].id, newest[1])]);
}

async fn a_poll_tells_the_digests_of_new_secrets(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let (old, untouched) = (factory.key("old"), factory.key("untouched"));
    let start = add_keys(storage, &[old.clone(), untouched.clone()]).await;
    let (second, ended) = (factory.secret(), factory.secret());
    let (new, deleted) = (factory.key("new"), factory.key("deleted at once"));
    let mut write = begin(storage).await;
    write.insert_secret(old.id, &second).await.expect("a secret is added");
    write.note(SubjectKind::Key, old.id).await;
    write.done().await;
    let mut write = begin(storage).await;
    write.add_keys(&[new.clone(), deleted.clone()]).await;
    write.insert_secret(new.id, &ended).await.expect("a secret is added");
    write.end_secret(ended.id).await.expect("a secret is ended");
    write.delete_key(deleted.id).await.expect("a key is deleted");
    write.done().await;
    let digests = digest_set(&poll(storage, start).await.digests);
    for digest in [second.digest, ended.digest, new.secret.digest, deleted.secret.digest] {
        assert!(digests.contains(digest.as_bytes()), "a digest is missing among {}", digests.len());
    }
    assert!(!digests.contains(untouched.secret.digest.as_bytes()), "of keys that were not touched nothing is told");
}

async fn a_poll_tells_all_stores_methods_and_operators_if_any_changed(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let stores = add_stores(storage, &["a", "b"]).await;
    let methods = add_methods(storage, &["GET /a", "GET /b"]).await;
    let (first, second) = (factory.operator("first", Role::Admin), factory.operator("second", Role::Viewer));
    let mut write = begin(storage).await;
    let mut operators = vec![(write.add_operator(&first).await, first.1)];
    let mut start = write.done().await;

    let mut write = begin(storage).await;
    let store = write.add_store(&factory::store("aa")).await;
    write.drop_store(&stores[1]).await;
    write.done().await;
    let polled = poll(storage, start).await;
    let mut listed = polled.stores.expect("a store changed");
    listed.sort_by(|a, b| a.code.cmp(&b.code));
    assert_eq!(listed, [stores[0].clone(), store], "all that are there, and none that is not");
    assert!(polled.methods.is_none() && polled.operators.is_none());
    start = polled.head;

    let mut write = begin(storage).await;
    write.drop_methods(&methods[..1]).await;
    let retired = write.done().await.revision;
    let polled = poll(storage, start).await;
    let book = polled.methods.expect("a method changed");
    let book: Vec<_> = book.iter().map(|method| (method.number, method.retired)).collect();
    assert_eq!(book, [(methods[0].number, Some(retired)), (methods[1].number, None)], "retired ones too, by position");
    assert!(polled.stores.is_none() && polled.operators.is_none());
    start = polled.head;

    let mut write = begin(storage).await;
    operators.push((write.add_operator(&second).await, second.1));
    write.done().await;
    let polled = poll(storage, start).await;
    let mut known = polled.operators.expect("an operator changed");
    known.sort_by_key(|(operator, _)| operator.id);
    assert_eq!(known, operators, "with the digests of their tokens");
    assert!(polled.stores.is_none() && polled.methods.is_none());
    start = polled.head;

    let mut write = begin(storage).await;
    let mut revoked = operators[0].0.clone();
    revoked.revoked = Some(write.now());
    write.update_operator(&revoked, None).await.expect("an operator is revoked");
    write.note(SubjectKind::Operator, revoked.id).await;
    write.done().await;
    let polled = poll(storage, start).await;
    assert_eq!(polled.operators.expect("an operator changed"), operators[1..], "revoked ones are left out");
}

async fn a_poll_with_more_subjects_than_its_limit_says_so_and_still_tells_the_rest(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let old = factory.key("old");
    let start = add_keys(storage, std::slice::from_ref(&old)).await;
    let cursors = touch(storage, 4).await;
    let keys: Vec<NewKey> = (0..4).map(|at| factory.key(&format!("{at}"))).collect();
    let mut write = begin(storage).await;
    write.add_keys(&keys).await;
    let store = write.add_store(&factory::store("a")).await;
    let method = write.add_methods(&[factory::method("GET /a", 1)]).await;
    let operator = factory.operator("last", Role::Admin);
    write.add_operator(&operator).await;
    let last = write.done().await;
    // Eleven subjects: four touches, four keys, store, method, operator.
    let exact = storage.poll(start, 11).await.expect("a poll");
    assert_eq!((exact.overflow, exact.subjects.len(), exact.keys.len()), (false, 11, 4));
    for limit in [10, 5, 4, 1] {
        let poll = storage.poll(start, limit).await.expect("a poll");
        assert!(poll.overflow && poll.continuous, "of 11 subjects {limit} are asked for");
        assert_eq!(poll.subjects, exact.subjects[..limit], "cut at the limit");
        assert_eq!((poll.head, poll.revisions.len()), (last, cursors.len() + 1), "revisions are told all the same");
        assert_eq!(poll.stores.as_deref(), Some([store.clone()].as_slice()), "beyond the limit of {limit}");
        assert_eq!(poll.methods.as_deref(), Some(method.as_slice()), "beyond the limit of {limit}");
        assert_eq!(poll.operators.map(|known| known.len()), Some(1), "beyond the limit of {limit}");
        let digests = digest_set(&poll.digests);
        let missing = keys.iter().filter(|key| !digests.contains(key.secret.digest.as_bytes())).count();
        assert_eq!(missing, 0, "digests of all new secrets, beyond the limit of {limit}");
    }
}

async fn a_poll_goes_over_thousands_of_revisions(case: Case) {
    let storage = &case.storage;
    let cursors = touch(storage, 1_500).await;
    let poll = storage.poll(Cursor::default(), 1_000).await.expect("a poll");
    assert_eq!(poll.revisions, cursors);
    assert!(poll.overflow);
    assert_eq!(poll.subjects.len(), 1_000);
    let whole = storage.poll(Cursor::default(), 1_500).await.expect("a poll");
    assert!(!whole.overflow);
    assert_eq!((whole.subjects.len(), &whole.subjects[..1_000]), (1_500, poll.subjects.as_slice()));
}

async fn polls_of_two_storages_agree(case: Case) {
    let mut factory = RecordFactory::new();
    let other = case.open_again().await;
    for _ in 0..5 {
        add_keys(&other, &[factory.key("by the other")]).await;
        add_keys(&case.storage, &[factory.key("by this one")]).await;
    }
    let (here, there) = (poll(&case.storage, Cursor::default()).await, poll(&other, Cursor::default()).await);
    assert_eq!((here.head, &here.revisions), (there.head, &there.revisions));
    assert_eq!((here.subjects, here.revisions.len()), (there.subjects, 10));
}

for_each_engine! {
    a_poll_of_empty_storage_tells_nothing,
    a_poll_from_the_head_tells_nothing,
    a_poll_tells_every_revision_after_its_cursor_and_what_each_changed,
    a_cursor_of_another_past_is_not_continued,
    a_poll_tells_each_key_once_with_its_newest_revision,
    a_poll_tells_the_digests_of_new_secrets,
    a_poll_tells_all_stores_methods_and_operators_if_any_changed,
    a_poll_with_more_subjects_than_its_limit_says_so_and_still_tells_the_rest,
    a_poll_goes_over_thousands_of_revisions,
    polls_of_two_storages_agree,
}
