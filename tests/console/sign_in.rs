//! Signing in: only with a token, only from our own page, into a session that is created at that moment.

use crate::visitor::{Visitor, encode};
use crate::world::{Engine, World};

const KEYS: &str = "/integration/keys";

#[tokio::test]
async fn who_is_not_signed_in_signs_in_and_goes_on_where_they_wanted_to() {
    let world = World::begin(Engine::Sqlite).await;
    let mut visitor = Visitor::stranger(&world);
    let wanted = format!("{KEYS}?activity=on&text=a%26b");
    let sent = visitor.get(&wanted).is(303);
    assert_eq!(sent.header("location"), format!("/sign-in?next={}", encode_query(&wanted)));
    let form = visitor.follow(&sent).is(200);
    let next = form.field("next");
    assert_eq!(next, wanted);
    let done = visitor.submit("/sign-in", &[("token", world.token_of("security officer")), ("next", &next)]).is(303);
    assert_eq!(done.header("location"), wanted);
    let cookie = done.header("set-cookie");
    assert!(cookie.ends_with("; Path=/; HttpOnly; SameSite=Strict"), "{cookie}");
    assert!(visitor.open(&wanted).text().contains("security officer"));
}

fn encode_query(text: &str) -> String {
    // As HTML forms encode: unreserved characters stay.
    encode(text).replace("%2E", ".").replace("%2D", "-").replace("%5F", "_").replace("%2A", "*")
}

#[tokio::test]
async fn nothing_but_the_token_of_somebody_with_pages_signs_in() {
    let world = World::begin(Engine::Sqlite).await;
    let mut visitor = Visitor::stranger(&world);
    let wrong = visitor.submit("/sign-in", &[("token", format!("lko_{}", "a".repeat(49)))]).is(422);
    assert!(wrong.text().contains("mistyped, expired or revoked"));
    let empty = visitor.submit("/sign-in", &[("token", "")]).is(422);
    assert_eq!(empty.header("set-cookie"), "");
    let authorizer = visitor.submit("/sign-in", &[("token", world.token_of("order api"))]).is(403);
    assert!(authorizer.text().contains("has no access to the console"));
    assert_eq!(visitor.cookie(), None);
    let trail = world.changes().await;
    assert!(trail.iter().all(|change| change.action != "sign_in"), "who does not get in writes nothing");
}

/// Kind 14: a client that tries wrong tokens is slowed down, and locks out no other client at the same address.
#[tokio::test]
async fn locked_out_by_others() {
    let world = World::begin(Engine::Sqlite).await;
    let mut visitor = Visitor::stranger(&world);
    let wrong = || format!("lko_{}", "x".repeat(49));
    for _ in 0..10 {
        let _ = visitor.submit("/sign-in", &[("token", wrong())]).is(422);
    }
    for _ in 0..30 {
        let refused = visitor.submit("/sign-in", &[("token", wrong())]).is(429);
        let wait: u64 = refused.header("retry-after").parse().expect("seconds");
        assert!((1..=61).contains(&wait), "{wait}");
    }
    // A valid token always works, and so does one that was created a moment ago.
    let _ = visitor.submit("/sign-in", &[("token", world.token_of("security officer"))]).is(303);
    let lines = world.server.stderr().matches("console sign-in refused").count();
    let lines = lines + world.server.stdout().matches("console sign-in refused").count();
    assert_eq!(lines, 10, "and the log is not filled either");
}

#[tokio::test]
async fn a_session_that_was_planted_is_never_the_one_that_is_used() {
    let world = World::begin(Engine::Sqlite).await;
    let mut attacker = Visitor::signed_in(&world, "security officer");
    let planted = attacker.cookie().expect("a session").to_owned();
    for cookie in [planted.clone(), format!("latchkey={}", "ab".repeat(32))] {
        let mut victim = Visitor::stranger(&world);
        victim.plant(&cookie);
        let _ = victim.submit("/sign-in", &[("token", world.token_of("integration manager"))]).is(303);
        assert_ne!(victim.cookie(), Some(&*cookie), "a session of its own");
        assert!(victim.open(KEYS).text().contains("integration manager"));
    }
    let out = attacker.get(KEYS).is(303);
    assert_eq!(out.header("location"), "/sign-in?why=unknown&next=%2Fintegration%2Fkeys", "the planted one has ended");
}

#[tokio::test]
async fn another_site_signs_nobody_in_or_out() {
    let world = World::begin(Engine::Sqlite).await;
    let token = world.token_of("security officer");
    let mut visitor = Visitor::stranger(&world);
    for headers in [
        &[("origin", "http://evil.test")][..],
        &[("origin", "null")],
        &[("sec-fetch-site", "cross-site")],
        &[("sec-fetch-site", "same-site")],
        &[],
    ] {
        let refused = visitor.post("/sign-in", &[("token", token)], headers).is(403);
        assert_eq!(refused.header("set-cookie"), "", "{headers:?}");
    }
    let mut officer = Visitor::signed_in(&world, "security officer");
    let csrf = officer.open(KEYS).field("csrf");
    let _ = officer.post("/sign-out", &[("csrf", &csrf)], &[("origin", "http://evil.test")]).is(403);
    let _ = officer.submit("/sign-out", &[("csrf", "")]).is(403);
    let _ = officer.open(KEYS);
}

#[tokio::test]
async fn next_leads_to_no_other_site() {
    let world = World::begin(Engine::Sqlite).await;
    let token = world.token_of("security officer");
    for next in ["//evil.test/", "https://evil.test/", "/\\evil.test", "\r\nset-cookie: a=b"] {
        let mut visitor = Visitor::stranger(&world);
        let done = visitor.submit("/sign-in", &[("token", token), ("next", next)]).is(303);
        assert_eq!(done.header("location"), KEYS, "{next}");
    }
}
