//! Operators, the first of them, and the last admin.

use std::sync::Arc;
use std::time::Duration;

use latchkey::model::id::OperatorId;
use latchkey::model::operator::{Operator, Role};
use latchkey::model::token::Token;
use latchkey::registry::{Bootstrap, Choice, CreateKey, Error, OperatorDraft, RawTime, Update, WriteOptions};

use crate::registry::harness::{Harness, START, TokenStore, draft_with_full_access, empty, fields, harness, owned};

async fn update(harness: &Harness, id: OperatorId, mask: &str, draft: OperatorDraft) -> Result<Operator, Error> {
    let update = Update { id: id.to_string(), draft, mask: owned(&[mask]), etag: String::new() };
    harness
        .registry
        .update_operator(&harness.admin, &update, &WriteOptions::default())
        .await
        .map(|(operator, _)| operator)
}

async fn revoke(harness: &Harness, id: OperatorId) -> Result<Operator, Error> {
    let done = harness.registry.revoke_operator(&harness.admin, &id.to_string(), &WriteOptions::default()).await;
    done.map(|(operator, _)| operator)
}

fn role(role: Role) -> OperatorDraft {
    OperatorDraft { role: Choice::Is(role), ..OperatorDraft::default() }
}

#[tokio::test]
async fn the_last_admin_that_never_ends_stays_one() {
    let harness = harness().await;
    let admin = harness.admin.id;
    let expires = || OperatorDraft { expires: Some(RawTime { seconds: START + 60, nanos: 0 }), ..role(Role::Admin) };
    assert_eq!(revoke(&harness, admin).await.unwrap_err().reason(), "LAST_ADMIN");
    assert_eq!(update(&harness, admin, "role", role(Role::Editor)).await.unwrap_err().reason(), "LAST_ADMIN");
    assert_eq!(update(&harness, admin, "expire_time", expires()).await.unwrap_err().reason(), "LAST_ADMIN");
    // One that expires does not count as another.
    let second = harness.create_operator("second", Role::Admin).await;
    update(&harness, second.id, "expire_time", expires()).await.unwrap();
    assert_eq!(revoke(&harness, admin).await.unwrap_err().reason(), "LAST_ADMIN");
    harness.create_operator("third", Role::Admin).await;
    assert!(revoke(&harness, admin).await.unwrap().revoked.is_some());
}

#[tokio::test]
async fn a_name_belongs_to_one_operator_until_it_is_revoked() {
    let harness = harness().await;
    let first = harness.create_operator("order-api", Role::Authorizer).await;
    let draft = OperatorDraft { name: "order-api".to_owned(), ..role(Role::Viewer) };
    let options = WriteOptions::default();
    let error = harness.registry.create_operator(&harness.admin, &draft, &options).await.unwrap_err();
    assert_eq!((error.reason(), fields(&error)), ("OPERATOR_NAME_TAKEN", owned(&["operator.name"])));
    let other = harness.create_operator("crm", Role::Authorizer).await;
    assert_eq!(update(&harness, other.id, "name", draft.clone()).await.unwrap_err().reason(), "OPERATOR_NAME_TAKEN");
    revoke(&harness, first.id).await.unwrap();
    assert!(harness.registry.create_operator(&harness.admin, &draft, &options).await.is_ok());
    assert_eq!(update(&harness, first.id, "role", role(Role::Viewer)).await.unwrap_err().reason(), "OPERATOR_REVOKED");
    let rotated = harness.registry.rotate_operator(&harness.admin, &first.id.to_string(), &options).await;
    assert_eq!(rotated.unwrap_err().reason(), "OPERATOR_REVOKED");
}

