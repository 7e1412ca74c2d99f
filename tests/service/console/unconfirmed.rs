//! After every kind of write the page names the replicas that may still decide from the state before it, as long as
//! they may. Here one was killed: for a writer that is the same as one that is partitioned from storage.

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, Page, encode};
use helpers::support::process::LatchkeyProcess;
use helpers::test_server::{Engine, Selection, TestServer, key};

/// How long the killed replica would decide without proof of fresh state: a different setting than that of the server
/// that shows the pages.
const MAX_STALENESS: u32 = 900;

struct PartitionedSetup {
    server: TestServer,
    /// The killed replica.
    replica: String,
}

impl PartitionedSetup {
    async fn start() -> Self {
        let builder = LatchkeyProcess::builder().env("LATCHKEY_REPLICA_WAIT", "50ms");
        let server = TestServer::start_with(Engine::Postgres, builder).await;
        server.create_stores(&["berlin", "madrid"]).await;
        server.create_method("GET /api/v5/orders", proto::StoreUse::Optional).await;
        let database = server.database.as_ref().expect("a database");
        let replicas = || -> Vec<String> {
            let rows = database.query("SELECT id FROM replicas WHERE reported_at > 0");
            rows.into_iter().filter_map(|row| row.into_iter().next().flatten()).collect()
        };
        let before = replicas();
        let builder = LatchkeyProcess::builder().env("LATCHKEY_MAX_STALENESS", format!("{MAX_STALENESS}s"));
        let mut other = builder.database(database.url()).start();
        other.kill9();
        let replica = replicas().into_iter().find(|id| !before.contains(id)).expect("it has reported");
        Self { server, replica }
    }

    /// Checks that the page shows the outcome, the risk of the replica and for how long, and no more than that.
    #[track_caller]
    fn assert_warning(&self, page: &Page, outcome: &str, risk: &str) {
        let notice = page.body.split_once("<p class=\"notice warn\" role=\"status\" id=\"notice\">");
        let notice =
            notice.unwrap_or_else(|| panic!("no notice: {}", page.text())).1.split_once("</p>").expect("its end").0;
        let start = format!("{outcome} 1 replica has not confirmed yet and {risk} for up to ");
        let rest = notice.strip_prefix(&start).unwrap_or_else(|| panic!("{notice:?} does not begin with {start:?}"));
        let (longest, replica) = rest.split_once(" minutes: ").expect("how long");
        let minutes: u32 = longest.parse().expect("a number");
        assert!((MAX_STALENESS / 60 - 1..=MAX_STALENESS / 60).contains(&minutes), "{notice}");
        assert_eq!(replica, self.replica);
        assert!(!page.body.contains("class=\"notice done\""), "{}", page.text());
    }

    fn manager(&self) -> Browser {
        Browser::sign_in(&self.server, "integration manager")
    }
}

/// Returns the named fields of a page, and more.
fn with<'a>(page: &Page, names: &[&'static str], more: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    let mut fields: Vec<(&'a str, String)> = page.fields(names);
    fields.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    fields
}

