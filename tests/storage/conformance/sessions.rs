//! Sessions of the console: begun with the operator's token, read, ended, removed.

use std::time::Duration;

use latchkey::model::change::SubjectKind;
use latchkey::model::operator::{Operator, Role};
use latchkey::storage::{Feed as _, SessionRecord};

use crate::conformance::engine::Case;
use crate::conformance::factory::RecordFactory;
use crate::conformance::write::begin;

const MINUTE: Duration = Duration::from_mins(1);

async fn a_session_comes_out_with_its_operator_as_it_is_now(case: Case) {
    let mut factory = RecordFactory::new();
    let (operator, shown) = factory.operator("ann", Role::Viewer);
    let digest = factory.digest();
    let mut write = begin(&case.storage).await;
    let operator = write.add_operator(&(operator, shown)).await;
    assert!(write.insert_session(&digest, operator.id, &shown).await.expect("a session is begun"));
    let now = write.now();
    write.done().await;
    let session = case.storage.session(&digest).await.expect("a session is read");
    let expected =
        SessionRecord { operator_revision: operator.row_revision, operator: operator.clone(), created: now, seen: now };
    assert_eq!(session, Some(expected));

    let mut write = begin(&case.storage).await;
    let changed = Operator { role: Role::Editor, row_revision: write.revision(), ..operator.clone() };
    write.update_operator(&changed, None).await.expect("an operator is changed");
    write.note(SubjectKind::Operator, operator.id).await;
    write.done().await;
    let session = case.storage.session(&digest).await.expect("a session is read").expect("it is there");
    assert_eq!(session.operator.role, Role::Editor);
    assert!(session.operator_revision < session.operator.row_revision, "that it was changed since can be seen");
    assert_eq!(case.storage.session(&factory.digest()).await.expect("none is no error"), None);
}

async fn only_the_token_that_is_the_operator_s_begins_a_session(case: Case) {
    let mut factory = RecordFactory::new();
    let (operator, shown) = factory.operator("ann", Role::Viewer);
    let (digest, other) = (factory.digest(), factory.digest());
    let mut write = begin(&case.storage).await;
    let operator = write.add_operator(&(operator, shown)).await;
    assert!(!write.insert_session(&digest, operator.id, &other).await.expect("no error either"));
    write.done().await;
    assert_eq!(case.storage.session(&digest).await.expect("it is read"), None);
}

async fn a_session_that_is_undone_was_never_there_and_one_that_ends_is_gone(case: Case) {
    let mut factory = RecordFactory::new();
    let (operator, shown) = factory.operator("ann", Role::Viewer);
    let digest = factory.digest();
    let mut write = begin(&case.storage).await;
    let operator = write.add_operator(&(operator, shown)).await;
    write.done().await;

    let mut write = begin(&case.storage).await;
    assert!(write.insert_session(&digest, operator.id, &shown).await.expect("a session is begun"));
    drop(write);
    assert_eq!(case.storage.session(&digest).await.expect("it is read"), None);

    let mut write = begin(&case.storage).await;
    assert!(write.insert_session(&digest, operator.id, &shown).await.expect("a session is begun"));
    write.note(SubjectKind::Operator, operator.id).await;
    write.done().await;
    let mut write = begin(&case.storage).await;
    assert!(write.end_session(&digest).await.expect("it is ended"));
    assert!(!write.end_session(&digest).await.expect("a second time is no error"));
    write.note(SubjectKind::Operator, operator.id).await;
    write.done().await;
    assert_eq!(case.storage.session(&digest).await.expect("it is read"), None);
}

async fn being_seen_moves_forward_and_takes_no_revision(case: Case) {
    let mut factory = RecordFactory::new();
    let (operator, shown) = factory.operator("ann", Role::Viewer);
    let digest = factory.digest();
    let mut write = begin(&case.storage).await;
    let operator = write.add_operator(&(operator, shown)).await;
    assert!(write.insert_session(&digest, operator.id, &shown).await.expect("a session is begun"));
    let now = write.now();
    let head = write.done().await;
    for (at, expected) in [(now.plus(MINUTE), now.plus(MINUTE)), (now, now.plus(MINUTE))] {
        case.storage.touch_session(&digest, at).await.expect("it is seen");
        let session = case.storage.session(&digest).await.expect("it is read").expect("it is there");
        assert_eq!((session.seen, session.created), (expected, now));
    }
    case.storage.touch_session(&factory.digest(), now).await.expect("one that is not there is no error");
    assert_eq!(case.storage.head().await.expect("the head is read"), head);
}

async fn old_sessions_are_swept(case: Case) {
    let mut factory = RecordFactory::new();
    let (operator, shown) = factory.operator("ann", Role::Viewer);
    let digest = factory.digest();
    let mut write = begin(&case.storage).await;
    let operator = write.add_operator(&(operator, shown)).await;
    assert!(write.insert_session(&digest, operator.id, &shown).await.expect("a session is begun"));
    let now = write.now();
    write.done().await;
    let day = Duration::from_hours(24);
    case.storage.delete_expired(now.plus(day)).await.expect("storage is swept");
    assert!(case.storage.session(&digest).await.expect("it is read").is_some(), "kept for a day");
    case.storage.delete_expired(now.plus(day + MINUTE)).await.expect("storage is swept");
    assert_eq!(case.storage.session(&digest).await.expect("it is read"), None);
}

for_each_engine! {
    a_session_comes_out_with_its_operator_as_it_is_now,
    only_the_token_that_is_the_operator_s_begins_a_session,
    a_session_that_is_undone_was_never_there_and_one_that_ends_is_gone,
    being_seen_moves_forward_and_takes_no_revision,
    old_sessions_are_swept,
}
