//! Changes: streamed as they happen, and listed afterwards.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use prost_types::value::Kind;
use proto::{Change, Key, ListChangesRequest, Role, WatchChangesRequest, WatchChangesResponse};
use tonic::{Code, Streaming};

use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{TestServer, key, with_comment};

/// Bound for a change to be streamed.
const SOON: Duration = Duration::from_secs(10);

on_both_engines!(
    whoever_watches_hears_of_every_revision_once_and_in_order,
    whoever_was_away_goes_on_where_it_was,
    the_audit_tells_who_changed_what_when_and_why,
    the_audit_is_searched_by_subject_actor_and_time,
);

async fn watch(server: &TestServer, after_revision: &str) -> Streaming<WatchChangesResponse> {
    let request = WatchChangesRequest { after_revision: after_revision.to_owned() };
    server.order_api.authorization().watch_changes(request).await.expect("it can be watched").into_inner()
}

async fn next(stream: &mut Streaming<WatchChangesResponse>) -> WatchChangesResponse {
    let message = tokio::time::timeout(SOON, stream.message()).await.expect("it is told soon");
    message.expect("the stream goes on").expect("the stream does not end")
}

fn changed_subjects(message: &WatchChangesResponse) -> Vec<(&str, &str, &str)> {
    let subjects = message.subjects.iter();
    subjects.map(|subject| (subject.kind.as_str(), subject.id.as_str(), subject.action.as_str())).collect()
}

async fn whoever_watches_hears_of_every_revision_once_and_in_order(server: &TestServer) {
    server.create_stores(&["berlin"]).await;
    let mut stream = watch(server, "").await;
    let first = next(&mut stream).await;
    assert_eq!((first.number, first.subjects.len()), (server.latest_revision().await, 0), "it tells where it begins");
    assert!(!first.revision.is_empty());

    server.create_stores(&["madrid"]).await;
    server.create_method("GET /api/v*/orders", proto::StoreUse::None).await;
    let issued = server.create_key(key("partner", Only(&["madrid"]), All)).await;
    let id = issued.key.id.as_str();
    let on_hold = Key { id: id.to_owned(), active: Some(false), ..Default::default() };
    server.update_key(on_hold, &["active"]).await;
    server.revoke_key(id, "over").await;
    server.delete_key(id).await;
    let (operator, _) = server.create_operator("temporary", Role::Viewer, None).await;
    let request = proto::DeleteMethodRequest { method: "GET /api/v*/orders".to_owned(), ..Default::default() };
    server.manager.methods().delete_method(request).await.expect("retired");
    let request = proto::DeleteStoreRequest { code: "madrid".to_owned(), ..Default::default() };
    server.manager.stores().delete_store(request).await.expect("removed");

    let expected = [
        ("store", "madrid", "create"),
        ("method", "GET /api/v*/orders", "create"),
        ("key", id, "create"),
        ("key", id, "update"),
        ("key", id, "revoke"),
        ("key", id, "delete"),
        ("operator", operator.id.as_str(), "create"),
        ("method", "GET /api/v*/orders", "retire"),
        ("store", "madrid", "delete"),
    ];
    for (number, subject) in (first.number + 1..).zip(expected) {
        let response = next(&mut stream).await;
        assert_eq!((response.number, changed_subjects(&response)), (number, vec![subject]));
    }
    server.import_book().await;
    let response = next(&mut stream).await;
    assert_eq!((response.number, response.subjects.len()), (first.number + 10, 199), "one revision, many subjects");
}

async fn whoever_was_away_goes_on_where_it_was(server: &TestServer) {
    let mut stream = watch(server, "").await;
    let start = next(&mut stream).await;
    server.create_stores(&["berlin", "madrid", "lisbon"]).await;
    let seen = next(&mut stream).await;
    drop(stream);

    let mut again = watch(server, &seen.revision).await;
    let begin = next(&mut again).await;
    assert_eq!((begin.number, &begin.revision, changed_subjects(&begin)), (seen.number, &seen.revision, vec![]));
    assert_eq!(changed_subjects(&next(&mut again).await), [("store", "madrid", "create")]);
    assert_eq!(changed_subjects(&next(&mut again).await), [("store", "lisbon", "create")]);
    server.create_stores(&["oslo"]).await;
    assert_eq!(changed_subjects(&next(&mut again).await), [("store", "oslo", "create")]);

    let (number, nonce) = start.revision.split_once('-').expect("a number and a nonce");
    let flipped = if nonce.starts_with('0') { "1" } else { "0" };
    for foreign in [format!("{number}-{flipped}{}", &nonce[1..]), "r999999-0000000000000001".to_owned()] {
        let request = WatchChangesRequest { after_revision: foreign };
        let answer = server.order_api.authorization().watch_changes(request).await;
        let ended = match answer {
            Ok(stream) => stream.into_inner().message().await.expect_err("there is no such past"),
            Err(status) => status,
        };
        assert_eq!(ended.code(), Code::OutOfRange);
    }
    let request = WatchChangesRequest { after_revision: "yesterday".to_owned() };
    let refused = server.order_api.authorization().watch_changes(request).await.expect_err("no revision");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

fn text<'c>(image: Option<&'c prost_types::Struct>, field: &str) -> &'c str {
    match image.and_then(|image| image.fields.get(field)).and_then(|value| value.kind.as_ref()) {
        Some(Kind::StringValue(text)) => text,
        other => panic!("{field} is {other:?}"),
    }
}

fn flag(image: Option<&prost_types::Struct>, field: &str) -> bool {
    match image.and_then(|image| image.fields.get(field)).and_then(|value| value.kind.as_ref()) {
        Some(Kind::BoolValue(flag)) => *flag,
        other => panic!("{field} is {other:?}"),
    }
}

