//! Keys: issued, changed, ended.

use latchkey::model::key::{Access, Key};
use latchkey::registry::{
    AccessKind, Choice, CreateKey, Error, KeyDraft, SubjectRef, TokenText, Update, WriteOptions, etag,
};

use crate::registry::harness::{Harness, draft_with_access, draft_with_full_access, fields, harness, owned};

async fn update(harness: &Harness, key: &Key, mask: &[&str], draft: KeyDraft) -> Result<Key, Error> {
    let update = Update { id: key.id.to_string(), draft, mask: owned(mask), etag: etag(key.row_revision) };
    harness.registry.update_key(&harness.admin, &update, &WriteOptions::default()).await.map(|(key, _)| key)
}

fn named(key: &Key) -> SubjectRef {
    SubjectRef { id: key.id.to_string(), etag: String::new() }
}

#[tokio::test]
async fn a_key_is_issued_and_reads_back_as_it_was_asked_for() {
    let harness = harness().await;
    harness.create_store("b").await;
    harness.create_store("a").await;
    harness.create_method("GET /orders").await;
    let draft = KeyDraft {
        owner: "partners".to_owned(),
        networks: owned(&["192.0.2.0/24"]),
        labels: [("team".to_owned(), "x".to_owned())].into(),
        active: Some(false),
        ..draft_with_access(&["b", "a"], &["GET /orders"])
    };
    let (key, token) = harness.create_key(draft).await;
    assert!(token.is_issued());
    assert_eq!(key.spec.stores, Access::Selected(owned(&["a", "b"])));
    assert_eq!(
        (key.spec.active, key.spec.owner.as_str(), key.spec.networks.len(), key.spec.labels.len()),
        (false, "partners", 1, 1)
    );
    assert_eq!((key.secrets.len(), key.secrets[0].hint.clone()), (1, token.hint()));
    assert_eq!(harness.registry.key(&key.id.to_string()).await.unwrap(), key);
}

#[tokio::test]
async fn the_audit_trail_knows_the_key_and_not_its_token() {
    let harness = harness().await;
    let options = WriteOptions { comment: "for the CPA network".to_owned(), replica_wait: None };
    let request = CreateKey { key: draft_with_full_access(), ..CreateKey::default() };
    let (made, _) = harness.registry.create_key(&harness.admin, &request, &options).await.unwrap();
    let trail = harness.audit_trail("key", &made.key.id.to_string()).await;
    let [change] = &trail[..] else { panic!("{trail:?}") };
    assert_eq!((change.action.as_str(), change.comment.as_str()), ("create", "for the CPA network"));
    assert_eq!((change.actor.clone(), change.actor_name.as_str()), (harness.admin.id.to_string(), "admin"));
    assert!(change.before.is_none());
    assert_eq!(change.after.as_ref().unwrap()["name"], "partner");
    let text = format!("{trail:?}");
    assert!(!text.contains(made.token.unwrap().reveal()));
}

#[tokio::test]
async fn stores_and_methods_that_do_not_exist_are_all_told_by_place_and_nothing_is_made() {
    let harness = harness().await;
    harness.create_store("a").await;
    let head = harness.latest_revision().await;
    let key = draft_with_access(&["nowhere", "a", "neither"], &["GET /orders"]);
    let error = harness.try_create_key(CreateKey { key, ..CreateKey::default() }).await.unwrap_err();
    assert_eq!(error.reason(), "INVALID_FIELDS");
    assert_eq!(fields(&error), ["key.stores[0]", "key.stores[2]", "key.methods[0]"]);
    assert_eq!(harness.latest_revision().await, head);
}

#[tokio::test]
async fn an_update_changes_what_the_mask_names_and_nothing_else() {
    let harness = harness().await;
    harness.create_store("a").await;
    let (key, _) = harness.create_key(draft_with_access(&["a"], &[])).await;
    let draft = KeyDraft { name: "renamed".to_owned(), owner: "ignored".to_owned(), ..KeyDraft::default() };
    let after = update(&harness, &key, &["name"], draft).await.unwrap();
    assert_eq!((after.spec.name.as_str(), after.spec.owner.as_str()), ("renamed", ""));
    assert_eq!(after.spec.stores, key.spec.stores);
    assert!(after.row_revision > key.row_revision);
    let trail = harness.audit_trail("key", &key.id.to_string()).await;
    assert_eq!(trail[0].action, "update");
    assert_eq!(trail[0].before.as_ref().unwrap()["name"], "partner");
    assert_eq!(trail[0].after.as_ref().unwrap()["name"], "renamed");
}

