//! M6: "Access to individual stores": several keys, each with the stores of one platform.

use latchkey::proto::v1 as proto;
use proto::batch_authorize_result::Result as Answer;
use proto::{Access, AuthorizeRequest, BatchAuthorizeRequest, Reason, StoreKind, StoreUse};

use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key, mask, violated_fields};

const ORDERS: &str = "GET /api/v5/orders";

on_both_engines!(
    each_platform_has_a_key_of_its_own,
    a_key_opens_exactly_its_stores_and_an_empty_list_none,
    an_empty_list_of_stores_opens_nothing_however_it_became_empty,
    only_a_method_that_reads_can_be_open_to_keys_of_every_store,
    of_several_stores_named_each_must_be_open,
    the_stores_of_a_key_are_changed_at_once,
    a_key_may_hold_very_many_stores,
);

async fn of_platform(server: &TestServer, platform: &str) -> Vec<String> {
    let request = proto::ListStoresRequest { platform: Some(platform.to_owned()), ..Default::default() };
    let answer = server.manager.stores().list_stores(request).await.expect("stores are listed").into_inner();
    answer.stores.into_iter().map(|store| store.code).collect()
}

async fn each_platform_has_a_key_of_its_own(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    for (code, platform) in [("bx-1", "1c-bitrix"), ("bx-2", "1c-bitrix"), ("oc-1", "opencart"), ("oc-2", "opencart")] {
        server.create_store(code, StoreKind::OnlineStore, platform).await;
    }
    let mut keys = Vec::new();
    for platform in ["1c-bitrix", "opencart"] {
        let codes = of_platform(server, platform).await;
        assert_eq!(codes.len(), 2);
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        keys.push(server.create_key(key(platform, Only(&codes), All)).await);
    }
    let [bitrix, opencart] = keys.as_slice() else { unreachable!("two platforms") };
    for (store, owner, other) in
        [("bx-1", bitrix, opencart), ("bx-2", bitrix, opencart), ("oc-1", opencart, bitrix), ("oc-2", opencart, bitrix)]
    {
        assert_eq!(server.authorize(&owner.token, ORDERS, store).await.must_allow().key_id, owner.key.id);
        let refused = server.authorize(&other.token, ORDERS, store).await.must_refuse(Reason::StoreDenied);
        assert_eq!(refused.denied_stores, [store]);
    }
    // Selecting a platform selected the stores that it had on that day.
    server.create_store("bx-3", StoreKind::OnlineStore, "1c-bitrix").await;
    server.authorize(&bitrix.token, ORDERS, "bx-3").await.must_refuse(Reason::StoreDenied);
    let moved = proto::Store { code: "oc-1".to_owned(), platform: "1c-bitrix".to_owned(), ..Default::default() };
    server.update_store(moved, &["platform"]).await;
    server.authorize(&opencart.token, ORDERS, "oc-1").await.must_allow();
    server.authorize(&bitrix.token, ORDERS, "oc-1").await.must_refuse(Reason::StoreDenied);
}

async fn a_key_opens_exactly_its_stores_and_an_empty_list_none(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_stores(&["berlin", "madrid", "lisbon"]).await;
    let two = server.create_key(key("two", Only(&["madrid", "berlin"]), All)).await;
    let scope = server.authorize(&two.token, ORDERS, "").await.must_allow();
    assert_eq!((scope.store.as_str(), scope.scope_codes()), ("", Some(vec!["berlin", "madrid"])), "two: none binds");
    server.authorize(&two.token, "POST /api/v5/orders/create", "").await.must_refuse(Reason::StoreRequired);
    server.authorize(&two.token, ORDERS, "lisbon").await.must_refuse(Reason::StoreDenied);

    let none = server.create_key(key("none", Only(&[]), All)).await;
    for store in ["berlin", "madrid", "lisbon"] {
        server.authorize(&none.token, ORDERS, store).await.must_refuse(Reason::StoreDenied);
    }
    server.authorize(&none.token, "POST /api/v5/orders/create", "").await.must_refuse(Reason::NoStoreOpen);
    server.authorize(&none.token, ORDERS, "").await.must_refuse(Reason::NoStoreOpen);
}

