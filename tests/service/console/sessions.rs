//! Sessions: rows in storage, ended by signing out and by changes of the operator.

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, Page};
use helpers::test_server::{DecisionAssertions as _, Engine, TestServer, mask};

const KEYS: &str = "/integration/keys";

async fn a_session_ends_where_it_is_ended(server: &TestServer) {
    let mut officer = Browser::sign_in(server, "security officer");
    let mut copy = officer.clone();
    let csrf = officer.open(KEYS).field("csrf");
    let out = officer.submit("/sign-out", &[("csrf", &csrf)]).assert_status(303);
    assert_eq!(out.header("location"), "/sign-in");
    assert_eq!(officer.cookie(), None, "the browser forgets it");
    assert_eq!(copy.get(KEYS).assert_status(303).header("location"), "/sign-in?why=unknown&next=%2Fintegration%2Fkeys");

    let trail = server.changes().await;
    let told: Vec<_> =
        trail.iter().rev().take(2).rev().map(|c| (&*c.action, &*c.subject_kind, &*c.actor_name)).collect();
    assert_eq!(told, [("sign_in", "operator", "security officer"), ("sign_out", "operator", "security officer")]);
}

async fn who_is_revoked_or_changed_is_signed_out_and_told_why(server: &TestServer) {
    let (operator, token) = server.create_operator("temp", proto::Role::Editor, None).await;
    let mut temp = Browser::sign_in_with(server, &token);
    let _ = temp.open(KEYS);

    let changed = proto::Operator { role: proto::Role::Viewer.into(), ..operator.clone() };
    let changed = proto::Operator { etag: String::new(), ..changed };
    let request = proto::UpdateOperatorRequest { operator: Some(changed), update_mask: mask(&["role"]), options: None };
    server.admin.operators().update_operator(request).await.expect("a role is changed");
    let out = temp.get(KEYS).assert_status(303);
    assert!(
        temp.follow(&out).text().contains("your operator's name, role, token or expiry changed"),
        "{}",
        out.header("location")
    );

    let mut temp = Browser::sign_in_with(server, &token);
    let request = proto::RevokeOperatorRequest { id: operator.id, options: None };
    server.admin.operators().revoke_operator(request).await.expect("an operator is revoked");
    let out = temp.get(KEYS).assert_status(303);
    assert!(temp.follow(&out).text().contains("your operator was revoked"), "{}", out.header("location"));
    assert_eq!(temp.cookie(), None);
}

macro_rules! on_both_engines {
    ($($scenario:ident),+ $(,)?) => {$(
        mod $scenario {
            use helpers::test_server::{Engine, TestServer};

            #[tokio::test]
            async fn sqlite() {
                super::$scenario(&TestServer::start(Engine::Sqlite).await).await;
            }

            #[tokio::test]
            async fn postgres() {
                super::$scenario(&TestServer::start(Engine::Postgres).await).await;
            }
        }
    )+};
}

on_both_engines!(a_session_ends_where_it_is_ended, who_is_revoked_or_changed_is_signed_out_and_told_why);

