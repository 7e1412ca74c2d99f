//! Taking over keys that were issued elsewhere, and finding the owner of a token.

use latchkey::model::token::Digest;
use latchkey::proto::v1 as proto;
use proto::imported_key::Secret;
use proto::{FindKeyRequest, ImportKeysRequest, ImportedKey, Key, Reason, SecretOrigin, StoreUse};
use tonic::{Code, Status};

use helpers::calls::reason;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key, violated_fields};

const ORDERS: &str = "GET /api/v5/orders";

on_both_engines!(
    keys_are_taken_over_by_their_tokens_or_digests,
    a_dry_run_tells_everything_and_writes_nothing,
    one_bad_key_keeps_all_out,
    a_pasted_token_finds_its_key_whatever_became_of_it,
);

/// Returns a token of another system, unique for each number.
fn foreign(number: usize) -> String {
    format!("OldSystem.{number:08}.aB3-xYz_{:016}", number * 7919)
}

fn hex(token: &str) -> String {
    Digest::of(token.as_bytes()).as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

fn by_token(key: Key, token: &str) -> ImportedKey {
    ImportedKey { key: Some(key), secret: Some(Secret::Token(token.to_owned())), hint: String::new() }
}

fn by_digest(key: Key, token: &str, hint: &str) -> ImportedKey {
    ImportedKey { key: Some(key), secret: Some(Secret::Sha256(hex(token))), hint: hint.to_owned() }
}

async fn import(
    server: &TestServer,
    keys: Vec<ImportedKey>,
    dry_run: bool,
) -> Result<proto::ImportKeysResponse, Status> {
    let request = ImportKeysRequest { keys, dry_run, options: None };
    Ok(server.manager.keys().import_keys(request).await?.into_inner())
}

async fn keys_are_taken_over_by_their_tokens_or_digests(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let count = 300;
    let keys = (0..count)
        .map(|number| {
            let of_shop = key(&format!("shop {number}"), Only(&[["berlin", "madrid"][number % 2]]), All);
            let token = foreign(number);
            if number % 3 == 0 {
                by_digest(of_shop, &token, &token[token.len() - 4..])
            } else {
                by_token(of_shop, &token)
            }
        })
        .collect();
    // Requested before: that decision must not be cached.
    server.authorize(&foreign(0), ORDERS, "").await.must_refuse(Reason::KeyUnknown);
    let head = server.latest_revision().await;
    let answer = import(server, keys, false).await.expect("taken over");
    assert_eq!((answer.imported, answer.ids.len()), (300, count));
    assert!(answer.written.is_some());
    assert_eq!(server.latest_revision().await, head + 1, "all of them in one revision");
    for number in [0, 1, 2, 3, 150, 298, 299] {
        let decision = server.authorize(&foreign(number), ORDERS, "").await.must_allow();
        assert_eq!(decision.key_id, answer.ids[number], "the ids are in the order given");
        assert_eq!(decision.store, ["berlin", "madrid"][number % 2]);
        let read = server.get_key(&decision.key_id).await.expect("the key is there");
        assert_eq!(read.name, format!("shop {number}"));
        assert_eq!(read.secrets[0].origin(), SecretOrigin::Supplied);
        assert!(foreign(number).ends_with(&read.secrets[0].hint) && read.secrets[0].hint.len() == 4);
    }
    assert_eq!(server.list_keys(proto::ListKeysRequest { page_size: 1_000, ..Default::default() }).await.len(), count);

    let of_ours = server.create_key(key("made here, moved elsewhere", All, All)).await;
    server.delete_key(&of_ours.key.id).await;
    let refused = import(server, vec![by_token(key("again", All, All), &of_ours.token)], false).await;
    assert_eq!(refused.expect_err("it was given once").code(), Code::AlreadyExists);
}

async fn a_dry_run_tells_everything_and_writes_nothing(server: &TestServer) {
    let head = server.latest_revision().await;
    let keys = || vec![by_token(key("one", All, All), &foreign(1)), by_digest(key("two", All, All), &foreign(2), "")];
    let response = import(server, keys(), true).await.expect("it could be taken over");
    assert_eq!((response.imported, response.ids.len(), response.written), (2, 0, None));
    assert_eq!(server.latest_revision().await, head);
    server.authorize(&foreign(1), ORDERS, "").await.must_refuse(Reason::KeyUnknown);

    import(server, keys(), false).await.expect("it is taken over");
    server.authorize(&foreign(1), ORDERS, "").await.must_allow();
    server.authorize(&foreign(2), ORDERS, "").await.must_allow();
    let refused = import(server, keys(), true).await.expect_err("they are there");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::AlreadyExists, "TOKEN_TAKEN"));
    assert_eq!(violated_fields(&refused), ["keys[0].token", "keys[1].sha256"], "every one that is taken is told");
}

