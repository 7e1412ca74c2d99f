//! Integration › Stores: connected, changed, switched and deleted by operators with the right role.

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, Page};
use helpers::test_server::{Engine, Selection, TestServer, key};

const STORES: &str = "/integration/stores";

fn codes(page: &Page) -> Vec<String> {
    let rows = page.tags("tr").filter_map(|tag| Some(tag.split_once("id=\"store-")?.1.split_once('"')?.0.to_owned()));
    rows.collect()
}

fn store(fields: &[(&'static str, &str)], csrf: &str) -> Vec<(&'static str, String)> {
    let mut all = vec![("csrf", csrf.to_owned())];
    all.extend(fields.iter().map(|(name, value)| (*name, (*value).to_owned())));
    all
}

async fn get(server: &TestServer, code: &str) -> proto::Store {
    let request = proto::GetStoreRequest { code: code.to_owned() };
    server.officer.stores().get_store(request).await.expect("the store is there").into_inner().store.expect("a store")
}

#[tokio::test]
async fn a_store_is_connected_and_the_list_tells_and_filters() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    assert!(manager.open(STORES).text().contains("There are no stores yet."));
    let form = manager.open("/integration/stores/new");
    let csrf = form.field("csrf");
    let wrong = [("code", "-"), ("hosts", "good.test\nBAD HOST"), ("platform", "x")];
    let again = manager.submit("/integration/stores/new", &store(&wrong, &csrf)).assert_status(422);
    for id in ["code", "name", "kind", "hosts"] {
        assert!(again.body.contains(&format!("id=\"{id}-error\"")), "{id} is told beside its field");
    }
    assert!(again.body.contains("BAD HOST</textarea>") && again.field("platform") == "x", "nothing typed is lost");
    let good = [
        ("code", "landing.de"),
        ("name", "<b>Landing</b> & more"),
        ("kind", "landing_page"),
        ("platform", "tilda"),
        ("hosts", "b.example\r\na.example"),
        ("why", "campaign"),
    ];
    let done = manager.submit("/integration/stores/new", &store(&good, &csrf)).assert_status(303);
    let page = manager.follow(&done).assert_status(200);
    assert!(page.text().contains("Store added.") && page.text().contains("campaign"));
    assert!(!page.body.contains("<b>Landing"), "markup is text");
    let made = get(&server, "landing.de").await;
    assert_eq!(
        (made.kind(), made.hosts),
        (proto::StoreKind::LandingPage, vec!["a.example".into(), "b.example".into()])
    );

    let taken = manager.submit("/integration/stores/new", &store(&good, &csrf)).assert_status(422);
    assert!(taken.body.contains("id=\"code-error\""), "the code is taken");
    server.create_stores(&["berlin", "madrid"]).await;
    server.set_store_active("madrid", false).await;
    for (query, expected) in [
        ("", &["berlin", "landing.de", "madrid"][..]),
        ("activity=on", &["berlin", "landing.de"]),
        ("kind=landing_page", &["landing.de"]),
        ("platform=opencart&activity=off", &["madrid"]),
        ("text=A.EXAMPLE", &["landing.de"]),
    ] {
        assert_eq!(codes(&manager.open(&format!("{STORES}?{query}"))), expected, "{query}");
    }
    assert!(manager.open(&format!("{STORES}?text=nowhere")).text().contains("No stores match."));
}

#[tokio::test]
async fn a_store_is_changed_and_the_second_of_two_loses_nothing() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin"]).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let path = "/integration/store/berlin";
    let form = manager.open(path);
    let first = proto::Store { code: "berlin".into(), platform: "bitrix".into(), ..Default::default() };
    server.update_store(first, &["platform"]).await;
    let mut fields = form.fields(&["csrf", "etag", "name", "platform"]);
    fields.push(("kind", "online_store".to_owned()));
    fields[2].1 = "Berlin, renamed".to_owned();
    let stale = manager.submit(path, &fields).assert_status(409);
    assert!(stale.text().contains("Someone else changed this") && stale.text().contains("bitrix"));
    let field = |page: &Page, id: &str| page.field_by_id(id);
    assert_eq!((field(&stale, "name"), field(&stale, "platform")), ("Berlin, renamed".into(), "bitrix".into()));
    let mut fields = stale.fields(&["csrf", "etag", "name", "platform"]);
    fields.push(("kind", "online_store".to_owned()));
    let done = manager.submit(path, &fields).assert_status(303);
    assert!(manager.follow(&done).text().contains("Saved."));
    let store = get(&server, "berlin").await;
    assert_eq!((&*store.name, &*store.platform), ("Berlin, renamed", "bitrix"));
}

#[tokio::test]
async fn a_store_switched_off_in_place_refuses_at_once() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin"]).await;
    let made = server.create_key(key("k", Selection::All, Selection::All)).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let page = manager.open(&format!("{STORES}?activity=on"));
    let fields = page.fields(&["csrf", "etag", "back", "active"]);
    let done = manager.submit("/integration/store/berlin/active", &fields).assert_status(303);
    assert_eq!(done.header("location"), format!("{STORES}?activity=on#store-berlin"));
    let decision = server.authorize(&made.token, "GET /api/v5/orders", "berlin").await;
    assert_eq!(decision.reason(), proto::Reason::StoreInactive);
    let again = manager.submit("/integration/store/berlin/active", &fields).assert_status(409);
    assert!(again.text().contains("changed this store since the list was loaded"));
}

#[tokio::test]
async fn deleting_asks_before_keys_bind_to_the_store_they_are_left_with() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let made = server.create_key(key("both <i>", Selection::Only(&["berlin", "madrid"]), Selection::All)).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let page = manager.open("/integration/store/madrid");
    let path = "/integration/store/madrid/delete";
    let mut fields = page.fields(&["csrf", "etag"]);
    let unsure = manager.submit(path, &fields).assert_status(422);
    assert!(unsure.text().contains("Tick the box to confirm."));
    fields.push(("sure", "yes".to_owned()));
    let asked = manager.submit(path, &fields).assert_status(409);
    assert!(asked.text().contains("would have exactly one store left"), "{}", asked.text());
    assert!(asked.body.contains(&format!("/integration/keys/{}", made.key.id)) && !asked.body.contains("<i>"));
    assert_eq!(get(&server, "madrid").await.code, "madrid", "nothing was deleted yet");
    let mut fields = asked.fields(&["csrf", "etag", "sure"]);
    let _ = manager.submit(path, &fields).assert_status(409);
    fields.push(("allow_rebinding", "yes".to_owned()));
    let done = manager.submit(path, &fields).assert_status(303);
    assert!(manager.follow(&done).text().contains("Store deleted."));
    let decision = server.authorize(&made.token, "GET /api/v5/orders", "").await;
    assert_eq!(decision.store, "berlin", "the key binds to what it is left with");
    let _ = manager.get("/integration/store/madrid").assert_status(404);
}