#[tokio::test]
async fn an_update_on_an_old_state_is_refused() {
    let harness = harness().await;
    let (key, _) = harness.create_key(draft_with_full_access()).await;
    let draft = KeyDraft { name: "first".to_owned(), ..KeyDraft::default() };
    update(&harness, &key, &["name"], draft.clone()).await.unwrap();
    assert_eq!(update(&harness, &key, &["name"], draft).await.unwrap_err().reason(), "ETAG_MISMATCH");
    let stale = SubjectRef { id: key.id.to_string(), etag: etag(key.row_revision) };
    let options = WriteOptions::default();
    let revoke = harness.registry.revoke_key(&harness.admin, &stale, "over", &options).await;
    assert_eq!(revoke.unwrap_err().reason(), "ETAG_MISMATCH");
    let delete = harness.registry.delete_key(&harness.admin, &stale, &options).await;
    assert_eq!(delete.unwrap_err().reason(), "ETAG_MISMATCH");
}

#[tokio::test]
async fn an_update_that_changes_nothing_takes_no_revision() {
    let harness = harness().await;
    harness.create_store("a").await;
    harness.create_store("b").await;
    let (key, _) = harness.create_key(draft_with_access(&["a", "b"], &[])).await;
    let head = harness.latest_revision().await;
    let draft = KeyDraft { active: Some(true), ..draft_with_access(&["b", "a"], &[]) };
    let mask = ["name", "active", "store_access", "stores", "expire_time", "networks"];
    assert_eq!(update(&harness, &key, &mask, draft).await.unwrap(), key);
    assert_eq!(harness.latest_revision().await, head);
    assert_eq!(harness.audit_trail("key", &key.id.to_string()).await.len(), 1);
}

#[tokio::test]
async fn access_changes_only_by_what_is_said() {
    let harness = harness().await;
    harness.create_store("a").await;
    harness.create_store("b").await;
    let (key, _) = harness.create_key(draft_with_access(&["a"], &[])).await;
    let key = update(&harness, &key, &["store_access"], draft_with_full_access()).await.unwrap();
    assert_eq!(key.spec.stores, Access::All);
    let error = update(&harness, &key, &["store_access"], draft_with_access(&[], &[])).await.unwrap_err();
    assert_eq!(fields(&error), ["key.stores"]);
    let error = update(&harness, &key, &["stores"], draft_with_access(&["b"], &[])).await.unwrap_err();
    assert_eq!(fields(&error), ["key.stores"]);
    let key = update(&harness, &key, &["store_access", "stores"], draft_with_access(&["b"], &[])).await.unwrap();
    assert_eq!(key.spec.stores, Access::Selected(owned(&["b"])));
    let error = update(&harness, &key, &["stores"], draft_with_access(&["a", "x"], &[])).await.unwrap_err();
    assert_eq!(fields(&error), ["key.stores[1]"]);
    let key = update(&harness, &key, &["stores"], draft_with_access(&[], &[])).await.unwrap();
    assert_eq!(key.spec.stores, Access::Selected(Vec::new()));
}

#[tokio::test]
async fn half_a_validity_is_judged_with_the_other_half_that_stands() {
    let harness = harness().await;
    let at = |seconds| Some(latchkey::registry::RawTime { seconds, nanos: 0 });
    let (key, _) =
        harness.create_key(KeyDraft { not_before: at(1_000), expires: at(2_000), ..draft_with_full_access() }).await;
    let error =
        update(&harness, &key, &["not_before"], KeyDraft { not_before: at(2_000), ..KeyDraft::default() }).await;
    assert_eq!(fields(&error.unwrap_err()), ["key.expire_time"]);
    let unset = update(&harness, &key, &["expire_time"], KeyDraft::default()).await.unwrap();
    assert_eq!(unset.spec.expires, None);
    let later = KeyDraft { not_before: at(2_000), ..KeyDraft::default() };
    assert!(update(&harness, &unset, &["not_before"], later).await.is_ok());
}

