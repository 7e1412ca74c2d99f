//! Rotating a key: a second token, an overlap, and the end of the first; the id and every attribute stay.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use proto::{Reason, RotateKeyRequest, SecretOrigin};
use tonic::{Code, Status};

use helpers::calls::reason;
use helpers::support::eventually_async;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, IssuedKey, TestServer, Token, far_future, key};

const ANY: &str = "GET /anything";

on_both_engines!(
    both_tokens_are_good_during_the_overlap,
    without_overlap_the_old_token_ends_at_once,
    an_overlap_ends_by_itself,
    two_live_tokens_are_enough,
    one_token_is_ended_and_the_other_stays,
    a_rotation_may_bring_its_token_and_be_repeated,
);

async fn rotate(server: &TestServer, id: &str, overlap: i64, token: &str) -> Result<IssuedKey, Status> {
    let request = RotateKeyRequest {
        id: id.to_owned(),
        overlap: Some(prost_types::Duration { seconds: overlap, nanos: 0 }),
        token: token.to_owned(),
        ..Default::default()
    };
    let answer = server.manager.keys().rotate_key(request).await?.into_inner();
    Ok(IssuedKey { key: answer.key.expect("an answer has a key"), token: Token(answer.token) })
}

async fn end(server: &TestServer, secret_id: &str) -> Result<proto::Key, Status> {
    let request = proto::RevokeSecretRequest { secret_id: secret_id.to_owned(), options: None };
    let answer = server.manager.keys().revoke_secret(request).await?.into_inner();
    Ok(answer.key.expect("an answer has a key"))
}

async fn both_tokens_are_good_during_the_overlap(server: &TestServer) {
    server.create_stores(&["berlin"]).await;
    let asked = proto::Key {
        owner: "shop".to_owned(),
        comment: "exports".to_owned(),
        expire_time: Some(far_future()),
        labels: [("team".to_owned(), "sales".to_owned())].into(),
        ..key("module", Only(&["berlin"]), All)
    };
    let first = server.create_key(asked).await;
    server.authorize(&first.token, ANY, "berlin").await.must_allow();
    let second = rotate(server, &first.key.id, 3_600, "").await.expect("rotated");
    assert!(second.token != first.token && second.token.len() == 52);

    let [new, old] = second.key.secrets.as_slice() else { panic!("two secrets: {:?}", second.key) };
    assert_eq!(old.id, first.key.secrets[0].id, "the newest first");
    assert!(second.token.ends_with(&new.hint) && new.expire_time.is_none());
    let seconds = old.expire_time.expect("it ends").seconds - new.create_time.expect("it began").seconds;
    assert_eq!(seconds, 3_600);
    let unlike = proto::Key {
        secrets: first.key.secrets.clone(),
        update_time: first.key.update_time,
        etag: first.key.etag.clone(),
        ..second.key.clone()
    };
    assert_eq!(unlike, first.key, "the id and every attribute stay");

    let by_old = server.authorize(&first.token, ANY, "berlin").await.must_allow();
    let by_new = server.authorize(&second.token, ANY, "berlin").await.must_allow();
    assert_eq!((&by_old.key_id, &by_old.secret_id), (&first.key.id, &old.id));
    assert_eq!((&by_new.key_id, &by_new.secret_id), (&first.key.id, &new.id));

    let off = proto::Key { id: first.key.id.clone(), active: Some(false), ..Default::default() };
    server.update_key(off, &["active"]).await;
    server.authorize(&first.token, ANY, "berlin").await.must_refuse(Reason::KeyInactive);
    server.authorize(&second.token, ANY, "berlin").await.must_refuse(Reason::KeyInactive);
}

async fn without_overlap_the_old_token_ends_at_once(server: &TestServer) {
    let first = server.create_key(key("leaked", All, All)).await;
    server.authorize(&first.token, ANY, "").await.must_allow();
    let mut current = first.token.clone();
    for _ in 0..3 {
        let next = rotate(server, &first.key.id, 0, "").await.expect("rotated");
        server.authorize(&current, ANY, "").await.must_refuse(Reason::KeyRevoked);
        server.authorize(&next.token, ANY, "").await.must_allow();
        assert_eq!(next.key.secrets.len(), 1, "only the new one is live");
        current = next.token;
    }
    server.authorize(&first.token, ANY, "").await.must_refuse(Reason::KeyRevoked);
}