#[tokio::test]
async fn an_operator_s_token_is_told_once_and_never_written_down() {
    let harness = harness().await;
    let draft = OperatorDraft { name: "crm".to_owned(), ..role(Role::Authorizer) };
    let options = WriteOptions::default();
    let (made, _) = harness.registry.create_operator(&harness.admin, &draft, &options).await.unwrap();
    assert!(made.token.reveal().starts_with("lko_"));
    let id = made.operator.id.to_string();
    let (rotated, _) = harness.registry.rotate_operator(&harness.admin, &id, &options).await.unwrap();
    assert_ne!(rotated.token.reveal(), made.token.reveal());
    assert_eq!(rotated.operator.hint, rotated.token.hint());
    let trail = harness.audit_trail("operator", &id).await;
    let actions: Vec<_> = trail.iter().map(|change| change.action.as_str()).collect();
    assert_eq!(actions, ["rotate", "create"]);
    let text = format!("{trail:?}");
    assert!(!text.contains(made.token.reveal()) && !text.contains(rotated.token.reveal()));
}

#[tokio::test]
async fn a_caller_is_judged_by_what_storage_says_now() {
    let harness = harness().await;
    let editor = harness.create_operator("editor", Role::Editor).await;
    let (request, options) =
        (CreateKey { key: draft_with_full_access(), ..CreateKey::default() }, WriteOptions::default());
    let create = async || harness.registry.create_key(&editor, &request, &options).await;
    assert!(create().await.is_ok());
    // Its cached caller entry still has the role editor; storage does not.
    update(&harness, editor.id, "role", role(Role::Viewer)).await.unwrap();
    assert_eq!(create().await.unwrap_err().reason(), "ROLE_REFUSED");
    let soon = OperatorDraft { expires: Some(RawTime { seconds: START + 60, nanos: 0 }), ..role(Role::Editor) };
    update(&harness, editor.id, "role", soon.clone()).await.unwrap();
    update(&harness, editor.id, "expire_time", soon).await.unwrap();
    assert!(create().await.is_ok());
    harness.advance(Duration::from_mins(1));
    assert_eq!(create().await.unwrap_err().reason(), "CALLER_GONE");
}

#[tokio::test]
async fn however_many_start_together_there_is_one_first_admin() {
    let (registry, storage, ..) = empty().await;
    let places: Vec<Arc<TokenStore>> = (0..8).map(|_| Arc::default()).collect();
    let starts = places.iter().map(|token_store| {
        let (registry, token_store) = (registry.clone(), Arc::clone(token_store));
        async move { registry.bootstrap(&*token_store).await.unwrap() }
    });
    let started = futures_util::future::join_all(starts).await;
    let created = started.iter().filter(|start| matches!(start, Bootstrap::Created { .. })).count();
    let kept: usize = places.iter().map(|token_store| token_store.kept.lock().unwrap().len()).sum();
    assert_eq!((created, kept, storage.head().await.unwrap().revision.0), (1, 1, 1));
}

#[tokio::test]
async fn an_operator_whose_token_cannot_be_kept_is_not_made() {
    let (registry, storage, ..) = empty().await;
    let broken = TokenStore { broken: true, ..TokenStore::default() };
    let error = registry.bootstrap(&broken).await.unwrap_err();
    assert_eq!(error.to_string(), "its token could not be written: no space left");
    assert_eq!(storage.head().await.unwrap().revision.0, 0);
    let supplied = TokenStore { supplied: Some(Token::issue_operator([9; 32])), broken: true, ..TokenStore::default() };
    assert!(matches!(registry.bootstrap(&supplied).await.unwrap(), Bootstrap::Created { supplied: true, .. }));
}

#[tokio::test]
async fn a_recovery_makes_another_admin_and_leaves_a_trace() {
    let harness = harness().await;
    let first = harness.registry.recover(&TokenStore::default()).await.unwrap();
    let second = harness.registry.recover(&TokenStore::default()).await.unwrap();
    assert_eq!((first.name.as_str(), first.role), ("admin-recovered-2026-11-24", Role::Admin));
    assert_eq!(second.name, "admin-recovered-2026-11-24-2");
    let trail = harness.audit_trail("operator", &first.id.to_string()).await;
    assert_eq!((trail[0].action.as_str(), trail[0].actor.as_str()), ("recover", "system"));
}
