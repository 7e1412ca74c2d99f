//! With JavaScript switched off, the list, filters, adding and editing still work.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::browser::chromium::Chromium;
use helpers::support::eventually_async;
use helpers::test_server::{DecisionAssertions as _, Engine, Selection, TestServer, key};

/// How long a page may take on a busy machine.
const RECOVERY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_keys_are_listed_filtered_added_and_changed() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.import_book().await;
    server.create_stores(&["berlin", "madrid"]).await;
    server.create_key(key("multi-site", Selection::All, Selection::All)).await;
    let chromium = Chromium::start();
    let tab = chromium.open(&server, false).await;
    tab.sign_in(&server, "integration manager").await;
    tab.wait_for_text("multi-site").await;
    assert_eq!(tab.all("html.js").await.len(), 0, "no script runs");

    tab.follow("Add").await;
    let token = tab.value("#token").await;
    tab.type_into("#name", "berlin module").await;
    tab.click("[name=store_access][value=selected]").await;
    tab.click("[name=stores][value=berlin]").await;
    tab.click("[name=method_access][value=selected]").await;
    // Blocks fold without scripts.
    let open = "fieldset:has(> details [value='GET /api/v*/orders/statuses'])";
    tab.click(&format!("{open} summary")).await;
    tab.click("[value='GET /api/v*/orders/statuses']").await;
    tab.press("Show what it can do").await;
    tab.wait_for_text("This key can call GET /api/v*/orders/statuses on Store berlin.").await;
    assert_eq!(tab.value("#token").await, token, "nothing typed is lost");
    tab.press("Save").await;
    tab.wait_for_text("Key saved").await;
    let _ = server.authorize(&token, "GET /api/v5/orders/statuses", "berlin").await.must_allow();
    let _ = server.authorize(&token, "GET /api/v5/orders", "berlin").await.must_refuse(proto::Reason::MethodDenied);

    tab.follow("API access keys").await;
    tab.select("#access", "selected").await;
    tab.press("Filter").await;
    let screen = tab.text("table").await;
    assert!(screen.contains("berlin module") && !screen.contains("multi-site"), "{screen}");
    tab.follow("berlin module").await;
    tab.follow("Edit").await;
    tab.type_into("#name", "madrid module").await;
    tab.click("[name=stores][value=berlin]").await;
    tab.click("[name=stores][value=madrid]").await;
    tab.press("Save").await;
    // Once the call above is counted, which happens every few seconds, the console shows it before it takes the store away.
    let shown_first = eventually_async("it is saved, or the calls are shown first", RECOVERY, async || {
        let screen = tab.screen().await;
        (screen.contains("Saved.") || screen.contains("Save anyway")).then(|| screen.contains("Save anyway"))
    })
    .await;
    if shown_first {
        tab.press("Save anyway").await;
    }
    tab.wait_for_text("madrid module").await;
    tab.wait_for_text("Saved.").await;
    let _ = server.authorize(&token, "GET /api/v5/orders/statuses", "madrid").await.must_allow();
    let _ =
        server.authorize(&token, "GET /api/v5/orders/statuses", "berlin").await.must_refuse(proto::Reason::StoreDenied);
    // Switching is a form, too.
    tab.click(".switch").await;
    tab.wait_for_text("Off").await;
    assert!(!server.authorize(&token, "GET /api/v5/orders/statuses", "madrid").await.allowed);
    tab.close().await;
}
