//! Oversight › Operators: created with a token that is shown once, changed, ended; for admins only.

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, Page};
use helpers::test_server::{Engine, TestServer};

const OPERATORS: &str = "/oversight/operators";
const NEW: &str = "/oversight/operators/new";

async fn chief(server: &TestServer) -> (Browser, String) {
    let (operator, token) = server.create_operator("chief", proto::Role::Admin, None).await;
    (Browser::sign_in_with(server, &token), operator.id)
}

fn pairs<'a>(csrf: &'a str, rest: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("csrf", csrf)], rest].concat()
}

/// Returns the id of the operator with this name in the list.
fn id_of(page: &Page, name: &str) -> String {
    let (before, _) = page.body.split_once(&format!("dir=\"auto\">{name}</a>")).expect("it is listed");
    let start = before.rfind("/operators/").expect("a link") + "/operators/".len();
    before[start..].split('"').next().expect("its end").to_owned()
}

#[tokio::test]
async fn an_operator_is_made_with_a_token_that_is_shown_once() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (mut chief, _) = chief(&server).await;
    let csrf = chief.open(NEW).field("csrf");
    let again = chief.submit(NEW, &pairs(&csrf, &[("name", ""), ("expires", "soon")])).assert_status(422);
    assert!(again.body.contains("id=\"expires-error\"") && again.body.contains("value=\"soon\""));
    let again = chief.submit(NEW, &pairs(&csrf, &[("name", "")])).assert_status(422);
    assert!(again.body.contains("id=\"name-error\"") && again.body.contains("id=\"role-error\""));
    let fields = [("name", "<b>auditor</b>"), ("role", "viewer"), ("expires", "2099-01-01T00:00"), ("why", "audit")];
    let made = chief.submit(NEW, &pairs(&csrf, &fields)).assert_status(200);
    let token = made.field_by_id("token");
    assert!(token.starts_with("lko_") && !made.body.contains("<b>auditor"));
    let list = chief.open(OPERATORS);
    assert!(!list.body.contains(&token) && list.text().contains("<b>auditor</b>"));
    let mut auditor = Browser::sign_in_with(&server, &token);
    let _ = auditor.open("/oversight/audit");
    for log in [server.process.stdout(), server.process.stderr()] {
        assert!(!log.contains(&token), "the log has the token");
    }
}

#[tokio::test]
async fn a_role_is_changed_a_token_replaced_an_operator_revoked() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (mut chief, own) = chief(&server).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let list = chief.open(OPERATORS);
    let path = format!("{OPERATORS}/{}", id_of(&list, "integration manager"));
    let page = chief.open(&path);
    let mut fields = page.fields(&["csrf", "etag", "expires"]);
    fields.extend([("name", "integration manager".to_owned()), ("role", "viewer".to_owned())]);
    let done = chief.submit(&path, &fields).assert_status(303);
    assert!(chief.follow(&done).text().contains("Saved."));
    assert_eq!(
        manager.get("/integration/keys").assert_status(303).header("location").split('&').next(),
        Some("/sign-in?why=changed")
    );
    let stale = chief.submit(&path, &fields).assert_status(409);
    assert!(stale.text().contains("Someone else changed this"));

    let csrf = stale.field("csrf");
    let _ = chief.submit(&format!("{path}/rotate"), &pairs(&csrf, &[])).assert_status(422);
    let made = chief.submit(&format!("{path}/rotate"), &pairs(&csrf, &[("sure", "yes")])).assert_status(200);
    let token = made.field_by_id("token");
    let mut manager = Browser::sign_in_with(&server, &token);
    let _ = manager.open("/integration/keys");
    let _ = chief.submit(&format!("{path}/revoke"), &pairs(&csrf, &[])).assert_status(422);
    let done = chief
        .submit(&format!("{path}/revoke"), &pairs(&csrf, &[("sure", "yes"), ("reason", "left us")]))
        .assert_status(303);
    let list = chief.follow(&done).assert_status(200);
    assert!(list.text().contains("revoked and signed out") && !list.text().contains("integration manager"));
    assert!(chief.open(&format!("{OPERATORS}?revoked=yes")).text().contains("integration manager"));
    let _ = manager.get("/integration/keys").assert_status(303);
    assert!(chief.open(&path).text().contains("left us"));

    // The admin of the first start is removed; then the chief is the last one, and stays.
    let path = format!("{OPERATORS}/{}", id_of(&list, "admin"));
    let _ = chief.submit(&format!("{path}/revoke"), &pairs(&csrf, &[("sure", "yes")])).assert_status(303);
    let path = format!("{OPERATORS}/{own}");
    let last = chief.submit(&format!("{path}/revoke"), &pairs(&csrf, &[("sure", "yes")])).assert_status(422);
    assert!(last.text().contains("the last admin"), "{}", last.text());
    let page = chief.open(&path);
    let mut fields = page.fields(&["csrf", "etag", "expires"]);
    fields.extend([("name", "chief".to_owned()), ("role", "editor".to_owned())]);
    let last = chief.submit(&path, &fields).assert_status(422);
    assert!(last.body.contains("id=\"role-error\"") && last.ticked("role") == ["editor"]);
}

#[tokio::test]
async fn nobody_but_admins_sees_operators() {
    let server = TestServer::start(Engine::Sqlite).await;
    let (_, own) = chief(&server).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let keys = manager.open("/integration/keys");
    assert!(!keys.body.contains(OPERATORS));
    let csrf = keys.field("csrf");
    for path in [OPERATORS.to_owned(), NEW.to_owned(), format!("{OPERATORS}/{own}")] {
        let _ = manager.get(&path).assert_status(403);
    }
    let before = server.latest_revision().await;
    let fields = pairs(&csrf, &[("name", "x"), ("role", "admin"), ("sure", "yes")]);
    for path in [
        NEW.to_owned(),
        format!("{OPERATORS}/{own}"),
        format!("{OPERATORS}/{own}/rotate"),
        format!("{OPERATORS}/{own}/revoke"),
    ] {
        let _ = manager.submit(&path, &fields).assert_status(403);
    }
    for path in [format!("{OPERATORS}/{own}/rotate"), format!("{OPERATORS}/{own}/revoke")] {
        let _ = manager.submit(&path, &pairs(&csrf, &[])).assert_status(403);
    }
    assert_eq!(server.latest_revision().await, before, "nothing was written");
}