async fn one_bad_key_keeps_all_out(server: &TestServer) {
    server.create_stores(&["berlin"]).await;
    let head = server.latest_revision().await;
    let cases: [(&str, Vec<ImportedKey>, Code, &[&str]); 4] = [
        (
            "an unknown store and an unknown method",
            vec![
                by_token(key("good", All, All), &foreign(1)),
                by_token(key("bad", Only(&["berlin", "rome"]), Only(&["GET /nowhere"])), &foreign(2)),
            ],
            Code::InvalidArgument,
            &["keys[1].key.stores[1]", "keys[1].key.methods[0]"],
        ),
        (
            "a token twice, once as a digest",
            vec![
                by_token(key("first", All, All), &foreign(1)),
                by_token(key("other", All, All), &foreign(2)),
                by_digest(key("second", All, All), &foreign(1), ""),
            ],
            Code::InvalidArgument,
            &["keys[2].sha256"],
        ),
        (
            "no secret, a short one, a digest that is none",
            vec![
                ImportedKey { key: Some(key("none", All, All)), secret: None, hint: String::new() },
                by_token(key("short", All, All), "short"),
                ImportedKey {
                    key: Some(key("", All, All)),
                    secret: Some(Secret::Sha256("00ff".to_owned())),
                    hint: "12345".to_owned(),
                },
                by_token(key("good", All, All), &foreign(1)),
            ],
            Code::InvalidArgument,
            &["keys[0].token", "keys[1].token", "keys[2].key.name", "keys[2].hint", "keys[2].sha256"],
        ),
        ("none at all", Vec::new(), Code::InvalidArgument, &["keys"]),
    ];
    for (what, keys, code, fields) in cases {
        for dry_run in [true, false] {
            let refused = import(server, keys.clone(), dry_run).await.expect_err(what);
            assert_eq!(refused.code(), code, "{what}: {refused:?}");
            assert_eq!(violated_fields(&refused), fields, "{what}");
        }
        assert_eq!(server.latest_revision().await, head, "{what}: nothing is written");
        server.authorize(&foreign(1), ORDERS, "").await.must_refuse(Reason::KeyUnknown);
    }
}

async fn a_pasted_token_finds_its_key_whatever_became_of_it(server: &TestServer) {
    let find = async |token: &str| {
        let answer = server.officer.keys().find_key(FindKeyRequest { token: token.to_owned() }).await;
        answer.map(tonic::Response::into_inner)
    };
    let issued = server.create_key(Key { owner: "shop".to_owned(), ..key("partner", All, All) }).await;
    let found = find(&issued.token).await.expect("it is found");
    assert_eq!(found.key, Some(issued.key.clone()));
    assert_eq!(found.secret.as_ref(), issued.key.secrets.first());
    assert_eq!((found.deleted, found.end_time), (false, None));

    let rotate = proto::RotateKeyRequest {
        id: issued.key.id.clone(),
        overlap: Some(prost_types::Duration::default()),
        ..Default::default()
    };
    let rotated = server.manager.keys().rotate_key(rotate).await.expect("rotated").into_inner();
    let old = find(&issued.token).await.expect("a token that ended is remembered");
    assert_eq!(old.key, rotated.key, "its key goes on");
    assert_eq!(old.secret.expect("the secret").id, issued.key.secrets[0].id);
    assert!(old.end_time.is_some() && !old.deleted);
    let new = find(&rotated.token).await.expect("the new one is found");
    assert!(new.end_time.is_none() && new.secret.expect("the secret").id != issued.key.secrets[0].id);

    let revoked = server.revoke_key(&issued.key.id, "leaked").await;
    let found = find(&rotated.token).await.expect("a revoked one is found");
    assert_eq!(found.key, Some(revoked));
    assert!(found.end_time.is_some() && !found.deleted);

    server.delete_key(&issued.key.id).await;
    for token in [&*issued.token, &rotated.token] {
        let found = find(token).await.expect("even a deleted one is found");
        assert!(found.deleted && found.end_time.is_some());
        let left = Key { id: issued.key.id.clone(), name: "partner".to_owned(), ..Default::default() };
        assert_eq!(found.key, Some(left), "of a deleted key only id and name are told");
    }
    let unknown = find("a-token-that-was-never-given-to-anybody").await.expect_err("nobody's");
    assert_eq!((unknown.code(), reason(&unknown).as_str()), (Code::NotFound, "TOKEN_NOT_FOUND"));
    assert!(!unknown.message().contains("never-given"), "a refusal does not repeat the token");
    for bad in ["", "short"] {
        assert_eq!(find(bad).await.expect_err("no token at all").code(), Code::InvalidArgument);
    }
}
