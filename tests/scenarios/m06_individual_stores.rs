//! M6: "Access to individual stores": several keys, each with the stores of one platform.

use latchkey::proto::v1 as proto;
use proto::{Access, AuthorizeRequest, Reason, StoreKind, StoreUse};

use crate::world::Of::{All, Only};
use crate::world::{Verdict as _, World, key};

const ORDERS: &str = "GET /api/v5/orders";

on_both_engines!(
    each_platform_has_a_key_of_its_own,
    a_key_opens_exactly_its_stores_and_an_empty_list_none,
    of_several_stores_named_each_must_be_open,
    the_stores_of_a_key_are_changed_at_once,
    a_key_may_hold_very_many_stores,
);

async fn of_platform(world: &World, platform: &str) -> Vec<String> {
    let request = proto::ListStoresRequest { platform: Some(platform.to_owned()), ..Default::default() };
    let answer = world.manager.stores().list_stores(request).await.expect("stores are listed").into_inner();
    answer.stores.into_iter().map(|store| store.code).collect()
}

async fn each_platform_has_a_key_of_its_own(world: &World) {
    world.method("GET /api/v*/orders", StoreUse::Optional).await;
    for (code, platform) in [("bx-1", "1c-bitrix"), ("bx-2", "1c-bitrix"), ("oc-1", "opencart"), ("oc-2", "opencart")] {
        world.store(code, StoreKind::OnlineStore, platform).await;
    }
    let mut keys = Vec::new();
    for platform in ["1c-bitrix", "opencart"] {
        let codes = of_platform(world, platform).await;
        assert_eq!(codes.len(), 2);
        let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
        keys.push(world.issue(key(platform, Only(&codes), All)).await);
    }
    let [bitrix, opencart] = keys.as_slice() else { unreachable!("two platforms") };
    for (store, owner, other) in
        [("bx-1", bitrix, opencart), ("bx-2", bitrix, opencart), ("oc-1", opencart, bitrix), ("oc-2", opencart, bitrix)]
    {
        assert_eq!(world.ask(&owner.token, ORDERS, store).await.must_allow().key_id, owner.key.id);
        let refused = world.ask(&other.token, ORDERS, store).await.must_refuse(Reason::StoreDenied);
        assert_eq!(refused.denied_stores, [store]);
    }
    // Choosing a platform chose the stores it had that day.
    world.store("bx-3", StoreKind::OnlineStore, "1c-bitrix").await;
    world.ask(&bitrix.token, ORDERS, "bx-3").await.must_refuse(Reason::StoreDenied);
    let moved = proto::Store { code: "oc-1".to_owned(), platform: "1c-bitrix".to_owned(), ..Default::default() };
    world.update_store(moved, &["platform"]).await;
    world.ask(&opencart.token, ORDERS, "oc-1").await.must_allow();
    world.ask(&bitrix.token, ORDERS, "oc-1").await.must_refuse(Reason::StoreDenied);
}

async fn a_key_opens_exactly_its_stores_and_an_empty_list_none(world: &World) {
    world.method("GET /api/v*/orders", StoreUse::Optional).await;
    world.method("POST /api/v*/orders/create", StoreUse::Required).await;
    world.stores(&["berlin", "madrid", "lisbon"]).await;
    let two = world.issue(key("two", Only(&["madrid", "berlin"]), All)).await;
    let scope = world.ask(&two.token, ORDERS, "").await.must_allow();
    assert_eq!((scope.store.as_str(), scope.scope_codes()), ("", Some(vec!["berlin", "madrid"])), "two: none binds");
    world.ask(&two.token, "POST /api/v5/orders/create", "").await.must_refuse(Reason::StoreRequired);
    world.ask(&two.token, ORDERS, "lisbon").await.must_refuse(Reason::StoreDenied);

    let none = world.issue(key("none", Only(&[]), All)).await;
    for store in ["berlin", "madrid", "lisbon"] {
        world.ask(&none.token, ORDERS, store).await.must_refuse(Reason::StoreDenied);
    }
    world.ask(&none.token, "POST /api/v5/orders/create", "").await.must_refuse(Reason::StoreRequired);
    let scope = world.ask(&none.token, ORDERS, "").await.must_allow();
    assert_eq!(scope.scope_codes(), Some(vec![]), "no store named, and none in scope: nothing to be found anywhere");
}

