//! With JavaScript switched off, the list, filters, adding and editing still work.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::chromium::Chromium;
use crate::support::eventually_async;
use crate::world::{Engine, Of, Verdict as _, World, key};

/// How long a page may take on a busy machine.
const RECOVERY: Duration = Duration::from_secs(30);

#[tokio::test(flavor = "multi_thread")]
async fn without_javascript_keys_are_listed_filtered_added_and_changed() {
    let world = World::begin(Engine::Sqlite).await;
    world.import_book().await;
    world.stores(&["berlin", "madrid"]).await;
    world.issue(key("multi-site", Of::All, Of::All)).await;
    let chromium = Chromium::start();
    let tab = chromium.open(&world, false).await;
    tab.sign_in(&world, "integration manager").await;
    tab.sees("multi-site").await;
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
    tab.sees("This key can call GET /api/v*/orders/statuses on Store berlin.").await;
    assert_eq!(tab.value("#token").await, token, "nothing typed is lost");
    tab.press("Save").await;
    tab.sees("Key saved").await;
    let _ = world.ask(&token, "GET /api/v5/orders/statuses", "berlin").await.must_allow();
    let _ = world.ask(&token, "GET /api/v5/orders", "berlin").await.must_refuse(proto::Reason::MethodDenied);

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
    tab.sees("madrid module").await;
    tab.sees("Saved.").await;
    let _ = world.ask(&token, "GET /api/v5/orders/statuses", "madrid").await.must_allow();
    let _ = world.ask(&token, "GET /api/v5/orders/statuses", "berlin").await.must_refuse(proto::Reason::StoreDenied);
    // Switching is a form, too.
    tab.click(".switch").await;
    tab.sees("Off").await;
    assert!(!world.ask(&token, "GET /api/v5/orders/statuses", "madrid").await.allowed);
    tab.close().await;
}
