//! M1: several stores are connected, on one platform or on different ones; a store is a site, a landing page or an online
//! store on a CMS.

use latchkey::proto::v1 as proto;
use proto::{Reason, Store, StoreKind, StoreUse};

use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key};

const ORDERS: &str = "GET /api/v5/orders";

on_both_engines!(
    stores_of_every_kind_are_connected_and_known_at_once,
    codes_differ_by_case,
    a_store_switched_off_is_refused_and_switched_on_again_allowed,
    a_deleted_store_gives_nothing_back_when_its_code_returns,
    the_stores_are_listed_in_byte_order_by_page_and_by_filter,
);

async fn codes(server: &TestServer, request: proto::ListStoresRequest) -> Vec<String> {
    let answer = server.officer.stores().list_stores(request).await.expect("stores are listed").into_inner();
    assert_eq!(answer.next_page_token, "", "one page is enough");
    answer.stores.into_iter().map(|store| store.code).collect()
}

async fn stores_of_every_kind_are_connected_and_known_at_once(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    let module = server.create_key(key("multi-site module", All, All)).await;
    let shops = [
        ("berlin", StoreKind::Site, "1c-bitrix"),
        ("promo", StoreKind::LandingPage, "tilda"),
        ("madrid", StoreKind::OnlineStore, "opencart"),
        ("lisbon", StoreKind::OnlineStore, "opencart"),
    ];
    for (code, kind, platform) in shops {
        server.authorize(&module.token, ORDERS, code).await.must_refuse(Reason::StoreUnknown);
        let made = server.create_store(code, kind, platform).await;
        assert_eq!((made.code.as_str(), made.kind(), made.platform.as_str()), (code, kind, platform));
        assert_eq!(made.active, Some(true), "a store begins switched on");
        assert!(made.create_time.is_some() && made.create_time == made.update_time && !made.etag.is_empty());
        let decision = server.authorize(&module.token, ORDERS, code).await.must_allow();
        assert_eq!(decision.store, code, "the decision names the store that the call is for");

        let read = server.officer.stores().get_store(proto::GetStoreRequest { code: code.to_owned() }).await;
        assert_eq!(
            read.expect("the store is there").into_inner().store,
            Some(made),
            "it reads back as it was answered"
        );
    }
    let of = |platform: &str| proto::ListStoresRequest { platform: Some(platform.to_owned()), ..Default::default() };
    assert_eq!(codes(server, of("opencart")).await, ["lisbon", "madrid"], "stores of one platform stand together");
    assert_eq!(codes(server, of("1c-bitrix")).await, ["berlin"]);
    assert_eq!(codes(server, of("1C-Bitrix")).await, [""; 0], "a platform is meant exactly");
    let kind = proto::ListStoresRequest { kind: StoreKind::LandingPage.into(), ..Default::default() };
    assert_eq!(codes(server, kind).await, ["promo"]);
}

async fn codes_differ_by_case(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_stores(&["berlin"]).await;
    let narrow = server.create_key(key("berlin's own", Only(&["berlin"]), All)).await;
    server.authorize(&narrow.token, ORDERS, "berlin").await.must_allow();
    server.authorize(&narrow.token, ORDERS, "Berlin").await.must_refuse(Reason::StoreUnknown);
    server.create_stores(&["Berlin"]).await;
    server.authorize(&narrow.token, ORDERS, "Berlin").await.must_refuse(Reason::StoreDenied);
    server.authorize(&narrow.token, ORDERS, "berlin").await.must_allow();
}

async fn a_store_switched_off_is_refused_and_switched_on_again_allowed(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let module = server.create_key(key("module", All, All)).await;
    let both = server.create_key(key("two shops", Only(&["berlin", "madrid"]), All)).await;
    server.authorize(&both.token, ORDERS, "madrid").await.must_allow();

    server.set_store_active("madrid", false).await;
    let refused = server.authorize(&both.token, ORDERS, "madrid").await.must_refuse(Reason::StoreInactive);
    assert_eq!(refused.denied_stores, ["madrid"]);
    server.authorize(&module.token, ORDERS, "madrid").await.must_refuse(Reason::StoreInactive);
    let elsewhere = server.authorize(&both.token, ORDERS, "berlin").await.must_allow();
    assert_eq!(elsewhere.scope_codes(), Some(vec!["berlin"]), "no customer is looked for in a store that is off");

    server.set_store_active("madrid", true).await;
    let again = server.authorize(&both.token, ORDERS, "madrid").await.must_allow();
    assert_eq!(again.scope_codes(), Some(vec!["berlin", "madrid"]));
}

