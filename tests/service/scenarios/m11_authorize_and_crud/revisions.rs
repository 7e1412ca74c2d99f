//! Revisions: every write returns its revision, and a request may require a decision that is not older.

use latchkey::proto::v1 as proto;
use proto::{AuthorizeRequest, IntrospectKeyRequest, Key, Reason};
use tonic::Code;

use helpers::test_server::Selection::All;
use helpers::test_server::{DecisionAssertions as _, TestServer, key};

const ANY: &str = "GET /anything";

on_both_engines!(
    a_question_is_answered_as_of_the_write_it_names,
    a_revision_of_another_past_or_future_is_refused,
    revisions_count_writes_and_nothing_else,
);

async fn a_question_is_answered_as_of_the_write_it_names(server: &TestServer) {
    let mut last = 0;
    for number in 0..20 {
        let request =
            proto::CreateKeyRequest { key: Some(key(&format!("key {number}"), All, All)), ..Default::default() };
        let made = server.manager.keys().create_key(request).await.expect("made").into_inner();
        let written = made.written.expect("a write says which revision it made");
        assert!(written.pending_replicas.is_empty(), "the only replica has applied it: {written:?}");
        let request = AuthorizeRequest {
            key: made.token.clone(),
            method: ANY.to_owned(),
            min_revision: written.revision.clone(),
            ..Default::default()
        };
        let decision = server.try_authorize(request).await.expect("decided").must_allow();
        assert_eq!(decision.revision, server.latest_revision().await, "the decision says as of when");
        assert!(decision.revision > last, "revisions grow");
        last = decision.revision;
        let request = IntrospectKeyRequest { key: made.token, min_revision: written.revision };
        let response = server.crm.authorization().introspect_key(request).await.expect("told").into_inner();
        assert!(response.usable && response.revision >= last);
    }
}

async fn a_revision_of_another_past_or_future_is_refused(server: &TestServer) {
    let issued = server.create_key(key("partner", All, All)).await;
    let off = Key { id: issued.key.id.clone(), active: Some(false), ..Default::default() };
    let request =
        proto::UpdateKeyRequest { key: Some(off), update_mask: helpers::test_server::mask(&["active"]), options: None };
    let written = server.manager.keys().update_key(request).await.expect("changed").into_inner().written;
    let current = written.expect("a revision").revision;
    let ask = async |min_revision: &str| {
        let request = AuthorizeRequest {
            key: issued.token.0.clone(),
            method: ANY.to_owned(),
            min_revision: min_revision.to_owned(),
            ..Default::default()
        };
        server.try_authorize(request).await
    };
    ask(&current).await.expect("decided").must_refuse(Reason::KeyInactive);
    // The token is opaque; these two are what a restored database would return.
    let (number, nonce) = current.split_once('-').expect("a number and a nonce");
    let number: u64 = number.trim_start_matches('r').parse().expect("a number");
    let flipped = if nonce.starts_with('0') { "1" } else { "0" };
    let foreign = format!("r{number}-{flipped}{}", &nonce[1..]);
    let ahead = format!("r{}-{nonce}", number + 1_000);
    for wrong in [foreign, ahead] {
        let refused = ask(&wrong).await.expect_err("that is not of this history");
        assert_eq!(refused.code(), Code::FailedPrecondition, "{wrong}: {refused:?}");
    }
    for garbage in ["latest", "17", "r1", "r-1-00", " "] {
        let refused = ask(garbage).await.expect_err("that is no revision");
        assert_eq!(refused.code(), Code::InvalidArgument, "{garbage}: {refused:?}");
    }
}

async fn revisions_count_writes_and_nothing_else(server: &TestServer) {
    let issued = server.create_key(key("partner", All, All)).await;
    let head = server.latest_revision().await;
    for _ in 0..5 {
        server.authorize(&issued.token, ANY, "").await.must_allow();
        server.authorize("a-token-that-was-never-given-to-anybody", ANY, "").await.must_refuse(Reason::KeyUnknown);
        server.list_keys(proto::ListKeysRequest::default()).await;
        server.get_key(&issued.key.id).await.expect("read");
    }
    let same = Key { id: issued.key.id.clone(), name: "partner".to_owned(), active: Some(true), ..Default::default() };
    let request = proto::UpdateKeyRequest {
        key: Some(same),
        update_mask: helpers::test_server::mask(&["name", "active", "labels", "networks"]),
        options: None,
    };
    let answer = server.manager.keys().update_key(request).await.expect("no error").into_inner();
    assert_eq!(answer.key, Some(issued.key.clone()), "what changes nothing leaves even the etag");
    assert_eq!(server.latest_revision().await, head, "and takes no revision");
    let request = AuthorizeRequest {
        key: issued.token.0.clone(),
        method: ANY.to_owned(),
        min_revision: answer.written.expect("it says what it found").revision,
        ..Default::default()
    };
    assert_eq!(server.try_authorize(request).await.expect("decided").must_allow().revision, head);
    server.create_stores(&["berlin"]).await;
    assert_eq!(server.latest_revision().await, head + 1);
}
