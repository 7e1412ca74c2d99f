//! Batches of requests, and introspection of a token.

use latchkey::proto::v1 as proto;
use proto::batch_authorize_result::Result as Answer;
use proto::{Access, AuthorizeRequest, BatchAuthorizeRequest, IntrospectKeyRequest, Key, Reason, StoreUse};
use tonic::Code;

use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, far_future, key, long_ago};

const ORDERS: &str = "GET /api/v5/orders";

on_both_engines!(
    a_batch_is_answered_one_by_one_in_its_order,
    a_batch_has_bounds,
    a_bad_question_leaves_the_others_as_they_are,
    every_kind_of_question_is_answered_in_its_place,
    a_token_tells_what_it_may_do,
    a_token_that_is_no_good_tells_why_and_nothing_else,
);

fn request(token: &str, method: &str, store: &str) -> AuthorizeRequest {
    AuthorizeRequest { key: token.to_owned(), method: method.to_owned(), store: store.to_owned(), ..Default::default() }
}

async fn a_batch_is_answered_one_by_one_in_its_order(server: &TestServer) {
    server.import_book().await;
    server.create_stores(&["berlin", "madrid"]).await;
    let module = server.create_key(key("module", All, All)).await;
    let cpa = server.create_key(key("cpa", All, Only(&["GET /api/v*/orders/statuses"]))).await;
    let mut questions = Vec::new();
    for number in 0..250 {
        questions.push(request(&module.token, ORDERS, ["berlin", "rome"][number % 2]));
        questions.push(request(&cpa.token, "GET /api/v9/orders/statuses", ""));
        questions.push(request(&cpa.token, ORDERS, "madrid"));
        questions.push(request(&"n".repeat(32 + number % 5), ORDERS, ""));
    }
    let request = BatchAuthorizeRequest { requests: questions.clone() };
    let answer = server.crm.authorization().batch_authorize(request).await.expect("a thousand are answered");
    let results = answer.into_inner().results;
    assert_eq!(results.len(), 1_000);
    for (number, (result, request)) in results.into_iter().zip(questions).enumerate() {
        let Some(Answer::Decision(decision)) = result.result else { panic!("{number} is decided") };
        if number < 12 {
            let single = server.try_authorize(request).await.expect("decided");
            assert_eq!(single, decision, "the same answer as alone");
        }
        match (number % 4, number / 4 % 2) {
            (0, 0) => assert_eq!(decision.must_allow().store, "berlin"),
            (0, _) => drop(decision.must_refuse(Reason::StoreUnknown)),
            (1, _) => drop(decision.must_allow()),
            (2, _) => drop(decision.must_refuse(Reason::MethodDenied)),
            _ => drop(decision.must_refuse(Reason::KeyUnknown)),
        }
    }
}

