//! Adding a key: the token exists before saving, only in the form, and is shown one last time after saving.

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, Page};
use helpers::test_server::{Engine, TestServer};

const NEW: &str = "/integration/keys/new";

async fn start() -> (TestServer, Browser) {
    let server = TestServer::start(Engine::Sqlite).await;
    for (code, platform) in [("main", "1c-bitrix"), ("b2b", "1c-bitrix"), ("de", "shopify"), ("landing", "")] {
        server.create_store(code, proto::StoreKind::OnlineStore, platform).await;
    }
    server.import_book().await;
    let manager = Browser::sign_in(&server, "integration manager");
    (server, manager)
}

/// Returns the values of the form's fields, and more.
fn filled<'a>(form: &Page, more: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    let mut fields = form.fields(&["csrf", "token"]);
    fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    fields
}

#[tokio::test]
async fn the_form_offers_everything_and_prefers_nothing() {
    let (_world, mut manager) = start().await;
    let (form, other) = (manager.open(NEW), manager.open(NEW));
    let token = form.field("token");
    assert!(token.len() >= 32 && token.starts_with("lk_"));
    assert_ne!(token, other.field("token"), "each form has one of its own");
    assert!(form.ticked("store_access").is_empty() && form.ticked("method_access").is_empty());
    assert!(form.ticked("stores").is_empty() && form.ticked("methods").is_empty());
    let text = form.text();
    for told in [
        "Access to all stores",
        "Access to individual stores",
        "1c-bitrix 0 / 2",
        "shopify 0 / 1",
        "No platform 0 / 1",
        "Orders 0 /",
    ] {
        assert!(text.contains(told), "{told}");
    }
    assert!(text.contains("once more right after saving, then never again"));
    assert!(text.contains("Choose the access type and the methods"));
}

#[tokio::test]
async fn a_key_is_added_shown_once_and_does_what_the_form_said() {
    let (server, mut manager) = start().await;
    let form = manager.open(NEW);
    let token = form.field("token");
    let fields = filled(
        &form,
        &[
            ("name", " CPA <script>alert(1)</script> "),
            ("owner", "marketing"),
            ("contact", "почта@пример.рф"),
            ("store_access", "selected"),
            ("stores", "main"),
            ("stores", "b2b"),
            ("method_access", "selected"),
            ("methods", "GET /api/v*/orders/statuses"),
            ("labels", "team=ads\ntier=1"),
            ("networks", "10.0.0.0/8"),
            ("expires", "2099-01-01T00:00"),
            ("why", "campaign"),
        ],
    );
    let made = manager.submit(NEW, &fields).assert_status(200);
    assert_eq!(made.header("cache-control"), "no-store");
    assert!(made.text().contains("You won't see it again"));
    assert_eq!(made.body.matches(&token).count(), 1);
    assert!(!made.body.contains("<script>alert"), "markup is text");
    assert!(made.text().contains("This key can call GET /api/v*/orders/statuses on"), "{}", made.text());

    let id =
        made.tags("a").find_map(|tag| Some(tag.split_once("/integration/keys/key_")?.1.split_once('"')?.0.to_owned()));
    let id = format!("key_{}", id.expect("a way to the key"));
    let key = server.get_key(&id).await.expect("it is there");
    assert_eq!((&*key.name, &*key.owner), ("CPA <script>alert(1)</script>", "marketing"));
    assert_eq!(key.contact, "почта@пример.рф");
    assert_eq!(key.stores, ["b2b", "main"]);
    assert_eq!(key.methods, ["GET /api/v*/orders/statuses"]);
    assert_eq!(key.labels.len(), 2);
    assert_eq!(key.networks, ["10.0.0.0/8"]);
    let changes = server.changes().await;
    assert_eq!(
        changes.last().map(|change| (&*change.comment, &*change.actor_name)),
        Some(("campaign", "integration manager"))
    );

    let question = |method: &str| proto::AuthorizeRequest {
        key: token.clone(),
        method: method.to_owned(),
        client_address: "10.1.2.3".to_owned(),
        ..Default::default()
    };
    assert!(server.try_authorize(question("GET /api/v5/orders/statuses")).await.expect("decided").allowed);
    let other = server.try_authorize(question("GET /api/v5/orders")).await.expect("decided");
    assert_eq!(other.reason(), proto::Reason::MethodDenied);

    let key_page = format!("/integration/keys/{id}");
    for path in ["/integration/keys", &key_page, &format!("{key_page}/edit"), NEW] {
        assert!(!manager.open(path).body.contains(&token), "{path} shows the token again");
    }
    // Reloading sends the same form: the browser still has the token, and no second key is created.
    let again = manager.submit(NEW, &fields).assert_status(200);
    assert!(again.body.contains(&id));
    for file in [server.process.stdout(), server.process.stderr()] {
        assert!(!file.contains(&token), "the log has the token");
    }
}

