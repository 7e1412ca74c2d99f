//! M7: a key determines the store: with access to exactly one store, the decision names it if the request does not.

use latchkey::proto::v1 as proto;
use proto::{Reason, StoreUse};
use tonic::Code;

use helpers::calls::reason;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key};

const SEND: &str = "POST /api/v5/orders/create";

on_both_engines!(
    a_landing_page_sends_an_order_without_naming_its_store,
    a_bound_store_that_is_off_refuses,
    naming_another_store_does_not_bind,
    deleting_a_store_binds_nobody_by_accident,
    a_switched_off_second_store_still_counts,
);

async fn a_landing_page_sends_an_order_without_naming_its_store(server: &TestServer) {
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_stores(&["promo", "berlin"]).await;
    let landing_page =
        server.create_key(key("landing page", Only(&["promo"]), Only(&["POST /api/v*/orders/create"]))).await;
    let bound = server.authorize(&landing_page.token, SEND, "").await.must_allow();
    assert_eq!((bound.store.as_str(), bound.scope_codes()), ("promo", Some(vec!["promo"])));
    let named = server.authorize(&landing_page.token, SEND, "promo").await.must_allow();
    assert_eq!(named.store, "promo", "naming it says the same");
}

async fn a_bound_store_that_is_off_refuses(server: &TestServer) {
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_stores(&["promo"]).await;
    let landing_page = server.create_key(key("landing page", Only(&["promo"]), All)).await;
    server.set_store_active("promo", false).await;
    let refused = server.authorize(&landing_page.token, SEND, "").await.must_refuse(Reason::StoreInactive);
    assert_eq!((refused.store.as_str(), refused.denied_stores), ("promo", vec!["promo".to_owned()]));
    server.set_store_active("promo", true).await;
    assert_eq!(server.authorize(&landing_page.token, SEND, "").await.must_allow().store, "promo");
}

async fn naming_another_store_does_not_bind(server: &TestServer) {
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_stores(&["promo", "berlin"]).await;
    let landing_page = server.create_key(key("landing page", Only(&["promo"]), All)).await;
    let refused = server.authorize(&landing_page.token, SEND, "berlin").await.must_refuse(Reason::StoreDenied);
    assert_eq!(refused.store, "berlin", "the store named is what was judged");
    server.authorize(&landing_page.token, SEND, "rome").await.must_refuse(Reason::StoreUnknown);
}

async fn deleting_a_store_binds_nobody_by_accident(server: &TestServer) {
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_stores(&["promo", "berlin"]).await;
    let both = server.create_key(key("two pages", Only(&["promo", "berlin"]), All)).await;
    let one = server.create_key(key("berlin's page", Only(&["berlin"]), All)).await;
    server.authorize(&both.token, SEND, "").await.must_refuse(Reason::StoreRequired);

    let delete = |allow_rebinding| proto::DeleteStoreRequest {
        code: "berlin".to_owned(),
        allow_rebinding,
        ..Default::default()
    };
    let head = server.latest_revision().await;
    let refused = server.manager.stores().delete_store(delete(false)).await.expect_err("a key would be bound");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "WOULD_REBIND"));
    assert!(refused.message().contains(&both.key.id), "it names the key: {refused:?}");
    assert!(!refused.message().contains(&one.key.id), "and not the one that would be left with none");
    assert_eq!(server.latest_revision().await, head, "nothing was written");
    server.authorize(&both.token, SEND, "").await.must_refuse(Reason::StoreRequired);

    let deleted = server.manager.stores().delete_store(delete(true)).await.expect("it was meant").into_inner();
    assert_eq!(deleted.keys_narrowed, 2);
    assert_eq!(server.authorize(&both.token, SEND, "").await.must_allow().store, "promo", "now it binds");
    server.authorize(&one.token, SEND, "").await.must_refuse(Reason::NoStoreOpen);
    server.authorize(&one.token, SEND, "promo").await.must_refuse(Reason::StoreDenied);
}

async fn a_switched_off_second_store_still_counts(server: &TestServer) {
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_stores(&["promo", "berlin"]).await;
    let both = server.create_key(key("two pages", Only(&["promo", "berlin"]), All)).await;
    server.set_store_active("berlin", false).await;
    let refused = server.authorize(&both.token, SEND, "").await.must_refuse(Reason::StoreRequired);
    assert_eq!(refused.scope_codes(), Some(vec!["promo"]), "switching a store off for a night moves no order");
    let narrowed = proto::Key { id: both.key.id.clone(), stores: vec!["promo".to_owned()], ..Default::default() };
    server.update_key(narrowed, &["stores"]).await;
    assert_eq!(server.authorize(&both.token, SEND, "").await.must_allow().store, "promo");
}
