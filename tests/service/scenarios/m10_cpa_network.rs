//! M10: the CPA network: a key that can only call `/api/v*/orders/statuses`, whatever the version, and gets nothing else.

use latchkey::proto::v1 as proto;
use proto::{Decision, Reason};

use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, IssuedKey, TestServer, key};

const STATUSES: &str = "GET /api/v*/orders/statuses";

on_both_engines!(
    the_cpa_network_picks_up_statuses_in_every_version,
    of_the_whole_reference_book_exactly_one_method_is_open,
    no_spelling_of_a_path_leads_anywhere_else,
    what_is_not_in_the_book_is_refused,
    without_a_verb_every_reading_must_be_open,
);

async fn cpa_network(server: &TestServer) -> IssuedKey {
    server.import_book().await;
    server.create_stores(&["berlin", "madrid"]).await;
    server.create_key(key("CPA network", All, Only(&[STATUSES]))).await
}

/// Returns a request that resolves to an entry of the book.
fn example(identity: &str) -> String {
    let (verb, pattern) = identity.split_once(' ').expect("a verb and a pattern");
    let segments = pattern.split('/').map(|segment| match segment {
        "v*" => "v5",
        _ if segment.starts_with('{') => "77",
        _ => segment,
    });
    format!("{verb} {}", segments.collect::<Vec<_>>().join("/"))
}

async fn the_cpa_network_picks_up_statuses_in_every_version(server: &TestServer) {
    let cpa = cpa_network(server).await;
    for version in [3, 5, 9, 0, 10, 2027] {
        let decision =
            server.authorize(&cpa.token, &format!("GET /api/v{version}/orders/statuses"), "").await.must_allow();
        assert_eq!(decision.methods, [STATUSES]);
        assert_eq!(decision.scope_codes(), None);
    }
    for request in [
        "GET /api/v5/orders/statuses?ids[]=1&ids[]=2",
        "GET /api/v5/orders/statuses#top",
        "GET /api/v5/orders/statuse%73",
        "HEAD /api/v5/orders/statuses",
    ] {
        assert_eq!(server.authorize(&cpa.token, request, "").await.must_allow().methods, [STATUSES], "{request}");
    }
    let of_berlin = server.authorize(&cpa.token, "GET /api/v5/orders/statuses", "berlin").await.must_allow();
    assert_eq!(of_berlin.store, "berlin");
    for refused in ["GET /api/v/orders/statuses", "GET /api/vX/orders/statuses", "GET /api/v5a/orders/statuses"] {
        let decision = server.authorize(&cpa.token, refused, "").await;
        assert!(!decision.allowed, "{refused}: {decision:?}");
    }
}

async fn of_the_whole_reference_book_exactly_one_method_is_open(server: &TestServer) {
    let cpa = cpa_network(server).await;
    let book = helpers::test_server::built_in_book();
    let mut open = Vec::new();
    for method in &book {
        let request = example(&method.method);
        let decision = server.authorize(&cpa.token, &request, "").await;
        assert_eq!(decision.methods, [method.method.as_str()], "{request} is judged as what it is");
        if decision.allowed {
            open.push(method.method.as_str());
            continue;
        }
        let refused = decision.must_refuse(Reason::MethodDenied);
        assert!(refused.scope.is_none() && refused.store.is_empty(), "nothing else is told: {refused:?}");
    }
    assert_eq!(book.len(), 199);
    assert_eq!(open, [STATUSES], "one method is open, and it is the one that was ticked");

    for (request, entry) in [
        ("GET /api/v5/orders", "GET /api/v*/orders"),
        ("GET /api/v5/orders/1", "GET /api/v*/orders/{externalId}"),
        ("GET /api/v5/orders/history", "GET /api/v*/orders/history"),
        ("POST /api/v5/orders/create", "POST /api/v*/orders/create"),
    ] {
        let refused: Decision = server.authorize(&cpa.token, request, "").await.must_refuse(Reason::MethodDenied);
        assert_eq!(refused.methods, [entry]);
    }
}