#[tokio::test]
async fn of_keys_and_their_tokens() {
    let setup = PartitionedSetup::start().await;
    let mut manager = setup.manager();
    let access = [("name", "cpa"), ("store_access", "all"), ("method_access", "all")];
    let form = manager.open("/integration/keys/new");
    let made = manager.submit("/integration/keys/new", &with(&form, &["csrf", "token"], &access)).assert_status(200);
    setup.assert_warning(&made, "The key is added.", "may not know this key");
    assert!(made.body.contains(&form.field("token")), "the token is shown all the same");

    let made = setup.server.create_key(key("k", Selection::All, Selection::All)).await;
    let path = format!("/integration/keys/{}", made.key.id);
    let form = manager.open(&format!("{path}/edit"));
    let fields = with(&form, &["csrf", "etag"], &[("name", "renamed"), access[1], access[2]]);
    let done = manager.submit(&format!("{path}/edit"), &fields).assert_status(303);
    let page = manager.follow(&done);
    setup.assert_warning(&page, "Saved.", "may still decide as before this change");

    let fields = with(&page, &["csrf", "etag"], &[("overlap", "day")]);
    let rotated = manager.submit(&format!("{path}/rotate"), &fields).assert_status(200);
    setup.assert_warning(
        &rotated,
        "The key has a new token.",
        "may not know the new token, and may still allow the old one",
    );

    let token = setup.server.get_key(&made.key.id).await.expect("a key").secrets.pop().expect("an older token").id;
    let page = manager.open(&path);
    assert!(!page.body.contains("id=\"notice\""), "it is shown after the write alone");
    let done = manager.submit(&format!("{path}/tokens/{token}/end"), &page.fields(&["csrf"])).assert_status(303);
    let page = manager.follow(&done);
    setup.assert_warning(&page, "The token is revoked.", "may still allow this token");

    let fields = with(&page, &["csrf", "etag"], &[("active", "false")]);
    let done = manager.submit(&format!("{path}/active"), &fields).assert_status(303);
    assert!(done.header("location").ends_with(&format!("#{}", made.key.id)), "{}", done.header("location"));
    setup.assert_warning(&manager.follow(&done), "The key is switched off.", "may still allow this key");
    let fields = with(&manager.open(&path), &["csrf", "etag"], &[("active", "true"), ("back", &path)]);
    let done = manager.submit(&format!("{path}/active"), &fields).assert_status(303);
    let page = manager.follow(&done);
    setup.assert_warning(&page, "The key is switched on.", "may still refuse this key");

    let fields = with(&page, &["csrf", "etag"], &[("reason", "leaked")]);
    let done = manager.submit(&format!("{path}/revoke"), &fields).assert_status(303);
    let page = manager.follow(&done);
    setup.assert_warning(&page, "The key is revoked.", "may still allow this key");

    let fields = with(&page, &["csrf", "etag"], &[("sure", "yes")]);
    let done = manager.submit(&format!("{path}/delete"), &fields).assert_status(303);
    setup.assert_warning(&manager.follow(&done), "The key is deleted.", "may still allow this key");
}

#[tokio::test]
async fn of_stores() {
    let setup = PartitionedSetup::start().await;
    let mut manager = setup.manager();
    let form = manager.open("/integration/stores/new");
    let fields = with(&form, &["csrf"], &[("code", "oslo"), ("name", "Oslo"), ("kind", "site")]);
    let done = manager.submit("/integration/stores/new", &fields).assert_status(303);
    let page = manager.follow(&done);
    setup.assert_warning(&page, "The store is added.", "may not know this store");

    let path = "/integration/store/oslo";
    let fields = with(&page, &["csrf", "etag"], &[("name", "Oslo S"), ("kind", "site")]);
    let done = manager.submit(path, &fields).assert_status(303);
    setup.assert_warning(&manager.follow(&done), "Saved.", "may still decide as before this change");

    for (active, outcome, risk) in [
        ("false", "The store is switched off.", "may still allow calls for this store"),
        ("true", "The store is switched on.", "may still refuse calls for this store"),
    ] {
        let list = "/integration/stores?text=oslo";
        let fields = with(&manager.open(list), &["csrf", "etag"], &[("active", active), ("back", list)]);
        let done = manager.submit(&format!("{path}/active"), &fields).assert_status(303);
        let page = manager.follow(&done);
        setup.assert_warning(&page, outcome, risk);
        assert!(page.field("back").ends_with("?text=oslo"), "the list stays as it was: {}", page.field("back"));
    }
    let fields = with(&manager.open(path), &["csrf", "etag"], &[("sure", "yes")]);
    let done = manager.submit(&format!("{path}/delete"), &fields).assert_status(303);
    setup.assert_warning(&manager.follow(&done), "The store is deleted.", "may still allow calls for this store");
}

