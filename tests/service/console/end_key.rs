//! Rotating a key's token, and ending keys and tokens.

use latchkey::proto::v1 as proto;

use crate::console::browser::Browser;
use helpers::test_server::{Engine, Selection, TestServer, key};

const CALL: &str = "GET /api/v5/orders";

#[tokio::test]
async fn a_key_is_rotated_with_an_overlap_and_its_new_token_shown_once() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("cpa", Selection::All, Selection::All)).await;
    let path = format!("/integration/keys/{}", made.key.id);
    let mut manager = Browser::sign_in(&server, "integration manager");
    let mut fields = manager.open(&path).fields(&["csrf", "etag"]);
    fields.push(("overlap", "day".to_owned()));
    let shown = manager.submit(&format!("{path}/rotate"), &fields).assert_status(200);
    let token = shown.field_by_id("token");
    assert!(token.starts_with("lk_") && *token != *made.token);
    for token in [&token, &*made.token] {
        assert!(server.authorize(token, CALL, "").await.allowed, "both are good");
    }
    let page = manager.open(&path);
    assert!(!page.body.contains(&token) && page.text().contains("This key already has two tokens."));
    let _ = manager.submit(&format!("{path}/rotate"), &fields).assert_status(409);

    let old = server.get_key(&made.key.id).await.expect("it is there").secrets.pop().expect("the older secret");
    let _ = manager.submit(&format!("{path}/tokens/{}/end", old.id), &page.fields(&["csrf"])).assert_status(303);
    assert_eq!(server.authorize(&made.token, CALL, "").await.reason(), proto::Reason::KeyRevoked);
    assert!(server.authorize(&token, CALL, "").await.allowed);
}

#[tokio::test]
async fn a_key_is_revoked_with_a_reason_and_not_without() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("cpa", Selection::All, Selection::All)).await;
    let path = format!("/integration/keys/{}", made.key.id);
    let mut manager = Browser::sign_in(&server, "integration manager");
    let mut fields = manager.open(&path).fields(&["csrf", "etag"]);
    let again = manager.submit(&format!("{path}/revoke"), &fields).assert_status(422);
    assert!(again.body.contains("id=\"reason-error\""));
    assert!(server.authorize(&made.token, CALL, "").await.allowed);
    fields.push(("reason", "left <us>".to_owned()));
    let done = manager.submit(&format!("{path}/revoke"), &fields).assert_status(303);
    assert!(manager.follow(&done).text().contains("left <us>"));
    assert_eq!(server.authorize(&made.token, CALL, "").await.reason(), proto::Reason::KeyRevoked);
}

#[tokio::test]
async fn a_key_is_deleted_on_purpose_only() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("cpa", Selection::All, Selection::All)).await;
    let path = format!("/integration/keys/{}", made.key.id);
    let mut manager = Browser::sign_in(&server, "integration manager");
    let mut fields = manager.open(&path).fields(&["csrf", "etag"]);
    let again = manager.submit(&format!("{path}/delete"), &fields).assert_status(422);
    assert!(again.text().contains("Tick the box to confirm."));
    fields.push(("sure", "yes".to_owned()));
    let done = manager.submit(&format!("{path}/delete"), &fields).assert_status(303);
    assert!(manager.follow(&done).text().contains("Key deleted."));
    let _ = manager.get(&path).assert_status(404);
    assert_eq!(server.authorize(&made.token, CALL, "").await.reason(), proto::Reason::KeyUnknown);
}