async fn a_batch_has_bounds(server: &TestServer) {
    for count in [0, 1_001] {
        let request = BatchAuthorizeRequest { requests: vec![AuthorizeRequest::default(); count] };
        let refused = server.crm.authorization().batch_authorize(request).await.expect_err("1 to 1 000 are answered");
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}

/// An invalid request, and the fields in its error.
type Wrong = (&'static str, fn(&mut AuthorizeRequest), &'static [&'static str]);

const WRONG: [Wrong; 7] = [
    ("a method that is too long", |asked| asked.method = format!("GET /{}", "a".repeat(8_192)), &["method"]),
    ("an empty store", |asked| asked.stores = vec!["berlin".to_owned(), String::new()], &["stores[1]"]),
    ("too many stores", |asked| asked.stores = vec!["berlin".to_owned(); 1_001], &["stores"]),
    ("an address that is none", |asked| asked.client_address = "nowhere".to_owned(), &["client_address"]),
    ("a revision that is none", |asked| asked.min_revision = "latest".to_owned(), &["min_revision"]),
    ("a revision of another history", |asked| asked.min_revision = "r999999-0000000000000001".to_owned(), &[]),
    (
        "everything at once",
        |asked| {
            asked.method = "/".repeat(8_193);
            asked.stores = vec![String::new(); 1_001];
            asked.client_address = "192.0.2.7:80".to_owned();
            asked.min_revision = "7".to_owned();
        },
        &["method", "stores", "stores[0]", "client_address", "min_revision"],
    ),
];

/// A modification of a request, and the reason of its refusal.
type Refused = (fn(&mut AuthorizeRequest), Reason);

/// Modifications that the decision refuses, not the call.
const REFUSED: [Refused; 8] = [
    (|asked| asked.key.clear(), Reason::KeyMissing),
    (|asked| asked.key = "short".to_owned(), Reason::KeyMalformed),
    (|asked| asked.key = "k".repeat(100_000), Reason::KeyMalformed),
    (|asked| asked.key = "a-token-that-was-never-given-to-anybody".to_owned(), Reason::KeyUnknown),
    (|asked| asked.method.clear(), Reason::MethodRequired),
    (|asked| asked.method = "GET /a/../b".to_owned(), Reason::PathAmbiguous),
    (|asked| asked.store = "no code, \u{1f511}".to_owned(), Reason::StoreUnknown),
    (|asked| asked.stores = vec!["s".repeat(5_000)], Reason::StoreUnknown),
];

/// The code paths of a batch in the server: short and usual; with `stores`, which are parsed differently; long; and
/// long with requests of every kind.
async fn a_bad_question_leaves_the_others_as_they_are(server: &TestServer) {
    server.import_book().await;
    server.create_stores(&["berlin"]).await;
    let token = server.create_key(key("module", All, All)).await.token;
    let usual = request(&token, ORDERS, "berlin");
    let several = AuthorizeRequest { stores: vec!["berlin".to_owned()], ..usual.clone() };
    let request = proto::CreateKeyRequest { key: Some(key("another", All, All)), ..Default::default() };
    let written = server.manager.keys().create_key(request).await.expect("the key is issued").into_inner().written;
    let fresh = AuthorizeRequest { min_revision: written.expect("a write says so").revision, ..usual.clone() };
    for (good, count) in [(&usual, 2), (&several, 2), (&fresh, 2), (&usual, 600)] {
        for (name, spoil, fields) in WRONG {
            let mut wrong = good.clone();
            spoil(&mut wrong);
            let alone = server.order_api.authorization().authorize(wrong.clone()).await.expect_err(name);
            let mut requests = vec![good.clone(); count];
            requests.insert(1, wrong.clone());
            requests.push(wrong);
            let results = results(server, requests).await;
            for at in [1, count + 1] {
                let Some(Answer::Undecided(undecided)) = &results[at].result else { panic!("{name}: {results:?}") };
                let named: Vec<_> = undecided.invalid_fields.iter().map(|invalid| invalid.field.as_str()).collect();
                assert_eq!((named, undecided.code), (fields.to_vec(), alone.code() as i32), "{name}: {undecided:?}");
                assert_eq!(undecided.message, alone.message(), "the same as alone");
            }
            let decided = |at: &usize| ![1, count + 1].contains(at);
            for at in (0..count + 2).filter(decided) {
                let Some(Answer::Decision(decision)) = &results[at].result else { panic!("{name}: {results:?}") };
                assert!(decision.allowed, "{name}: {decision:?}");
            }
        }
    }
}

async fn every_kind_of_question_is_answered_in_its_place(server: &TestServer) {
    server.import_book().await;
    server.create_stores(&["berlin"]).await;
    let token = server.create_key(key("module", All, Only(&["GET /api/v*/orders"]))).await.token;
    let good = request(&token, ORDERS, "berlin");
    let mut requests = vec![good.clone()];
    for (spoil, _) in REFUSED {
        let mut refused = good.clone();
        spoil(&mut refused);
        requests.extend([refused, good.clone()]);
    }
    for (_, spoil, _) in WRONG {
        let mut wrong = good.clone();
        spoil(&mut wrong);
        requests.extend([wrong, good.clone()]);
    }
    let results = results(server, requests.clone()).await;
    assert_eq!(results.len(), requests.len());
    for (at, (result, request)) in results.into_iter().zip(requests).enumerate() {
        match (server.order_api.authorization().authorize(request).await, result.result) {
            (Ok(alone), Some(Answer::Decision(decision))) => {
                assert_eq!(alone.into_inner().decision.as_ref(), Some(&decision), "{at}: the same as alone");
                match at.checked_sub(1).and_then(|at| REFUSED.get(at / 2)).filter(|_| at % 2 == 1) {
                    Some((_, reason)) => {
                        assert!(!decision.allowed && decision.failed_checks.contains(&(*reason).into()))
                    }
                    None => assert!(decision.allowed, "{at}: {decision:?}"),
                }
            }
            (Err(alone), Some(Answer::Undecided(undecided))) => {
                assert_eq!((undecided.code, &*undecided.message), (alone.code() as i32, alone.message()), "{at}");
            }
            other => panic!("{at}: {other:?}"),
        }
    }
}

async fn results(server: &TestServer, requests: Vec<AuthorizeRequest>) -> Vec<proto::BatchAuthorizeResult> {
    let request = BatchAuthorizeRequest { requests };
    let answer = server.order_api.authorization().batch_authorize(request).await;
    answer.expect("one bad request does not fail the others").into_inner().results
}

async fn a_token_tells_what_it_may_do(server: &TestServer) {
    server.import_book().await;
    server.create_stores(&["berlin", "madrid", "lisbon"]).await;
    server.set_store_active("lisbon", false).await;
    let introspect = async |token: &str| {
        let request = IntrospectKeyRequest { key: token.to_owned(), ..Default::default() };
        server.order_api.authorization().introspect_key(request).await.expect("told").into_inner()
    };
    let methods = ["GET /api/v*/orders/statuses", "GET /api/v*/customers"];
    let asked = Key {
        expire_time: Some(far_future()),
        ..key("partner", Only(&["madrid", "lisbon", "berlin"]), Only(&methods))
    };
    let partner = server.create_key(asked).await;
    let response = introspect(&partner.token).await;
    assert!(response.usable && response.reason() == Reason::Allowed);
    assert_eq!((response.key_id.as_str(), response.name.as_str()), (partner.key.id.as_str(), "partner"));
    assert_eq!((response.store_access(), response.method_access()), (Access::Selected, Access::Selected));
    let stores: Vec<_> = response.stores.iter().map(|store| (store.code.as_str(), store.name.as_str())).collect();
    assert_eq!(stores, [("berlin", "Store berlin"), ("madrid", "Store madrid")], "those that are on");
    assert_eq!(response.methods, ["GET /api/v*/customers", "GET /api/v*/orders/statuses"]);
    assert_eq!((response.expire_time, response.secret_expire_time), (Some(far_future()), None));
    assert_eq!(response.revision, server.latest_revision().await);
    assert!(response.scopes.is_empty(), "no scope is open as a whole: {response:?}");

    let module = introspect(&server.create_key(key("module", All, All)).await.token).await;
    assert_eq!((module.store_access(), module.method_access()), (Access::All, Access::All));
    assert_eq!((module.stores.len(), module.methods.len()), (2, 199), "what all means just now");
    assert!(module.scopes.contains(&"order_read".to_owned()) && module.scopes.is_sorted(), "{:?}", module.scopes);
    assert_eq!(module.expire_time, None);

    let book = helpers::test_server::built_in_book();
    let of_scope = book.iter().filter(|method| method.scope == "cost_read").map(|method| method.method.as_str());
    let of_scope: Vec<&str> = of_scope.collect();
    let costs = introspect(&server.create_key(key("costs", All, Only(&of_scope))).await.token).await;
    assert_eq!(costs.scopes, ["cost_read"], "a scope is open when all of its methods are");
}

async fn a_token_that_is_no_good_tells_why_and_nothing_else(server: &TestServer) {
    server.create_method("GET /api/v*/orders", StoreUse::None).await;
    let off = server.create_key(Key { active: Some(false), ..key("off", All, All) }).await;
    let ended = server.create_key(Key { expire_time: Some(long_ago(0)), ..key("ended", All, All) }).await;
    let late = server.create_key(Key { not_before: Some(far_future()), ..key("late", All, All) }).await;
    let revoked = server.create_key(key("revoked", All, All)).await;
    server.revoke_key(&revoked.key.id, "leaked").await;
    let deleted = server.create_key(key("deleted", All, All)).await;
    server.delete_key(&deleted.key.id).await;
    for (token, why) in [
        (&*off.token, Reason::KeyInactive),
        (&ended.token, Reason::KeyExpired),
        (&late.token, Reason::KeyNotYetValid),
        (&revoked.token, Reason::KeyRevoked),
        (&deleted.token, Reason::KeyUnknown),
        ("a-token-that-was-never-given-to-anybody", Reason::KeyUnknown),
        ("short", Reason::KeyMalformed),
    ] {
        let request = IntrospectKeyRequest { key: token.to_owned(), ..Default::default() };
        let response = server.order_api.authorization().introspect_key(request).await.expect("told").into_inner();
        let nothing_else =
            proto::IntrospectKeyResponse { reason: why.into(), revision: response.revision, ..Default::default() };
        assert_eq!(response, nothing_else);
    }
    let empty = server.order_api.authorization().introspect_key(IntrospectKeyRequest::default()).await;
    assert_eq!(empty.expect_err("a token must be given").code(), Code::InvalidArgument);
}
