//! M4: "Add" comes with the token already generated: unique, random, at least 32 characters; a caller may import a
//! token instead.

use std::collections::HashSet;

use latchkey::proto::v1 as proto;
use proto::{CreateKeyRequest, Reason, SecretOrigin};
use tonic::Code;

use helpers::calls::reason;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key};

const ANY: &str = "GET /anything";

on_both_engines!(
    tokens_are_generated_long_random_and_never_the_same,
    a_mistyped_token_is_told_from_an_unknown_one,
    a_key_may_bring_its_own_token,
    a_token_is_shown_once,
);

async fn tokens_are_generated_long_random_and_never_the_same(server: &TestServer) {
    let mut tokens = HashSet::new();
    let mut characters = HashSet::new();
    for number in 0..40 {
        let issued = server.create_key(key(&format!("key {number}"), All, All)).await;
        let random = issued.token.strip_prefix("lk_").expect("a scanner knows it by its beginning").to_owned();
        assert!(issued.token.len() >= 32, "at least 32 characters");
        assert_eq!(issued.token.len(), 52);
        assert!(random.bytes().all(|byte| byte.is_ascii_alphanumeric()), "letters and digits only");
        assert_eq!(issued.key.secrets[0].origin(), SecretOrigin::Issued);
        characters.extend(random[..43].chars());
        server.authorize(&issued.token, ANY, "").await.must_allow();
        tokens.insert(random[..43].to_owned());
    }
    assert_eq!(tokens.len(), 40, "no two are the same");
    assert_eq!(characters.len(), 62, "1 720 random characters are of all 62 sorts");
    let beginnings: HashSet<&str> = tokens.iter().map(|token| &token[..6]).collect();
    assert_eq!(beginnings.len(), 40, "they are not counted up");
}

async fn a_mistyped_token_is_told_from_an_unknown_one(server: &TestServer) {
    let issued = server.create_key(key("partner", All, All)).await;
    let token: &str = &issued.token;
    for at in [3, 20, 45, 46, 51] {
        let mut bytes = token.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'x' { b'y' } else { b'x' };
        let mistyped = String::from_utf8(bytes).expect("ASCII");
        server.authorize(&mistyped, ANY, "").await.must_refuse(Reason::KeyMalformed);
    }
    for wrong in
        [&token[..51], &format!("{token}a"), &token.to_lowercase(), "lk_", "short", "with a space, and long enough"]
    {
        server.authorize(wrong, ANY, "").await.must_refuse(Reason::KeyMalformed);
    }
    server.authorize(&"x".repeat(513), ANY, "").await.must_refuse(Reason::KeyMalformed);
    server.authorize("", ANY, "").await.must_refuse(Reason::KeyMissing);
    let unknown = server.authorize(&"x".repeat(40), ANY, "").await.must_refuse(Reason::KeyUnknown);
    assert_eq!((unknown.key_id.as_str(), unknown.secret_id.as_str()), ("", ""));
    server.authorize(token, ANY, "").await.must_allow();
}

async fn a_key_may_bring_its_own_token(server: &TestServer) {
    let create = async |token: &str, request_id: &str| {
        let request = CreateKeyRequest {
            key: Some(key("old partner", All, Only(&[]))),
            token: token.to_owned(),
            request_id: request_id.to_owned(),
            options: None,
        };
        server.manager.keys().create_key(request).await.map(tonic::Response::into_inner)
    };
    for own in ["!".repeat(32), "~".repeat(512), "4f9a1c0e7b2d4f9a1c0e7b2d4f9a1c0e".to_owned()] {
        let made = create(&own, "").await.expect("such a token may be brought");
        assert!(made.token == own, "the token is answered as it was brought");
        let secret = &made.key.expect("a key").secrets[0];
        assert_eq!(secret.origin(), SecretOrigin::Supplied);
        assert_eq!(secret.hint, own[own.len() - 4..]);
        server.authorize(&own, ANY, "").await.must_refuse(Reason::MethodUnknown);
    }
    let too_long = "a".repeat(513);
    for bad in
        ["a".repeat(31).as_str(), too_long.as_str(), &format!("{} {}", "a".repeat(20), "b".repeat(20)), &"ж".repeat(40)]
    {
        let refused = create(bad, "").await.expect_err("such a token is refused");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
        assert!(!refused.message().contains(bad), "a refusal does not repeat the token");
    }
}

async fn a_token_is_shown_once(server: &TestServer) {
    let issued = server.create_key(key("partner", All, All)).await;
    let token: &str = &issued.token;
    let read = server.get_key(&issued.key.id).await.expect("the key is there");
    let changes = server.changes().await;
    let found = server.officer.keys().find_key(proto::FindKeyRequest { token: token.to_owned() }).await;
    let found = found.expect("whose token it is can be asked").into_inner();
    for shown in [format!("{read:?}"), format!("{changes:?}"), format!("{found:?}")] {
        assert!(!shown.contains(token), "the token is shown again");
        assert!(shown.contains(&token[48..]), "its hint is");
    }
}
