//! Concurrent writes, repeated writes, and writes with a comment.

use latchkey::proto::v1 as proto;
use proto::{CreateKeyRequest, Key, Reason, UpdateKeyRequest, WriteOptions};
use tonic::{Code, Status};

use helpers::calls::reason;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key, mask, violated_fields, with_comment};

const ANY: &str = "GET /anything";

on_both_engines!(
    who_changes_what_another_has_changed_is_told,
    a_repeated_creation_with_its_own_token_makes_one_key,
    a_repeated_creation_with_a_request_id_makes_one_key,
    a_write_may_say_why_and_how_long_it_waits,
    only_the_fields_named_are_changed,
    writers_at_the_same_time_lose_nothing,
);

async fn update(server: &TestServer, key: Key, fields: &[&str]) -> Result<Key, Status> {
    let request = UpdateKeyRequest { key: Some(key), update_mask: mask(fields), options: None };
    Ok(server.manager.keys().update_key(request).await?.into_inner().key.expect("an answer has a key"))
}

async fn who_changes_what_another_has_changed_is_told(server: &TestServer) {
    let read = server.create_key(key("partner", All, All)).await.key;
    let renamed = update(server, Key { name: "by Anna".to_owned(), ..read.clone() }, &["name"]).await.expect("current");
    assert_ne!(renamed.etag, read.etag);
    let late = update(server, Key { name: "by Boris".to_owned(), ..read.clone() }, &["name"]).await;
    let late = late.expect_err("Anna was faster");
    assert_eq!((late.code(), reason(&late).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    assert_eq!(server.get_key(&read.id).await.expect("there").name, "by Anna");

    let etag = read.etag.clone();
    let revoke =
        proto::RevokeKeyRequest { id: read.id.clone(), reason: "x".to_owned(), etag: etag.clone(), options: None };
    let rotate = proto::RotateKeyRequest {
        id: read.id.clone(),
        overlap: Some(prost_types::Duration::default()),
        etag: etag.clone(),
        ..Default::default()
    };
    let delete = proto::DeleteKeyRequest { id: read.id.clone(), etag, options: None };
    let mut keys = server.manager.keys();
    let refusals = [
        keys.revoke_key(revoke).await.expect_err("out of date"),
        keys.rotate_key(rotate).await.expect_err("out of date"),
        keys.delete_key(delete.clone()).await.expect_err("out of date"),
        keys.delete_key(proto::DeleteKeyRequest { etag: "anything".to_owned(), ..delete.clone() })
            .await
            .expect_err("no etag at all"),
    ];
    for refused in refusals {
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Aborted, "ETAG_MISMATCH"));
    }
    keys.delete_key(proto::DeleteKeyRequest { etag: renamed.etag, ..delete }).await.expect("up to date");
}

async fn a_repeated_creation_with_its_own_token_makes_one_key(server: &TestServer) {
    server.create_stores(&["berlin", "madrid"]).await;
    let own = "generated-by-the-caller-0123456789abcdef";
    let asked = key("partner", Only(&["madrid", "berlin"]), All);
    let create = async |key: Key| {
        let request = CreateKeyRequest { key: Some(key), token: own.to_owned(), ..Default::default() };
        server.manager.keys().create_key(request).await.map(tonic::Response::into_inner)
    };
    let first = create(asked.clone()).await.expect("made");
    let head = server.latest_revision().await;
    let again = create(Key { stores: vec!["berlin".to_owned(), "madrid".to_owned()], ..asked.clone() }).await;
    let again = again.expect("its answer was lost");
    assert_eq!((&again.key, again.token == own), (&first.key, true));
    assert_eq!(server.latest_revision().await, head, "nothing was made");
    for other in [
        Key { name: "somebody else".to_owned(), ..asked.clone() },
        key("partner", Only(&["berlin"]), All),
        key("partner", All, All),
    ] {
        let refused = create(other).await.expect_err("that is not the same request");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "TOKEN_TAKEN"));
        assert_eq!(violated_fields(&refused), ["token"]);
        assert!(!refused.message().contains(own));
    }
    assert_eq!(server.latest_revision().await, head);
}

