//! The page of a key: its contents, rehearsed decisions, and its history.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, encode};
use helpers::support::eventually;
use helpers::test_server::{DecisionAssertions as _, Engine, Selection, TestServer, key};

#[tokio::test]
async fn check_access_answers_what_a_call_would_be_answered() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin", "madrid"]).await;
    server.import_book().await;
    let methods = Selection::Only(&["GET /api/v*/orders/statuses"]);
    let made = server.create_key(key("cpa", Selection::Only(&["berlin"]), methods)).await;
    let before = server.get_key(&made.key.id).await.expect("it is there");
    let mut officer = Browser::sign_in(&server, "security officer");
    for (method, store) in [
        ("GET /api/v5/orders/statuses", "berlin"),
        ("GET /api/v5/orders/statuses", ""),
        ("GET /api/v5/orders/statuses", "madrid"),
        ("GET /api/v5/orders", "madrid"),
        ("GET /api/v5/orders/statuses/../create", "nowhere"),
        ("", ""),
    ] {
        let decision = server.authorize(&made.token, method, store).await;
        let query = format!("check_method={}&check_store={}&check_address=", encode(method), encode(store));
        let page = officer.open(&format!("/integration/keys/{}?{query}", made.key.id));
        let text = page.text();
        let verdict = if decision.allowed { "Allowed" } else { "Refused" };
        assert!(text.contains(verdict), "{method} {store}: {text}");
        for failed in decision.failed_checks() {
            let name = failed.as_str_name().trim_start_matches("REASON_");
            assert!(page.body.contains(&format!("<code>{name}</code>")), "{method} {store}: {name}");
        }
        assert_eq!(
            page.body.matches("<li><code>").count(),
            decision.failed_checks.len() + page.body.matches("<li><code>GET").count()
        );
    }
    let wrong = officer.open(&format!("/integration/keys/{}?check_method=GET+%2Fa&check_address=here", made.key.id));
    assert!(wrong.text().contains("Enter a valid IP address."));
    assert_eq!(before.row_fields(), server.get_key(&made.key.id).await.expect("it is there").row_fields());
}

/// Fields that a rehearsal must not change.
trait RowFields {
    fn row_fields(&self) -> (String, Option<prost_types::Timestamp>);
}

impl RowFields for latchkey::proto::v1::Key {
    fn row_fields(&self) -> (String, Option<prost_types::Timestamp>) {
        (self.etag.clone(), self.create_time)
    }
}

#[tokio::test]
async fn everything_that_was_typed_is_text_on_every_page() {
    let server = TestServer::start(Engine::Sqlite).await;
    let evil = "\"><img src=x onerror=alert(1)>'`{{7*7}}";
    let mut draft = key(&format!("{evil} مرحبا ✨"), Selection::All, Selection::All);
    draft.owner = evil.to_owned();
    draft.comment = format!("{evil}\n</textarea><script>alert(2)</script>");
    let made = server.create_key(draft).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let page = format!("/integration/keys/{}", made.key.id);
    for path in
        ["/integration/keys", &page, &format!("{page}/edit"), &format!("/integration/keys/new?from={}", made.key.id)]
    {
        let shown = manager.open(path);
        assert!(!shown.body.contains("<img") && !shown.body.contains("<script>"), "{path}");
        assert!(shown.body.contains("onerror"), "{path} shows it as text");
    }
    server.revoke_key(&made.key.id, evil).await;
    let shown = manager.open(&page);
    assert!(!shown.body.contains("<img") && shown.text().contains("{{7*7}}"));
}

#[tokio::test]
async fn what_is_not_there_is_said_so() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut officer = Browser::sign_in(&server, "security officer");
    for path in
        ["/integration/keys/nonsense", "/integration/keys/key_0198d4c7-3b5a-7c31-9a44-5e0f6a1b2c3d", "/nowhere", "/%00"]
    {
        let _ = officer.get(path).assert_status(404);
    }
}

#[tokio::test]
async fn a_key_tells_how_it_is_used() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin", "madrid"]).await;
    server.import_book().await;
    let (orders, statuses) = ("GET /api/v*/orders", "GET /api/v*/orders/statuses");
    let made = server
        .create_key(key("cpa", Selection::Only(&["berlin", "madrid"]), Selection::Only(&[orders, statuses])))
        .await;
    let page = format!("/integration/keys/{}", made.key.id);
    let mut officer = Browser::sign_in(&server, "security officer");
    let fresh = officer.open(&page);
    assert!(fresh.text().contains("No calls in the last") && fresh.tags("svg").count() == 0, "{}", fresh.text());
    for _ in 0..3 {
        let _ = server.authorize(&made.token, "GET /api/v5/orders/statuses", "berlin").await.must_allow();
    }
    let _ = server
        .authorize(&made.token, "POST /api/v5/orders/create", "berlin")
        .await
        .must_refuse(proto::Reason::MethodDenied);
    // Counts are written every few seconds.
    let used = eventually("the calls are counted", Duration::from_secs(60), || {
        Some(officer.open(&page)).filter(|page| page.tags("rect").count() == 2)
    });
    let today = used.body.split("<tr><th scope=\"row\">20").nth(1).expect("a row of the table beside the chart");
    let numbers: Vec<&str> =
        today.split("class=\"number\">").skip(1).take(2).filter_map(|rest| rest.split('<').next()).collect();
    assert_eq!(numbers, ["3", "1"], "allowed and refused, for those who cannot see the chart");
    let row = |name: &str| {
        let row = used.body.split("<tr>").find(|row| row.contains(&format!("<code class=\"quiet\">{name}</code>")));
        row.unwrap_or_else(|| panic!("no row of {name}")).to_owned()
    };
    assert!(row("berlin").contains(">20") && row("madrid").contains("not"), "each open store has its last use");
    let (_, lists) = used.body.split_once("Allowed, but not called in the last 90 days").expect("a list");
    let (unused, rest) = lists.split_once("</ul>").expect("its end");
    assert!(unused.contains(&format!("<code>{orders}</code>")) && !unused.contains("statuses"), "{unused}");
    assert!(rest.contains(&format!("<code>{statuses}</code>")));
}

#[tokio::test]
async fn a_duplicate_has_everything_of_the_key_but_its_token() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin", "madrid"]).await;
    server.import_book().await;
    let statuses = "GET /api/v*/orders/statuses";
    let mut draft = key("cpa", Selection::Only(&["berlin"]), Selection::Only(&[statuses]));
    draft.owner = "partners".to_owned();
    let made = server.create_key(draft).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let path = format!("/integration/keys/new?from={}", made.key.id);
    assert!(manager.open(&format!("/integration/keys/{}", made.key.id)).body.contains(&path), "the key offers it");
    let form = manager.open(&path);
    assert_eq!((form.field("name").as_str(), form.field("owner").as_str()), ("cpa", "partners"));
    assert_eq!((form.ticked("store_access"), form.ticked("stores")), (vec!["selected".into()], vec!["berlin".into()]));
    assert_eq!(
        (form.ticked("method_access"), form.ticked("methods")),
        (vec!["selected".into()], vec![statuses.into()])
    );
    assert!(form.field("token").len() >= 32 && form.field("token") != *made.token);
}
