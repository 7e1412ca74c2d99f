//! Tokens: imported, retried, rotated, ended, taken over.

use std::time::Duration;

use latchkey::model::key::{Key, TokenOrigin};
use latchkey::model::token::Token;
use latchkey::registry::{
    CreateKey, Error, ImportKeys, ImportSecret, ImportedKey, KeyDraft, KeyWithToken, RawDuration, RotateKey,
    SubjectRef, TokenText, WriteOptions, etag,
};

use crate::registry::harness::{Harness, draft_with_access, draft_with_full_access, fields, harness, owned};

const DAY: Duration = Duration::from_hours(24);

async fn rotate(harness: &Harness, key: &Key, overlap: Duration, token: &str) -> Result<KeyWithToken, Error> {
    let overlap = RawDuration { seconds: i64::try_from(overlap.as_secs()).expect("an overlap of days"), nanos: 0 };
    let key = SubjectRef { id: key.id.to_string(), etag: etag(key.row_revision) };
    let request = RotateKey { key, overlap: Some(overlap), token: TokenText(token.to_owned()) };
    harness.registry.rotate_key(&harness.admin, &request, &WriteOptions::default()).await.map(|(made, _)| made)
}

fn with_own_token(token: &str, key: KeyDraft) -> CreateKey {
    CreateKey { key, token: TokenText(token.to_owned()), request_id: String::new() }
}

#[tokio::test]
async fn a_supplied_token_is_recognised_when_its_request_is_repeated() {
    let harness = harness().await;
    let token = harness.supplied_token();
    let (first, _) = harness.try_create_key(with_own_token(&token, draft_with_full_access())).await.unwrap();
    assert_eq!(first.key.secrets[0].origin, TokenOrigin::Supplied);
    let head = harness.latest_revision().await;
    let (again, written) = harness.try_create_key(with_own_token(&token, draft_with_full_access())).await.unwrap();
    assert_eq!((again.key.id, again.token.unwrap().reveal()), (first.key.id, token.as_str()));
    assert_eq!((written.cursor.revision, harness.latest_revision().await), (head, head));
    let other = KeyDraft { name: "another".to_owned(), ..draft_with_full_access() };
    assert_eq!(harness.try_create_key(with_own_token(&token, other)).await.unwrap_err().reason(), "TOKEN_TAKEN");
}

#[tokio::test]
async fn a_request_id_is_recognised_without_the_token() {
    let harness = harness().await;
    let request =
        |token: &str| CreateKey { request_id: "req-1".to_owned(), ..with_own_token(token, draft_with_full_access()) };
    let (first, _) = harness.try_create_key(request("")).await.unwrap();
    let (again, _) = harness.try_create_key(request("")).await.unwrap();
    assert_eq!((again.key.id, again.token), (first.key.id, None));
    let error = harness.try_create_key(request(&harness.supplied_token())).await.unwrap_err();
    assert_eq!((error.reason(), fields(&error)), ("REQUEST_ID_TAKEN", owned(&["request_id"])));
    let editor = harness.create_operator("editor", latchkey::model::operator::Role::Editor).await;
    let options = WriteOptions::default();
    let (other, _) = harness.registry.create_key(&editor, &request(""), &options).await.unwrap();
    assert_ne!(other.key.id, first.key.id);
}

#[tokio::test]
async fn a_supplied_token_may_be_in_latchkey_s_own_format() {
    let harness = harness().await;
    let token = Token::issue([7; 32]);
    let (made, _) = harness.try_create_key(with_own_token(token.reveal(), draft_with_full_access())).await.unwrap();
    assert_eq!(made.key.secrets[0].origin, TokenOrigin::Issued);
    let operator = Token::issue_operator([7; 32]);
    let error = harness.try_create_key(with_own_token(operator.reveal(), draft_with_full_access())).await.unwrap_err();
    assert_eq!(fields(&error), ["token"]);
    assert!(!error.to_string().contains(operator.reveal()));
}

#[tokio::test]
async fn rotating_gives_a_second_token_and_the_first_an_end() {
    let harness = harness().await;
    harness.create_store("a").await;
    let (key, first) = harness.create_key(draft_with_access(&["a"], &[])).await;
    harness.advance(DAY);
    let made = rotate(&harness, &key, DAY, "").await.unwrap();
    let rotated = made.key;
    assert_eq!((rotated.id, &rotated.spec.name, &rotated.spec.stores), (key.id, &key.spec.name, &key.spec.stores));
    let [new, old] = &rotated.secrets[..] else { panic!("{rotated:?}") };
    assert_eq!((new.hint.clone(), old.hint.clone()), (made.token.unwrap().hint(), first.hint()));
    assert_eq!((new.expires, old.expires.unwrap().since(old.created)), (None, DAY * 2));
    assert_eq!(harness.audit_trail("key", &key.id.to_string()).await[0].action, "rotate");

    let error = rotate(&harness, &rotated, DAY, "").await.unwrap_err();
    assert_eq!(error.reason(), "TWO_LIVE_SECRETS");
    harness.advance(DAY);
    let third = rotate(&harness, &rotated, DAY, "").await.unwrap().key;
    // The first token's overlap has passed: it has ended permanently, and the second is in its own.
    assert_eq!((third.secrets.len(), third.secrets[1].id), (2, new.id));
    let found = harness.registry.find_key(&TokenText(first.reveal().to_owned())).await.unwrap();
    assert!(found.ended.is_some());
}

