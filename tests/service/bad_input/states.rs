//! Well-formed requests in a state that does not allow them: a standard code, a stable reason, nothing written.

use latchkey::proto::v1 as proto;
use proto::{Key, Method, Operator, Role, Store, StoreKind, StoreUse};
use tonic::Code;

use crate::bad_input::RefusalChecker;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{key, mask, violated_fields};

on_both_engines!(
    what_is_not_there_is_not_found,
    what_is_taken_exists_already,
    what_has_changed_meanwhile_is_aborted,
    what_the_state_does_not_allow_fails_its_precondition,
);

const NO_KEY: &str = "key_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2c3d";
const NO_SECRET: &str = "sec_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2c3d";
const NO_OPERATOR: &str = "op_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2c3d";

fn no_overlap() -> Option<prost_types::Duration> {
    Some(prost_types::Duration::default())
}

async fn what_is_not_there_is_not_found(checker: &RefusalChecker) {
    checker.expect_no_writes().await;
    let (mut keys, mut stores) = (checker.manager.keys(), checker.manager.stores());
    let (mut methods, mut operators) = (checker.manager.methods(), checker.admin.operators());
    let not = Code::NotFound;
    let id = || NO_KEY.to_owned();

    let answer = keys.get_key(proto::GetKeyRequest { id: id() }).await;
    checker.assert_refused("GetKey", answer, not, "KEY_NOT_FOUND").await;
    let update = proto::UpdateKeyRequest {
        key: Some(Key { id: id(), name: "a".to_owned(), ..Default::default() }),
        update_mask: mask(&["name"]),
        options: None,
    };
    checker.assert_refused("UpdateKey", keys.update_key(update).await, not, "KEY_NOT_FOUND").await;
    let rotate = proto::RotateKeyRequest { id: id(), overlap: no_overlap(), ..Default::default() };
    checker.assert_refused("RotateKey", keys.rotate_key(rotate).await, not, "KEY_NOT_FOUND").await;
    let revoke = proto::RevokeKeyRequest { id: id(), reason: "a".to_owned(), ..Default::default() };
    checker.assert_refused("RevokeKey", keys.revoke_key(revoke).await, not, "KEY_NOT_FOUND").await;
    let delete = proto::DeleteKeyRequest { id: id(), ..Default::default() };
    checker.assert_refused("DeleteKey", keys.delete_key(delete).await, not, "KEY_NOT_FOUND").await;
    let secret = proto::RevokeSecretRequest { secret_id: NO_SECRET.to_owned(), options: None };
    checker.assert_refused("RevokeSecret", keys.revoke_secret(secret).await, not, "SECRET_NOT_FOUND").await;
    let find = proto::FindKeyRequest { token: "n".repeat(40) };
    checker.assert_refused("FindKey", keys.find_key(find).await, not, "TOKEN_NOT_FOUND").await;
    let usage = proto::GetKeyUsageRequest { key_id: id(), ..Default::default() };
    let answer = checker.officer.usage().get_key_usage(usage).await;
    checker.assert_refused("GetKeyUsage", answer, not, "KEY_NOT_FOUND").await;

    let answer = stores.get_store(proto::GetStoreRequest { code: "rome".to_owned() }).await;
    let status = checker.assert_refused("GetStore", answer, not, "STORE_NOT_FOUND").await;
    assert!(status.message().contains("rome"), "it says which: {status:?}");
    let update = proto::UpdateStoreRequest {
        store: Some(Store { code: "rome".to_owned(), active: Some(true), ..Default::default() }),
        update_mask: mask(&["active"]),
        options: None,
    };
    checker.assert_refused("UpdateStore", stores.update_store(update).await, not, "STORE_NOT_FOUND").await;
    let delete = proto::DeleteStoreRequest { code: "rome".to_owned(), ..Default::default() };
    checker.assert_refused("DeleteStore", stores.delete_store(delete).await, not, "STORE_NOT_FOUND").await;

    let method = || "GET /rome".to_owned();
    let answer = methods.get_method(proto::GetMethodRequest { method: method() }).await;
    checker.assert_refused("GetMethod", answer, not, "METHOD_NOT_FOUND").await;
    let update = proto::UpdateMethodRequest {
        method: Some(Method { method: method(), summary: "a".to_owned(), ..Default::default() }),
        update_mask: mask(&["summary"]),
        options: None,
    };
    checker.assert_refused("UpdateMethod", methods.update_method(update).await, not, "METHOD_NOT_FOUND").await;
    let delete = proto::DeleteMethodRequest { method: method(), ..Default::default() };
    checker.assert_refused("DeleteMethod", methods.delete_method(delete).await, not, "METHOD_NOT_FOUND").await;

    let id = || NO_OPERATOR.to_owned();
    let answer = operators.get_operator(proto::GetOperatorRequest { id: id() }).await;
    checker.assert_refused("GetOperator", answer, not, "OPERATOR_NOT_FOUND").await;
    let update = proto::UpdateOperatorRequest {
        operator: Some(Operator { id: id(), name: "a".to_owned(), ..Default::default() }),
        update_mask: mask(&["name"]),
        options: None,
    };
    checker.assert_refused("UpdateOperator", operators.update_operator(update).await, not, "OPERATOR_NOT_FOUND").await;
    let rotate = proto::RotateOperatorRequest { id: id(), options: None };
    checker.assert_refused("RotateOperator", operators.rotate_operator(rotate).await, not, "OPERATOR_NOT_FOUND").await;
    let revoke = proto::RevokeOperatorRequest { id: id(), options: None };
    checker.assert_refused("RevokeOperator", operators.revoke_operator(revoke).await, not, "OPERATOR_NOT_FOUND").await;
}

