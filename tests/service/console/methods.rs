//! Integration › Reference book: listed by block, imported after a preview, changed method by method.

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, encode};
use helpers::test_server::{Engine, Selection, TestServer, key};

const BOOK: &str = "/integration/methods";
const IMPORT: &str = "/integration/methods/import";

const SMALL: &str = "\
format: 1
title: Order API
blocks:
  - title: Orders
    methods:
      - method: GET /api/v*/orders
        summary: List orders
        store_use: optional
      - method: GET /api/v*/orders/statuses
        summary: Statuses <b>of</b> orders
        store_use: optional
";

async fn methods(server: &TestServer) -> Vec<proto::Method> {
    let request = proto::ListMethodsRequest { page_size: 1_000, ..Default::default() };
    server.officer.methods().list_methods(request).await.expect("methods are listed").into_inner().methods
}

#[tokio::test]
async fn a_book_is_imported_once_its_consequences_were_seen() {
    let server = TestServer::start(Engine::Sqlite).await;
    let all = server.create_key(key("module", Selection::All, Selection::All)).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let empty = manager.open(BOOK);
    assert!(empty.text().contains("The reference book is empty.") && empty.body.contains("book=retailcrm"));
    let csrf = manager.open(IMPORT).field("csrf");
    let form = |yaml: &str, rest: &[(&'static str, &str)]| {
        let mut fields = vec![("csrf", csrf.clone()), ("yaml", yaml.to_owned())];
        fields.extend(rest.iter().map(|(name, value)| (*name, (*value).to_owned())));
        fields
    };
    let faulty = SMALL.replace("optional", "sometimes");
    let wrong = manager.submit(IMPORT, &form(&faulty, &[])).assert_status(422);
    assert!(wrong.text().contains("line 6") && wrong.text().contains("line 9"), "every fault: {}", wrong.text());
    assert!(wrong.body.contains("store_use: sometimes"), "the text is kept");

    let seen = manager.submit(IMPORT, &form(SMALL, &[])).assert_status(200);
    assert!(seen.text().contains("What would change") && seen.text().contains("module"), "{}", seen.text());
    assert!(!seen.body.contains("<b>of"), "markup is text");
    assert!(methods(&server).await.is_empty(), "nothing is imported yet");
    let _ = manager.submit(IMPORT, &form(SMALL, &[("apply", "1"), ("seen", "something else")])).assert_status(200);
    assert!(methods(&server).await.is_empty(), "what was not seen is not applied");
    let done =
        manager.submit(IMPORT, &form(SMALL, &[("apply", "1"), ("seen", &seen.field("seen"))])).assert_status(303);
    let book = manager.follow(&done).assert_status(200);
    assert!(book.text().contains("Reference book imported") && book.text().contains("GET /api/v*/orders/statuses"));

    // A second book without one method: keys that selected it lose it, and the preview shows that.
    let cpa = server.create_key(key("cpa", Selection::All, Selection::Only(&["GET /api/v*/orders/statuses"]))).await;
    let shorter = SMALL.split("      - method: GET /api/v*/orders/statuses").next().expect("a beginning");
    let shorter = shorter.replace("List orders", "All orders");
    let seen = manager.submit(IMPORT, &form(&shorter, &[("retire", "yes")])).assert_status(200);
    let text = seen.text();
    let losing = text.split("Keys that lose access").nth(1).expect("who loses is told");
    assert!(losing.contains("cpa") && !losing.contains("module"), "{text}");
    assert!(text.contains("was List orders now All orders"), "what differs is told: {text}");
    let fields = form(&shorter, &[("retire", "yes"), ("apply", "1"), ("seen", &seen.field("seen"))]);
    let _ = manager.submit(IMPORT, &fields).assert_status(303);
    assert_eq!(methods(&server).await.len(), 1);
    let decision = server.authorize(&cpa.token, "GET /api/v5/orders/statuses", "").await;
    assert!(!decision.allowed, "retired, and handed to nobody");
    assert!(server.authorize(&all.token, "GET /api/v5/orders", "").await.allowed);
}

#[tokio::test]
async fn the_built_in_book_stands_in_its_blocks_and_is_searched() {
    let server = TestServer::start(Engine::Sqlite).await;
    let count = server.import_book().await.len();
    let mut officer = Browser::sign_in(&server, "security officer");
    let book = officer.open(BOOK);
    assert_eq!(book.body.matches("<th scope=\"row\">").count(), count, "all on one page");
    assert!(!book.body.contains("/integration/methods/import"), "a viewer imports nothing");
    let found = officer.open(&format!("{BOOK}?text=orders%2Fstatuses"));
    assert!((1..count).contains(&found.body.matches("<th scope=\"row\">").count()));
    assert!(officer.open(&format!("{BOOK}?text=nowhere")).text().contains("No methods match."));
    let page = officer.open(&format!("/integration/method?method={}", encode("GET /api/v*/orders/statuses")));
    assert_eq!(page.tags("form").filter(|tag| tag.contains("method=\"post\"")).count(), 1, "signing out alone");
    let _ = officer.get("/integration/method?method=nonsense").assert_status(404);
    let _ = officer.get("/integration/method").assert_status(404);
}

#[tokio::test]
async fn a_method_is_added_changed_and_retired() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let form = manager.open("/integration/methods/new");
    let csrf = form.field("csrf");
    let again = manager
        .submit("/integration/methods/new", &[("csrf", &*csrf), ("method", "get orders"), ("position", "first")])
        .assert_status(422);
    assert!(again.body.contains("id=\"position-error\"") && again.field("method") == "get orders");
    let fields = [
        ("csrf", &*csrf),
        ("method", "GET /api/v*/orders/{externalId}"),
        ("block", "Orders"),
        ("summary", "One order"),
        ("store_use", "optional"),
        ("store_places", "query:site\r\n"),
    ];
    let done = manager.submit("/integration/methods/new", &fields).assert_status(303);
    let page = manager.follow(&done).assert_status(200);
    assert!(page.text().contains("Method added to the reference book"));
    let made =
        server.create_key(key("one", Selection::All, Selection::Only(&["GET /api/v*/orders/{externalId}"]))).await;
    assert!(server.authorize(&made.token, "GET /api/v5/orders/7", "").await.allowed);

    let mut changed = page.fields(&["csrf", "etag", "method", "position"]);
    changed.extend([
        ("block", "Orders".to_owned()),
        ("summary", "One order, by its id".to_owned()),
        ("store_use", "required".to_owned()),
    ]);
    let done = manager.submit("/integration/method", &changed).assert_status(303);
    let page = manager.follow(&done).assert_status(200);
    let method = &methods(&server).await[0];
    assert_eq!((&*method.summary, method.store_use()), ("One order, by its id", proto::StoreUse::Required));
    let stale = manager.submit("/integration/method", &changed).assert_status(409);
    assert!(stale.text().contains("Someone else changed this"));

    let retire = "/integration/method/retire";
    let mut fields = page.fields(&["csrf", "etag", "method"]);
    let _ = manager.submit(retire, &fields).assert_status(422);
    fields.push(("sure", "yes".to_owned()));
    let done = manager.submit(retire, &fields).assert_status(303);
    assert!(manager.follow(&done).text().contains("Method retired"));
    assert!(!server.authorize(&made.token, "GET /api/v5/orders/7", "").await.allowed);
}