#[tokio::test]
async fn a_revocation_is_final_and_repeating_it_is_no_error() {
    let harness = harness().await;
    let (key, token) = harness.create_key(draft_with_full_access()).await;
    let options = WriteOptions::default();
    let revoke = |reason: &'static str| {
        let (harness, options) = (&harness, &options);
        let named = SubjectRef { id: key.id.to_string(), etag: etag(key.row_revision) };
        async move { harness.registry.revoke_key(&harness.admin, &named, reason, options).await.unwrap() }
    };
    let (revoked, first) = revoke("contract ended").await;
    assert_eq!(revoked.revoked.as_ref().unwrap().reason, "contract ended");
    assert!(revoked.secrets.is_empty());
    // The same call again with the earlier etag: its response may have been lost.
    let (again, second) = revoke("another reason").await;
    assert_eq!((again, second.cursor), (revoked.clone(), first.cursor));

    let on = KeyDraft { active: Some(true), ..KeyDraft::default() };
    assert_eq!(update(&harness, &revoked, &["active"], on).await.unwrap_err().reason(), "KEY_REVOKED");
    let note = KeyDraft { comment: "see the contract".to_owned(), ..KeyDraft::default() };
    let noted = update(&harness, &revoked, &["comment"], note).await.unwrap();
    assert!(noted.revoked.is_some());

    let found = harness.registry.find_key(&TokenText(token.reveal().to_owned())).await.unwrap();
    assert!(!found.deleted && found.ended.is_some() && found.key.revoked.is_some());
}

#[tokio::test]
async fn a_deleted_key_is_gone_and_its_token_stays_taken() {
    let harness = harness().await;
    let (key, token) = harness.create_key(draft_with_full_access()).await;
    harness.registry.delete_key(&harness.admin, &named(&key), &WriteOptions::default()).await.unwrap();
    assert_eq!(harness.registry.key(&key.id.to_string()).await.unwrap_err().reason(), "KEY_NOT_FOUND");
    let again = harness.registry.delete_key(&harness.admin, &named(&key), &WriteOptions::default()).await;
    assert_eq!(again.unwrap_err().reason(), "KEY_NOT_FOUND");
    let token = TokenText(token.reveal().to_owned());
    assert!(harness.registry.find_key(&token).await.unwrap().deleted);
    let error = harness
        .try_create_key(CreateKey { key: draft_with_full_access(), token, ..CreateKey::default() })
        .await
        .unwrap_err();
    assert_eq!((error.reason(), fields(&error)), ("TOKEN_TAKEN", owned(&["token"])));
    assert!(!error.to_string().contains(&key.id.to_string()));
    let trail = harness.audit_trail("key", &key.id.to_string()).await;
    assert_eq!(trail[0].action, "delete");
    assert!(trail[0].before.is_some() && trail[0].after.is_none());
}

#[tokio::test]
async fn what_is_not_there_is_named() {
    let harness = harness().await;
    let (key, _) = harness.create_key(draft_with_full_access()).await;
    let id = latchkey::model::id::KeyId::new(latchkey::model::time::Timestamp::EPOCH, [0; 10]).to_string();
    let missing = Key { id: id.parse().unwrap(), ..key };
    let draft = KeyDraft { store_access: Choice::Is(AccessKind::All), ..KeyDraft::default() };
    assert_eq!(update(&harness, &missing, &["store_access"], draft).await.unwrap_err().reason(), "KEY_NOT_FOUND");
    assert_eq!(harness.registry.key("key_1").await.unwrap_err().reason(), "INVALID_FIELDS");
    let token = TokenText(harness.supplied_token());
    assert_eq!(harness.registry.find_key(&token).await.unwrap_err().reason(), "TOKEN_NOT_FOUND");
}