async fn an_empty_list_of_stores_opens_nothing_however_it_became_empty(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_method("GET /api/v*/orders/history", StoreUse::None).await;
    server.create_method("GET /api/v*/reference/statuses", StoreUse::Shared).await;
    server.create_stores(&["gone", "off-1", "off-2", "berlin"]).await;
    let made_so = server.create_key(key("made so", Only(&[]), All)).await;
    let deleted = server.create_key(key("its only store was deleted", Only(&["gone"]), All)).await;
    let emptied = server.create_key(key("emptied", Only(&["berlin"]), All)).await;
    let off = server.create_key(key("all switched off", Only(&["off-1", "off-2"]), All)).await;
    for issued in [&deleted, &emptied, &off] {
        server.authorize(&issued.token, ORDERS, "").await.must_allow();
    }
    let delete = proto::DeleteStoreRequest { code: "gone".to_owned(), ..Default::default() };
    server.manager.stores().delete_store(delete).await.expect("a store is deleted");
    let empty = proto::Key { id: emptied.key.id.clone(), stores: Vec::new(), ..Default::default() };
    server.update_key(empty, &["stores"]).await;
    for code in ["off-1", "off-2"] {
        server.set_store_active(code, false).await;
    }
    let ask = async |token: &str, method: &str| server.authorize(token, method, "").await;
    for issued in [&made_so, &deleted, &emptied, &off] {
        // With a verb and without, in the book and outside it, and alone or with others.
        for method in [ORDERS, "/api/v5/orders", "POST /api/v5/orders/create"] {
            let refused = ask(&issued.token, method).await.must_refuse(Reason::NoStoreOpen);
            assert_eq!(refused.failures(), [Reason::NoStoreOpen], "{method}");
        }
        assert!(!ask(&issued.token, "GET /api/v5/new/thing").await.allowed);
        let request = |method: &str| AuthorizeRequest {
            key: issued.token.0.clone(),
            method: method.to_owned(),
            ..Default::default()
        };
        let requests = [ORDERS, "GET /api/v5/orders/history"].map(request).to_vec();
        let batch = server.order_api.authorization().batch_authorize(BatchAuthorizeRequest { requests }).await;
        let batch: Vec<_> = batch.expect("decided").into_inner().results.into_iter().map(|of| of.result).collect();
        let [Some(Answer::Decision(refused)), Some(Answer::Decision(allowed))] = batch.as_slice() else {
            panic!("{batch:?}")
        };
        assert_eq!((refused.allowed, refused.reason()), (false, Reason::NoStoreOpen));
        // Calls that do not involve stores, with a scope that lists no store.
        let scope = allowed.clone().must_allow().scope.expect("a scope");
        assert_eq!((scope.kind(), scope.stores.len()), (proto::ScopeKind::Listed, 0));
        assert!(allowed.scope_must_be_applied, "the service must apply it");
        let shared = ask(&issued.token, "GET /api/v5/reference/statuses").await.must_allow();
        assert!(!shared.scope_must_be_applied && shared.scope_codes() == Some(vec![]), "{shared:?}");
        // Introspection of the key agrees with the decisions.
        let request = proto::IntrospectKeyRequest { key: issued.token.0.clone(), ..Default::default() };
        let response = server.order_api.authorization().introspect_key(request).await.expect("told").into_inner();
        assert_eq!((response.store_access(), response.stores.len()), (Access::Selected, 0));
        assert_eq!(response.methods, ["GET /api/v*/orders/history", "GET /api/v*/reference/statuses"]);
    }
    // A store that is active again grants the earlier access, and nothing more.
    server.set_store_active("off-2", true).await;
    let decision = ask(&off.token, ORDERS).await.must_allow();
    assert_eq!((decision.scope_codes(), decision.scope_must_be_applied), (Some(vec!["off-2"]), false));
    let history = ask(&off.token, "GET /api/v5/orders/history").await.must_allow();
    assert!(history.scope_must_be_applied);
    let all = server.create_key(key("all", All, All)).await;
    assert!(!ask(&all.token, "GET /api/v5/orders/history").await.must_allow().scope_must_be_applied);
}

