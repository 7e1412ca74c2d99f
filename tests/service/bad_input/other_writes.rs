//! Writes of stores, methods and operators.

use latchkey::proto::v1 as proto;
use prost_types::{Duration, Timestamp};
use proto::{Method, Operator, Role, Store, StoreKind, StoreUse, WriteOptions};

use crate::bad_input::RefusalChecker;
use helpers::test_server::{mask, violated_fields};

on_both_engines!(stores, methods, a_book, operators);

fn texts(list: &[&str]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

fn bad_options() -> Option<WriteOptions> {
    Some(WriteOptions { comment: "\u{0}".to_owned(), replica_wait: Some(Duration { seconds: 0, nanos: -1 }) })
}

const BAD_OPTIONS: [&str; 2] = ["options.comment", "options.replica_wait"];

async fn stores(checker: &RefusalChecker) {
    checker.create_stores(&["berlin"]).await;
    checker.expect_no_writes().await;
    let mut client = checker.manager.stores();
    let empty = client.create_store(proto::CreateStoreRequest::default()).await;
    checker.assert_invalid("an empty request", empty, &["store.code", "store.name", "store.kind"]).await;
    let wrong = Store {
        code: "no spaces".to_owned(),
        name: "x".repeat(201),
        kind: 7,
        platform: "y".repeat(101),
        hosts: texts(&[
            "shop.example",
            "Shop.example",
            "https://shop.example",
            "shop.example:80",
            "shop.example",
            "",
            "a b",
        ]),
        ..Default::default()
    };
    let fields = [
        "store.code",
        "store.name",
        "store.kind",
        "store.platform",
        "store.hosts[1]",
        "store.hosts[2]",
        "store.hosts[3]",
        "store.hosts[4]",
        "store.hosts[5]",
        "store.hosts[6]",
    ];
    let request = proto::CreateStoreRequest { store: Some(wrong.clone()), options: bad_options() };
    let answer = client.create_store(request).await;
    checker.assert_invalid("everything is wrong", answer, &[&fields[..], &BAD_OPTIONS].concat()).await;
    for code in ["", "-a", ".a", "_a", "a/b", "a b", "ж", "a\n", "a:b", "*", &"x".repeat(65)] {
        let store =
            Store { code: code.to_owned(), name: "a".to_owned(), kind: StoreKind::Site.into(), ..Default::default() };
        let request = proto::CreateStoreRequest { store: Some(store), options: None };
        checker.assert_invalid("a code that is none", client.create_store(request).await, &["store.code"]).await;
    }
    let hosts = (0..101).map(|at| format!("h{at}.example")).collect();
    let store = Store { code: "a".to_owned(), name: "a".to_owned(), kind: 1, hosts, ..Default::default() };
    let request = proto::CreateStoreRequest { store: Some(store), options: None };
    checker.assert_invalid("too many hosts", client.create_store(request).await, &["store.hosts"]).await;

    let empty = client.update_store(proto::UpdateStoreRequest::default()).await;
    checker.assert_invalid("an empty change", empty, &["store.code", "update_mask"]).await;
    let request = proto::UpdateStoreRequest {
        store: Some(wrong),
        update_mask: mask(&["name", "kind", "platform", "hosts", "active", "code", "name"]),
        options: bad_options(),
    };
    let more = ["store.active", "update_mask.paths[5]", "update_mask.paths[6]"];
    let answer = client.update_store(request).await;
    checker.assert_invalid("everything is wrong", answer, &[&fields[..], &more, &BAD_OPTIONS].concat()).await;

    let empty = client.delete_store(proto::DeleteStoreRequest::default()).await;
    checker.assert_invalid("deleting nothing", empty, &["code"]).await;
    let request = proto::DeleteStoreRequest { code: "a b".to_owned(), options: bad_options(), ..Default::default() };
    checker
        .assert_invalid(
            "deleting what cannot be",
            client.delete_store(request).await,
            &[&["code"][..], &BAD_OPTIONS].concat(),
        )
        .await;
}

fn wrong_method() -> (Method, Vec<&'static str>) {
    let method = Method {
        method: "get /orders".to_owned(),
        block: "x".repeat(101),
        summary: "two\nlines".to_owned(),
        description: "y".repeat(2_001),
        store_use: 9,
        store_places: texts(&["query:site", "cookie:site", "query:site", "query:", "site", "header:X-Store#/a"]),
        scope: "Order Read".to_owned(),
        position: -1,
        ..Default::default()
    };
    let fields = vec![
        "method",
        "block",
        "summary",
        "description",
        "store_use",
        "store_places[1]",
        "store_places[2]",
        "store_places[3]",
        "store_places[4]",
        "store_places[5]",
        "scope",
    ];
    (method, fields)
}

fn with_prefix(base: &str, fields: &[&str], more: &[&str]) -> Vec<String> {
    fields.iter().map(|field| format!("{base}.{field}")).chain(more.iter().map(ToString::to_string)).collect()
}

fn as_strs(fields: &[String]) -> Vec<&str> {
    fields.iter().map(String::as_str).collect()
}

async fn methods(checker: &RefusalChecker) {
    let made = checker.create_method("GET /orders/{id}", StoreUse::None).await;
    checker.expect_no_writes().await;
    let mut client = checker.manager.methods();
    let empty = client.create_method(proto::CreateMethodRequest::default()).await;
    let lacking = ["method.method", "method.block", "method.summary", "method.store_use"];
    checker.assert_invalid("an empty request", empty, &lacking).await;
    let (wrong, fields) = wrong_method();
    let request = proto::CreateMethodRequest { method: Some(wrong.clone()), options: bad_options() };
    let expected = with_prefix("method", &fields, &["method.position", BAD_OPTIONS[0], BAD_OPTIONS[1]]);
    let answer = client.create_method(request).await;
    checker.assert_invalid("everything is wrong", answer, &as_strs(&expected)).await;
    let long = format!("GET /{}", "x".repeat(512));
    let deep = format!("GET {}", "/a".repeat(33));
    for identity in [
        "GET",
        "GET ",
        "GET  /a",
        "/a",
        "Get /a",
        "GET a",
        "GET /a/",
        "GET //a",
        "GET /a/../b",
        "GET /{a}/{a}",
        "GET /**/a",
        "GET /a?b",
        "GET /a#b",
        "GET /{a",
        "GET /a*b",
        "GET /a b",
        "GET /a;b",
        "GET /%zz",
        "SEVENTEENLETTERSS /a",
        &long,
        &deep,
    ] {
        let method = Method { method: identity.to_owned(), ..made.clone() };
        let request = proto::CreateMethodRequest { method: Some(method), options: None };
        checker.assert_invalid(identity, client.create_method(request).await, &["method.method"]).await;
    }
    let nowhere = Method { store_places: texts(&["path:site"]), method: "GET /a/{b}".to_owned(), ..made.clone() };
    let request = proto::CreateMethodRequest { method: Some(nowhere), options: None };
    let answer = client.create_method(request).await;
    checker.assert_invalid("a parameter that the pattern lacks", answer, &["method.store_places[0]"]).await;

    let empty = client.update_method(proto::UpdateMethodRequest::default()).await;
    checker.assert_invalid("an empty change", empty, &["method.method", "update_mask"]).await;
    let request = proto::UpdateMethodRequest {
        method: Some(wrong),
        update_mask: mask(&[
            "block",
            "summary",
            "description",
            "store_use",
            "store_places",
            "scope",
            "position",
            "method",
        ]),
        options: bad_options(),
    };
    let expected =
        with_prefix("method", &fields, &["method.position", "update_mask.paths[7]", BAD_OPTIONS[0], BAD_OPTIONS[1]]);
    checker.assert_invalid("everything is wrong", client.update_method(request).await, &as_strs(&expected)).await;

    let empty = client.delete_method(proto::DeleteMethodRequest::default()).await;
    checker.assert_invalid("retiring nothing", empty, &["method"]).await;
    let request =
        proto::DeleteMethodRequest { method: "orders".to_owned(), etag: String::new(), options: bad_options() };
    let answer = client.delete_method(request).await;
    checker.assert_invalid("retiring what cannot be", answer, &[&["method"][..], &BAD_OPTIONS].concat()).await;
}

async fn a_book(checker: &RefusalChecker) {
    let made = checker.create_method("GET /orders/{id}", StoreUse::None).await;
    checker.expect_no_writes().await;
    let import = async |methods: Vec<Method>, options: Option<WriteOptions>| {
        let request = proto::ImportMethodsRequest { methods, retire_missing: true, dry_run: false, options };
        checker.manager.methods().import_methods(request).await
    };
    let none = import(Vec::new(), bad_options()).await;
    checker.assert_invalid("no methods", none, &[&["methods"][..], &BAD_OPTIONS].concat()).await;
    let (wrong, fields) = wrong_method();
    let good = Method { method: "GET /customers/{id}".to_owned(), ..made.clone() };
    let same = Method { method: "GET /customers/{number}".to_owned(), ..made.clone() };
    let mut expected = with_prefix("methods[1]", &fields, &["methods[2].method"]);
    expected.extend(["method", "block", "summary", "store_use"].map(|field| format!("methods[3].{field}")));
    let answer = import(vec![good, wrong, same, Method::default()], None).await;
    checker.assert_invalid("everything is wrong", answer, &as_strs(&expected)).await;
    let many = (0..5_001).map(|at| Method { method: format!("GET /m{at}"), ..made.clone() }).collect();
    checker.assert_invalid("too many methods", import(many, None).await, &["methods"]).await;
}

async fn operators(checker: &RefusalChecker) {
    checker.expect_no_writes().await;
    let mut client = checker.admin.operators();
    let empty = client.create_operator(proto::CreateOperatorRequest::default()).await;
    checker.assert_invalid("an empty request", empty, &["operator.name", "operator.role"]).await;
    let wrong = Operator {
        id: "operator".to_owned(),
        name: "x".repeat(201),
        role: 9,
        expire_time: Some(Timestamp { seconds: 0, nanos: 1_000_000_000 }),
        ..Default::default()
    };
    let fields = ["operator.name", "operator.role", "operator.expire_time"];
    let request = proto::CreateOperatorRequest { operator: Some(wrong.clone()), options: bad_options() };
    let answer = client.create_operator(request).await;
    checker.assert_invalid("everything is wrong", answer, &[&fields[..], &BAD_OPTIONS].concat()).await;

    let empty = client.update_operator(proto::UpdateOperatorRequest::default()).await;
    checker.assert_invalid("an empty change", empty, &["operator.id", "update_mask"]).await;
    let request = proto::UpdateOperatorRequest {
        operator: Some(wrong),
        update_mask: mask(&["name", "role", "expire_time", "hint"]),
        options: bad_options(),
    };
    let more = ["operator.id", "update_mask.paths[3]"];
    let answer = client.update_operator(request).await;
    checker.assert_invalid("everything is wrong", answer, &[&fields[..], &more, &BAD_OPTIONS].concat()).await;
    let nobody = Operator { role: Role::Unspecified.into(), ..Default::default() };
    let request =
        proto::UpdateOperatorRequest { operator: Some(nobody), update_mask: mask(&["name", "role"]), options: None };
    let answer = client.update_operator(request).await;
    checker.assert_invalid("nobody and nothing", answer, &["operator.id", "operator.name", "operator.role"]).await;

    for id in ["", "op_", "admin", "key_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2c3d"] {
        let rotate = proto::RotateOperatorRequest { id: id.to_owned(), options: bad_options() };
        let fields = [&["id"][..], &BAD_OPTIONS].concat();
        checker.assert_invalid("rotating nobody", client.rotate_operator(rotate).await, &fields).await;
        let revoke = proto::RevokeOperatorRequest { id: id.to_owned(), options: bad_options() };
        checker.assert_invalid("revoking nobody", client.revoke_operator(revoke).await, &fields).await;
        let get = client.get_operator(proto::GetOperatorRequest { id: id.to_owned() }).await;
        assert_eq!(violated_fields(get.as_ref().expect_err("nobody")), ["id"]);
        checker.assert_invalid("reading nobody", get, &["id"]).await;
    }
}
