//! M5: "Access to all stores", those added later included: a multi-site module exports orders and binds them to different
//! stores.

use latchkey::proto::v1 as proto;
use proto::{AuthorizeRequest, Reason, StoreUse};

use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key};

const EXPORT: &str = "POST /api/v5/orders/create";
const LIST: &str = "GET /api/v5/orders";

on_both_engines!(
    a_module_exports_orders_to_every_store_also_to_ones_added_later,
    all_never_binds_however_few_stores_there_are,
    all_is_not_unknown_nor_switched_off_stores,
    several_stores_may_be_named_at_once,
    access_changes_from_all_to_some_and_back_only_when_it_is_said,
);

async fn book(server: &TestServer) {
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
}

async fn a_module_exports_orders_to_every_store_also_to_ones_added_later(server: &TestServer) {
    book(server).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let module = server.create_key(key("1C-Bitrix module", All, All)).await;
    for store in ["berlin", "madrid"] {
        let decision = server.authorize(&module.token, EXPORT, store).await.must_allow();
        assert_eq!(decision.store, store, "the order is bound to this store");
        assert_eq!(decision.scope_codes(), None, "its customer is looked for in all");
    }
    for later in ["lisbon", "warsaw", "oslo"] {
        server.create_stores(&[later]).await;
        assert_eq!(server.authorize(&module.token, EXPORT, later).await.must_allow().store, later);
    }
}

async fn all_never_binds_however_few_stores_there_are(server: &TestServer) {
    book(server).await;
    let module = server.create_key(key("module", All, All)).await;
    let questions = async |what: &str| {
        let listed = server.authorize(&module.token, LIST, "").await.must_allow();
        assert_eq!((listed.store.as_str(), listed.scope_codes()), ("", None), "{what}: bound to none, open to all");
        let refused = server.authorize(&module.token, EXPORT, "").await.must_refuse(Reason::StoreRequired);
        assert_eq!((refused.store.as_str(), refused.scope_codes()), ("", None), "{what}: which store is to be said");
    };
    questions("no store").await;
    server.create_stores(&["berlin"]).await;
    questions("one store").await;
    server.create_stores(&["madrid"]).await;
    questions("two stores").await;
    let request = proto::DeleteStoreRequest { code: "madrid".to_owned(), ..Default::default() };
    server.manager.stores().delete_store(request).await.expect("nothing would be bound anew");
    questions("one store again").await;
}

async fn all_is_not_unknown_nor_switched_off_stores(server: &TestServer) {
    book(server).await;
    server.create_stores(&["berlin", "madrid"]).await;
    server.set_store_active("madrid", false).await;
    let module = server.create_key(key("module", All, All)).await;
    server.authorize(&module.token, EXPORT, "madrid").await.must_refuse(Reason::StoreInactive);
    server.authorize(&module.token, EXPORT, "Berlin").await.must_refuse(Reason::StoreUnknown);
    server.authorize(&module.token, EXPORT, "berlin ").await.must_refuse(Reason::StoreUnknown);
    server.authorize(&module.token, EXPORT, "berlin").await.must_allow();
}

async fn several_stores_may_be_named_at_once(server: &TestServer) {
    book(server).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let module = server.create_key(key("module", All, All)).await;
    let naming = async |store: &str, stores: &[&str]| {
        let request = AuthorizeRequest {
            key: module.token.0.clone(),
            method: LIST.to_owned(),
            store: store.to_owned(),
            stores: stores.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        server.try_authorize(request).await.expect("decided")
    };
    assert_eq!(naming("berlin", &["madrid"]).await.must_allow().store, "", "several: none is the one");
    assert_eq!(naming("", &["berlin", "madrid"]).await.must_allow().store, "");
    assert_eq!(naming("", &["berlin"]).await.must_allow().store, "berlin", "wherever the one is named");
    assert_eq!(naming("berlin", &["berlin", "berlin"]).await.must_allow().store, "berlin", "the same one again");
    let refused = naming("paris", &["berlin", "rome", "paris"]).await.must_refuse(Reason::StoreUnknown);
    assert_eq!(refused.denied_stores, ["paris", "rome"], "all that are not open, in the order named, once");
}

async fn access_changes_from_all_to_some_and_back_only_when_it_is_said(server: &TestServer) {
    book(server).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let module = server.create_key(key("module", All, All)).await;
    let some = proto::Key { id: module.key.id.clone(), ..key("", Only(&["berlin"]), All) };
    let refused = server.try_update_key(some.clone(), &["store_access"]).await;
    assert_eq!(refused.expect_err("which stores must be said").code(), tonic::Code::InvalidArgument);
    let refused = server.try_update_key(some.clone(), &["stores"]).await;
    assert_eq!(refused.expect_err("that not all are open must be said").code(), tonic::Code::InvalidArgument);
    server.authorize(&module.token, EXPORT, "madrid").await.must_allow();

    let narrowed = server.update_key(some, &["store_access", "stores"]).await;
    assert_eq!(narrowed.stores, ["berlin"]);
    server.authorize(&module.token, EXPORT, "madrid").await.must_refuse(Reason::StoreDenied);
    assert_eq!(server.authorize(&module.token, EXPORT, "").await.must_allow().store, "berlin", "now it binds");

    let all = proto::Key { id: module.key.id.clone(), ..key("", All, All) };
    let widened = server.update_key(all, &["store_access"]).await;
    assert_eq!(widened.stores, [""; 0], "all has no list");
    server.authorize(&module.token, EXPORT, "madrid").await.must_allow();
    server.authorize(&module.token, EXPORT, "").await.must_refuse(Reason::StoreRequired);
}
