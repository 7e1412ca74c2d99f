//! Writes of keys.

use latchkey::proto::v1 as proto;
use prost_types::{Duration, Timestamp};
use proto::imported_key::Secret;
use proto::{CreateKeyRequest, ImportKeysRequest, ImportedKey, Key, RotateKeyRequest, UpdateKeyRequest, WriteOptions};

use crate::bad_input::RefusalChecker;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{far_future, key, long_ago, mask};

on_both_engines!(creating, updating, rotating, ending, importing);

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

/// Returns options with a comment that is too long and a wait that exceeds its maximum.
fn bad_options() -> Option<WriteOptions> {
    Some(WriteOptions { comment: "x".repeat(1_001), replica_wait: Some(Duration { seconds: 31, nanos: 0 }) })
}

/// Returns a key with an invalid value in every field, and the paths of these fields.
fn wrong_key() -> (Key, Vec<&'static str>) {
    let key = Key {
        name: "ж".repeat(201),
        owner: "two\nlines".to_owned(),
        contact: "somebody".to_owned(),
        comment: "x".repeat(2_001),
        store_access: 9,
        stores: texts(&["berlin", "-bad", "berlin", "", "x y"]),
        method_access: 0,
        methods: texts(&["get /orders", "GET orders", "", "GET /a/../b"]),
        not_before: Some(far_future()),
        expire_time: Some(long_ago(0)),
        networks: texts(&["192.0.2.7/24", "anywhere", "192.0.2.1", "10.0.0.0/8", "10.0.0.0/8"]),
        labels: [("Team".to_owned(), "x".to_owned()), ("team".to_owned(), "y".repeat(201))].into(),
        ..Default::default()
    };
    let fields = vec![
        "name",
        "owner",
        "contact",
        "comment",
        "store_access",
        "stores[1]",
        "stores[2]",
        "stores[3]",
        "stores[4]",
        "method_access",
        "methods[0]",
        "methods[1]",
        "methods[2]",
        "methods[3]",
        "expire_time",
        "networks[0]",
        "networks[1]",
        "networks[2]",
        "networks[4]",
        "labels[Team]",
        "labels[team]",
    ];
    (key, fields)
}

fn with_prefix(base: &str, fields: &[&str], more: &[&str]) -> Vec<String> {
    fields.iter().map(|field| format!("{base}.{field}")).chain(more.iter().map(ToString::to_string)).collect()
}

fn as_strs(fields: &[String]) -> Vec<&str> {
    fields.iter().map(String::as_str).collect()
}