async fn of_several_stores_named_each_must_be_open(world: &World) {
    world.method("GET /api/v*/orders", StoreUse::Optional).await;
    world.stores(&["berlin", "madrid", "lisbon", "warsaw"]).await;
    world.switch_store("lisbon", false).await;
    let issued = world.issue(key("three", Only(&["berlin", "madrid", "lisbon"]), All)).await;
    let naming = async |stores: &[&str]| {
        let question = AuthorizeRequest {
            key: issued.token.0.clone(),
            method: ORDERS.to_owned(),
            stores: stores.iter().map(ToString::to_string).collect(),
            ..Default::default()
        };
        world.question(question).await.expect("decided")
    };
    naming(&["berlin", "madrid"]).await.must_allow();
    let refused = naming(&["berlin", "warsaw", "madrid"]).await.must_refuse(Reason::StoreDenied);
    assert_eq!(refused.denied_stores, ["warsaw"]);
    let refused = naming(&["warsaw", "lisbon", "rome", "berlin"]).await.must_refuse(Reason::StoreUnknown);
    assert_eq!(refused.denied_stores, ["warsaw", "lisbon", "rome"]);
    let stores = [Reason::StoreUnknown, Reason::StoreInactive, Reason::StoreDenied];
    assert!(refused.failures().ends_with(&stores), "every way to fail is listed: {refused:?}");
}

async fn the_stores_of_a_key_are_changed_at_once(world: &World) {
    world.method("GET /api/v*/orders", StoreUse::Optional).await;
    world.stores(&["berlin", "madrid"]).await;
    let issued = world.issue(key("one, then the other", Only(&["berlin"]), All)).await;
    for (open, shut) in [("madrid", "berlin"), ("berlin", "madrid"), ("madrid", "berlin")] {
        let changed = proto::Key { id: issued.key.id.clone(), stores: vec![open.to_owned()], ..Default::default() };
        let changed = world.update_key(changed, &["stores"]).await;
        assert_eq!((changed.store_access(), changed.stores.as_slice()), (Access::Selected, &[open.to_owned()][..]));
        world.ask(&issued.token, ORDERS, open).await.must_allow();
        world.ask(&issued.token, ORDERS, shut).await.must_refuse(Reason::StoreDenied);
    }
    let unknown = proto::Key {
        id: issued.key.id.clone(),
        stores: vec!["berlin".to_owned(), "rome".to_owned()],
        ..Default::default()
    };
    let refused = world.try_update_key(unknown, &["stores"]).await.expect_err("there is no store rome");
    assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    world.ask(&issued.token, ORDERS, "berlin").await.must_refuse(Reason::StoreDenied);
}

async fn a_key_may_hold_very_many_stores(world: &World) {
    world.method("GET /api/v*/orders", StoreUse::Optional).await;
    let codes: Vec<String> = (0..205).map(|number| format!("shop-{number:03}")).collect();
    let codes: Vec<&str> = codes.iter().map(String::as_str).collect();
    world.stores(&codes).await;
    let issued = world.issue(key("franchise", Only(&codes), All)).await;
    let decision = world.ask(&issued.token, ORDERS, "shop-204").await.must_allow();
    let scope = decision.scope.expect("a scope");
    assert_eq!((scope.kind(), scope.stores.len()), (proto::ScopeKind::Large, 0), "too many to be told each time");
    let request = proto::IntrospectKeyRequest { key: issued.token.0.clone(), ..Default::default() };
    let told = world.crm.authorization().introspect_key(request).await.expect("the key is told").into_inner();
    let told: Vec<&str> = told.stores.iter().map(|store| store.code.as_str()).collect();
    assert_eq!(told, codes, "but whoever asks hears of all");

    for code in &codes[200..] {
        world.switch_store(code, false).await;
    }
    let decision = world.ask(&issued.token, ORDERS, "").await.must_allow();
    assert_eq!(decision.scope_codes(), Some(codes[..200].to_vec()), "200 active ones are still told");
}
