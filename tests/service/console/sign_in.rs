//! Signing in: only with a token, only from our own page, into a session that is created at that moment.

use crate::console::browser::{Browser, encode};
use helpers::test_server::{Engine, TestServer};

const KEYS: &str = "/integration/keys";

#[tokio::test]
async fn who_is_not_signed_in_signs_in_and_goes_on_where_they_wanted_to() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut browser = Browser::signed_out(&server);
    let wanted = format!("{KEYS}?activity=on&text=a%26b");
    let sent = browser.get(&wanted).assert_status(303);
    assert_eq!(sent.header("location"), format!("/sign-in?next={}", encode_query(&wanted)));
    let form = browser.follow(&sent).assert_status(200);
    let next = form.field("next");
    assert_eq!(next, wanted);
    let done = browser
        .submit("/sign-in", &[("token", server.token_of("security officer")), ("next", &next)])
        .assert_status(303);
    assert_eq!(done.header("location"), wanted);
    let cookie = done.header("set-cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(browser.open(&wanted).text().contains("security officer"));
}

fn encode_query(text: &str) -> String {
    // As HTML forms encode: unreserved characters stay.
    encode(text).replace("%2E", ".").replace("%2D", "-").replace("%5F", "_").replace("%2A", "*")
}

#[tokio::test]
async fn nothing_but_the_token_of_somebody_with_pages_signs_in() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut browser = Browser::signed_out(&server);
    let wrong = browser.submit("/sign-in", &[("token", format!("lko_{}", "a".repeat(49)))]).assert_status(422);
    assert!(wrong.text().contains("mistyped, expired or revoked"));
    let empty = browser.submit("/sign-in", &[("token", "")]).assert_status(422);
    assert_eq!(empty.header("set-cookie"), "");
    let authorizer = browser.submit("/sign-in", &[("token", server.token_of("order api"))]).assert_status(403);
    assert!(authorizer.text().contains("has no access to the console"));
    assert_eq!(browser.cookie(), None);
    let trail = server.changes().await;
    assert!(trail.iter().all(|change| change.action != "sign_in"), "who does not get in writes nothing");
}

/// Kind 14: a client that tries wrong tokens is slowed down, and locks out no other client at the same address.
#[tokio::test]
async fn locked_out_by_others() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut browser = Browser::signed_out(&server);
    let wrong = || format!("lko_{}", "x".repeat(49));
    for _ in 0..10 {
        let _ = browser.submit("/sign-in", &[("token", wrong())]).assert_status(422);
    }
    for _ in 0..30 {
        let refused = browser.submit("/sign-in", &[("token", wrong())]).assert_status(429);
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=61).contains(&wait), "{wait}");
    }
    // A valid token always works, and so does one that was created a moment ago.
    let _ = browser.submit("/sign-in", &[("token", server.token_of("security officer"))]).assert_status(303);
    let lines = server.process.stderr().matches("console sign-in refused").count();
    let lines = lines + server.process.stdout().matches("console sign-in refused").count();
    assert_eq!(lines, 10, "and the log is not filled either");
}

#[tokio::test]
async fn a_session_that_was_planted_is_never_the_one_that_is_used() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut attacker = Browser::sign_in(&server, "security officer");
    let planted = attacker.cookie().expect("a session").to_owned();
    for cookie in [planted.clone(), format!("latchkey={}", "ab".repeat(32))] {
        let mut victim = Browser::signed_out(&server);
        victim.set_cookie(&cookie);
        let _ = victim.submit("/sign-in", &[("token", server.token_of("integration manager"))]).assert_status(303);
        assert_ne!(victim.cookie(), Some(&*cookie), "a session of its own");
        assert!(victim.open(KEYS).text().contains("integration manager"));
    }
    let out = attacker.get(KEYS).assert_status(303);
    assert_eq!(out.header("location"), "/sign-in?why=unknown&next=%2Fintegration%2Fkeys", "the planted one has ended");
}

#[tokio::test]
async fn another_site_signs_nobody_in_or_out() {
    let server = TestServer::start(Engine::Sqlite).await;
    let token = server.token_of("security officer");
    let mut browser = Browser::signed_out(&server);
    for headers in [
        &[("origin", "http://evil.test")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[],
    ] {
        let refused = browser.post("/sign-in", &[("token", token)], headers).assert_status(403);
        assert_eq!(refused.header("set-cookie"), "", "{headers:?}");
    }
    let mut officer = Browser::sign_in(&server, "security officer");
    let csrf = officer.open(KEYS).field("csrf");
    let _ = officer.post("/sign-out", &[("csrf", &csrf)], &[("origin", "http://evil.test")]).assert_status(403);
    let _ = officer.submit("/sign-out", &[("csrf", "")]).assert_status(403);
    let _ = officer.open(KEYS);
}

#[tokio::test]
async fn next_leads_to_no_other_site() {
    let server = TestServer::start(Engine::Sqlite).await;
    let token = server.token_of("security officer");
    for next in ["//evil.test/", "https://evil.test/", "/\\evil.test", "\r\nset-cookie: a=b"] {
        let mut browser = Browser::signed_out(&server);
        let done = browser.submit("/sign-in", &[("token", token), ("next", next)]).assert_status(303);
        assert_eq!(done.header("location"), KEYS, "{next}");
    }
}
