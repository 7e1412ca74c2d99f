//! The revision: a number that every write increments by one, and the requirements of a commit.

use std::sync::Arc;
use std::time::Duration;

use latchkey::model::change::{Action, Actor, Cursor, Revision, SubjectKind};
use latchkey::storage::{ChangeFilter, Error, Feed as _};
use tokio::task::JoinSet;

use crate::conformance::engine::Case;
use crate::conformance::factory::{RecordFactory, change};
use crate::conformance::write::{begin, gather, is_unavailable, nonce, try_begin};
use helpers::support::eventually_async;

async fn every_write_takes_the_next_revision(case: Case) {
    for number in 1..=20 {
        let nonce = nonce();
        let mut transaction = case.storage.begin(nonce, &Actor::System, "").await.expect("a write begins");
        assert_eq!(transaction.revision(), Revision(number));
        let entry = change(Action::Update, SubjectKind::Other, number);
        transaction.append(&[entry]).await.expect("a change is appended");
        let cursor = transaction.commit().await.expect("a write is committed");
        assert_eq!(cursor, Cursor { revision: Revision(number), nonce });
        assert_eq!(case.storage.head().await.expect("the head is read"), cursor);
    }
}

async fn a_nonce_may_be_any_number(case: Case) {
    for (number, nonce) in (1..).zip([0, 1, i64::MAX.unsigned_abs(), i64::MIN.unsigned_abs(), u64::MAX]) {
        let mut transaction = case.storage.begin(nonce, &Actor::System, "").await.expect("a write begins");
        let entry = change(Action::Update, SubjectKind::Other, number);
        transaction.append(&[entry]).await.expect("a change is appended");
        let cursor = transaction.commit().await.expect("a write is committed");
        assert_eq!(cursor, Cursor { revision: Revision(number), nonce });
        assert_eq!(case.storage.head().await.expect("the head is read"), cursor);
        let poll = case.storage.poll(cursor, 10).await.expect("a poll");
        assert!(poll.continuous, "{cursor:?} is part of the history that it heads");
    }
}

async fn a_commit_without_changes_is_refused_and_leaves_no_hole(case: Case) {
    let mut factory = RecordFactory::new();
    let key = factory.key("unnoted");
    let mut write = begin(&case.storage).await;
    write.insert_keys(std::slice::from_ref(&key)).await.expect("a key is added");
    let refused = write.commit().await;
    assert!(matches!(refused, Err(Error::Bug { .. })), "{refused:?}");
    assert_eq!(case.storage.key(key.id).await.expect("a key is looked up"), None);
    assert_eq!(case.storage.head().await.expect("the head is read").revision, Revision(0));

    let mut write = begin(&case.storage).await;
    write.append(&[]).await.expect("nothing is appended");
    assert!(write.commit().await.is_err(), "appending nothing is no change");

    let mut write = begin(&case.storage).await;
    assert_eq!(write.revision(), Revision(1), "the revision of the refused writes is taken by the next");
    write.note(SubjectKind::Other, "it").await;
    write.done().await;
}

async fn storages_clock_stands_still_within_a_write_and_goes_on_between_writes(case: Case) {
    let mut factory = RecordFactory::new();
    let key = factory.key("timed");
    let mut write = begin(&case.storage).await;
    let first = write.now();
    write.add_key(&key).await;
    assert_eq!(write.now(), first);
    write.done().await;
    let changes = gather(50, async |page| case.storage.changes(&ChangeFilter::default(), &page).await).await;
    assert_eq!(changes[0].at, first, "a change is dated by its write");
    let read = case.storage.key(key.id).await.expect("a key is read").expect("it is there");
    assert_eq!((read.updated, read.secrets[0].created), (first, first), "and so is what it touched");

    let mut write = begin(&case.storage).await;
    assert!(write.now() >= first, "{} is before {first}", write.now());
    write.note(SubjectKind::Key, key.id).await;
    let begun = write.now();
    write.done().await;
    let polled = case.storage.poll(Cursor::default(), 10).await.expect("a poll").now;
    assert!(polled >= begun, "a poll after a write tells no earlier time: {polled}, {begun}");
}

async fn a_write_waits_for_another_and_not_for_ever(case: Case) {
    let storage = &case.storage;
    let mut first = begin(storage).await;
    let mut waiting = JoinSet::new();
    let second = Arc::clone(&case.storage);
    waiting.spawn(async move { try_begin(&second).await.map(|_| ()) });
    // The first write keeps working meanwhile: no engine can consider it dead.
    let refused = eventually_async("the second write gives up", Duration::from_mins(1), async || {
        first.operator_count().await.expect("the first write works on");
        waiting.try_join_next()
    });
    let refused = refused.await.expect("the task ends");
    assert!(is_unavailable(&refused), "{refused:?}");

    first.note(SubjectKind::Other, "first").await;
    let cursor = first.done().await;
    assert_eq!(cursor.revision, Revision(1), "who gave up took no revision");
    let mut next = begin(storage).await;
    assert_eq!(next.revision(), Revision(2));
    next.note(SubjectKind::Other, "next").await;
    next.done().await;
}

async fn a_write_that_waits_is_served_when_the_other_ends(case: Case) {
    for (ending, expected) in ["dropped", "undone", "committed"].into_iter().zip([1, 2, 4]) {
        let mut first = begin(&case.storage).await;
        let storage = Arc::clone(&case.storage);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut write = begin(&storage).await;
            write.note(SubjectKind::Other, "second").await;
            write.done().await
        });
        tokio::task::yield_now().await;
        match ending {
            "dropped" => drop(first),
            "undone" => first.rollback().await,
            _ => {
                first.note(SubjectKind::Other, "first").await;
                first.done().await;
            }
        }
        let second = tasks.join_next().await.expect("a task").expect("the second write stands");
        assert_eq!(second.revision, Revision(expected), "the first one was {ending}");
    }
}

for_each_engine! {
    every_write_takes_the_next_revision,
    a_nonce_may_be_any_number,
    a_commit_without_changes_is_refused_and_leaves_no_hole,
    storages_clock_stands_still_within_a_write_and_goes_on_between_writes,
    a_write_waits_for_another_and_not_for_ever,
    a_write_that_waits_is_served_when_the_other_ends,
}
