//! Editing a key: every field, with warnings about lost access and about concurrent edits.

use latchkey::proto::v1 as proto;

use crate::console::browser::{Browser, Page};
use helpers::support::eventually_async;
use helpers::test_server::{Engine, Selection, TestServer, key};

fn path(key: &proto::Key) -> String {
    format!("/integration/keys/{}/edit", key.id)
}

/// Returns the form as the browser would send it, with some fields changed.
fn filled(form: &Page, changed: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    let mut fields = form.fields(&["csrf", "etag", "seen", "name", "owner", "contact", "why"]);
    for (name, list) in [
        ("stores", form.ticked("stores")),
        ("methods", form.ticked("methods")),
        ("store_access", form.ticked("store_access")),
        ("method_access", form.ticked("method_access")),
    ] {
        fields.extend(list.into_iter().map(|value| (name, value)));
    }
    for (name, value) in changed {
        match fields.iter_mut().find(|(known, _)| known == name) {
            Some((_, old)) => (*value).clone_into(old),
            None => fields.push((name, (*value).to_owned())),
        }
    }
    fields
}

#[tokio::test]
async fn what_is_changed_is_saved_with_why() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let old = key("old", Selection::Only(&["berlin"]), Selection::All);
    let contact = "ads@partner.example".to_owned();
    let made = server.create_key(proto::Key { owner: "ads".to_owned(), contact, ..old }).await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let form = manager.open(&path(&made.key));
    assert_eq!(
        (form.field("name"), form.ticked("store_access"), form.ticked("stores")),
        ("old".into(), vec!["selected".into()], vec!["berlin".into()])
    );
    let done = manager
        .submit(&path(&made.key), &filled(&form, &[("name", "new"), ("store_access", "all"), ("why", "merged")]))
        .assert_status(303);
    let page = manager.follow(&done).assert_status(200);
    assert!(page.text().contains("Saved.") && page.text().contains("merged"));
    let key = server.get_key(&made.key.id).await.expect("it is there");
    assert_eq!((&*key.name, key.store_access(), &*key.owner), ("new", proto::Access::All, "ads"));
    assert_eq!(key.contact, "ads@partner.example");
    assert!(page.text().contains("ads@partner.example"));
}

#[tokio::test]
async fn the_second_of_two_sees_what_the_first_did_and_neither_loses() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin", "madrid"]).await;
    let made = server.create_key(key("old", Selection::Only(&["berlin"]), Selection::All)).await;
    let mut second = Browser::sign_in(&server, "integration manager");
    let form = second.open(&path(&made.key));

    let theirs = proto::Key { owner: "the first".to_owned(), name: "first's name".to_owned(), ..made.key.clone() };
    server.update_key(theirs, &["owner", "name"]).await;

    let conflict = second
        .submit(&path(&made.key), &filled(&form, &[("name", "second's name"), ("stores", "madrid")]))
        .assert_status(409);
    let text = conflict.text();
    assert!(text.contains("Someone else changed this key") && text.contains("the first"), "{text}");
    assert!(text.contains("their value: first's name"), "{text}");
    assert_eq!(conflict.field("name"), "second's name", "hers stays");
    assert_eq!(conflict.field("owner"), "the first", "what she had not touched is theirs");
    assert_eq!(conflict.ticked("stores"), ["madrid"]);

    let mut fields = filled(&conflict, &[]);
    let done = second.submit(&path(&made.key), &fields);
    assert_eq!(done.status, 303, "{}", done.text());
    let key = server.get_key(&made.key.id).await.expect("it is there");
    assert_eq!((&*key.name, &*key.owner, &key.stores[..]), ("second's name", "the first", &["madrid".to_owned()][..]));
    fields.retain(|(name, _)| *name != "csrf");
    let _ = second.submit(&path(&made.key), &fields).assert_status(403);
}

#[tokio::test]
async fn what_a_narrowing_would_have_refused_is_shown_before_it_is_saved() {
    let server = TestServer::start(Engine::Sqlite).await;
    server.create_stores(&["berlin", "madrid"]).await;
    server.import_book().await;
    let made = server.create_key(key("module", Selection::Only(&["berlin", "madrid"]), Selection::All)).await;
    for _ in 0..7 {
        assert!(server.authorize(&made.token, "GET /api/v5/orders", "madrid").await.allowed);
    }
    let counted = std::time::Duration::from_secs(40);
    eventually_async("the calls are counted", counted, async || {
        let request = proto::GetKeyUsageRequest { key_id: made.key.id.clone(), ..Default::default() };
        let usage = server.officer.usage().get_key_usage(request).await.ok()?.into_inner();
        (!usage.counts.is_empty()).then_some(())
    })
    .await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let form = manager.open(&path(&made.key));
    let mut fields = filled(&form, &[]);
    fields.retain(|(name, value)| !(*name == "stores" && value == "madrid"));
    let shown = manager.submit(&path(&made.key), &fields).assert_status(200);
    assert!(shown.text().contains("GET /api/v*/orders on madrid : 7 calls"), "{}", shown.text());
    assert_eq!(server.get_key(&made.key.id).await.expect("it is there").stores.len(), 2, "nothing is saved yet");

    let _ = manager.submit(&path(&made.key), &filled(&shown, &[])).assert_status(303);
    assert_eq!(server.get_key(&made.key.id).await.expect("it is there").stores, ["berlin"]);
    assert!(!server.authorize(&made.token, "GET /api/v5/orders", "madrid").await.allowed);
}

#[tokio::test]
async fn a_revoked_key_still_takes_notes() {
    let server = TestServer::start(Engine::Sqlite).await;
    let made = server.create_key(key("old", Selection::All, Selection::All)).await;
    server.revoke_key(&made.key.id, "left us").await;
    let mut manager = Browser::sign_in(&server, "integration manager");
    let form = manager.open(&path(&made.key));
    assert!(form.text().contains("only edit its name, owner, contact, comment and labels"));
    let _ = manager.submit(&path(&made.key), &filled(&form, &[("comment", "why it ended")])).assert_status(303);
    assert_eq!(server.get_key(&made.key.id).await.expect("it is there").comment, "why it ended");
}
