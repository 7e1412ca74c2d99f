//! Tokens: imported, retried, rotated, ended, taken over.

use std::time::Duration;

use latchkey::model::key::{Key, TokenOrigin};
use latchkey::model::token::Token;
use latchkey::registry::{
    CreateKey, Error, ImportKeys, ImportSecret, ImportedKey, KeyDraft, KeyWithToken, RawDuration, RotateKey,
    SubjectRef, TokenText, WriteOptions, etag,
};

use crate::harness::{Bench, bench, fields, owned, selecting, wide_open};

const DAY: Duration = Duration::from_hours(24);

async fn rotate(bench: &Bench, key: &Key, overlap: Duration, token: &str) -> Result<KeyWithToken, Error> {
    let overlap = RawDuration { seconds: i64::try_from(overlap.as_secs()).expect("an overlap of days"), nanos: 0 };
    let key = SubjectRef { id: key.id.to_string(), etag: etag(key.row_revision) };
    let request = RotateKey { key, overlap: Some(overlap), token: TokenText(token.to_owned()) };
    bench.registry.rotate_key(&bench.admin, &request, &WriteOptions::default()).await.map(|(made, _)| made)
}

fn bringing(token: &str, key: KeyDraft) -> CreateKey {
    CreateKey { key, token: TokenText(token.to_owned()), request_id: String::new() }
}

#[tokio::test]
async fn a_supplied_token_is_recognised_when_its_request_is_repeated() {
    let bench = bench().await;
    let token = bench.supplied();
    let (first, _) = bench.create(bringing(&token, wide_open())).await.unwrap();
    assert_eq!(first.key.secrets[0].origin, TokenOrigin::Supplied);
    let head = bench.head().await;
    let (again, written) = bench.create(bringing(&token, wide_open())).await.unwrap();
    assert_eq!((again.key.id, again.token.unwrap().reveal()), (first.key.id, token.as_str()));
    assert_eq!((written.cursor.revision, bench.head().await), (head, head));
    let other = KeyDraft { name: "another".to_owned(), ..wide_open() };
    assert_eq!(bench.create(bringing(&token, other)).await.unwrap_err().reason(), "TOKEN_TAKEN");
}

#[tokio::test]
async fn a_request_id_is_recognised_without_the_token() {
    let bench = bench().await;
    let request = |token: &str| CreateKey { request_id: "req-1".to_owned(), ..bringing(token, wide_open()) };
    let (first, _) = bench.create(request("")).await.unwrap();
    let (again, _) = bench.create(request("")).await.unwrap();
    assert_eq!((again.key.id, again.token), (first.key.id, None));
    let error = bench.create(request(&bench.supplied())).await.unwrap_err();
    assert_eq!((error.reason(), fields(&error)), ("REQUEST_ID_TAKEN", owned(&["request_id"])));
    let editor = bench.operator("editor", latchkey::model::operator::Role::Editor).await;
    let options = WriteOptions::default();
    let (other, _) = bench.registry.create_key(&editor, &request(""), &options).await.unwrap();
    assert_ne!(other.key.id, first.key.id);
}

#[tokio::test]
async fn a_supplied_token_may_be_in_latchkey_s_own_format() {
    let bench = bench().await;
    let token = Token::issue([7; 32]);
    let (made, _) = bench.create(bringing(token.reveal(), wide_open())).await.unwrap();
    assert_eq!(made.key.secrets[0].origin, TokenOrigin::Issued);
    let operator = Token::issue_operator([7; 32]);
    let error = bench.create(bringing(operator.reveal(), wide_open())).await.unwrap_err();
    assert_eq!(fields(&error), ["token"]);
    assert!(!error.to_string().contains(operator.reveal()));
}

#[tokio::test]
async fn rotating_gives_a_second_token_and_the_first_an_end() {
    let bench = bench().await;
    bench.store("a").await;
    let (key, first) = bench.key(selecting(&["a"], &[])).await;
    bench.pass(DAY);
    let made = rotate(&bench, &key, DAY, "").await.unwrap();
    let rotated = made.key;
    assert_eq!((rotated.id, &rotated.spec.name, &rotated.spec.stores), (key.id, &key.spec.name, &key.spec.stores));
    let [new, old] = &rotated.secrets[..] else { panic!("{rotated:?}") };
    assert_eq!((new.hint.clone(), old.hint.clone()), (made.token.unwrap().hint(), first.hint()));
    assert_eq!((new.expires, old.expires.unwrap().since(old.created)), (None, DAY * 2));
    assert_eq!(bench.trail("key", &key.id.to_string()).await[0].action, "rotate");

    let error = rotate(&bench, &rotated, DAY, "").await.unwrap_err();
    assert_eq!(error.reason(), "TWO_LIVE_SECRETS");
    bench.pass(DAY);
    let third = rotate(&bench, &rotated, DAY, "").await.unwrap().key;
    // The first token's overlap has passed: it has ended permanently, and the second is in its own.
    assert_eq!((third.secrets.len(), third.secrets[1].id), (2, new.id));
    let found = bench.registry.find_key(&TokenText(first.reveal().to_owned())).await.unwrap();
    assert!(found.ended.is_some());
}