async fn no_spelling_of_a_path_leads_anywhere_else(server: &TestServer) {
    let cpa = cpa_network(server).await;
    for path in [
        "/api/v5/orders/statuses/../create",
        "/api/v5/orders/statuses/../../customers",
        "/api/v5/orders/./statuses",
        "/api/v5/orders/create/../statuses",
        "/api/v5/orders//statuses",
        "/api/v5/orders/statuses/",
        "//api/v5/orders/statuses",
        "/api/v5/orders/%2e%2e/orders/statuses",
        "/api/v5/orders/statuses/%2E%2E/create",
        "/api/v5/orders%2fstatuses",
        "/api/v5/orders/statuses%2F..%2Fcreate",
        "/api/v5/orders\\statuses",
        "/api/v5/orders/statuses%5c..",
        "/api/v5/orders/statuses%00",
        "/api/v5/orders/statuses%0d%0a",
        "/api/v5/orders/statuses\n",
        "/api/v5/orders/statuses;v=1",
        "/api/v5/orders/statuses%",
        "/api/v5/orders/statuses%zz",
        "/api/v5/orders/%ff",
        // A lenient service would resolve it to a method next to `{externalId}` in the book.
        "/api/v5/orders/Statuses",
        "/api/v5/orders/statuses.json",
        "/api/v5/orders/statuses%20",
        "/api/v5/orders/History",
    ] {
        let refused = server.authorize(&cpa.token, &format!("GET {path}"), "").await.must_refuse(Reason::PathAmbiguous);
        assert!(refused.methods.is_empty(), "{path} is judged as nothing: {refused:?}");
    }
    for text in ["get /api/v5/orders/statuses", "GET  /api/v5/orders/statuses", "GET api/v5/orders/statuses", "GET"] {
        server.authorize(&cpa.token, text, "").await.must_refuse(Reason::PathAmbiguous);
    }
    server.authorize(&cpa.token, "", "").await.must_refuse(Reason::MethodRequired);
    let module = server.create_key(key("wide open", All, All)).await;
    server.authorize(&module.token, "GET /api/v5/orders/statuses/../create", "").await.must_allow();
}

async fn what_is_not_in_the_book_is_refused(server: &TestServer) {
    let cpa = cpa_network(server).await;
    for request in [
        "POST /api/v5/orders/statuses",
        "DELETE /api/v5/orders/statuses",
        "OPTIONS /api/v5/orders/statuses",
        "GET /api/v5/orders/statuses/1",
        "GET /api/orders/statuses",
        "GET /v5/orders/statuses",
        "GET /",
        "GET /admin",
        "POST /latchkey.v1.KeyService/CreateKey",
    ] {
        let refused = server.authorize(&cpa.token, request, "").await.must_refuse(Reason::MethodUnknown);
        assert!(refused.methods.is_empty(), "{request}: {refused:?}");
    }
    // Methods outside the book require access to all methods, and are still limited to the key's stores.
    let module = server.create_key(key("module", All, All)).await;
    server.authorize(&module.token, "GET /admin", "").await.must_allow();
    let shop = server.create_key(key("two shops", Only(&["berlin", "madrid"]), All)).await;
    server.authorize(&shop.token, "GET /admin", "").await.must_refuse(Reason::MethodUnknown);
    server.authorize(&shop.token, "GET /admin", "berlin").await.must_allow();
    let bound = server.create_key(key("one shop", Only(&["berlin"]), All)).await;
    server.authorize(&bound.token, "GET /admin", "").await.must_refuse(Reason::MethodUnknown);
}

async fn without_a_verb_every_reading_must_be_open(server: &TestServer) {
    let cpa = cpa_network(server).await;
    let decision = server.authorize(&cpa.token, "/api/v5/orders/statuses", "").await.must_allow();
    assert_eq!(decision.methods, [STATUSES], "the book has this path under one verb");

    server.create_method("POST /api/v*/orders/statuses", proto::StoreUse::None).await;
    let refused = server.authorize(&cpa.token, "/api/v5/orders/statuses", "").await.must_refuse(Reason::MethodDenied);
    let both = [STATUSES, "POST /api/v*/orders/statuses"];
    let mut judged = refused.methods.clone();
    judged.sort();
    assert_eq!(judged, both, "it lists all that the call could be");
    server.authorize(&cpa.token, "GET /api/v5/orders/statuses", "").await.must_allow();
    server.authorize(&cpa.token, "POST /api/v5/orders/statuses", "").await.must_refuse(Reason::MethodDenied);
    let wider = server.create_key(key("both verbs", All, Only(&both))).await;
    server.authorize(&wider.token, "/api/v5/orders/statuses", "").await.must_allow();
}
