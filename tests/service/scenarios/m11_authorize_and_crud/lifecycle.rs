//! From issuing a key to deleting it: the next decision follows every change of a key.

use latchkey::proto::v1 as proto;
use proto::{AuthorizeRequest, Key, Reason, StoreUse};
use tonic::Code;

use helpers::calls::reason;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, far_future, key, long_ago};

const ORDERS: &str = "GET /api/v5/orders";

on_both_engines!(
    a_key_is_switched_off_and_on,
    a_revoked_key_stays_to_be_read_and_opens_nothing_again,
    a_deleted_key_is_unknown_and_its_token_never_another_keys,
    a_key_is_good_within_its_validity,
    a_key_is_good_from_its_networks,
    every_check_that_fails_is_listed_in_order,
    what_a_key_opens_is_changed_at_once,
);

async fn from(server: &TestServer, token: &str, client_address: &str) -> proto::Decision {
    let request = AuthorizeRequest {
        key: token.to_owned(),
        method: ORDERS.to_owned(),
        client_address: client_address.to_owned(),
        ..Default::default()
    };
    server.try_authorize(request).await.expect("decided")
}

async fn a_key_is_switched_off_and_on(server: &TestServer) {
    let issued = server.create_key(key("partner", All, All)).await;
    for _ in 0..5 {
        let off = Key { id: issued.key.id.clone(), active: Some(false), ..Default::default() };
        server.update_key(off, &["active"]).await;
        let refused = server.authorize(&issued.token, ORDERS, "").await.must_refuse(Reason::KeyInactive);
        assert_eq!(refused.key_id, issued.key.id, "who asks for decisions may know whose key it is");
        let on = Key { id: issued.key.id.clone(), active: Some(true), ..Default::default() };
        server.update_key(on, &["active"]).await;
        server.authorize(&issued.token, ORDERS, "").await.must_allow();
    }
    let born_off = server.create_key(Key { active: Some(false), ..key("not yet", All, All) }).await;
    server.authorize(&born_off.token, ORDERS, "").await.must_refuse(Reason::KeyInactive);
}

async fn a_revoked_key_stays_to_be_read_and_opens_nothing_again(server: &TestServer) {
    let issued = server.create_key(key("leaked", All, All)).await;
    server.authorize(&issued.token, ORDERS, "").await.must_allow();
    let revoked = server.revoke_key(&issued.key.id, "found on a forum").await;
    assert_eq!((revoked.revoke_reason.as_str(), revoked.secrets.len()), ("found on a forum", 0));
    assert!(revoked.revoke_time.is_some());
    server.authorize(&issued.token, ORDERS, "").await.must_refuse(Reason::KeyRevoked);
    assert_eq!(server.get_key(&issued.key.id).await.expect("it stays to be read"), revoked);

    let head = server.latest_revision().await;
    assert_eq!(server.revoke_key(&issued.key.id, "once more").await, revoked, "revoking again changes nothing");
    assert_eq!(server.latest_revision().await, head);
    let on = Key { id: issued.key.id.clone(), active: Some(true), ..Default::default() };
    let refused = server.try_update_key(on, &["active"]).await.expect_err("a revocation is final");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "KEY_REVOKED"));
    let rotate = proto::RotateKeyRequest {
        id: issued.key.id.clone(),
        overlap: Some(prost_types::Duration::default()),
        ..Default::default()
    };
    let refused = server.manager.keys().rotate_key(rotate).await.expect_err("a revocation is final");
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::FailedPrecondition, "KEY_REVOKED"));
    let noted = Key { id: issued.key.id.clone(), comment: "see the incident".to_owned(), ..Default::default() };
    assert_eq!(server.update_key(noted, &["comment"]).await.comment, "see the incident", "but may be written about");
    server.authorize(&issued.token, ORDERS, "").await.must_refuse(Reason::KeyRevoked);
}

async fn a_deleted_key_is_unknown_and_its_token_never_another_keys(server: &TestServer) {
    let issued = server.create_key(key("short-lived", All, All)).await;
    server.authorize(&issued.token, ORDERS, "").await.must_allow();
    server.delete_key(&issued.key.id).await;
    let unknown = server.authorize(&issued.token, ORDERS, "").await.must_refuse(Reason::KeyUnknown);
    assert_eq!(unknown.key_id, "", "nothing is told of a key that is gone");
    let missing = server.get_key(&issued.key.id).await.expect_err("it is gone");
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "KEY_NOT_FOUND"));
    assert!(missing.message().contains(&issued.key.id));

    let request = proto::DeleteKeyRequest { id: issued.key.id.clone(), ..Default::default() };
    let again = server.manager.keys().delete_key(request).await.expect_err("it is gone");
    assert_eq!(again.code(), Code::NotFound);
    let request = proto::CreateKeyRequest {
        key: Some(key("heir", All, All)),
        token: issued.token.0.clone(),
        ..Default::default()
    };
    let taken = server.manager.keys().create_key(request).await.expect_err("nobody inherits a token");
    assert_eq!((taken.code(), reason(&taken).as_str()), (Code::AlreadyExists, "TOKEN_TAKEN"));
    assert!(!taken.message().contains(&issued.key.id), "whose it was is not told");
    server.authorize(&issued.token, ORDERS, "").await.must_refuse(Reason::KeyUnknown);
}