#[tokio::test]
async fn rotating_without_overlap_ends_the_token_at_once() {
    let bench = bench().await;
    let (key, first) = bench.key(wide_open()).await;
    let made = rotate(&bench, &key, Duration::ZERO, "").await.unwrap();
    assert_eq!(made.key.secrets.len(), 1);
    assert_ne!(made.key.secrets[0].id, key.secrets[0].id);
    assert!(bench.registry.find_key(&TokenText(first.reveal().to_owned())).await.unwrap().ended.is_some());
}

#[tokio::test]
async fn a_rotation_that_is_repeated_with_its_token_is_recognised() {
    let bench = bench().await;
    let (key, first) = bench.key(wide_open()).await;
    bench.pass(DAY);
    let token = bench.supplied();
    let made = rotate(&bench, &key, DAY, &token).await.unwrap();
    let head = bench.head().await;
    // With the earlier etag, like a caller whose response was lost.
    let again = rotate(&bench, &key, DAY, &token).await.unwrap();
    assert_eq!((again.key, bench.head().await), (made.key.clone(), head));
    // The key's own first token is not a rotation's.
    let error = rotate(&bench, &made.key, DAY, first.reveal()).await.unwrap_err();
    assert_eq!(error.reason(), "TOKEN_TAKEN");
}

#[tokio::test]
async fn a_revoked_key_is_not_rotated_and_an_overlap_must_be_said() {
    let bench = bench().await;
    let (key, _) = bench.key(wide_open()).await;
    let named = SubjectRef { id: key.id.to_string(), etag: String::new() };
    let request = RotateKey { key: named.clone(), overlap: None, token: TokenText::default() };
    let options = WriteOptions::default();
    let error = bench.registry.rotate_key(&bench.admin, &request, &options).await.unwrap_err();
    assert_eq!(fields(&error), ["overlap"]);
    let (revoked, _) = bench.registry.revoke_key(&bench.admin, &named, "over", &options).await.unwrap();
    assert_eq!(rotate(&bench, &revoked, DAY, "").await.unwrap_err().reason(), "KEY_REVOKED");
}

#[tokio::test]
async fn ending_the_only_token_leaves_a_key_that_can_be_rotated() {
    let bench = bench().await;
    let (key, _) = bench.key(wide_open()).await;
    let secret = key.secrets[0].id.to_string();
    let options = WriteOptions::default();
    let (ended, first) = bench.registry.revoke_secret(&bench.admin, &secret, &options).await.unwrap();
    assert!(ended.secrets.is_empty() && ended.revoked.is_none());
    let (again, second) = bench.registry.revoke_secret(&bench.admin, &secret, &options).await.unwrap();
    assert_eq!((again, second.cursor), (ended.clone(), first.cursor));
    assert_eq!(bench.trail("key", &key.id.to_string()).await[0].action, "revoke_secret");
    assert_eq!(rotate(&bench, &ended, DAY, "").await.unwrap().key.secrets.len(), 1);
}

fn importing(secret: ImportSecret, key: KeyDraft) -> ImportedKey {
    ImportedKey { key, secret, hint: String::new() }
}

async fn import(bench: &Bench, keys: Vec<ImportedKey>, dry_run: bool) -> Result<Vec<String>, Error> {
    let request = ImportKeys { keys, dry_run };
    let done = bench.registry.import_keys(&bench.admin, &request, &WriteOptions::default()).await;
    done.map(|(ids, _)| ids.iter().map(ToString::to_string).collect())
}

#[tokio::test]
async fn an_import_takes_over_all_keys_or_none() {
    let bench = bench().await;
    bench.store("a").await;
    let text = bench.supplied();
    let token = || ImportSecret::Token(TokenText(text.clone()));
    let digest = ImportSecret::Sha256(TokenText("ab".repeat(32)));
    let good = || vec![importing(token(), selecting(&["a"], &[])), importing(digest.clone(), wide_open())];
    let head = bench.head().await;

    assert_eq!(import(&bench, good(), true).await.unwrap(), Vec::<String>::new());
    let mut bad = good();
    bad[1].key = selecting(&["a", "x"], &["GET /x"]);
    let error = import(&bench, bad, false).await.unwrap_err();
    assert_eq!(fields(&error), ["keys[1].key.stores[1]", "keys[1].key.methods[0]"]);
    assert_eq!(bench.head().await, head);

    let ids = import(&bench, good(), false).await.unwrap();
    assert!(ids.is_sorted(), "in the order given: {ids:?}");
    let key = bench.registry.key(&ids[0]).await.unwrap();
    let found = bench.registry.find_key(&TokenText(text.clone())).await.unwrap();
    assert_eq!(found.key, key);
    let trail = bench.trail("key", &ids[0]).await;
    assert_eq!((trail[0].action.as_str(), trail[0].after.clone()), ("import", Some(key.image())));

    let error = import(&bench, good(), false).await.unwrap_err();
    assert_eq!((error.reason(), fields(&error)), ("TOKEN_TAKEN", owned(&["keys[0].token", "keys[1].sha256"])));
}