async fn only_a_method_that_reads_can_be_open_to_keys_of_every_store(server: &TestServer) {
    let create = async |method: &str, places: &[&str]| {
        let method = proto::Method {
            method: method.to_owned(),
            block: "Lists".to_owned(),
            summary: "A list".to_owned(),
            store_use: StoreUse::Shared.into(),
            store_places: places.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        let request = proto::CreateMethodRequest { method: Some(method), options: None };
        server.manager.methods().create_method(request).await.map(|made| made.into_inner().method.expect("a method"))
    };
    for (method, places) in [("POST /lists/edit", &[][..]), ("GET /lists", &["query:site"])] {
        let refused = create(method, places).await.expect_err("it cannot be shared");
        assert_eq!(violated_fields(&refused), ["method.store_use"], "{refused:?}");
    }
    let made = create("GET /lists", &[]).await.expect("it can be shared");
    assert_eq!(made.store_use(), StoreUse::Shared);
    let update = async |store_use: StoreUse, places: &[&str], mask_of: &[&str]| {
        let method = proto::Method {
            method: "GET /lists".to_owned(),
            store_use: store_use.into(),
            store_places: places.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        let request = proto::UpdateMethodRequest { method: Some(method), update_mask: mask(mask_of), options: None };
        server.manager.methods().update_method(request).await.map(|made| made.into_inner().method.expect("a method"))
    };
    let refused = update(StoreUse::Shared, &["query:site"], &["store_places"]).await.expect_err("it carries a store");
    assert_eq!(violated_fields(&refused), ["method.store_use"], "{refused:?}");
    let changed = update(StoreUse::Optional, &["query:site"], &["store_use", "store_places"]).await.expect("changed");
    assert_eq!((changed.store_use(), changed.store_places.len()), (StoreUse::Optional, 1));
    let refused = update(StoreUse::Shared, &[], &["store_use"]).await.expect_err("it still carries a store");
    assert_eq!(violated_fields(&refused), ["method.store_use"], "{refused:?}");
    let changed = update(StoreUse::Shared, &[], &["store_use", "store_places"]).await.expect("changed");
    assert_eq!(changed.store_use(), StoreUse::Shared);
}

async fn of_several_stores_named_each_must_be_open(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_stores(&["berlin", "madrid", "lisbon", "warsaw"]).await;
    server.set_store_active("lisbon", false).await;
    let issued = server.create_key(key("three", Only(&["berlin", "madrid", "lisbon"]), All)).await;
    let naming = async |stores: &[&str]| {
        let request = AuthorizeRequest {
            key: issued.token.0.clone(),
            method: ORDERS.to_owned(),
            stores: stores.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        server.try_authorize(request).await.expect("decided")
    };
    naming(&["berlin", "madrid"]).await.must_allow();
    let refused = naming(&["berlin", "warsaw", "madrid"]).await.must_refuse(Reason::StoreDenied);
    assert_eq!(refused.denied_stores, ["warsaw"]);
    let refused = naming(&["warsaw", "lisbon", "rome", "berlin"]).await.must_refuse(Reason::StoreUnknown);
    assert_eq!(refused.denied_stores, ["warsaw", "lisbon", "rome"]);
    let stores = [Reason::StoreUnknown, Reason::StoreInactive, Reason::StoreDenied];
    assert!(refused.failures().ends_with(&stores), "every way to fail is listed: {refused:?}");
}

async fn the_stores_of_a_key_are_changed_at_once(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let issued = server.create_key(key("one, then the other", Only(&["berlin"]), All)).await;
    for (open, shut) in [("madrid", "berlin"), ("berlin", "madrid"), ("madrid", "berlin")] {
        let changed = proto::Key { id: issued.key.id.clone(), stores: vec![open.to_owned()], ..Default::default() };
        let changed = server.update_key(changed, &["stores"]).await;
        assert_eq!((changed.store_access(), changed.stores.as_slice()), (Access::Selected, &[open.to_owned()][..]));
        server.authorize(&issued.token, ORDERS, open).await.must_allow();
        server.authorize(&issued.token, ORDERS, shut).await.must_refuse(Reason::StoreDenied);
    }
    let unknown = proto::Key {
        id: issued.key.id.clone(),
        stores: vec!["berlin".to_owned(), "rome".to_owned()],
        ..Default::default()
    };
    let refused = server.try_update_key(unknown, &["stores"]).await.expect_err("there is no store rome");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    server.authorize(&issued.token, ORDERS, "berlin").await.must_refuse(Reason::StoreDenied);
}

async fn a_key_may_hold_very_many_stores(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    let codes: Vec<String> = (0..205).map(|number| format!("shop-{number:03}")).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    server.create_stores(&codes).await;
    let issued = server.create_key(key("franchise", Only(&codes), All)).await;
    let decision = server.authorize(&issued.token, ORDERS, "shop-204").await.must_allow();
    let scope = decision.scope.expect("a scope");
    assert_eq!((scope.kind(), scope.stores.len()), (proto::ScopeKind::Large, 0), "too many to be told each time");
    let request = proto::IntrospectKeyRequest { key: issued.token.0.clone(), ..Default::default() };
    let response = server.crm.authorization().introspect_key(request).await.expect("the key is told").into_inner();
    let response: Vec<&str> = response.stores.iter().map(|store| store.code.as_str()).collect();
    assert_eq!(response, codes, "but whoever asks hears of all");

    for code in &codes[200..] {
        server.set_store_active(code, false).await;
    }
    let decision = server.authorize(&issued.token, ORDERS, "").await.must_allow();
    assert_eq!(decision.scope_codes(), Some(codes[..200].to_vec()), "200 active ones are still told");
}