#[tokio::test]
async fn of_methods() {
    let setup = PartitionedSetup::start().await;
    let mut manager = setup.manager();
    let form = manager.open("/integration/methods/new");
    let about = [("block", "Orders"), ("summary", "One order"), ("store_use", "optional")];
    let identity = "GET /api/v5/orders/{id}";
    let fields = with(&form, &["csrf"], &[("method", identity), about[0], about[1], about[2]]);
    let done = manager.submit("/integration/methods/new", &fields).assert_status(303);
    let page = manager.follow(&done);
    setup.assert_warning(&page, "The method is added.", "may not know this method");

    let fields = with(&page, &["csrf", "etag", "method", "position"], &about);
    let done = manager.submit("/integration/method", &fields).assert_status(303);
    setup.assert_warning(&manager.follow(&done), "Saved.", "may still decide as before this change");

    let page = manager.open(&format!("/integration/method?method={}", encode(identity)));
    let fields = with(&page, &["csrf", "etag", "method"], &[("sure", "yes")]);
    let done = manager.submit("/integration/method/retire", &fields).assert_status(303);
    setup.assert_warning(&manager.follow(&done), "The method is retired.", "may still allow this method");

    let import = "/integration/methods/import";
    let book = "format: 1\ntitle: A\nblocks:\n  - title: B\n    methods:\n      - method: GET /a\n        summary: A\n        store_use: none\n";
    let fields = with(&manager.open(import), &["csrf"], &[("yaml", book)]);
    let seen = manager.submit(import, &fields).assert_status(200);
    let fields = with(&seen, &["csrf", "seen"], &[("yaml", book), ("apply", "1")]);
    let done = manager.submit(import, &fields).assert_status(303);
    let risk = "may still decide by the reference book as it was";
    setup.assert_warning(&manager.follow(&done), "Reference book imported.", risk);
}

#[tokio::test]
async fn of_operators_and_after_signing_in_again() {
    let setup = PartitionedSetup::start().await;
    let (chief, token) = setup.server.create_operator("chief", proto::Role::Admin, None).await;
    let mut admin = Browser::sign_in_with(&setup.server, &token);
    let form = admin.open("/oversight/operators/new");
    let about = [("name", "auditor"), ("role", "viewer")];
    let made = admin.submit("/oversight/operators/new", &with(&form, &["csrf"], &about)).assert_status(200);
    setup.assert_warning(&made, "The operator is added.", "may not know this operator");

    let (hired, _) = setup.server.create_operator("temp", proto::Role::Viewer, None).await;
    let path = format!("/oversight/operators/{}", hired.id);
    let fields = with(&admin.open(&path), &["csrf", "etag"], &[("name", "temp"), ("role", "editor")]);
    let done = admin.submit(&path, &fields).assert_status(303);
    let page = admin.follow(&done);
    setup.assert_warning(&page, "Saved.", "may still decide as before this change");

    let sure = with(&page, &["csrf"], &[("sure", "yes")]);
    let rotated = admin.submit(&format!("{path}/rotate"), &sure).assert_status(200);
    setup.assert_warning(&rotated, "The operator has a new token.", "may still accept the old token");
    let done = admin.submit(&format!("{path}/revoke"), &sure).assert_status(303);
    setup.assert_warning(&admin.follow(&done), "The operator is revoked.", "may still accept this operator");

    // Changing oneself ends the session: the result of the write is shown after the next sign-in.
    let own = format!("/oversight/operators/{}", chief.id);
    let fields = with(&admin.open(&own), &["csrf", "etag"], &[("name", "boss"), ("role", "admin")]);
    let done = admin.submit(&own, &fields).assert_status(303);
    let signed_out = admin.follow(&done).assert_status(303);
    let sign_in = admin.follow(&signed_out).assert_status(200);
    let again = admin.submit("/sign-in", &[("token", &*token), ("next", &sign_in.field("next"))]).assert_status(303);
    setup.assert_warning(&admin.follow(&again), "Saved.", "may still decide as before this change");
}