#[tokio::test]
async fn a_form_that_comes_after_its_session_waits_for_the_next_one() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (operator, token) = server.create_operator("temp", proto::Role::Editor, None).await;
    let mut temp = Browser::sign_in_with(&server, &token);
    let form = temp.open("/integration/stores/new");
    let csrf = form.field("csrf");
    let typed = [
        ("csrf", &*csrf),
        ("code", "berlin"),
        ("name", "\"Berlin\" <b>&"),
        ("kind", "site"),
        ("hosts", "a.example\r\nb.example"),
    ];
    let changed = proto::Operator { role: proto::Role::Admin.into(), etag: String::new(), ..operator };
    let request = proto::UpdateOperatorRequest { operator: Some(changed), update_mask: mask(&["role"]), options: None };
    server.admin.operators().update_operator(request).await.expect("a role is changed");

    let mut other = temp.clone();
    let foreign = [&[("csrf", "x")][..], &typed[1..]].concat();
    let sent = other.submit("/integration/stores/new", &foreign).assert_status(303);
    assert!(sent.header("location").starts_with("/sign-in?why=changed"), "what is not ours is not kept");

    let waits = temp.submit("/integration/stores/new", &typed).assert_status(403);
    assert!(
        waits.text().contains("What you typed is kept")
            && waits.text().contains("your operator's name, role, token or expiry changed")
    );
    assert_eq!(temp.cookie(), None);
    let names = ["next", "again", "kept.code", "kept.name", "kept.kind", "kept.hosts"];
    let mut again: Vec<_> = waits.fields(&names);
    again.push(("token", "nonsense".to_owned()));
    let wrong = temp.submit("/sign-in", &again).assert_status(422);
    let mut again = wrong.fields(&names);
    again.push(("token", token.to_string()));
    let kept = temp.submit("/sign-in", &again).assert_status(200);
    assert!(temp.cookie().is_some() && kept.text().contains("What you typed is still here."));
    assert!(!kept.body.contains("<b>&"), "markup is text");
    let done = temp
        .submit(&kept.field_of_form("action"), &kept.fields(&["csrf", "code", "name", "kind", "hosts"]))
        .assert_status(303);
    assert!(temp.follow(&done).text().contains("\"Berlin\" <b>&"));
    // A pasted token is not kept until after the sign-in.
    let csrf = temp.open("/integration/find").field("csrf");
    let _ = temp.clone().submit("/sign-out", &[("csrf", &csrf)]).assert_status(303);
    let _ = temp.submit("/integration/find", &[("csrf", &*csrf), ("token", "t")]).assert_status(303);
}

#[tokio::test]
async fn the_token_of_a_new_key_waits_too_and_always_as_a_password() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (operator, token) = server.create_operator("temp", proto::Role::Editor, None).await;
    let mut temp = Browser::sign_in_with(&server, &token);
    // A browser saves form data with a tab to restore it after a crash, unless the form has a password field.
    let is_password = |page: &Page, name: &str| {
        let named = format!(" name=\"{name}\"");
        page.tags("input").all(|tag| !tag.contains(&named) || tag.contains(" type=\"password\""))
    };
    let form = temp.open("/integration/keys/new");
    assert!(is_password(&form, "token") && form.field("token") == form.field_by_id("token"));
    let mut typed = form.fields(&["csrf", "token"]);
    for (name, value) in [("name", "cpa"), ("store_access", "all"), ("method_access", "all")] {
        typed.push((name, value.to_owned()));
    }
    let changed = proto::Operator { role: proto::Role::Admin.into(), etag: String::new(), ..operator };
    let request = proto::UpdateOperatorRequest { operator: Some(changed), update_mask: mask(&["role"]), options: None };
    server.admin.operators().update_operator(request).await.expect("a role is changed");

    let waits = temp.submit("/integration/keys/new", &typed).assert_status(403);
    assert!(is_password(&waits, "kept.token"));
    let mut again =
        waits.fields(&["next", "again", "kept.token", "kept.name", "kept.store_access", "kept.method_access"]);
    again.push(("token", token.to_string()));
    let kept = temp.submit("/sign-in", &again).assert_status(200);
    assert!(is_password(&kept, "token"));
    let names = ["csrf", "token", "name", "store_access", "method_access"];
    let made = temp.submit(&kept.field_of_form("action"), &kept.fields(&names)).assert_status(200);
    assert_eq!(made.field_by_id("token"), form.field("token"), "it is the one that was shown first");
    let _ = server.authorize(&form.field("token"), "GET /a", "").await.must_allow();
}

#[tokio::test]
async fn what_is_stored_of_a_session_opens_nothing() {
    let server = TestServer::start(Engine::Sqlite).await;
    let officer = Browser::sign_in(&server, "security officer");
    let token = officer.cookie().and_then(|cookie| cookie.split_once('=')).expect("a session").1.to_owned();
    for entry in std::fs::read_dir(server.process.data()).expect("the data folder").flatten() {
        if entry.path().is_file() {
            let bytes = std::fs::read(entry.path()).expect("a file of the data folder");
            let found = bytes.windows(token.len()).any(|window| window == token.as_bytes());
            assert!(!found, "{} holds the token of a session", entry.path().display());
        }
    }
}