#[tokio::test]
async fn rotating_without_overlap_ends_the_token_at_once() {
    let harness = harness().await;
    let (key, first) = harness.create_key(draft_with_full_access()).await;
    let made = rotate(&harness, &key, Duration::ZERO, "").await.unwrap();
    assert_eq!(made.key.secrets.len(), 1);
    assert_ne!(made.key.secrets[0].id, key.secrets[0].id);
    assert!(harness.registry.find_key(&TokenText(first.reveal().to_owned())).await.unwrap().ended.is_some());
}

#[tokio::test]
async fn a_rotation_that_is_repeated_with_its_token_is_recognised() {
    let harness = harness().await;
    let (key, first) = harness.create_key(draft_with_full_access()).await;
    harness.advance(DAY);
    let token = harness.supplied_token();
    let made = rotate(&harness, &key, DAY, &token).await.unwrap();
    let head = harness.latest_revision().await;
    // With the earlier etag, like a caller whose response was lost.
    let again = rotate(&harness, &key, DAY, &token).await.unwrap();
    assert_eq!((again.key, harness.latest_revision().await), (made.key.clone(), head));
    // The key's own first token is not a rotation's.
    let error = rotate(&harness, &made.key, DAY, first.reveal()).await.unwrap_err();
    assert_eq!(error.reason(), "TOKEN_TAKEN");
}

#[tokio::test]
async fn a_revoked_key_is_not_rotated_and_an_overlap_must_be_said() {
    let harness = harness().await;
    let (key, _) = harness.create_key(draft_with_full_access()).await;
    let named = SubjectRef { id: key.id.to_string(), etag: String::new() };
    let request = RotateKey { key: named.clone(), overlap: None, token: TokenText::default() };
    let options = WriteOptions::default();
    let error = harness.registry.rotate_key(&harness.admin, &request, &options).await.unwrap_err();
    assert_eq!(fields(&error), ["overlap"]);
    let (revoked, _) = harness.registry.revoke_key(&harness.admin, &named, "over", &options).await.unwrap();
    assert_eq!(rotate(&harness, &revoked, DAY, "").await.unwrap_err().reason(), "KEY_REVOKED");
}

#[tokio::test]
async fn ending_the_only_token_leaves_a_key_that_can_be_rotated() {
    let harness = harness().await;
    let (key, _) = harness.create_key(draft_with_full_access()).await;
    let secret = key.secrets[0].id.to_string();
    let options = WriteOptions::default();
    let (ended, first) = harness.registry.revoke_secret(&harness.admin, &secret, &options).await.unwrap();
    assert!(ended.secrets.is_empty() && ended.revoked.is_none());
    let (again, second) = harness.registry.revoke_secret(&harness.admin, &secret, &options).await.unwrap();
    assert_eq!((again, second.cursor), (ended.clone(), first.cursor));
    assert_eq!(harness.audit_trail("key", &key.id.to_string()).await[0].action, "revoke_secret");
    assert_eq!(rotate(&harness, &ended, DAY, "").await.unwrap().key.secrets.len(), 1);
}

fn importing(secret: ImportSecret, key: KeyDraft) -> ImportedKey {
    ImportedKey { key, secret, hint: String::new() }
}

async fn import(harness: &Harness, keys: Vec<ImportedKey>, dry_run: bool) -> Result<Vec<String>, Error> {
    let request = ImportKeys { keys, dry_run };
    let done = harness.registry.import_keys(&harness.admin, &request, &WriteOptions::default()).await;
    done.map(|(ids, _)| ids.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn an_import_takes_over_all_keys_or_none() {
    let harness = harness().await;
    harness.create_store("a").await;
    let text = harness.supplied_token();
    let token = || ImportSecret::Token(TokenText(text.clone()));
    let digest = ImportSecret::Sha256(TokenText("ab".repeat(32)));
    let good = || {
        vec![importing(token(), draft_with_access(&["a"], &[])), importing(digest.clone(), draft_with_full_access())]
    };
    let head = harness.latest_revision().await;

    assert_eq!(import(&harness, good(), true).await.unwrap(), Vec::<String>::new());
    let mut bad = good();
    bad[1].key = draft_with_access(&["a", "x"], &["GET /x"]);
    let error = import(&harness, bad, false).await.unwrap_err();
    assert_eq!(fields(&error), ["keys[1].key.stores[1]", "keys[1].key.methods[0]"]);
    assert_eq!(harness.latest_revision().await, head);

    let ids = import(&harness, good(), false).await.unwrap();
    assert!(ids.is_sorted(), "in the order given: {ids:?}");
    let key = harness.registry.key(&ids[0]).await.unwrap();
    let found = harness.registry.find_key(&TokenText(text.clone())).await.unwrap();
    assert_eq!(found.key, key);
    let trail = harness.audit_trail("key", &ids[0]).await;
    assert_eq!((trail[0].action.as_str(), trail[0].after.clone()), ("import", Some(key.image())));

    let error = import(&harness, good(), false).await.unwrap_err();
    assert_eq!((error.reason(), fields(&error)), ("TOKEN_TAKEN", owned(&["keys[0].token", "keys[1].sha256"])));
}
