//! Oversight › Audit trail and Replicas.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, Page, encode};
use helpers::support::eventually;
use helpers::support::postgres::query;
use helpers::support::process::LatchkeyProcess;
use helpers::test_server::{Engine, Selection, TestServer, key};

const AUDIT: &str = "/oversight/audit";

fn entries(page: &Page) -> usize {
    page.body.matches("<li><p><time").count()
}

#[tokio::test]
async fn the_trail_tells_who_when_what_before_after_and_why() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin"]).await;
    let made = server.create_key(key("cpa <i>", Selection::Only(&["berlin"]), Selection::All)).await;
    let changed = proto::Key { owner: "partners".into(), ..made.key.clone() };
    let request = proto::UpdateKeyRequest {
        key: Some(proto::Key { etag: String::new(), ..changed }),
        update_mask: helpers::test_server::mask(&["owner"]),
        options: helpers::test_server::with_comment("asked by mail"),
    };
    server.manager.keys().update_key(request).await.expect("a key is changed");
    let mut officer = Browser::sign_in(&server, "security officer");
    let all = officer.open(AUDIT);
    let text = all.text();
    for told in ["integration manager", "cpa <i>", "asked by mail", "Owner", "now partners", "Signed in", "system"] {
        assert!(text.contains(told), "{told}: {text}");
    }
    assert!(!all.body.contains("<i>"), "markup is text");
    assert!(!all.body.contains("/oversight/operators"), "a viewer gets no link that would fail");

    let all = entries(&all);
    let one = format!("kind=key&subject={}", made.key.id);
    for (query, count) in [
        (one.as_str(), 2),
        ("kind=store", 1),
        ("actor=integration+manager", 3),
        ("actor=integration+manager&kind=key", 2),
        ("until=2020-01-01", 0),
        ("from=2020-01-01&until=2099-12-31", all),
    ] {
        assert_eq!(entries(&officer.open(&format!("{AUDIT}?{query}"))), count, "{query}");
    }
    assert!(officer.open(&format!("{AUDIT}?kind=method")).text().contains("No changes match."));
    for (query, field) in [
        ("subject=x", "subject"),
        ("actor=nobody", "actor"),
        ("actor=op_x", "actor"),
        ("from=soon", "from"),
        ("kind=thing", "kind"),
    ] {
        let wrong = officer.get(&format!("{AUDIT}?{query}")).assert_status(422);
        assert!(wrong.body.contains(&format!("id=\"{field}-error\"")), "{query}");
    }
    let links = officer.open(&format!("/integration/keys/{}", made.key.id));
    assert!(links.text().contains("asked by mail"), "the page of the key has its history");
}

#[tokio::test]
async fn the_trail_is_paged_without_gap_or_double() {
    let server = TestServer::start(Engine::Sqlite).await;
    for number in 0..60 {
        server.create_key(key(&format!("key {number:02}"), Selection::All, Selection::All)).await;
    }
    let mut officer = Browser::sign_in(&server, "security officer");
    let (mut seen, mut path) = (Vec::new(), Some(format!("{AUDIT}?kind=key")));
    while let Some(at) = path {
        let page = officer.open(&at);
        let names = page.body.split("<bdi>key ").skip(1).map(|rest| rest[..2].to_owned());
        seen.extend(names);
        let next = page.tags("a").find(|tag| tag.contains("rel=\"next\"")).map(str::to_owned);
        path = next.map(|tag| {
            crate::console::browser::unescape(
                tag.split_once("href=\"").expect("an address").1.split_once('"').expect("its end").0,
            )
        });
    }
    let expected: Vec<_> = (0..60).rev().map(|number| format!("{number:02}")).collect();
    assert_eq!(seen, expected);
    let _ = officer.get(&format!("{AUDIT}?page=abc")).assert_status(400);
}

#[tokio::test]
async fn a_replica_tells_how_far_it_has_come() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut officer = Browser::sign_in(&server, "security officer");
    let head = server.latest_revision().await;
    // Signing in was a change; the replica reports shortly after that it has applied it.
    let text = eventually("the replica is up to date", Duration::from_secs(20), || {
        Some(officer.open("/oversight/replicas").text()).filter(|text| text.contains("up to date"))
    });
    for told in ["Live", "this page", env!("CARGO_PKG_VERSION"), &head.to_string()] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[tokio::test]
async fn a_replica_that_fell_silent_and_a_list_without_any_say_so() {
    let builder = || LatchkeyProcess::builder().env("LATCHKEY_MAX_STALENESS", "5s");
    let server = TestServer::start_with(Engine::Postgres, builder()).await;
    let database = server.database.as_ref().expect("a database").url().to_owned();
    let mut other = builder().database(&database).start();
    let mut officer = Browser::sign_in(&server, "security officer");
    let mut replicas = |what: &str, told: &dyn Fn(&str) -> bool| {
        eventually(what, Duration::from_secs(30), || {
            Some(officer.open("/oversight/replicas").text()).filter(|text| told(text))
        })
    };
    let rows = |text: &str, state: &str| text.matches(&format!(" {state} ")).count();
    replicas("both are live", &|text| rows(text, "Live") == 2 && rows(text, "Unresponsive") == 0);
    other.kill9();
    replicas("the other has fallen silent", &|text| rows(text, "Live") == 1 && rows(text, "Unresponsive") == 1);
    server.create_stores(&["berlin"]).await;
    replicas("it is behind", &|text| {
        // By how much depends on its last report before it was killed.
        rows(text, "Unresponsive") == 1 && text.contains(" behind") && rows(text, "up to date") == 1
    });
    eventually("nobody has reported", Duration::from_secs(30), || {
        query(&database, "DELETE FROM replicas").expect("rows are deleted");
        officer.open("/oversight/replicas").text().contains("No replica has reported yet.").then_some(())
    });
    eventually("the server reports again", Duration::from_secs(30), || {
        officer.open("/oversight/replicas").text().contains("Live").then_some(())
    });
}

#[tokio::test]
async fn a_token_leads_to_its_key_even_a_revoked_or_deleted_one() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("cpa", Selection::All, Selection::All)).await;
    let mut officer = Browser::sign_in(&server, "security officer");
    let path = "/integration/find";
    let csrf = officer.open(path).field("csrf");
    let mut find =
        |token: &str, status| officer.submit(path, &[("csrf", &*csrf), ("token", token)]).assert_status(status);
    let live = find(&format!("  {} ", &*made.token), 200);
    assert!(live.text().contains("The token is valid.") && live.text().contains("cpa"));
    server.revoke_key(&made.key.id, "left us").await;
    let revoked = find(&made.token, 200);
    assert!(revoked.text().contains("The key is revoked.") && revoked.text().contains("The token is no longer valid."));
    server.delete_key(&made.key.id).await;
    let deleted = find(&made.token, 200);
    assert!(deleted.text().contains("The key is deleted.") && !deleted.body.contains("/integration/keys/key_"));
    let unknown = find(&"u".repeat(40), 422);
    assert!(unknown.text().contains("No key has this token, and none ever had it."));
    let short = find("short", 422);
    for page in [live, revoked, deleted, unknown, short] {
        assert!(!page.body.contains(&*made.token), "a token stands in no page");
        assert_eq!(page.header("cache-control"), "no-store");
    }
    for log in [server.process.stdout(), server.process.stderr()] {
        assert!(!log.contains(&*made.token), "a token stands in no log");
    }
    // Not in an address either: a token in a query is ignored.
    let page = officer.open(&format!("{path}?token={}", encode("t".repeat(40).as_str())));
    assert!(!page.text().contains("The token belongs to") && !page.text().contains("No key has this token"));
}