async fn a_deleted_store_gives_nothing_back_when_its_code_returns(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_stores(&["berlin", "lisbon", "madrid"]).await;
    let module = server.create_key(key("module", All, All)).await;
    let three = server.create_key(key("three shops", Only(&["madrid", "berlin", "lisbon"]), All)).await;
    assert_eq!(three.key.stores, ["berlin", "lisbon", "madrid"], "answered in byte order");

    let request = proto::DeleteStoreRequest { code: "berlin".to_owned(), ..Default::default() };
    let deleted = server.manager.stores().delete_store(request).await.expect("the store is removed").into_inner();
    assert_eq!(deleted.keys_narrowed, 1, "one key listed it");
    server.authorize(&three.token, ORDERS, "berlin").await.must_refuse(Reason::StoreUnknown);
    server.authorize(&module.token, ORDERS, "berlin").await.must_refuse(Reason::StoreUnknown);
    let narrowed = server.get_key(&three.key.id).await.expect("the key is there");
    assert_eq!(narrowed.stores, ["lisbon", "madrid"]);

    server.create_stores(&["berlin"]).await;
    server.authorize(&three.token, ORDERS, "berlin").await.must_refuse(Reason::StoreDenied);
    server.authorize(&module.token, ORDERS, "berlin").await.must_allow();
    let decision = server.authorize(&three.token, ORDERS, "madrid").await.must_allow();
    assert_eq!(decision.scope_codes(), Some(vec!["lisbon", "madrid"]));
}

async fn the_stores_are_listed_in_byte_order_by_page_and_by_filter(server: &TestServer) {
    let hosted = Store {
        code: "shop.3".to_owned(),
        name: "Магазин".to_owned(),
        kind: StoreKind::Site.into(),
        hosts: vec!["www.shop.example".to_owned(), "shop.example".to_owned()],
        active: Some(false),
        ..Default::default()
    };
    server.create_stores(&["b-2", "B-2", "a_1", "b.2", "10", "Z"]).await;
    let request = proto::CreateStoreRequest { store: Some(hosted), options: None };
    let made = server.manager.stores().create_store(request).await.expect("the store is connected").into_inner();
    assert_eq!(made.store.expect("a store").hosts, ["shop.example", "www.shop.example"], "hosts are kept in order");

    let mut seen = Vec::new();
    let mut sizes = Vec::new();
    let mut request = proto::ListStoresRequest { page_size: 3, ..Default::default() };
    loop {
        let page = server.officer.stores().list_stores(request.clone()).await.expect("stores are listed").into_inner();
        sizes.push(page.stores.len());
        seen.extend(page.stores.into_iter().map(|store| store.code));
        if page.next_page_token.is_empty() {
            break;
        }
        request.page_token = page.next_page_token;
    }
    assert_eq!(seen, ["10", "B-2", "Z", "a_1", "b-2", "b.2", "shop.3"], "bytewise, not as some language sorts");
    assert_eq!(sizes, [3, 3, 1]);

    let text = |text: &str| proto::ListStoresRequest { text: text.to_owned(), ..Default::default() };
    assert_eq!(codes(server, text("МАГАЗ")).await, ["shop.3"], "whatever the case, beyond ASCII too");
    assert_eq!(codes(server, text("WWW.shop")).await, ["shop.3"], "by host");
    assert_eq!(codes(server, text("b-")).await, ["B-2", "b-2"], "by code");
    assert_eq!(codes(server, text("b%2")).await, [""; 0], "a percent sign is only that");
    let off = proto::ListStoresRequest { active: Some(false), ..Default::default() };
    assert_eq!(codes(server, off).await, ["shop.3"]);
}
