//! Invalid reads: filters, pages and decisions.

use latchkey::proto::v1 as proto;
use prost_types::Timestamp;
use tonic::Code;

use crate::bad_input::RefusalChecker;
use helpers::test_server::{long_ago, violated_fields};

on_both_engines!(lists, single_reads, questions);

const NO_TIME: Option<Timestamp> = Some(Timestamp { seconds: i64::MIN, nanos: -1 });

async fn lists(checker: &RefusalChecker) {
    let keys = proto::ListKeysRequest {
        page_size: 1_001,
        page_token: "next please".to_owned(),
        store_access: 5,
        store: "a b".to_owned(),
        method: "orders".to_owned(),
        text: "x".repeat(201),
        owner: "\0".to_owned(),
        expire_before: NO_TIME,
        unused_since: NO_TIME,
        method_access: -1,
        ..Default::default()
    };
    let fields = [
        "page_size",
        "page_token",
        "store_access",
        "store",
        "method",
        "text",
        "owner",
        "expire_before",
        "unused_since",
        "method_access",
    ];
    checker.assert_invalid("keys", checker.officer.keys().list_keys(keys).await, &fields).await;

    let stores = proto::ListStoresRequest {
        page_size: -1,
        page_token: "00".to_owned(),
        platform: Some("x".repeat(201)),
        kind: 4,
        text: "\0".to_owned(),
        ..Default::default()
    };
    let fields = ["page_size", "page_token", "platform", "kind", "text"];
    checker.assert_invalid("stores", checker.officer.stores().list_stores(stores).await, &fields).await;

    let methods = proto::ListMethodsRequest {
        page_size: i32::MIN,
        page_token: "\u{7f}".to_owned(),
        block: "x".repeat(201),
        text: "y".repeat(201),
    };
    let fields = ["page_size", "page_token", "block", "text"];
    checker.assert_invalid("methods", checker.officer.methods().list_methods(methods).await, &fields).await;

    let operators =
        proto::ListOperatorsRequest { page_size: 2_000, page_token: "x".to_owned(), role: 5, include_revoked: true };
    let fields = ["page_size", "page_token", "role"];
    checker.assert_invalid("operators", checker.admin.operators().list_operators(operators).await, &fields).await;

    let changes = proto::ListChangesRequest {
        page_size: i32::MAX,
        page_token: "x".to_owned(),
        subject_kind: "shop".to_owned(),
        subject_id: "a\nb".to_owned(),
        actor: "root".to_owned(),
        start_time: Some(long_ago(5)),
        end_time: Some(long_ago(5)),
    };
    let fields = ["page_size", "page_token", "subject_kind", "subject_id", "actor", "end_time"];
    checker.assert_invalid("changes", checker.officer.audit().list_changes(changes).await, &fields).await;
    let changes = proto::ListChangesRequest { subject_id: "berlin".to_owned(), ..Default::default() };
    let answer = checker.officer.audit().list_changes(changes).await;
    checker.assert_invalid("an id of some kind", answer, &["subject_id"]).await;

    let usage = proto::GetKeyUsageRequest {
        key_id: "x".to_owned(),
        start_time: Some(long_ago(7)),
        end_time: Some(long_ago(6)),
        period: 7,
    };
    let answer = checker.officer.usage().get_key_usage(usage).await;
    checker.assert_invalid("usage", answer, &["key_id", "end_time", "period"]).await;
}

async fn single_reads(checker: &RefusalChecker) {
    let keys = checker.officer.keys();
    for id in ["", "key", "sec_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2c3d", "key_0198D4C7-3B5A-7C31-9A44-5E0F6A1B2C3D"] {
        let answer = keys.clone().get_key(proto::GetKeyRequest { id: id.to_owned() }).await;
        checker.assert_invalid("no id of a key", answer, &["id"]).await;
    }
    for code in ["", "a b", "%"] {
        let answer = checker.officer.stores().get_store(proto::GetStoreRequest { code: code.to_owned() }).await;
        checker.assert_invalid("no code of a store", answer, &["code"]).await;
    }
    for method in ["", "orders", "get /orders"] {
        let answer = checker.officer.methods().get_method(proto::GetMethodRequest { method: method.to_owned() }).await;
        checker.assert_invalid("no identity of a method", answer, &["method"]).await;
    }
    for token in ["", "short", "with a space, and long enough to be one"] {
        let answer = keys.clone().find_key(proto::FindKeyRequest { token: token.to_owned() }).await;
        checker.assert_invalid("no token", answer, &["token"]).await;
    }
}

async fn questions(checker: &RefusalChecker) {
    let question = proto::AuthorizeRequest {
        key: "x".repeat(100_000),
        method: format!("GET /{}", "x".repeat(9_000)),
        store: "whatever it is".to_owned(),
        stores: vec![String::new(); 1_001],
        client_address: "10.0.0.0/8".to_owned(),
        min_revision: "17".to_owned(),
    };
    let refused = checker.try_authorize(question).await.expect_err("it is not decided");
    assert_eq!(refused.code(), Code::InvalidArgument);
    let fields = violated_fields(&refused);
    for field in ["method", "stores", "client_address", "min_revision"] {
        assert!(fields.iter().any(|named| named == field), "{field} is not among {fields:?}");
    }
    crate::bad_input::assert_presentable("a question", refused.message());

    let request = proto::IntrospectKeyRequest { key: String::new(), min_revision: "17".to_owned() };
    let refused = checker.order_api.authorization().introspect_key(request).await.expect_err("nothing to tell of");
    assert_eq!(
        (refused.code(), violated_fields(&refused)),
        (Code::InvalidArgument, vec!["key".to_owned(), "min_revision".to_owned()])
    );
    let request = proto::WatchChangesRequest { after_revision: "17".to_owned() };
    let refused = checker.order_api.authorization().watch_changes(request).await.expect_err("no revision");
    assert_eq!((refused.code(), violated_fields(&refused)), (Code::InvalidArgument, vec!["after_revision".to_owned()]));

    // Any text as token, method or store gets a decision.
    for key in [
        "\0",
        "ж",
        "lk_\u{202e}",
        "' OR 1=1 --",
        "%s%n",
        "${jndi:ldap://x}",
        "🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑🔑",
    ] {
        assert!(!checker.authorize(key, key, key).await.allowed);
    }
}
