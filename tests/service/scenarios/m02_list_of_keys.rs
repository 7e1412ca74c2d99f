//! M2: the tab "API access keys" of the section "Integration": the whole list of keys.

use latchkey::proto::v1 as proto;
use proto::{ListKeysRequest, Reason};
use tonic::Code;

use helpers::calls::reason;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key};

on_both_engines!(
    the_whole_list_is_read_page_by_page_the_newest_first,
    keys_made_while_one_reads_on_neither_repeat_nor_hide_others,
    the_list_tells_everything_but_the_token,
    a_page_goes_on_only_where_it_began,
);

async fn the_whole_list_is_read_page_by_page_the_newest_first(server: &TestServer) {
    let mut made = Vec::new();
    for number in 0..23 {
        made.push(server.create_key(key(&format!("partner {number}"), All, All)).await.key);
    }
    made.reverse();
    assert_eq!(server.list_keys(ListKeysRequest { page_size: 5, ..Default::default() }).await, made);
    assert_eq!(server.list_keys(ListKeysRequest::default()).await, made, "a page has 50 where nothing is said");

    let page = |page_token: String| ListKeysRequest { page_size: 10, page_token, ..Default::default() };
    let mut sizes = Vec::new();
    let mut token = String::new();
    loop {
        let answer = server.officer.keys().list_keys(page(token)).await.expect("keys are listed").into_inner();
        sizes.push(answer.keys.len());
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(sizes, [10, 10, 3]);

    server.delete_key(&made[0].id).await;
    let revoked = server.revoke_key(&made[1].id, "the contract ended").await;
    let listed = server.list_keys(ListKeysRequest::default()).await;
    assert_eq!(listed.len(), 22, "a deleted key leaves the list");
    assert_eq!(listed[0], revoked, "a revoked one stays to be read");
    assert_eq!(revoked.revoke_reason, "the contract ended");
}

async fn keys_made_while_one_reads_on_neither_repeat_nor_hide_others(server: &TestServer) {
    let mut made = Vec::new();
    for number in 0..9 {
        made.push(server.create_key(key(&format!("partner {number}"), All, All)).await.key.id);
    }
    made.reverse();
    let first = ListKeysRequest { page_size: 4, ..Default::default() };
    let answer = server.officer.keys().list_keys(first.clone()).await.expect("keys are listed").into_inner();
    let mut seen: Vec<String> = answer.keys.into_iter().map(|key| key.id).collect();
    for number in 0..5 {
        server.create_key(key(&format!("latecomer {number}"), All, All)).await;
    }
    server.delete_key(&made[5]).await;
    let rest = ListKeysRequest { page_token: answer.next_page_token, ..first };
    seen.extend(server.list_keys(rest).await.into_iter().map(|key| key.id));
    made.remove(5);
    assert_eq!(seen, made);
}

async fn the_list_tells_everything_but_the_token(server: &TestServer) {
    server.create_stores(&["berlin", "madrid"]).await;
    server.import_book().await;
    let asked = proto::Key {
        owner: "Integration team".to_owned(),
        comment: "Reads statuses\nevery hour".to_owned(),
        active: Some(false),
        expire_time: Some(helpers::test_server::far_future()),
        not_before: Some(helpers::test_server::long_ago(7)),
        networks: vec!["192.0.2.0/24".to_owned(), "2001:db8::/32".to_owned()],
        labels: [("team".to_owned(), "sales".to_owned()), ("tier".to_owned(), String::new())].into(),
        ..key("CPA network", Only(&["madrid", "berlin"]), Only(&["GET /api/v*/orders/statuses"]))
    };
    let issued = server.create_key(asked.clone()).await;
    server.authorize(&issued.token, "GET /api/v5/orders/statuses", "").await.must_refuse(Reason::KeyInactive);

    let listed = server.list_keys(ListKeysRequest::default()).await.remove(0);
    assert_eq!(listed, issued.key);
    let told = proto::Key { stores: vec!["berlin".to_owned(), "madrid".to_owned()], ..asked };
    let made_by_server = proto::Key {
        id: listed.id.clone(),
        secrets: listed.secrets.clone(),
        create_time: listed.create_time,
        update_time: listed.update_time,
        etag: listed.etag.clone(),
        ..told
    };
    assert_eq!(listed, made_by_server, "what was asked for is what is listed");
    assert!(listed.id.starts_with("key_") && !listed.etag.is_empty() && listed.create_time.is_some());
    let [secret] = listed.secrets.as_slice() else { panic!("one secret: {listed:?}") };
    assert!(secret.id.starts_with("sec_"));
    assert_eq!(secret.hint.len(), 4);
    assert!(issued.token.ends_with(&secret.hint), "people see the last four characters");
    assert!(!format!("{listed:?}").contains(&*issued.token), "the token is nowhere in the list");
}

async fn a_page_goes_on_only_where_it_began(server: &TestServer) {
    for number in 0..3 {
        server.create_key(key(&format!("partner {number}"), All, All)).await;
    }
    let first = ListKeysRequest { page_size: 1, ..Default::default() };
    let token = server.officer.keys().list_keys(first).await.expect("listed").into_inner().next_page_token;
    let other_filter = ListKeysRequest { page_token: token.clone(), active: Some(true), ..Default::default() };
    let altered = ListKeysRequest { page_token: format!("{token}00"), ..Default::default() };
    let invented = ListKeysRequest { page_token: "second page please".to_owned(), ..Default::default() };
    for request in [other_filter, altered, invented] {
        let refused = server.officer.keys().list_keys(request).await.expect_err("such a page is refused");
        assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, "INVALID_FIELDS"));
    }
    let other_size = ListKeysRequest { page_token: token, page_size: 1_000, ..Default::default() };
    assert_eq!(server.list_keys(other_size).await.len(), 2, "the size of a page may change on the way");
}
