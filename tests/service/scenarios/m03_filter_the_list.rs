//! M3: the list of keys filters by activity, by type of access and by store, and by text, method, owner, expiry and use.

use std::time::Duration;

use latchkey::proto::v1 as proto;
use proto::{Access, Key, ListKeysRequest, StoreUse};

use helpers::support::eventually_async;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, far_future, key, long_ago};

const ORDERS: &str = "GET /api/v*/orders";
const STATUSES: &str = "GET /api/v*/orders/statuses";

/// Usage counts are written to storage in batches, some seconds apart.
const USES: Duration = Duration::from_secs(60);

on_both_engines!(
    each_filter_finds_what_it_says,
    filters_that_are_set_must_all_hold,
    text_is_found_whatever_its_case_and_is_only_text,
    keys_are_found_by_when_they_were_last_used,
);

async fn names(server: &TestServer, request: ListKeysRequest) -> Vec<String> {
    let mut names: Vec<String> = server.list_keys(request).await.into_iter().map(|key| key.name).collect();
    names.reverse();
    names
}

/// Creates the keys of a realistic company, oldest first.
async fn create_test_data(server: &TestServer) {
    server.create_stores(&["berlin", "madrid", "lisbon"]).await;
    for method in [ORDERS, STATUSES] {
        server.create_method(method, StoreUse::Optional).await;
    }
    let owned = |owner: &str, key: Key| Key { owner: owner.to_owned(), ..key };
    server.create_key(owned("module", key("exporter", All, All))).await;
    server.create_key(owned("cpa", key("statuses", All, Only(&[STATUSES])))).await;
    server.create_key(owned("shops", key("berlin only", Only(&["berlin"]), All))).await;
    server.create_key(owned("shops", key("two shops", Only(&["berlin", "madrid"]), Only(&[ORDERS, STATUSES])))).await;
    let off = Key { active: Some(false), expire_time: Some(far_future()), ..key("off", Only(&["madrid"]), All) };
    server.create_key(owned("shops", off)).await;
    let ended = Key { expire_time: Some(long_ago(0)), ..key("ended", All, Only(&[ORDERS])) };
    server.create_key(owned("cpa", ended)).await;
    let gone = server.create_key(owned("cpa", key("revoked", Only(&["berlin"]), Only(&[STATUSES])))).await;
    server.revoke_key(&gone.key.id, "leaked").await;
    server.create_key(owned("", key("nothing", Only(&[]), Only(&[])))).await;
}

async fn each_filter_finds_what_it_says(server: &TestServer) {
    create_test_data(server).await;
    let none = ListKeysRequest::default;
    let everything =
        ["exporter", "statuses", "berlin only", "two shops", "off", "ended", "revoked", "nothing"].as_slice();
    let cases: [(&str, ListKeysRequest, &[&str]); 17] = [
        ("no filter", none(), everything),
        (
            "active: switched on and not revoked, ended or not",
            ListKeysRequest { active: Some(true), ..none() },
            &["exporter", "statuses", "berlin only", "two shops", "ended", "nothing"],
        ),
        ("not active", ListKeysRequest { active: Some(false), ..none() }, &["off", "revoked"]),
        ("revoked", ListKeysRequest { revoked: Some(true), ..none() }, &["revoked"]),
        (
            "all stores",
            ListKeysRequest { store_access: Access::All.into(), ..none() },
            &["exporter", "statuses", "ended"],
        ),
        (
            "individual stores",
            ListKeysRequest { store_access: Access::Selected.into(), ..none() },
            &["berlin only", "two shops", "off", "revoked", "nothing"],
        ),
        (
            "all methods",
            ListKeysRequest { method_access: Access::All.into(), ..none() },
            &["exporter", "berlin only", "off"],
        ),
        (
            "opens madrid: with it listed or with all stores",
            ListKeysRequest { store: "madrid".to_owned(), ..none() },
            &["exporter", "statuses", "two shops", "off", "ended"],
        ),
        (
            "opens lisbon, which no key lists",
            ListKeysRequest { store: "lisbon".to_owned(), ..none() },
            &["exporter", "statuses", "ended"],
        ),
        (
            "opens reading statuses",
            ListKeysRequest { method: STATUSES.to_owned(), ..none() },
            &["exporter", "statuses", "berlin only", "two shops", "off", "revoked"],
        ),
        ("owner", ListKeysRequest { owner: "cpa".to_owned(), ..none() }, &["statuses", "ended", "revoked"]),
        ("owner, exactly", ListKeysRequest { owner: "CPA".to_owned(), ..none() }, &[]),
        ("ended by now", ListKeysRequest { expire_before: Some(long_ago(1)), ..none() }, &["ended"]),
        ("ended by then, exclusively", ListKeysRequest { expire_before: Some(long_ago(0)), ..none() }, &[]),
        (
            "ending ever",
            ListKeysRequest {
                expire_before: Some(prost_types::Timestamp { seconds: far_future().seconds + 1, nanos: 0 }),
                ..none()
            },
            &["off", "ended"],
        ),
        ("used", ListKeysRequest { used: Some(true), ..none() }, &[]),
        ("never used", ListKeysRequest { used: Some(false), ..none() }, everything),
    ];
    for (what, request, expected) in cases {
        assert_eq!(names(server, request).await, expected, "{what}");
    }
}