async fn an_overlap_ends_by_itself(server: &TestServer) {
    let first = server.create_key(key("module", All, All)).await;
    let second = rotate(server, &first.key.id, 1, "").await.expect("rotated");
    eventually_async("the overlap is over", Duration::from_secs(20), async || {
        let decision = server.authorize(&first.token, ANY, "").await;
        (!decision.allowed).then(|| decision.must_refuse(Reason::SecretExpired))
    })
    .await;
    server.authorize(&second.token, ANY, "").await.must_allow();
    let third = rotate(server, &first.key.id, 3_600, "").await.expect("the first is over: there is room");
    server.authorize(&first.token, ANY, "").await.must_refuse(Reason::KeyRevoked);
    server.authorize(&second.token, ANY, "").await.must_allow();
    server.authorize(&third.token, ANY, "").await.must_allow();
}

async fn two_live_tokens_are_enough(server: &TestServer) {
    let first = server.create_key(key("module", All, All)).await;
    let second = rotate(server, &first.key.id, 3_600, "").await.expect("rotated");
    let refused = rotate(server, &first.key.id, 0, "").await.expect_err("there are two");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "TWO_LIVE_SECRETS"));
    server.authorize(&first.token, ANY, "").await.must_allow();
    end(server, &first.key.secrets[0].id).await.expect("the older one is ended");
    let third = rotate(server, &first.key.id, 3_600, "").await.expect("now there is room");
    server.authorize(&second.token, ANY, "").await.must_allow();
    server.authorize(&third.token, ANY, "").await.must_allow();
}

async fn one_token_is_ended_and_the_other_stays(server: &TestServer) {
    let first = server.create_key(key("module", All, All)).await;
    let second = rotate(server, &first.key.id, 3_600, "").await.expect("rotated");
    let left = end(server, &second.key.secrets[0].id).await.expect("ended");
    assert_eq!(left.secrets.len(), 1);
    server.authorize(&second.token, ANY, "").await.must_refuse(Reason::KeyRevoked);
    server.authorize(&first.token, ANY, "").await.must_allow();

    let none = end(server, &first.key.secrets[0].id).await.expect("the only one may be ended too");
    assert_eq!((none.secrets.len(), none.active()), (0, true));
    server.authorize(&first.token, ANY, "").await.must_refuse(Reason::KeyRevoked);
    let head = server.latest_revision().await;
    end(server, &first.key.secrets[0].id).await.expect("ending it again is no error");
    assert_eq!(server.latest_revision().await, head, "and changes nothing");
    let revived = rotate(server, &first.key.id, 0, "").await.expect("a new token revives the key");
    server.authorize(&revived.token, ANY, "").await.must_allow();
    server.authorize(&first.token, ANY, "").await.must_refuse(Reason::KeyRevoked);
}

async fn a_rotation_may_bring_its_token_and_be_repeated(server: &TestServer) {
    let first = server.create_key(key("module", All, All)).await;
    let own = "brought-by-the-partner-0123456789";
    let second = rotate(server, &first.key.id, 3_600, own).await.expect("rotated");
    assert_eq!((&*second.token, second.key.secrets[0].origin()), (own, SecretOrigin::Supplied));
    let head = server.latest_revision().await;
    let again = rotate(server, &first.key.id, 3_600, own).await.expect("its answer was lost");
    assert_eq!(again.key, second.key);
    assert_eq!(server.latest_revision().await, head, "repeating it changes nothing");
    server.authorize(own, ANY, "").await.must_allow();
    server.authorize(&first.token, ANY, "").await.must_allow();

    let other = server.create_key(key("other", All, All)).await;
    for taken in [own, &*first.token] {
        let refused = rotate(server, &other.key.id, 0, taken).await.expect_err("it is another key's");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "TOKEN_TAKEN"));
    }
    let refused = rotate(server, &first.key.id, 0, &first.token).await.expect_err("it had that token before");
    assert_eq!(refused.code(), Code::AlreadyExists);
    server.authorize(&other.token, ANY, "").await.must_allow();
}
