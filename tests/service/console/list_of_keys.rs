//! Integration › API access keys: the whole list, its filters in the address, its switch.

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, Page};
use helpers::test_server::{Engine, Selection, TestServer, key};

const KEYS: &str = "/integration/keys";

/// Returns the names in the list, in order.
fn names(page: &Page) -> Vec<String> {
    let rows = page.body.split("<th scope=\"row\">").skip(1);
    rows.map(|row| {
        crate::console::browser::unescape(
            row.split_once("dir=\"auto\">").expect("a name").1.split_once("</a>").expect("its end").0,
        )
    })
    .collect()
}

/// Returns the address of the next page, if there is one.
fn next_page(page: &Page) -> Option<String> {
    let tag = page.tags("a").find(|tag| tag.contains("rel=\"next\""))?;
    Some(crate::console::browser::unescape(tag.split_once("href=\"")?.1.split_once('"')?.0))
}

async fn some_keys(server: &TestServer) {
    server.create_stores(&["berlin", "madrid"]).await;
    server.import_book().await;
    let cpa = Selection::Only(&["GET /api/v*/orders/statuses"]);
    server.create_key(proto::Key { owner: "marketing".to_owned(), ..key("cpa", Selection::All, cpa) }).await;
    server.create_key(key("berlin module", Selection::Only(&["berlin"]), Selection::All)).await;
    server.create_key(key("both & <b>all</b>", Selection::Only(&["berlin", "madrid"]), Selection::All)).await;
    let old = server.create_key(key("old partner", Selection::Only(&["madrid"]), Selection::All)).await;
    server.revoke_key(&old.key.id, "left us").await;
}

#[tokio::test]
async fn the_whole_list_is_there_with_what_people_look_for() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut officer = Browser::sign_in(&server, "security officer");
    assert!(officer.open(KEYS).text().contains("There are no keys yet."));
    some_keys(&server).await;
    let page = officer.open(KEYS);
    assert_eq!(names(&page), ["old partner", "both & <b>all</b>", "berlin module", "cpa"]);
    assert!(!page.body.contains("<b>all</b>"), "markup is text");
    let text = page.text();
    for told in ["marketing", "All stores", "1 of 199", "All methods", "berlin madrid", "Revoked", "never"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!text.contains("Add"), "a viewer sees no button that would fail");
}

#[tokio::test]
async fn filters_live_in_the_address_and_narrow_together() {
    let server = TestServer::start(Engine::Sqlite).await;
    some_keys(&server).await;
    let mut officer = Browser::sign_in(&server, "security officer");
    for (query, expected) in [
        ("activity=on", &["both & <b>all</b>", "berlin module", "cpa"][..]),
        ("activity=revoked", &["old partner"]),
        ("access=all", &["cpa"]),
        ("store=berlin", &["both & <b>all</b>", "berlin module", "cpa"]),
        ("store=madrid&access=selected&activity=on", &["both & <b>all</b>"]),
        ("method=GET+%2Fapi%2Fv*%2Forders&activity=on", &["both & <b>all</b>", "berlin module"]),
        ("text=%3Cb%3E", &["both & <b>all</b>"]),
        ("owner=marketing&life=never", &["cpa"]),
        ("life=expired", &[]),
    ] {
        let page = officer.open(&format!("{KEYS}?{query}"));
        assert_eq!(names(&page), expected, "{query}");
    }
    let page = officer.open(&format!("{KEYS}?text=%22%3E&activity=off"));
    assert_eq!(page.field("text"), "\">", "what was asked stands in the fields");
    assert!(page.text().contains("No keys match."));
    let wrong = officer.get(&format!("{KEYS}?store=-&text={}", "x".repeat(201))).assert_status(422);
    assert_eq!(wrong.body.matches("aria-invalid=\"true\"").count(), 2, "each wrong filter is marked");
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_double() {
    let server = TestServer::start(Engine::Sqlite).await;
    for number in 0..120 {
        server.create_key(key(&format!("key {number:03}"), Selection::All, Selection::All)).await;
    }
    let mut officer = Browser::sign_in(&server, "security officer");
    let mut page = officer.open(&format!("{KEYS}?life=unused&access=all"));
    let mut seen = names(&page);
    while let Some(path) = next_page(&page) {
        page = officer.open(&path);
        seen.extend(names(&page));
    }
    let expected: Vec<_> = (0..120).rev().map(|number| format!("key {number:03}")).collect();
    assert_eq!(seen, expected);
    let cut = officer.get(&format!("{KEYS}?page=abc")).assert_status(400);
    assert!(cut.text().contains("Start again from the list"));
}

#[tokio::test]
async fn a_key_is_switched_in_place_and_the_next_question_feels_it() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("cpa", Selection::All, Selection::All)).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let page = manager.open(&format!("{KEYS}?access=all"));
    let fields = page.fields(&["csrf", "etag", "back", "active"]);
    let path = format!("{KEYS}/{}/active", made.key.id);
    let done = manager.submit(&path, &fields).assert_status(303);
    assert_eq!(done.header("location"), format!("{KEYS}?access=all#{}", made.key.id));
    assert!(manager.follow(&done).body.contains("aria-checked=\"false\""));
    let decision = server.authorize(&made.token, "GET /api/v5/orders", "").await;
    assert_eq!(decision.reason(), proto::Reason::KeyInactive);

    let again = manager.submit(&path, &fields).assert_status(409);
    assert!(again.text().contains("changed this key since the list was loaded"), "what was seen is what is switched");
}