/// Implements the filters described in the protos a second time, plainly.
fn finds(request: &ListKeysRequest, key: &Key) -> bool {
    let active = key.active() && key.revoke_time.is_none();
    let opens = |access: Access, list: &[String], wanted: &str| {
        wanted.is_empty() || access == Access::All || list.iter().any(|entry| entry == wanted)
    };
    request.active.is_none_or(|wanted| wanted == active)
        && request.revoked.is_none_or(|wanted| wanted == key.revoke_time.is_some())
        && (request.store_access() == Access::Unspecified || request.store_access == key.store_access)
        && (request.method_access() == Access::Unspecified || request.method_access == key.method_access)
        && opens(key.store_access(), &key.stores, &request.store)
        && opens(key.method_access(), &key.methods, &request.method)
        && (request.owner.is_empty() || request.owner == key.owner)
        && request.expire_before.is_none_or(|end| key.expire_time.is_some_and(|time| time.seconds < end.seconds))
        && holds_text(key, &request.text)
}

/// Ids and hints are random, so the searched text must be longer than a hint and not hexadecimal.
fn holds_text(key: &Key, text: &str) -> bool {
    let hints = key.secrets.iter().map(|secret| &secret.hint);
    let mut fields = [&key.name, &key.owner, &key.comment, &key.id].into_iter().chain(hints);
    fields.any(|field| field.to_lowercase().contains(&text.to_lowercase()))
}

async fn filters_that_are_set_must_all_hold(server: &TestServer) {
    create_test_data(server).await;
    let every = server.list_keys(ListKeysRequest::default()).await;
    let (mut cases, mut found, mut empty) = (0, 0, 0);
    for active in [None, Some(true), Some(false)] {
        for revoked in [None, Some(true), Some(false)] {
            for store_access in [Access::Unspecified, Access::All, Access::Selected] {
                for method_access in [Access::Unspecified, Access::All, Access::Selected] {
                    for (store, method) in [("", ""), ("berlin", ""), ("", STATUSES), ("madrid", ORDERS)] {
                        for (owner, text, expire_before) in
                            [("", "", None), ("shops", "", None), ("", "shops", None), ("cpa", "", Some(far_future()))]
                        {
                            let request = ListKeysRequest {
                                page_size: 3,
                                active,
                                revoked,
                                store_access: store_access.into(),
                                method_access: method_access.into(),
                                store: store.to_owned(),
                                method: method.to_owned(),
                                owner: owner.to_owned(),
                                text: text.to_owned(),
                                expire_before,
                                ..Default::default()
                            };
                            let expected: Vec<&Key> = every.iter().filter(|key| finds(&request, key)).collect();
                            let listed = server.list_keys(request.clone()).await;
                            // By id: a use that is counted meanwhile changes the time of last use.
                            let ids = |keys: &[&Key]| keys.iter().map(|key| key.id.clone()).collect::<Vec<_>>();
                            assert_eq!(ids(&listed.iter().collect::<Vec<_>>()), ids(&expected), "{request:?}");
                            cases += 1;
                            found += usize::from(expected.len() > 1);
                            empty += usize::from(expected.is_empty());
                        }
                    }
                }
            }
        }
    }
    assert_eq!(cases, 3 * 3 * 3 * 3 * 4 * 4);
    assert!(found > 150 && empty > 150, "the cases tell something: {found} found several keys, {empty} none");
}

