//! Oversight › Operators: created with a token that is shown once, changed, ended; for admins only.

use latchkey::proto::v1 as proto;

use crate::visitor::{Page, Visitor};
use crate::world::{Engine, World};

const OPERATORS: &str = "/oversight/operators";
const NEW: &str = "/oversight/operators/new";

async fn chief(world: &World) -> (Visitor, String) {
    let (operator, token) = world.hire("chief", proto::Role::Admin, None).await;
    (Visitor::with(world, &token), operator.id)
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
    let world = World::begin(Engine::Sqlite).await;
    let (mut chief, _) = chief(&world).await;
    let csrf = chief.open(NEW).field("csrf");
    let again = chief.submit(NEW, &pairs(&csrf, &[("name", ""), ("expires", "soon")])).is(422);
    assert!(again.body.contains("id=\"expires-error\"") && again.body.contains("value=\"soon\""));
    let again = chief.submit(NEW, &pairs(&csrf, &[("name", "")])).is(422);
    assert!(again.body.contains("id=\"name-error\"") && again.body.contains("id=\"role-error\""));
    let fields = [("name", "<b>auditor</b>"), ("role", "viewer"), ("expires", "2099-01-01T00:00"), ("why", "audit")];
    let made = chief.submit(NEW, &pairs(&csrf, &fields)).is(200);
    let token = made.field_by_id("token");
    assert!(token.starts_with("lko_") && !made.body.contains("<b>auditor"));
    let list = chief.open(OPERATORS);
    assert!(!list.body.contains(&token) && list.text().contains("<b>auditor</b>"));
    let mut auditor = Visitor::with(&world, &token);
    let _ = auditor.open("/oversight/audit");
    for log in [world.server.stdout(), world.server.stderr()] {
        assert!(!log.contains(&token), "the log has the token");
    }
}

#[tokio::test]
async fn a_role_is_changed_a_token_replaced_an_operator_revoked() {
    let world = World::begin(Engine::Sqlite).await;
    let (mut chief, own) = chief(&world).await;
    let mut manager = Visitor::signed_in(&world, "integration manager");
    let list = chief.open(OPERATORS);
    let path = format!("{OPERATORS}/{}", id_of(&list, "integration manager"));
    let page = chief.open(&path);
    let mut fields = page.fields(&["csrf", "etag", "expires"]);
    fields.extend([("name", "integration manager".to_owned()), ("role", "viewer".to_owned())]);
    let done = chief.submit(&path, &fields).is(303);
    assert!(chief.follow(&done).text().contains("Saved."));
    assert_eq!(
        manager.get("/integration/keys").is(303).header("location").split('&').next(),
        Some("/sign-in?why=changed")
    );
    let stale = chief.submit(&path, &fields).is(409);
    assert!(stale.text().contains("Someone else changed this"));

    let csrf = stale.field("csrf");
    let _ = chief.submit(&format!("{path}/rotate"), &pairs(&csrf, &[])).is(422);
    let made = chief.submit(&format!("{path}/rotate"), &pairs(&csrf, &[("sure", "yes")])).is(200);
    let token = made.field_by_id("token");
    let mut manager = Visitor::with(&world, &token);
    let _ = manager.open("/integration/keys");
    let _ = chief.submit(&format!("{path}/revoke"), &pairs(&csrf, &[])).is(422);
    let done =
        chief.submit(&format!("{path}/revoke"), &pairs(&csrf, &[("sure", "yes"), ("reason", "left us")])).is(303);
    let list = chief.follow(&done).is(200);
    assert!(list.text().contains("revoked and signed out") && !list.text().contains("integration manager"));
    assert!(chief.open(&format!("{OPERATORS}?revoked=yes")).text().contains("integration manager"));
    let _ = manager.get("/integration/keys").is(303);
    assert!(chief.open(&path).text().contains("left us"));

    // The admin of the first start is removed; then the chief is the last one, and stays.
    let path = format!("{OPERATORS}/{}", id_of(&list, "admin"));
    let _ = chief.submit(&format!("{path}/revoke"), &pairs(&csrf, &[("sure", "yes")])).is(303);
    let path = format!("{OPERATORS}/{own}");
    let last = chief.submit(&format!("{path}/revoke"), &pairs(&csrf, &[("sure", "yes")])).is(422);
    assert!(last.text().contains("the last admin"), "{}", last.text());
    let page = chief.open(&path);
    let mut fields = page.fields(&["csrf", "etag", "expires"]);
    fields.extend([("name", "chief".to_owned()), ("role", "editor".to_owned())]);
    let last = chief.submit(&path, &fields).is(422);
    assert!(last.body.contains("id=\"role-error\"") && last.ticked("role") == ["editor"]);
}

#[tokio::test]
async fn nobody_but_admins_sees_operators() {
    let world = World::begin(Engine::Sqlite).await;
    let (_, own) = chief(&world).await;
    let mut manager = Visitor::signed_in(&world, "integration manager");
    let keys = manager.open("/integration/keys");
    assert!(!keys.body.contains(OPERATORS));
    let csrf = keys.field("csrf");
    for path in [OPERATORS.to_owned(), NEW.to_owned(), format!("{OPERATORS}/{own}")] {
        let _ = manager.get(&path).is(403);
    }
    let before = world.head().await;
    let fields = pairs(&csrf, &[("name", "x"), ("role", "admin"), ("sure", "yes")]);
    for path in [
        NEW.to_owned(),
        format!("{OPERATORS}/{own}"),
        format!("{OPERATORS}/{own}/rotate"),
        format!("{OPERATORS}/{own}/revoke"),
    ] {
        let _ = manager.submit(&path, &fields).is(403);
    }
    for path in [format!("{OPERATORS}/{own}/rotate"), format!("{OPERATORS}/{own}/revoke")] {
        let _ = manager.submit(&path, &pairs(&csrf, &[])).is(403);
    }
    assert_eq!(world.head().await, before, "nothing was written");
}