async fn creating(checker: &RefusalChecker) {
    checker.create_stores(&["berlin"]).await;
    checker.expect_no_writes().await;
    let create = async |request: CreateKeyRequest| checker.manager.keys().create_key(request).await;
    checker
        .assert_invalid(
            "an empty request",
            create(CreateKeyRequest::default()).await,
            &["key.name", "key.store_access", "key.method_access"],
        )
        .await;
    let (wrong, fields) = wrong_key();
    let everything = CreateKeyRequest {
        key: Some(wrong),
        token: "short".to_owned(),
        request_id: "no spaces please".to_owned(),
        options: bad_options(),
    };
    let expected = with_prefix("key", &fields, &["token", "request_id", "options.comment", "options.replica_wait"]);
    checker.assert_invalid("everything is wrong", create(everything).await, &as_strs(&expected)).await;

    let cases: [(&str, Key, &[&str]); 16] = [
        ("all stores with a list", Key { stores: texts(&["berlin"]), ..key("a", All, All) }, &["key.stores"]),
        ("all methods with a list", Key { methods: texts(&["GET /a"]), ..key("a", All, All) }, &["key.methods"]),
        ("an unknown store", key("a", Only(&["berlin", "rome", "Berlin"]), All), &["key.stores[1]", "key.stores[2]"]),
        ("an unknown method", key("a", All, Only(&["GET /a", "POST /b"])), &["key.methods[0]", "key.methods[1]"]),
        ("both unknown", key("a", Only(&["rome"]), Only(&["GET /a"])), &["key.stores[0]", "key.methods[0]"]),
        ("white space before", key(" a", All, All), &["key.name"]),
        ("white space behind", key("a\u{a0}", All, All), &["key.name"]),
        ("only white space", key(" ", All, All), &["key.name"]),
        ("a control character", key("a\u{7}b", All, All), &["key.name"]),
        ("a NUL", Key { comment: "a\0b".to_owned(), ..key("a", All, All) }, &["key.comment"]),
        (
            "a validity of no length",
            Key { not_before: Some(long_ago(5)), expire_time: Some(long_ago(5)), ..key("a", All, All) },
            &["key.expire_time"],
        ),
        (
            "times that are none",
            Key {
                not_before: Some(Timestamp { seconds: i64::MAX, nanos: 0 }),
                expire_time: Some(Timestamp { seconds: 0, nanos: -1 }),
                ..key("a", All, All)
            },
            &["key.not_before", "key.expire_time"],
        ),
        (
            "a network of an IPv4 address written as IPv6",
            Key { networks: texts(&["::ffff:192.0.2.0/120"]), ..key("a", All, All) },
            &["key.networks[0]"],
        ),
        (
            "too many networks",
            Key { networks: (0..101).map(|at| format!("10.{at}.0.0/16")).collect(), ..key("a", All, All) },
            &["key.networks"],
        ),
        (
            "too many labels",
            Key { labels: (0..51).map(|at| (format!("l{at}"), String::new())).collect(), ..key("a", All, All) },
            &["key.labels"],
        ),
        (
            "too many stores",
            Key { stores: (0..10_001).map(|at| format!("s{at}")).collect(), ..key("a", Only(&[]), All) },
            &["key.stores"],
        ),
    ];
    for (what, key, fields) in cases {
        checker
            .assert_invalid(what, create(CreateKeyRequest { key: Some(key), ..Default::default() }).await, fields)
            .await;
    }
    let many = Key { methods: (0..5_001).map(|at| format!("GET /m{at}")).collect(), ..key("a", All, Only(&[])) };
    let request = CreateKeyRequest { key: Some(many), ..Default::default() };
    checker.assert_invalid("too many methods", create(request).await, &["key.methods"]).await;
    let mistyped = format!("lk_{}", "0".repeat(49));
    for (what, token) in [
        ("a short token", "x".repeat(31)),
        ("a long token", "x".repeat(513)),
        ("a token with a space", format!("{} {}", "x".repeat(20), "y".repeat(20))),
        ("a token beyond ASCII", "ж".repeat(40)),
        ("a mistyped token of ours", mistyped),
    ] {
        let request = CreateKeyRequest { key: Some(key("a", All, All)), token: token.clone(), ..Default::default() };
        let answer = create(request).await;
        assert!(!answer.as_ref().expect_err(what).message().contains(&token), "{what} is not repeated");
        checker.assert_invalid(what, answer, &["token"]).await;
    }
    for request_id in ["x".repeat(65), "a b".to_owned(), "ж".to_owned(), "a/b".to_owned()] {
        let request = CreateKeyRequest { key: Some(key("a", All, All)), request_id, ..Default::default() };
        checker.assert_invalid("a request id that is none", create(request).await, &["request_id"]).await;
    }
}