async fn text_is_found_whatever_its_case_and_is_only_text(server: &TestServer) {
    let first =
        server.create_key(Key { comment: "Ask Мария first".to_owned(), ..key("100% of CPA_net", All, All) }).await;
    let second = server.create_key(Key { owner: "Straße GmbH".to_owned(), ..key("1000 of CPAxnet", All, All) }).await;
    let hint = &second.key.secrets[0].hint;
    let text = |text: &str| ListKeysRequest { text: text.to_owned(), ..Default::default() };
    let ids = async |wanted: &str| {
        let listed = server.list_keys(text(wanted)).await;
        listed.into_iter().map(|key| key.name).collect::<Vec<_>>()
    };
    assert_eq!(ids("cpa").await, ["1000 of CPAxnet", "100% of CPA_net"], "in the name");
    assert_eq!(ids("100%").await, ["100% of CPA_net"], "a percent sign is only that");
    assert_eq!(ids("A_n").await, ["100% of CPA_net"], "so is an underscore");
    assert_eq!(ids("мАРИЯ").await, ["100% of CPA_net"], "in the comment, beyond ASCII");
    assert_eq!(ids("straße").await, ["1000 of CPAxnet"], "in the owner");
    assert_eq!(ids("\\").await, [""; 0], "a backslash is only that");
    assert_eq!(ids("'; --").await, [""; 0], "and so is what looks like SQL");
    assert!(ids(&hint.to_lowercase()).await.contains(&second.key.name), "by the hint");
    assert_eq!(ids(&first.key.id.to_uppercase()).await, ["100% of CPA_net"], "by the id");
    assert_eq!(ids(&second.token).await, [""; 0], "never by the token");

    let renamed = Key { name: "Ünlike".to_owned(), ..first.key };
    server.update_key(renamed, &["name"]).await;
    assert_eq!(ids("üNLIKE").await, ["Ünlike"], "what is found follows what is changed");
    assert_eq!(ids("100%").await, [""; 0]);
}

async fn keys_are_found_by_when_they_were_last_used(server: &TestServer) {
    create_test_data(server).await;
    let partner = server.create_key(key("partner", All, All)).await;
    let refused = server.create_key(key("always refused", Only(&["lisbon"]), All)).await;
    for _ in 0..3 {
        server.authorize(&partner.token, "GET /api/v5/orders", "berlin").await.must_allow();
        let _ = server.authorize(&refused.token, "GET /api/v5/orders", "berlin").await;
    }
    let used = ListKeysRequest { used: Some(true), ..Default::default() };
    eventually_async("the use is told", USES, async || {
        (names(server, used.clone()).await == ["partner"]).then_some(())
    })
    .await;
    let key = server.get_key(&partner.key.id).await.expect("the key is there");
    let last = key.last_use_time.expect("it was used");
    assert_eq!(key.secrets[0].last_use_time, Some(last), "its only token was what was used");
    assert_eq!(key.etag, partner.key.etag, "being used is no change of the key");

    let unused = |seconds| ListKeysRequest {
        unused_since: Some(prost_types::Timestamp { seconds: last.seconds + seconds, nanos: 0 }),
        ..Default::default()
    };
    assert!(!names(server, unused(-60)).await.contains(&"partner".to_owned()), "used since a minute before");
    assert!(names(server, unused(60)).await.contains(&"partner".to_owned()), "not used since a minute after");
    assert_eq!(names(server, unused(-60)).await.len(), 9, "those never used are unused since ever");
}
