//! The tasks of the integration manager, row by row, by clicks and keys.

use std::time::Duration;

use fantoccini::key::Key;
use latchkey::proto::v1 as proto;
use serde_json::Value;

use crate::browser::chromium::Chromium;
use crate::browser::tab::Tab;
use helpers::support::eventually_async;
use helpers::test_server::{DecisionAssertions as _, Engine, Selection, TestServer, key};

const KEYS: &str = "/integration/keys";

/// Returns the names in the list, in order.
async fn names(tab: &Tab) -> Vec<String> {
    let mut names = Vec::new();
    for link in tab.all("tbody th a").await {
        names.push(link.text().await.expect("a name"));
    }
    names
}

/// Returns the selector of a group of the key form, by its title.
async fn group(tab: &Tab, part: &str, title: &str) -> String {
    let all = format!("[...document.querySelectorAll('[data-access={part}] [data-group]')]");
    let place =
        tab.eval(&format!("{all}.findIndex((g) => g.querySelector('.group-head').textContent === {title:?})")).await;
    let place = place.as_i64().filter(|place| *place >= 0).unwrap_or_else(|| panic!("no {title}"));
    format!("[data-access={part}] .groups > :nth-child({})", place + 1)
}

/// Returns how many boxes of a group are ticked, how many it has, and whether its title is ticked and half ticked.
async fn ticked(tab: &Tab, group: &str) -> (u64, u64, bool, bool) {
    let boxes = format!("document.querySelectorAll('{group} .group-members input')");
    let number = async |of: String| tab.eval(&of).await.as_u64().expect("a number");
    let title = format!("{group} [data-whole]");
    let chosen = number(format!("[...{boxes}].filter((box) => box.checked).length")).await;
    (
        chosen,
        number(format!("{boxes}.length")).await,
        tab.is(&title, "checked").await,
        tab.is(&title, "indeterminate").await,
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn m01_m02_m03_stores_are_connected_and_the_list_filters_survives_reload_and_back() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.import_book().await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.sign_in(&server, "integration manager").await;
    tab.wait_for_text("There are no keys yet.").await;

    // M1: an online store by hand; a site and a landing page already exist.
    server.create_store("landing", proto::StoreKind::LandingPage, "tilda").await;
    server.create_store("site", proto::StoreKind::Site, "").await;
    tab.follow("Stores").await;
    tab.follow("Add").await;
    tab.type_into("#code", "berlin").await;
    tab.type_into("#name", "Berlin").await;
    tab.select("#kind", "online_store").await;
    tab.type_into("#platform", "opencart").await;
    tab.type_into("#hosts", "berlin.example").await;
    tab.press("Add store").await;
    tab.wait_for_text("Store added.").await;

    // M2 and M3.
    let berlin = server.create_key(key("berlin module", Selection::Only(&["berlin"]), Selection::All)).await;
    server.create_key(key("landing page", Selection::Only(&["landing"]), Selection::All)).await;
    server.create_key(key("multi-site", Selection::All, Selection::All)).await;
    let old = server.create_key(key("old partner", Selection::Only(&["site"]), Selection::All)).await;
    server.revoke_key(&old.key.id, "left us").await;
    tab.follow("API access keys").await;
    assert_eq!(names(&tab).await, ["old partner", "multi-site", "landing page", "berlin module"]);
    tab.type_into("#store", "berlin").await;
    tab.press("Filter").await;
    tab.wait_until("location.search === '?store=berlin'").await;
    assert_eq!(names(&tab).await, ["multi-site", "berlin module"], "ALL opens it, too");
    tab.select("#access", "selected").await;
    tab.wait_until("location.search.includes('access=selected')").await;
    assert_eq!(names(&tab).await, ["berlin module"]);
    tab.reload().await;
    assert_eq!(
        (names(&tab).await.len(), tab.value("#store").await.as_str()),
        (1, "berlin"),
        "filters survive a reload"
    );
    tab.back().await;
    tab.wait_until("location.search === '?store=berlin'").await;
    assert_eq!(names(&tab).await, ["multi-site", "berlin module"], "and Back");
    assert_eq!((tab.value("#access").await, tab.value("#store").await), (String::new(), "berlin".to_owned()));
    tab.select("#activity", "revoked").await;
    tab.wait_until("location.search.includes('activity=revoked')").await;
    tab.wait_for_text("No keys match.").await;

    // Activity is switched in place, and the next decision follows it.
    tab.goto(KEYS).await;
    let switch = format!("[id='{}'] .switch", berlin.key.id);
    tab.click(&switch).await;
    tab.wait_until(&format!("document.querySelector({switch:?}).ariaChecked === 'false'")).await;
    assert_eq!(tab.path().await, KEYS, "the list stays where it is");
    let _ =
        server.authorize(&berlin.token, "GET /api/v5/orders", "berlin").await.must_refuse(proto::Reason::KeyInactive);
    tab.click(&switch).await;
    tab.wait_until(&format!("document.querySelector({switch:?}).ariaChecked === 'true'")).await;
    let _ = server.authorize(&berlin.token, "GET /api/v5/orders", "berlin").await.must_allow();
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m04_m05_m06_m09_a_key_is_added_by_clicks_and_opens_what_the_screen_says() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.import_book().await;
    server.create_stores(&["berlin", "madrid", "rome"]).await;
    server.create_store("landing", proto::StoreKind::LandingPage, "tilda").await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.sign_in(&server, "integration manager").await;

    // M4: the form already has a token, and neither radio button is preselected.
    tab.follow("Add").await;
    let token = tab.value("#token").await;
    assert!(token.len() >= 32, "at least 32 characters");
    assert_eq!(tab.eval("document.querySelectorAll('input[type=radio]:checked').length").await, 0);
    tab.wait_for_text("Becomes active when you save").await;
    tab.type_into("#name", "opencart module").await;

    // A save that fails loses nothing.
    tab.press("Save").await;
    tab.wait_for_text("Choose one of the two options.").await;
    assert_eq!((tab.value("#token").await, tab.value("#name").await), (token.clone(), "opencart module".to_owned()));

    // M6: all stores of a platform with one click.
    assert!(!tab.find("[data-access=store] .members").await.is_displayed().await.expect("seen or not"));
    tab.click("[name=store_access][value=selected]").await;
    let platform = group(&tab, "store", "opencart").await;
    tab.click(&format!("{platform} .group-head")).await;
    assert_eq!(ticked(&tab, &platform).await, (3, 3, true, false));
    let other = group(&tab, "store", "tilda").await;
    assert_eq!(ticked(&tab, &other).await, (0, 1, false, false));

    // M9: the three states of a block's title.
    tab.click("[name=method_access][value=selected]").await;
    let block = group(&tab, "method", "Orders").await;
    let (_, all, ..) = ticked(&tab, &block).await;
    tab.click(&format!("{block} .group-head span")).await;
    assert_eq!(
        ticked(&tab, &block).await,
        (all, all, true, false),
        "a click on the title checks select the whole block"
    );
    tab.click(&format!("{block} summary")).await;
    tab.click(&format!("{block} .group-members label")).await;
    assert_eq!(ticked(&tab, &block).await, (all - 1, all, false, true), "a part of it is told as a part");
    tab.click(&format!("{block} .group-head span")).await;
    assert_eq!(ticked(&tab, &block).await, (all, all, true, false));
    tab.click(&format!("{block} .group-head span")).await;
    assert_eq!(ticked(&tab, &block).await, (0, all, false, false), "another click unchecks select the whole block");
    // Boxes hidden by the search are not ticked.
    tab.type_into("[data-access=method] [data-search]", "/api/v*/orders/statuses").await;
    tab.click(&format!("{block} .group-head span")).await;
    let (some, ..) = ticked(&tab, &block).await;
    assert!((1..all).contains(&some), "{some} of {all}");
    let reach = tab.text("#reach").await;
    assert!(reach.contains("/api/v*/orders/statuses") && reach.contains("Store berlin"), "{reach}");
    tab.press("Save").await;

    // Shown one more time, and never again.
    tab.wait_for_text("Key saved").await;
    assert_eq!(tab.value("#token").await, token);
    let statuses = "GET /api/v5/orders/statuses";
    let _ = server.authorize(&token, statuses, "rome").await.must_allow();
    let _ = server.authorize(&token, statuses, "landing").await.must_refuse(proto::Reason::StoreDenied);
    let _ =
        server.authorize(&token, "POST /api/v5/orders/create", "rome").await.must_refuse(proto::Reason::MethodDenied);
    tab.follow("View key").await;
    tab.wait_for_text("opencart module").await;
    assert!(!tab.source().await.contains(&token), "the page of the key has no token");

    // M5: everything, including what is added later.
    tab.goto("/integration/keys/new").await;
    let token = tab.value("#token").await;
    tab.type_into("#name", "multi-site module").await;
    tab.click("[name=store_access][value=all]").await;
    tab.click("[name=method_access][value=all]").await;
    assert_eq!(
        tab.text("#reach").await,
        "This key can call all methods, including methods added later on all stores, including stores added later."
    );
    tab.press("Save").await;
    tab.wait_for_text("Key saved").await;
    server.create_store("later", proto::StoreKind::OnlineStore, "bitrix").await;
    let _ = server.authorize(&token, "POST /api/v5/orders/create", "later").await.must_allow();
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_the_key_of_a_cpa_network_is_made_by_the_keyboard_alone() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.import_book().await;
    server.create_stores(&["berlin"]).await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.goto("/sign-in").await;
    tab.keys(server.token_of("integration manager")).await;
    tab.keys(&Key::Enter).await;
    tab.wait_for_text("There are no keys yet.").await;
    tab.tab_to(".actions a.primary").await;
    tab.keys(&Key::Enter).await;
    tab.wait_for_text("Add an API access key").await;
    tab.tab_to("#name").await;
    tab.keys("CPA network").await;
    tab.tab_to("[name=store_access]").await;
    tab.keys(&Key::Space).await;
    assert!(tab.is("[name=store_access][value=all]", "checked").await);
    tab.tab_to("[name=method_access]").await;
    tab.keys(&Key::Down).await;
    assert!(tab.is("[name=method_access][value=selected]", "checked").await);
    tab.tab_to("[data-access=method] [data-search]").await;
    tab.keys("get /api/v*/orders/statuses").await;
    tab.tab_to("[name=methods][value='GET /api/v*/orders/statuses']").await;
    tab.keys(&Key::Space).await;
    assert_eq!(
        tab.text("#reach").await,
        "This key can call GET /api/v*/orders/statuses on all stores, including stores added later."
    );
    let token = tab.value("#token").await;
    tab.tab_to("button.primary").await;
    tab.keys(&Key::Enter).await;
    tab.wait_for_text("Key saved").await;
    for version in ["v3", "v4", "v5"] {
        let _ = server.authorize(&token, &format!("GET /api/{version}/orders/statuses"), "berlin").await.must_allow();
    }
    for other in ["GET /api/v5/orders", "GET /api/v5/orders/7", "POST /api/v5/orders/statuses", "GET /api/v5/customers"]
    {
        assert!(!server.authorize(&token, other, "berlin").await.allowed, "{other}");
    }
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_access_away_shows_first_what_it_would_have_refused() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.import_book().await;
    server.create_stores(&["shop-de", "shop-at"]).await;
    let made = server.create_key(key("partner", Selection::Only(&["shop-de", "shop-at"]), Selection::All)).await;
    for _ in 0..7 {
        let _ = server.authorize(&made.token, "POST /api/v5/orders/create", "shop-de").await.must_allow();
    }
    // Counts are written to storage in batches, some seconds apart.
    eventually_async("the calls are counted", Duration::from_secs(60), async || {
        let request = proto::GetKeyUsageRequest { key_id: made.key.id.clone(), ..Default::default() };
        let usage = server.officer.usage().get_key_usage(request).await.ok()?.into_inner();
        (usage.counts.iter().map(|count| count.calls).sum::<i64>() == 7).then_some(())
    })
    .await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.sign_in(&server, "integration manager").await;
    tab.goto(&format!("{KEYS}/{}/edit", made.key.id)).await;
    tab.click("[name=stores][value=shop-de]").await;
    tab.press("Save").await;
    tab.wait_for_text("This removes access.").await;
    let notice = tab.text(".notice.warn").await;
    assert!(notice.contains("POST /api/v*/orders/create on shop-de: 7 calls"), "{notice}");
    let _ = server.authorize(&made.token, "POST /api/v5/orders/create", "shop-de").await.must_allow();
    tab.press("Save anyway").await;
    tab.wait_for_text("Saved.").await;
    let _ = server
        .authorize(&made.token, "POST /api/v5/orders/create", "shop-de")
        .await
        .must_refuse(proto::Reason::StoreDenied);
    // Times are shown in the reader's time zone, and exactly on hover.
    let hint = tab.eval("document.querySelector('time').title").await;
    assert!(matches!(&hint, Value::String(text) if text.contains("GMT") && text.contains("Z")), "{hint}");
    tab.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn times_are_told_in_the_zone_of_the_reader_and_exactly_in_the_hint() {
    let server = TestServer::start(Engine::Sqlite).await;
    // 2100-01-01 00:00 in UTC.
    let ending = proto::Key {
        expire_time: Some(helpers::test_server::far_future()),
        ..key("partner", Selection::All, Selection::All)
    };
    server.create_key(ending).await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, true).await;
    tab.sign_in(&server, "integration manager").await;
    for (zone, local_time) in [("Asia/Tokyo", "2100-01-01 09:00"), ("America/New_York", "2099-12-31 19:00")] {
        tab.set_timezone(zone).await;
        tab.goto(KEYS).await;
        tab.wait_for_text(local_time).await;
        let hint = tab.eval("document.querySelector(\"time[datetime^='2100']\").title").await;
        assert!(hint.as_str().is_some_and(|hint| hint.contains("2100-01-01T00:00:00Z")), "{zone}: {hint}");
    }
    tab.follow("Add").await;
    tab.press("Copy").await;
    tab.wait_for_text("Copied").await;
    tab.close().await;
}