#[tokio::test]
async fn a_save_that_fails_loses_nothing_and_tells_everything() {
    let (_world, mut manager) = start().await;
    let form = manager.open(NEW);
    let token = form.field("token");
    let long = "n".repeat(201);
    let fields = filled(
        &form,
        &[
            ("name", &long),
            ("owner", "o\u{7}o"),
            ("contact", "somebody"),
            ("comment", "two\r\nlines \"<&"),
            ("labels", "BAD LABEL=1"),
            ("stores", "main"),
            ("methods", "GET /api/v*/orders"),
            ("networks", "nonsense"),
            ("expires", "soon"),
        ],
    );
    let again = manager.submit(NEW, &fields).assert_status(422);
    for id in ["name", "owner", "contact", "labels", "networks", "expires", "store_access", "method_access"] {
        assert!(again.body.contains(&format!("id=\"{id}-error\"")), "{id} is told beside its field");
    }
    assert_eq!(again.field("token"), token, "the same token");
    assert_eq!(again.field("name"), long);
    assert_eq!(again.ticked("stores"), ["main"]);
    assert_eq!(again.ticked("methods"), ["GET /api/v*/orders"]);
    assert!(crate::console::browser::unescape(&again.body).contains("two\nlines \"<&</textarea>"));
    assert!(again.text().contains("Choose one of the two options."));
}

#[tokio::test]
async fn stores_that_are_gone_and_tokens_that_are_taken_are_told() {
    let (_world, mut manager) = start().await;
    let form = manager.open(NEW);
    let fields =
        filled(&form, &[("name", "a"), ("store_access", "selected"), ("stores", "gone"), ("method_access", "all")]);
    let again = manager.submit(NEW, &fields).assert_status(422);
    assert!(again.body.contains("id=\"stores-error\""));
    let fields = filled(&form, &[("name", "a"), ("store_access", "all"), ("method_access", "all")]);
    let _ = manager.submit(NEW, &fields).assert_status(200);
    let fields = filled(&form, &[("name", "another"), ("store_access", "all"), ("method_access", "all")]);
    let again = manager.submit(NEW, &fields).assert_status(422);
    assert!(again.body.contains("id=\"token-error\""));
}

#[tokio::test]
async fn what_the_key_will_reach_is_told_without_saving() {
    let (server, mut manager) = start().await;
    let before = server.latest_revision().await;
    let form = manager.open(NEW);
    let fields =
        filled(&form, &[("show", "1"), ("store_access", "selected"), ("stores", "de"), ("method_access", "all")]);
    let shown = manager.submit(NEW, &fields).assert_status(200);
    let text = shown.text();
    assert!(text.contains("This key can call all methods, including methods added later on"), "{text}");
    assert!(text.contains("Calls that name no store go to that store."));
    assert_eq!(shown.field("token"), form.field("token"));
    assert_eq!(server.latest_revision().await, before, "nothing was saved");
}