async fn updating(checker: &RefusalChecker) {
    checker.create_stores(&["berlin"]).await;
    let all = checker.create_key(key("all", All, All)).await.key;
    let some = checker.create_key(key("some", Only(&["berlin"]), Only(&[]))).await.key;
    checker.expect_no_writes().await;
    let update = async |key: Option<Key>, fields: &[&str], options: Option<WriteOptions>| {
        let request = UpdateKeyRequest { key, update_mask: mask(fields), options };
        checker.manager.keys().update_key(request).await
    };
    checker.assert_invalid("an empty request", update(None, &[], None).await, &["key.id", "update_mask"]).await;
    let (wrong, mut fields) = wrong_key();
    let named = [
        "name",
        "owner",
        "contact",
        "comment",
        "active",
        "store_access",
        "stores",
        "method_access",
        "methods",
        "not_before",
        "expire_time",
        "networks",
        "labels",
    ];
    fields.extend(["id", "active"]);
    let expected = with_prefix("key", &fields, &["options.comment", "options.replica_wait"]);
    let wrong = Key { id: "key_1".to_owned(), ..wrong };
    let answer = update(Some(wrong), &named, bad_options()).await;
    checker.assert_invalid("everything is wrong", answer, &as_strs(&expected)).await;

    let of = |key: &Key| Key { id: key.id.clone(), ..Default::default() };
    let cases: [(&str, Key, &[&str], &[&str]); 12] = [
        ("a field that there is not", of(&all), &["nome"], &["update_mask.paths[0]"]),
        (
            "fields of the server",
            of(&all),
            &["id", "etag", "secrets"],
            &["update_mask.paths[0]", "update_mask.paths[1]", "update_mask.paths[2]"],
        ),
        ("a field twice", Key { name: "a".to_owned(), ..of(&all) }, &["name", "name"], &["update_mask.paths[1]"]),
        ("everything at once", of(&all), &["*"], &["update_mask.paths[0]"]),
        ("neither on nor off", of(&all), &["active"], &["key.active"]),
        ("an emptied name", of(&all), &["name"], &["key.name"]),
        (
            "an access that is not said",
            of(&all),
            &["store_access", "method_access"],
            &["key.store_access", "key.method_access"],
        ),
        ("from all to some without a list", Key { store_access: 2, ..of(&all) }, &["store_access"], &["key.stores"]),
        ("a list beside all", Key { stores: texts(&["berlin"]), ..of(&all) }, &["stores"], &["key.stores"]),
        (
            "all and a list",
            Key { store_access: 1, stores: texts(&["berlin"]), ..of(&some) },
            &["store_access", "stores"],
            &["key.stores"],
        ),
        (
            "unknown stores and methods",
            Key { stores: texts(&["rome"]), methods: texts(&["GET /a"]), ..of(&some) },
            &["stores", "methods"],
            &["key.stores[0]", "key.methods[0]"],
        ),
        (
            "a validity that ends before it begins",
            Key { not_before: Some(far_future()), expire_time: Some(long_ago(0)), ..of(&some) },
            &["not_before", "expire_time"],
            &["key.expire_time"],
        ),
    ];
    for (what, key, named, fields) in cases {
        checker.assert_invalid(what, update(Some(key), named, None).await, fields).await;
    }
    let ending = Key { expire_time: Some(long_ago(5)), ..of(&some) };
    update(Some(ending), &["expire_time"], None).await.expect("it may be over");
    checker.expect_no_writes().await;
    let begins_later = Key { not_before: Some(long_ago(5)), ..of(&some) };
    let answer = update(Some(begins_later), &["not_before"], None).await;
    checker.assert_invalid("a beginning after the end there is", answer, &["key.expire_time"]).await;
}

async fn rotating(checker: &RefusalChecker) {
    let issued = checker.create_key(key("a", All, All)).await.key;
    checker.expect_no_writes().await;
    let rotate = async |request: RotateKeyRequest| checker.manager.keys().rotate_key(request).await;
    checker.assert_invalid("an empty request", rotate(RotateKeyRequest::default()).await, &["id", "overlap"]).await;
    let everything = RotateKeyRequest {
        id: "op_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2c3d".to_owned(),
        overlap: Some(Duration { seconds: -1, nanos: 0 }),
        token: "short".to_owned(),
        etag: String::new(),
        options: bad_options(),
    };
    let fields = ["id", "overlap", "token", "options.comment", "options.replica_wait"];
    checker.assert_invalid("everything is wrong", rotate(everything).await, &fields).await;
    let day = 86_400;
    for (seconds, nanos) in [(366 * day, 1), (367 * day, 0), (0, -1), (0, 1_000_000_000), (1, -1), (i64::MAX, 0)] {
        let request = RotateKeyRequest {
            id: issued.id.clone(),
            overlap: Some(Duration { seconds, nanos }),
            ..Default::default()
        };
        checker.assert_invalid("an overlap that is none", rotate(request).await, &["overlap"]).await;
    }
}

