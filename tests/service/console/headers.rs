//! Headers of every response: no other site may frame it, no cache may store it, no script may be added to it.

use crate::console::browser::Browser;
use helpers::test_server::{Engine, Selection, TestServer, key};

#[tokio::test]
async fn every_page_is_nobody_elses_to_frame_keep_or_script() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("k", Selection::All, Selection::All)).await.key;
    server.create_stores(&["main"]).await;
    server.import_book().await;
    let (chief, token) = server.create_operator("chief", latchkey::proto::v1::Role::Admin, None).await;
    let mut manager = Browser::sign_in_with(&server, &token);
    let key_page = format!("/integration/keys/{}", made.id);
    let edit = format!("{key_page}/edit");
    let operator = format!("/oversight/operators/{}", chief.id);
    for path in [
        "/sign-in",
        "/",
        "/nowhere",
        "/integration/keys",
        "/integration/keys/new",
        &key_page,
        &edit,
        "/integration/stores",
        "/integration/stores/new",
        "/integration/store/main",
        "/integration/methods",
        "/integration/methods/new",
        "/integration/methods/import?book=retailcrm",
        "/integration/method?method=GET+%2Fapi%2Fv*%2Forders%2Fstatuses",
        "/integration/find",
        "/oversight/audit",
        "/oversight/replicas",
        "/oversight/operators",
        "/oversight/operators/new",
        &operator,
    ] {
        let page = manager.get(path);
        let policy = page.header("content-security-policy");
        for part in [
            "default-src 'none'",
            "script-src 'self'",
            "frame-ancestors 'none'",
            "base-uri 'none'",
            "form-action 'self'",
        ] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(page.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(page.header("referrer-policy"), "same-origin", "{path}");
        assert_eq!(page.header("cache-control"), "no-store", "{path}");
        // Inline scripts and styles, which the policy would silently disable.
        assert!(page.tags("script").all(|tag| tag.contains(" src=\"/assets/")), "{path}");
        assert!(!page.body.contains(" style=") && !page.body.contains("<style"), "{path}");
        assert!(!page.tags("").any(|tag| tag.contains(" on") && tag.contains("=\"javascript")), "{path}");
        // Nothing is loaded from other hosts.
        assert!(!page.body.contains("src=\"http") && !page.body.contains("href=\"http"), "{path}");
    }
}

#[tokio::test]
async fn assets_are_kept_under_an_address_of_their_version_alone() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut browser = Browser::signed_out(&server);
    let page = browser.open("/sign-in");
    let mut seen = 0;
    for tag in page.tags("link").chain(page.tags("script")) {
        let start = tag.find("/assets/").expect("an asset");
        let path = tag[start..].split('"').next().expect("an address").to_owned();
        let asset = browser.open(&path);
        assert!(asset.header("cache-control").contains("immutable"), "{path}");
        assert!(!asset.body.is_empty());
        let (_, name) = path.rsplit_once('/').expect("a name");
        let _ = browser.get(&format!("/assets/000000000000/{name}")).assert_status(404);
        seen += 1;
    }
    assert!(seen >= 3, "icon, style sheet, script");
}

#[tokio::test]
async fn what_speaks_grpc_is_answered_as_grpc() {
    let server = TestServer::start(Engine::Sqlite).await;
    let mut browser = Browser::signed_out(&server);
    let grpc =
        browser.post::<&str>("/nonsense.Service/Call", &[], &[("content-type", "application/grpc")]).assert_status(200);
    assert_eq!(grpc.header("grpc-status"), "12", "unimplemented, and no page");
}
