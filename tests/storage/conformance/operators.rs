//! Operators: written and read completely, counted for the rule that an admin remains.

use latchkey::model::change::SubjectKind;
use latchkey::model::operator::{Operator, Role};
use latchkey::model::page::PageRequest;
use latchkey::model::time::Timestamp;
use latchkey::model::token::Digest;
use latchkey::storage::{Feed as _, OperatorFilter, SnapshotSink, Storage};

use crate::conformance::engine::Case;
use crate::conformance::factory::{BEGINNING, RecordFactory};
use crate::conformance::write::{begin, gather};

const ROLES: [Role; 4] = [Role::Admin, Role::Editor, Role::Viewer, Role::Authorizer];

/// Returns the operators of a snapshot with their digests, which authenticate callers.
async fn known(storage: &Storage) -> Vec<(Operator, Digest)> {
    struct IgnoreDigests;
    impl SnapshotSink for IgnoreDigests {
        fn digests(&mut self, _: &[Digest]) {}
    }
    let mut known = storage.snapshot(&mut IgnoreDigests).await.expect("a snapshot").operators;
    known.sort_by_key(|(operator, _)| operator.id);
    known
}

async fn an_operator_comes_out_as_it_was_put_in(case: Case) {
    let mut factory = RecordFactory::new();
    let mut expected = Vec::new();
    let mut write = begin(&case.storage).await;
    for role in ROLES {
        let (mut operator, digest) = factory.operator(&format!("{}{}", role.as_str(), "ñ😀".repeat(90)), role);
        operator.expires = (role == Role::Viewer).then_some(Timestamp::from_micros(i64::MAX));
        operator.hint = "é😀\"'".into();
        expected.push((write.add_operator(&(operator, digest)).await, digest));
    }
    assert_eq!(write.operator_count().await.expect("operators are counted"), 4);
    let first = &expected[0].0;
    assert_eq!(write.operator(first.id).await.expect("within the write").as_ref(), Some(first));
    assert_eq!(write.operator_by_name(&first.name).await.expect("within the write").as_ref(), Some(first));
    write.done().await;
    for (operator, _) in &expected {
        let read = case.storage.operator(operator.id).await.expect("an operator is read");
        assert_eq!(read.as_ref(), Some(operator));
    }
    assert_eq!(known(&case.storage).await, expected);
    let listed = gather(50, async |page| case.storage.operators(&OperatorFilter::default(), &page).await).await;
    let newest_first: Vec<Operator> = expected.iter().rev().map(|(operator, _)| operator.clone()).collect();
    assert_eq!(listed, newest_first);
}

async fn changing_an_operator_changes_every_field_and_its_token_only_with_a_digest(case: Case) {
    let mut factory = RecordFactory::new();
    let (operator, digest) = factory.operator("before", Role::Admin);
    let mut write = begin(&case.storage).await;
    let operator = write.add_operator(&(operator, digest)).await;
    write.done().await;

    let mut write = begin(&case.storage).await;
    let changed = Operator {
        name: "after".into(),
        role: Role::Viewer,
        expires: Some(BEGINNING),
        hint: "wxyz".into(),
        updated: write.now(),
        row_revision: write.revision(),
        ..operator.clone()
    };
    write.update_operator(&changed, None).await.expect("an operator is changed");
    write.note(SubjectKind::Operator, operator.id).await;
    write.done().await;
    assert_eq!(known(&case.storage).await, [(changed.clone(), digest)], "the token stays");

    let other = factory.digest();
    let mut write = begin(&case.storage).await;
    let changed = Operator { expires: None, updated: write.now(), row_revision: write.revision(), ..changed };
    write.update_operator(&changed, Some(&other)).await.expect("an operator is changed");
    write.note(SubjectKind::Operator, operator.id).await;
    write.done().await;
    assert_eq!(known(&case.storage).await, [(changed.clone(), other)], "the token is another");

    let mut write = begin(&case.storage).await;
    let revoked =
        Operator { revoked: Some(write.now()), updated: write.now(), row_revision: write.revision(), ..changed };
    write.update_operator(&revoked, None).await.expect("an operator is revoked");
    write.note(SubjectKind::Operator, operator.id).await;
    write.done().await;
    assert_eq!(known(&case.storage).await, [], "a revoked one is not known any more");
    assert_eq!(case.storage.operator(operator.id).await.expect("an operator is read"), Some(revoked));
}

async fn lasting_admins_are_those_neither_revoked_nor_bounded(case: Case) {
    let mut factory = RecordFactory::new();
    let mut write = begin(&case.storage).await;
    for role in ROLES {
        write.add_operator(&factory.operator(role.as_str(), role)).await;
    }
    assert_eq!(write.permanent_admin_count().await.expect("admins are counted"), 1);
    let (mut bounded, digest) = factory.operator("bounded", Role::Admin);
    bounded.expires = Some(Timestamp::from_micros(i64::MAX));
    write.add_operator(&(bounded, digest)).await;
    assert_eq!(
        write.permanent_admin_count().await.expect("admins are counted"),
        1,
        "one that expires some day does not last"
    );
    let second = write.add_operator(&factory.operator("second", Role::Admin)).await;
    assert_eq!(write.permanent_admin_count().await.expect("admins are counted"), 2);
    let revoked = Operator { revoked: Some(write.now()), ..second };
    write.update_operator(&revoked, None).await.expect("an operator is revoked");
    assert_eq!(write.permanent_admin_count().await.expect("admins are counted"), 1);
    assert_eq!(write.operator_count().await.expect("operators are counted"), 6, "all of them, revoked ones included");
    write.done().await;
}

async fn operators_are_listed_by_role_and_with_revoked_ones_only_if_asked(case: Case) {
    let mut factory = RecordFactory::new();
    let mut all = Vec::new();
    let mut write = begin(&case.storage).await;
    for at in 0..40 {
        let role = *factory.random.pick(&ROLES);
        let mut operator = write.add_operator(&factory.operator(&format!("operator {at}"), role)).await;
        if factory.random.one_in(3) {
            operator.revoked = Some(write.now());
            write.update_operator(&operator, None).await.expect("an operator is revoked");
        }
        all.push(operator);
    }
    write.done().await;
    all.reverse();
    for role in ROLES.into_iter().map(Some).chain([None]) {
        for include_revoked in [false, true] {
            let filter = OperatorFilter { role, include_revoked };
            let passes = |operator: &&Operator| {
                role.is_none_or(|role| operator.role == role) && (include_revoked || operator.revoked.is_none())
            };
            let expected: Vec<Operator> = all.iter().filter(passes).cloned().collect();
            for size in [1, 7, 50] {
                let listed = gather(size, async |page| case.storage.operators(&filter, &page).await).await;
                assert_eq!(listed, expected, "{filter:?} in pages of {size}");
            }
        }
    }
    let first = case.storage.operators(&OperatorFilter::default(), &PageRequest::first()).await.expect("a page");
    assert_eq!(first.next, None, "fewer than a page are one page");
}

for_each_engine! {
    an_operator_comes_out_as_it_was_put_in,
    changing_an_operator_changes_every_field_and_its_token_only_with_a_digest,
    lasting_admins_are_those_neither_revoked_nor_bounded,
    operators_are_listed_by_role_and_with_revoked_ones_only_if_asked,
}