async fn the_audit_tells_who_changed_what_when_and_why(server: &TestServer) {
    let first = server.changes().await;
    let bootstrap = first.first().expect("the first start made an operator");
    assert_eq!((bootstrap.actor.as_str(), bootstrap.action.as_str()), ("system", "create"));
    assert_eq!(text(bootstrap.after.as_ref(), "name"), "admin");

    let request = proto::CreateKeyRequest {
        key: Some(key("partner", All, All)),
        options: with_comment("ticket 17"),
        ..Default::default()
    };
    let made = server.manager.keys().create_key(request).await.expect("made").into_inner().key.expect("a key");
    let request = proto::UpdateKeyRequest {
        key: Some(Key {
            id: made.id.clone(),
            name: "former partner".to_owned(),
            active: Some(false),
            ..Default::default()
        }),
        update_mask: helpers::test_server::mask(&["name", "active"]),
        options: with_comment("contract ended"),
    };
    server.admin.keys().update_key(request).await.expect("changed");
    server.delete_key(&made.id).await;

    let changes = server.changes().await;
    let [create, update, delete] = &changes[first.len()..] else { panic!("three changes: {changes:?}") };
    let whoami = async |client: &helpers::calls::Client| {
        let answer = client.operators().get_current_operator(proto::GetCurrentOperatorRequest {}).await;
        answer.expect("whoever calls may ask").into_inner().operator.expect("an operator")
    };
    let (manager, admin) = (whoami(&server.manager).await, whoami(&server.admin).await);
    let changed_subjects = |change: &Change| {
        (change.actor.clone(), change.actor_name.clone(), change.action.clone(), change.comment.clone())
    };
    let by = |operator: &proto::Operator, action: &str, comment: &str| {
        (operator.id.clone(), operator.name.clone(), action.to_owned(), comment.to_owned())
    };
    assert_eq!(changed_subjects(create), by(&manager, "create", "ticket 17"));
    assert_eq!(changed_subjects(update), by(&admin, "update", "contract ended"));
    assert_eq!(changed_subjects(delete), by(&manager, "delete", ""));
    for change in [create, update, delete] {
        assert_eq!((change.subject_kind.as_str(), change.subject_id.as_str()), ("key", made.id.as_str()));
        assert_eq!(change.ordinal, 0);
        let time = change.time.expect("it says when");
        assert!(time.seconds >= made.create_time.expect("a time").seconds);
    }
    assert_eq!((create.revision + 1, update.revision + 1), (update.revision, delete.revision));
    assert_eq!((create.before.as_ref(), delete.after.as_ref()), (None, None));
    assert_eq!(create.after, update.before, "each begins where the one before ended");
    assert_eq!(update.after, delete.before);
    assert_eq!((text(update.before.as_ref(), "name"), flag(update.before.as_ref(), "active")), ("partner", true));
    assert_eq!((text(update.after.as_ref(), "name"), flag(update.after.as_ref(), "active")), ("former partner", false));
}

async fn the_audit_is_searched_by_subject_actor_and_time(server: &TestServer) {
    server.create_stores(&["berlin", "madrid"]).await;
    let issued = server.create_key(key("partner", All, All)).await;
    server.set_store_active("berlin", false).await;
    server.revoke_key(&issued.key.id, "over").await;
    let every = server.changes().await;
    let list = async |request: ListChangesRequest| {
        let answer = server.officer.audit().list_changes(request).await.expect("changes are listed").into_inner();
        let mut changes = answer.changes;
        changes.reverse();
        changes
    };
    let those =
        |pick: &dyn Fn(&Change) -> bool| every.iter().filter(|change| pick(change)).cloned().collect::<Vec<_>>();

    let of_kind = ListChangesRequest { subject_kind: "store".to_owned(), ..Default::default() };
    assert_eq!(list(of_kind.clone()).await, those(&|change| change.subject_kind == "store"));
    let of_berlin = ListChangesRequest { subject_id: "berlin".to_owned(), ..of_kind };
    assert_eq!(list(of_berlin).await.len(), 2);
    let of_key =
        ListChangesRequest { subject_kind: "key".to_owned(), subject_id: issued.key.id.clone(), ..Default::default() };
    let actions: Vec<String> = list(of_key).await.into_iter().map(|change| change.action).collect();
    assert_eq!(actions, ["create", "revoke"]);
    let manager = &every.last().expect("a change").actor;
    let by_manager = ListChangesRequest { actor: manager.clone(), ..Default::default() };
    assert_eq!(list(by_manager).await, those(&|change| change.actor == *manager));

    let middle = every[every.len() / 2].time.expect("a time");
    let at = |time: Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
    let from = ListChangesRequest { start_time: Some(middle), ..Default::default() };
    let until = ListChangesRequest { end_time: Some(middle), ..Default::default() };
    assert_eq!(list(from).await, those(&|change| at(change.time) >= at(Some(middle))), "from this time on");
    assert_eq!(list(until).await, those(&|change| at(change.time) < at(Some(middle))), "before this time");

    let mut paged = Vec::new();
    let mut request = ListChangesRequest { page_size: 2, ..Default::default() };
    loop {
        let page = server.officer.audit().list_changes(request.clone()).await.expect("listed").into_inner();
        assert!(page.changes.len() <= 2);
        paged.extend(page.changes);
        if page.next_page_token.is_empty() {
            break;
        }
        // Changes made meanwhile are newer than the page, and not on the following ones.
        server.set_store_active("madrid", paged.len() % 4 == 0).await;
        request.page_token = page.next_page_token;
    }
    paged.reverse();
    assert_eq!(paged, every);
}
