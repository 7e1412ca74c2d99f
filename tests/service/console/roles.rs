//! Roles: a page hides what would be refused, and hidden actions are refused nevertheless.

use crate::console::browser::Browser;
use helpers::test_server::{Engine, Selection, TestServer, key};

#[tokio::test]
async fn a_viewer_sees_no_way_to_change_and_gets_none() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("cpa", Selection::All, Selection::All)).await;
    server.create_stores(&["main"]).await;
    server.create_method("GET /api/v*/orders", latchkey::proto::v1::StoreUse::Optional).await;
    let before = server.latest_revision().await;
    let mut officer = Browser::sign_in(&server, "security officer");
    let signed_in = server.latest_revision().await;
    assert_eq!(signed_in, before + 1, "signing in is on record");
    let path = format!("/integration/keys/{}", made.key.id);
    let method = "/integration/method?method=GET+%2Fapi%2Fv*%2Forders";
    for page in [
        "/integration/keys",
        &path,
        "/integration/stores",
        "/integration/store/main",
        "/integration/methods",
        method,
        "/oversight/audit",
        "/oversight/replicas",
    ] {
        let shown = officer.open(page);
        let forms: Vec<_> = shown.tags("form").filter(|tag| tag.contains("method=\"post\"")).collect();
        assert_eq!(forms.len(), 1, "signing out alone: {page}: {forms:?}");
        assert!(!shown.body.contains("/edit\"") && !shown.body.contains("/new\""));
    }
    let csrf = officer.open(&path).field("csrf");
    let fields = [
        ("csrf", &*csrf),
        ("name", "x"),
        ("store_access", "all"),
        ("method_access", "all"),
        ("active", "false"),
        ("reason", "because"),
        ("overlap", "none"),
        ("sure", "yes"),
        ("token", &"t".repeat(40)),
    ];
    for action in ["active", "rotate", "revoke", "delete", "edit"] {
        let _ = officer.submit(&format!("{path}/{action}"), &fields).assert_status(403);
    }
    let secret = &made.key.secrets[0].id;
    let _ = officer.submit(&format!("{path}/tokens/{secret}/end"), &fields).assert_status(403);
    let _ = officer.submit("/integration/keys/new", &fields).assert_status(403);
    for action in
        ["store/main", "store/main/active", "store/main/delete", "stores/new", "methods/new", "methods/import"]
    {
        let fields = [&fields[..], &[("code", "x"), ("kind", "site"), ("yaml", "format: 1")]].concat();
        let _ = officer.submit(&format!("/integration/{action}"), &fields).assert_status(403);
    }
    let fields = [&fields[..], &[("method", "GET /api/v*/orders")]].concat();
    for action in ["method", "method/retire"] {
        let _ = officer.submit(&format!("/integration/{action}"), &fields).assert_status(403);
    }
    for form in ["stores/new", "methods/new", "methods/import"] {
        let _ = officer.get(&format!("/integration/{form}")).assert_status(403);
    }
    let _ = officer.get("/integration/keys/new").assert_status(403);
    let _ = officer.get(&format!("{path}/edit")).assert_status(403);
    assert_eq!(server.latest_revision().await, signed_in, "nothing was written");
    assert!(server.authorize(&made.token, "GET /api/v5/orders", "").await.allowed);
}

#[tokio::test]
async fn a_form_from_another_site_or_session_changes_nothing() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("cpa", Selection::All, Selection::All)).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let mut other = Browser::sign_in(&server, "integration manager");
    let path = format!("/integration/keys/{}", made.key.id);
    let own = manager.open(&path).field("csrf");
    let foreign = other.open(&path).field("csrf");
    let revoke = format!("{path}/revoke");
    let origin = format!("http://{}", server.process.addresses().admin);
    let form = |csrf: &str| [("csrf", csrf.to_owned()), ("reason", "because".to_owned())];
    let _ = manager.post(&revoke, &form(&own), &[("origin", "http://evil.test")]).assert_status(403);
    let _ =
        manager.post(&revoke, &form(&own), &[("origin", &origin), ("sec-fetch-site", "cross-site")]).assert_status(403);
    let _ = manager.post(&revoke, &form(&own), &[]).assert_status(403);
    let _ = manager.submit(&revoke, &form(&foreign)).assert_status(403);
    let _ = manager.submit(&revoke, &form("")).assert_status(403);
    assert!(server.authorize(&made.token, "GET /api/v5/orders", "").await.allowed);
    let _ = manager.submit(&revoke, &form(&own)).assert_status(303);
}