async fn a_key_is_good_within_its_validity(server: &TestServer) {
    let issued = server.create_key(key("seasonal", All, All)).await;
    let id = issued.key.id.clone();
    let set = async |not_before, expire_time| {
        let changed = Key { id: id.clone(), not_before, expire_time, ..Default::default() };
        server.update_key(changed, &["not_before", "expire_time"]).await;
        server.authorize(&issued.token, ORDERS, "").await
    };
    let later = prost_types::Timestamp { seconds: far_future().seconds + 1, nanos: 0 };
    set(Some(far_future()), None).await.must_refuse(Reason::KeyNotYetValid);
    set(Some(long_ago(0)), Some(far_future())).await.must_allow();
    set(None, Some(long_ago(0))).await.must_refuse(Reason::KeyExpired);
    set(Some(long_ago(0)), Some(long_ago(1))).await.must_refuse(Reason::KeyExpired);
    set(Some(far_future()), Some(later)).await.must_refuse(Reason::KeyNotYetValid);
    set(None, None).await.must_allow();
    let born_late = server.create_key(Key { not_before: Some(far_future()), ..key("next century", All, All) }).await;
    server.authorize(&born_late.token, ORDERS, "").await.must_refuse(Reason::KeyNotYetValid);
}

async fn a_key_is_good_from_its_networks(server: &TestServer) {
    let networks = ["192.0.2.0/24", "2001:db8::/32", "198.51.100.7/32"].map(str::to_owned).to_vec();
    let issued = server.create_key(Key { networks, ..key("office", All, All) }).await;
    for inside in ["192.0.2.0", "192.0.2.255", "2001:db8::1", "2001:DB8:ffff::", "198.51.100.7", "::ffff:192.0.2.9"] {
        let decision = from(server, &issued.token, inside).await;
        assert!(decision.allowed, "{inside}: {decision:?}");
    }
    for outside in ["", "192.0.3.0", "198.51.100.8", "2001:db9::1", "::1", "0.0.0.0", "::ffff:192.0.3.9"] {
        let decision = from(server, &issued.token, outside).await.must_refuse(Reason::NetworkDenied);
        assert_eq!(decision.failures(), [Reason::NetworkDenied], "{outside}");
    }
    let anywhere = Key { id: issued.key.id.clone(), ..Default::default() };
    server.update_key(anywhere, &["networks"]).await;
    from(server, &issued.token, "").await.must_allow();
    let unlimited = server.create_key(key("anywhere", All, All)).await;
    for address in ["", "203.0.113.9", "::1"] {
        from(server, &unlimited.token, address).await.must_allow();
    }
    let named = AuthorizeRequest { client_address: "192.0.2.7:443".to_owned(), ..Default::default() };
    let refused = server.try_authorize(named).await.expect_err("an address has no port");
    assert_eq!(refused.code(), Code::InvalidArgument);
}

async fn every_check_that_fails_is_listed_in_order(server: &TestServer) {
    server.create_stores(&["berlin", "madrid"]).await;
    server.create_method("POST /api/v*/orders/create", StoreUse::Required).await;
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    let closed = Key {
        active: Some(false),
        expire_time: Some(long_ago(0)),
        networks: vec!["192.0.2.0/24".to_owned()],
        ..key("closed in every way", Only(&["berlin", "madrid"]), Only(&["GET /api/v*/orders"]))
    };
    let issued = server.create_key(closed).await;
    let base = [Reason::KeyInactive, Reason::KeyExpired, Reason::NetworkDenied];
    let cases: [(&str, &str, &[Reason]); 7] = [
        (ORDERS, "berlin", &[]),
        ("", "", &[Reason::MethodRequired]),
        ("GET /../", "", &[Reason::PathAmbiguous]),
        ("GET /elsewhere", "berlin", &[Reason::MethodUnknown]),
        ("POST /api/v5/orders/create", "", &[Reason::MethodDenied, Reason::StoreRequired]),
        ("POST /api/v5/orders/create", "rome", &[Reason::MethodDenied, Reason::StoreUnknown]),
        ("GET /../", "rome", &[Reason::PathAmbiguous, Reason::StoreUnknown]),
    ];
    for (method, store, more) in cases {
        let decision = server.authorize(&issued.token, method, store).await.must_refuse(Reason::KeyInactive);
        assert_eq!(decision.failures(), [&base, more].concat(), "{method:?} on {store:?}");
    }
    server.revoke_key(&issued.key.id, "for good").await;
    let decision = server.authorize(&issued.token, ORDERS, "berlin").await.must_refuse(Reason::KeyRevoked);
    assert!(decision.failures().contains(&Reason::KeyExpired), "{decision:?}");
}

async fn what_a_key_opens_is_changed_at_once(server: &TestServer) {
    server.import_book().await;
    let partner = server.create_key(key("partner", All, Only(&["GET /api/v*/orders"]))).await;
    let id = &partner.key.id;
    let choose = async |method: &str| {
        let changed = Key { id: id.clone(), methods: vec![method.to_owned()], ..Default::default() };
        server.update_key(changed, &["methods"]).await
    };
    let pair = [("GET /api/v*/orders", ORDERS), ("GET /api/v*/customers", "GET /api/v5/customers")];
    for round in 0..6 {
        let ((chosen, open), (_, shut)) = (pair[round % 2], pair[(round + 1) % 2]);
        choose(chosen).await;
        server.authorize(&partner.token, open, "").await.must_allow();
        server.authorize(&partner.token, shut, "").await.must_refuse(Reason::MethodDenied);
    }
    let nothing = Key { id: id.clone(), ..Default::default() };
    server.update_key(nothing, &["methods"]).await;
    for request in [ORDERS, "GET /api/v5/customers"] {
        server.authorize(&partner.token, request, "").await.must_refuse(Reason::MethodDenied);
    }
    let all = Key { id: id.clone(), ..key("", All, All) };
    server.update_key(all, &["method_access"]).await;
    server.authorize(&partner.token, "POST /api/v5/orders/create", "").await.must_refuse(Reason::StoreRequired);
}