async fn what_is_taken_exists_already(checker: &RefusalChecker) {
    let host = |code: &str, hosts: &[&str]| Store {
        code: code.to_owned(),
        name: "a".to_owned(),
        kind: StoreKind::Site.into(),
        hosts: hosts.iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    let create = |store: Store| proto::CreateStoreRequest { store: Some(store), options: None };
    let mut stores = checker.manager.stores();
    stores.create_store(create(host("berlin", &["berlin.example"]))).await.expect("a store");
    stores.create_store(create(host("madrid", &["madrid.example"]))).await.expect("a store");
    let method = checker.create_method("GET /orders/{id}", StoreUse::None).await;
    let mut keys = checker.manager.keys();
    let own = "t".repeat(40);
    let supplied = |name: &str, request_id: &str| proto::CreateKeyRequest {
        key: Some(key(name, All, All)),
        token: own.clone(),
        request_id: request_id.to_owned(),
        options: None,
    };
    keys.create_key(supplied("first", "request-1")).await.expect("a key");
    let other = checker.create_key(key("other", All, All)).await;
    checker.expect_no_writes().await;

    let taken = Code::AlreadyExists;
    let answer = stores.create_store(create(host("berlin", &[]))).await;
    let status = checker.assert_refused("a code", answer, taken, "STORE_CODE_TAKEN").await;
    assert_eq!(violated_fields(&status), ["store.code"]);
    let answer = stores.create_store(create(host("rome", &["rome.example", "madrid.example", "berlin.example"]))).await;
    let status = checker.assert_refused("hosts", answer, taken, "HOST_TAKEN").await;
    assert_eq!(violated_fields(&status), ["store.hosts[1]", "store.hosts[2]"], "all that are taken");
    let update = proto::UpdateStoreRequest {
        store: Some(host("berlin", &["berlin.example", "madrid.example"])),
        update_mask: mask(&["hosts"]),
        options: None,
    };
    let status = checker.assert_refused("a host", stores.update_store(update).await, taken, "HOST_TAKEN").await;
    assert_eq!(violated_fields(&status), ["store.hosts[1]"]);

    let same = Method { method: "GET /orders/{number}".to_owned(), ..method };
    let request = proto::CreateMethodRequest { method: Some(same.clone()), options: None };
    let answer = checker.manager.methods().create_method(request).await;
    let status = checker.assert_refused("a method", answer, taken, "METHOD_TAKEN").await;
    assert_eq!(violated_fields(&status), ["method.method"]);
    let request = proto::ImportMethodsRequest { methods: vec![same], ..Default::default() };
    let answer = checker.manager.methods().import_methods(request).await;
    let status = checker.assert_refused("a book", answer, taken, "METHOD_TAKEN").await;
    assert_eq!(violated_fields(&status), ["methods[0].method"]);

    let status =
        checker.assert_refused("a token", keys.create_key(supplied("second", "")).await, taken, "TOKEN_TAKEN").await;
    assert_eq!(violated_fields(&status), ["token"]);
    let request = proto::CreateKeyRequest { token: "u".repeat(40), ..supplied("first", "request-1") };
    checker.assert_refused("a request id", keys.create_key(request).await, taken, "REQUEST_ID_TAKEN").await;
    let rotate = proto::RotateKeyRequest {
        id: other.key.id.clone(),
        overlap: no_overlap(),
        token: own.clone(),
        ..Default::default()
    };
    checker.assert_refused("a token to rotate to", keys.rotate_key(rotate).await, taken, "TOKEN_TAKEN").await;
    let imported = proto::ImportedKey {
        key: Some(key("imported", All, All)),
        secret: Some(proto::imported_key::Secret::Token(own.clone())),
        hint: String::new(),
    };
    let request = proto::ImportKeysRequest { keys: vec![imported], dry_run: false, options: None };
    let status =
        checker.assert_refused("a token to import", keys.import_keys(request).await, taken, "TOKEN_TAKEN").await;
    assert_eq!(violated_fields(&status), ["keys[0].token"]);

    let (operator, _) = checker.create_operator("deputy", Role::Viewer, None).await;
    checker.expect_no_writes().await;
    let named = Operator { name: "crm".to_owned(), role: Role::Viewer.into(), ..Default::default() };
    let request = proto::CreateOperatorRequest { operator: Some(named.clone()), options: None };
    let answer = checker.admin.operators().create_operator(request).await;
    let status = checker.assert_refused("a name", answer, taken, "OPERATOR_NAME_TAKEN").await;
    assert_eq!(violated_fields(&status), ["operator.name"]);
    let request = proto::UpdateOperatorRequest {
        operator: Some(Operator { id: operator.id, ..named }),
        update_mask: mask(&["name"]),
        options: None,
    };
    let answer = checker.admin.operators().update_operator(request).await;
    checker.assert_refused("a name to change to", answer, taken, "OPERATOR_NAME_TAKEN").await;
}

async fn what_has_changed_meanwhile_is_aborted(checker: &RefusalChecker) {
    checker.create_stores(&["berlin"]).await;
    let method = checker.create_method("GET /orders", StoreUse::None).await;
    let issued = checker.create_key(key("a", All, All)).await;
    let (operator, _) = checker.create_operator("deputy", Role::Viewer, None).await;
    checker.expect_no_writes().await;
    let (aborted, mismatch) = (Code::Aborted, "ETAG_MISMATCH");
    let etag = || "e0".to_owned();

    let mut keys = checker.manager.keys();
    let id = || issued.key.id.clone();
    let update = proto::UpdateKeyRequest {
        key: Some(Key { id: id(), name: "b".to_owned(), etag: etag(), ..Default::default() }),
        update_mask: mask(&["name"]),
        options: None,
    };
    checker.assert_refused("UpdateKey", keys.update_key(update).await, aborted, mismatch).await;
    let rotate = proto::RotateKeyRequest { id: id(), overlap: no_overlap(), etag: etag(), ..Default::default() };
    checker.assert_refused("RotateKey", keys.rotate_key(rotate).await, aborted, mismatch).await;
    let revoke = proto::RevokeKeyRequest { id: id(), reason: "a".to_owned(), etag: etag(), options: None };
    checker.assert_refused("RevokeKey", keys.revoke_key(revoke).await, aborted, mismatch).await;
    let delete = proto::DeleteKeyRequest { id: id(), etag: etag(), options: None };
    checker.assert_refused("DeleteKey", keys.delete_key(delete).await, aborted, mismatch).await;

    let mut stores = checker.manager.stores();
    let update = proto::UpdateStoreRequest {
        store: Some(Store { code: "berlin".to_owned(), name: "b".to_owned(), etag: etag(), ..Default::default() }),
        update_mask: mask(&["name"]),
        options: None,
    };
    checker.assert_refused("UpdateStore", stores.update_store(update).await, aborted, mismatch).await;
    let delete = proto::DeleteStoreRequest { code: "berlin".to_owned(), etag: etag(), ..Default::default() };
    checker.assert_refused("DeleteStore", stores.delete_store(delete).await, aborted, mismatch).await;

    let mut methods = checker.manager.methods();
    let update = proto::UpdateMethodRequest {
        method: Some(Method { summary: "b".to_owned(), etag: etag(), ..method.clone() }),
        update_mask: mask(&["summary"]),
        options: None,
    };
    checker.assert_refused("UpdateMethod", methods.update_method(update).await, aborted, mismatch).await;
    let delete = proto::DeleteMethodRequest { method: method.method, etag: etag(), options: None };
    checker.assert_refused("DeleteMethod", methods.delete_method(delete).await, aborted, mismatch).await;

    let update = proto::UpdateOperatorRequest {
        operator: Some(Operator { name: "b".to_owned(), etag: etag(), ..operator }),
        update_mask: mask(&["name"]),
        options: None,
    };
    let answer = checker.admin.operators().update_operator(update).await;
    checker.assert_refused("UpdateOperator", answer, aborted, mismatch).await;
}

async fn what_the_state_does_not_allow_fails_its_precondition(checker: &RefusalChecker) {
    checker.create_stores(&["berlin", "madrid"]).await;
    checker.create_key(key("two shops", Only(&["berlin", "madrid"]), All)).await;
    let revoked = checker.create_key(key("revoked", All, All)).await.key;
    checker.revoke_key(&revoked.id, "over").await;
    let rotated = checker.create_key(key("rotated", All, All)).await.key;
    let hour = Some(prost_types::Duration { seconds: 3_600, nanos: 0 });
    let rotate = |id: &str| proto::RotateKeyRequest { id: id.to_owned(), overlap: hour, ..Default::default() };
    let mut keys = checker.manager.keys();
    keys.rotate_key(rotate(&rotated.id)).await.expect("rotated");
    let (gone, _) = checker.create_operator("gone", Role::Viewer, None).await;
    let revoke = |id: &str| proto::RevokeOperatorRequest { id: id.to_owned(), options: None };
    let mut operators = checker.admin.operators();
    operators.revoke_operator(revoke(&gone.id)).await.expect("revoked");
    checker.expect_no_writes().await;
    let failed = Code::FailedPrecondition;

    checker
        .assert_refused("rotating a revoked key", keys.rotate_key(rotate(&revoked.id)).await, failed, "KEY_REVOKED")
        .await;
    for field in
        ["active", "store_access", "stores", "method_access", "methods", "not_before", "expire_time", "networks"]
    {
        let update = proto::UpdateKeyRequest {
            key: Some(Key { active: Some(true), etag: String::new(), ..revoked.clone() }),
            update_mask: mask(&[field]),
            options: None,
        };
        checker.assert_refused(field, keys.update_key(update).await, failed, "KEY_REVOKED").await;
    }
    let answer = keys.rotate_key(rotate(&rotated.id)).await;
    checker.assert_refused("a third token", answer, failed, "TWO_LIVE_SECRETS").await;
    let delete = proto::DeleteStoreRequest { code: "madrid".to_owned(), ..Default::default() };
    let answer = checker.manager.stores().delete_store(delete).await;
    checker.assert_refused("binding a key by accident", answer, failed, "WOULD_REBIND").await;
    let me = operators.get_current_operator(proto::GetCurrentOperatorRequest {}).await.expect("the admin").into_inner();
    let me = me.operator.expect("an operator");
    checker
        .assert_refused("no admin left", operators.revoke_operator(revoke(&me.id)).await, failed, "LAST_ADMIN")
        .await;
    let demote = proto::UpdateOperatorRequest {
        operator: Some(Operator { role: Role::Editor.into(), ..me }),
        update_mask: mask(&["role"]),
        options: None,
    };
    checker.assert_refused("no admin left", operators.update_operator(demote).await, failed, "LAST_ADMIN").await;
    let back = proto::UpdateOperatorRequest {
        operator: Some(Operator { id: gone.id.clone(), name: "back".to_owned(), ..Default::default() }),
        update_mask: mask(&["name"]),
        options: None,
    };
    let answer = operators.update_operator(back).await;
    checker.assert_refused("changing a revoked operator", answer, failed, "OPERATOR_REVOKED").await;
    let rotate = proto::RotateOperatorRequest { id: gone.id, options: None };
    let answer = operators.rotate_operator(rotate).await;
    checker.assert_refused("rotating a revoked operator", answer, failed, "OPERATOR_REVOKED").await;
}