async fn ending(checker: &RefusalChecker) {
    let issued = checker.create_key(key("a", All, All)).await.key;
    checker.expect_no_writes().await;
    let mut keys = checker.manager.keys();
    let answer = keys.revoke_key(proto::RevokeKeyRequest::default()).await;
    checker.assert_invalid("revoking nothing", answer, &["id", "reason"]).await;
    let everything = proto::RevokeKeyRequest {
        id: "KEY_1".to_owned(),
        reason: "x".repeat(501),
        etag: String::new(),
        options: bad_options(),
    };
    let fields = ["id", "reason", "options.comment", "options.replica_wait"];
    checker.assert_invalid("everything is wrong", keys.revoke_key(everything).await, &fields).await;
    for reason in ["", " ", "a\u{1b}[31mb", "trailing "] {
        let request =
            proto::RevokeKeyRequest { id: issued.id.clone(), reason: reason.to_owned(), ..Default::default() };
        checker.assert_invalid("a reason that is none", keys.revoke_key(request).await, &["reason"]).await;
    }

    let answer = keys.revoke_secret(proto::RevokeSecretRequest::default()).await;
    checker.assert_invalid("ending no token", answer, &["secret_id"]).await;
    let request = proto::RevokeSecretRequest { secret_id: issued.id.clone(), options: bad_options() };
    let fields = ["secret_id", "options.comment", "options.replica_wait"];
    checker.assert_invalid("a key is no secret", keys.revoke_secret(request).await, &fields).await;

    let answer = keys.delete_key(proto::DeleteKeyRequest::default()).await;
    checker.assert_invalid("deleting nothing", answer, &["id"]).await;
    let request = proto::DeleteKeyRequest { id: issued.id.to_uppercase(), etag: String::new(), options: bad_options() };
    let fields = ["id", "options.comment", "options.replica_wait"];
    checker.assert_invalid("an id in capitals", keys.delete_key(request).await, &fields).await;
    for id in ["key_", "key_1", "../key", "key_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2c3d ", "%", "'; DROP TABLE keys; --"] {
        let request = proto::DeleteKeyRequest { id: id.to_owned(), ..Default::default() };
        checker.assert_invalid("an id that is none", keys.delete_key(request).await, &["id"]).await;
    }
}

async fn importing(checker: &RefusalChecker) {
    checker.create_stores(&["berlin"]).await;
    checker.expect_no_writes().await;
    let import = async |keys: Vec<ImportedKey>, options: Option<WriteOptions>| {
        let request = ImportKeysRequest { keys, dry_run: false, options };
        checker.manager.keys().import_keys(request).await
    };
    let imported = |key: Key, secret: Option<Secret>| ImportedKey { key: Some(key), secret, hint: String::new() };
    let token = |text: &str| Some(Secret::Token(text.to_owned()));
    let digest = |text: &str| Some(Secret::Sha256(text.to_owned()));
    checker
        .assert_invalid(
            "none",
            import(Vec::new(), bad_options()).await,
            &["keys", "options.comment", "options.replica_wait"],
        )
        .await;

    let (wrong, fields) = wrong_key();
    let good = "a-good-token-0123456789-0123456789";
    let keys = vec![
        imported(key("good", All, All), token(good)),
        imported(wrong, None),
        ImportedKey::default(),
        ImportedKey {
            hint: "oken".to_owned(),
            ..imported(key("a hint beside a token", All, All), token(&good.to_uppercase()))
        },
        ImportedKey {
            hint: "ж".to_owned(), ..imported(key("a hint that is none", All, All), digest(&"0".repeat(64)))
        },
        imported(key("a short digest", All, All), digest("00")),
        imported(key("a digest of letters", All, All), digest(&"g".repeat(64))),
        imported(key("the first again", All, All), token(good)),
    ];
    let mut expected = with_prefix("keys[1].key", &fields, &["keys[1].token"]);
    expected.extend(
        [
            "keys[2].key.name",
            "keys[2].key.store_access",
            "keys[2].key.method_access",
            "keys[2].token",
            "keys[3].hint",
            "keys[4].hint",
            "keys[5].sha256",
            "keys[6].sha256",
            "keys[7].token",
        ]
        .map(str::to_owned),
    );
    checker.assert_invalid("everything is wrong", import(keys, None).await, &as_strs(&expected)).await;
    let unknown = vec![
        imported(key("a", Only(&["berlin", "rome"]), All), token(good)),
        imported(key("b", All, Only(&["GET /a"])), token(&good.to_uppercase())),
    ];
    let fields = ["keys[0].key.stores[1]", "keys[1].key.methods[0]"];
    checker.assert_invalid("unknown stores and methods", import(unknown, None).await, &fields).await;

    // More violations than a response can list: it lists the first ones and the number of the others.
    let many = vec![ImportedKey::default(); 500];
    let status = checker
        .assert_refused("500 empty keys", import(many, None).await, tonic::Code::InvalidArgument, "INVALID_FIELDS")
        .await;
    let told = helpers::test_server::violated_fields(&status);
    assert_eq!(told.first().map(String::as_str), Some("keys[0].key.name"));
    assert!(told.len() > 20 && told.last().is_some_and(String::is_empty), "{told:?}");
    assert!(status.message().contains("and 1999 more"), "{}", status.message());
}
