//! Values at their bounds are accepted and returned unchanged.

use latchkey::proto::v1 as proto;
use proto::{Key, Method, Store, StoreKind, StoreUse};

use crate::bad_input::RefusalChecker;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{key, with_comment};

on_both_engines!(what_is_just_within_its_bounds_is_taken);

async fn what_is_just_within_its_bounds_is_taken(checker: &RefusalChecker) {
    let store = Store {
        code: "x".repeat(64),
        name: "ж".repeat(200),
        kind: StoreKind::LandingPage.into(),
        platform: "п".repeat(100),
        hosts: (0..100).map(|at| format!("h{at:03}.{}", "x".repeat(60))).collect(),
        ..Default::default()
    };
    let request = proto::CreateStoreRequest { store: Some(store.clone()), options: with_comment(&"c".repeat(1_000)) };
    let made = checker.manager.stores().create_store(request).await.expect("a store").into_inner().store;
    let made = made.expect("an answer has a store");
    assert_eq!(
        (&made.code, &made.name, &made.platform, &made.hosts),
        (&store.code, &store.name, &store.platform, &store.hosts)
    );

    let method = Method {
        method: format!("SIXTEENLETTERSSS {}/{}", "/a".repeat(31), "x".repeat(512 - 62 - 17 - 1)),
        block: "б".repeat(100),
        summary: "с".repeat(300),
        description: format!("{}\n\t{}", "о".repeat(999), "о".repeat(999)),
        store_use: StoreUse::Required.into(),
        store_places: (0..20).map(|at| format!("query:site{at}")).collect(),
        scope: format!("s{}", "_".repeat(63)),
        ..Default::default()
    };
    assert_eq!(method.method.len(), 512);
    let request = proto::CreateMethodRequest { method: Some(method.clone()), options: None };
    let made = checker.manager.methods().create_method(request).await.expect("a method").into_inner().method;
    let made = made.expect("an answer has a method");
    let same = Method {
        position: made.position,
        create_time: made.create_time,
        update_time: made.update_time,
        etag: made.etag.clone(),
        ..method.clone()
    };
    assert_eq!(made, same);

    let asked = Key {
        owner: "в".repeat(200),
        contact: format!("{}@b.example", "в".repeat(244)),
        comment: format!("{}\n\t{}", "к".repeat(999), "к".repeat(999)),
        networks: (0..100).map(|at| format!("10.{at}.0.0/16")).collect(),
        labels: (0..50).map(|at| (format!("l{at:02}{}", "-".repeat(60)), "з".repeat(200))).collect(),
        ..key(&"и".repeat(200), Only(&[&store.code]), Only(&[&method.method]))
    };
    let issued = checker.create_key(asked.clone()).await;
    let same = Key {
        id: issued.key.id.clone(),
        active: Some(true),
        secrets: issued.key.secrets.clone(),
        create_time: issued.key.create_time,
        update_time: issued.key.update_time,
        etag: issued.key.etag.clone(),
        ..asked
    };
    assert_eq!(issued.key, same);
    assert_eq!(checker.get_key(&issued.key.id).await.expect("it is read"), same);
    let revoked = checker.revoke_key(&issued.key.id, &"г".repeat(500)).await;
    assert_eq!(revoked.revoke_reason, "г".repeat(500));

    let request = proto::CreateKeyRequest {
        key: Some(key("with an id", All, All)),
        request_id: "A-z_0.9".repeat(9) + "x",
        ..Default::default()
    };
    assert_eq!(request.request_id.len(), 64);
    checker.manager.keys().create_key(request).await.expect("a request id of 64 characters");
    let rotate = proto::RotateKeyRequest {
        id: checker.create_key(key("to rotate", All, All)).await.key.id,
        overlap: Some(prost_types::Duration { seconds: 366 * 86_400, nanos: 0 }),
        ..Default::default()
    };
    checker.manager.keys().rotate_key(rotate).await.expect("an overlap of 366 days");
}