async fn a_repeated_creation_with_a_request_id_makes_one_key(server: &TestServer) {
    let create = async |client: &helpers::calls::Client, request_id: &str, token: &str| {
        let request = CreateKeyRequest {
            key: Some(key("partner", All, All)),
            token: token.to_owned(),
            request_id: request_id.to_owned(),
            options: None,
        };
        client.keys().create_key(request).await.map(tonic::Response::into_inner)
    };
    let first = create(&server.manager, "order-4711", "").await.expect("made");
    assert!(!first.token.is_empty());
    let head = server.latest_revision().await;
    let again = create(&server.manager, "order-4711", "").await.expect("recognised");
    assert_eq!((&again.key, again.token.as_str()), (&first.key, ""), "the token is not shown twice");
    assert_eq!(server.latest_revision().await, head);
    let refused = create(&server.manager, "order-4711", &"t".repeat(40)).await.expect_err("another token");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "REQUEST_ID_TAKEN"));

    let of_another = create(&server.admin, "order-4711", "").await.expect("the ids of callers are apart");
    assert_ne!(of_another.key.expect("a key").id, first.key.expect("a key").id);
    let other = create(&server.manager, "order-4712", "").await.expect("made");
    assert!(!other.token.is_empty());
    for _ in 0..2 {
        let request = CreateKeyRequest { key: Some(key("same name", All, All)), ..Default::default() };
        server.manager.keys().create_key(request).await.expect("without an id every call makes a key");
    }
    assert_eq!(server.latest_revision().await, head + 4);
}

async fn a_write_may_say_why_and_how_long_it_waits(server: &TestServer) {
    let request = CreateKeyRequest {
        key: Some(key("partner", All, All)),
        options: with_comment("ticket 17:\nnew partner"),
        ..Default::default()
    };
    let made = server.manager.keys().create_key(request).await.expect("made").into_inner();
    let id = made.key.expect("a key").id;
    let last = server.changes().await.pop().expect("a change");
    assert_eq!((last.subject_id.as_str(), last.comment.as_str()), (id.as_str(), "ticket 17:\nnew partner"));
    for (seconds, nanos, good) in [(0, 0, true), (30, 0, true), (0, 1, true), (30, 1, false), (-1, 0, false)] {
        let options =
            WriteOptions { replica_wait: Some(prost_types::Duration { seconds, nanos }), comment: String::new() };
        let request = UpdateKeyRequest {
            key: Some(Key { id: id.clone(), owner: format!("{seconds}.{nanos}"), ..Default::default() }),
            update_mask: mask(&["owner"]),
            options: Some(options),
        };
        match server.manager.keys().update_key(request).await {
            Ok(_) => assert!(good, "{seconds} s {nanos} ns was taken"),
            Err(status) => {
                assert!(!good, "{status:?}");
                assert_eq!(violated_fields(&status), ["options.replica_wait"]);
            }
        }
        // With or without waiting, this server decides by the write.
        server.authorize(&made.token, ANY, "").await.must_allow();
    }
}

async fn only_the_fields_named_are_changed(server: &TestServer) {
    let read = server.create_key(Key { owner: "shop".to_owned(), ..key("partner", All, All) }).await.key;
    let all_else = Key {
        id: read.id.clone(),
        name: "renamed".to_owned(),
        owner: "ignored".to_owned(),
        comment: "ignored".to_owned(),
        active: Some(false),
        ..Default::default()
    };
    let changed = update(server, all_else, &["name"]).await.expect("changed");
    let expected = Key {
        name: "renamed".to_owned(),
        etag: changed.etag.clone(),
        update_time: changed.update_time,
        ..read.clone()
    };
    assert_eq!(changed, expected);
    let emptied = update(server, Key { id: read.id.clone(), ..Default::default() }, &["owner"]).await.expect("changed");
    assert_eq!(emptied.owner, "", "a field named and left empty is emptied");
    let refused = update(server, read.clone(), &[]).await.expect_err("nothing is named");
    assert_eq!(violated_fields(&refused), ["update_mask"]);
    let refused = update(server, read, &["id", "name", "secrets", "name"]).await.expect_err("not all can be changed");
    assert_eq!(violated_fields(&refused), ["update_mask.paths[0]", "update_mask.paths[2]", "update_mask.paths[3]"]);
}

async fn writers_at_the_same_time_lose_nothing(server: &TestServer) {
    let head = server.latest_revision().await;
    let writers = (0..8).map(|writer| {
        let client = server.manager.clone();
        helpers::calls::spawn_task(async move {
            let mut tokens = Vec::new();
            for number in 0..6 {
                let named = key(&format!("writer {writer} key {number}"), All, All);
                tokens.push(client.create_key(named).await.expect("made").1);
            }
            tokens
        })
    });
    let mut tokens = Vec::new();
    for writer in writers.collect::<Vec<_>>() {
        tokens.extend(writer.await.expect("a writer does not panic"));
    }
    assert_eq!(server.latest_revision().await, head + 48, "every write took the next revision");
    for token in &tokens {
        server.authorize(token, ANY, "").await.must_allow();
    }
    assert_eq!(server.list_keys(proto::ListKeysRequest::default()).await.len(), 48);
    server.authorize("a-token-that-was-never-given-to-anybody", ANY, "").await.must_refuse(Reason::KeyUnknown);
}
