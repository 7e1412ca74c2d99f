//! How keys are used: counted per key, method and store, allowed or not.

use std::collections::BTreeMap;
use std::time::Duration;

use latchkey::proto::v1 as proto;
use proto::{GetKeyUsageRequest, StoreUse, UsageCount, UsagePeriod};
use tonic::Code;

use helpers::calls::reason;
use helpers::support::eventually_async;
use helpers::test_server::Selection::{All, Only};
use helpers::test_server::{DecisionAssertions as _, TestServer, key};

/// Counts are written to storage in batches, some seconds apart.
const COUNTED: Duration = Duration::from_secs(60);

on_both_engines!(decisions_are_counted_by_key_method_and_store, usage_of_no_key_is_refused);

fn tally(counts: &[UsageCount]) -> BTreeMap<(&str, &str, bool), i64> {
    let mut tally = BTreeMap::new();
    for count in counts {
        *tally.entry((count.method.as_str(), count.store.as_str(), count.allowed)).or_default() += count.calls;
    }
    tally
}

async fn decisions_are_counted_by_key_method_and_store(server: &TestServer) {
    server.create_stores(&["berlin", "madrid"]).await;
    server.create_method("GET /api/v*/orders", StoreUse::Optional).await;
    server.create_method("POST /api/v*/orders/create", StoreUse::Optional).await;
    let orders = "GET /api/v*/orders";
    let partner = server.create_key(key("partner", Only(&["berlin", "madrid"]), Only(&[orders]))).await;
    let other = server.create_key(key("other", All, All)).await;
    for (times, method, store) in [
        (5, "GET /api/v5/orders", "berlin"),
        (2, "GET /api/v3/orders", "madrid"),
        (3, "GET /api/v5/orders", ""),
        (4, "POST /api/v5/orders/create", "berlin"),
        (1, "GET /api/v5/orders", "rome"),
        (2, "GET /elsewhere", ""),
    ] {
        for _ in 0..times {
            let _ = server.authorize(&partner.token, method, store).await;
        }
    }
    server.authorize(&other.token, "GET /elsewhere", "berlin").await.must_allow();
    let of = |key_id: &str, period: UsagePeriod| GetKeyUsageRequest {
        key_id: key_id.to_owned(),
        period: period.into(),
        ..Default::default()
    };
    let expected: BTreeMap<(&str, &str, bool), i64> = [
        ((orders, "berlin", true), 5),
        ((orders, "madrid", true), 2),
        ((orders, "", true), 3),
        (("POST /api/v*/orders/create", "berlin", false), 4),
        ((orders, "", false), 1),
        (("", "", false), 2),
    ]
    .into();
    for period in [UsagePeriod::Unspecified, UsagePeriod::Hour, UsagePeriod::Day] {
        let counts = eventually_async("every decision is counted", COUNTED, async || {
            let answer = server.officer.usage().get_key_usage(of(&partner.key.id, period)).await;
            let answer = answer.expect("usage is told").into_inner();
            assert!(!answer.truncated);
            (answer.counts.iter().map(|count| count.calls).sum::<i64>() >= 17).then_some(answer.counts)
        })
        .await;
        assert_eq!(tally(&counts), expected, "{period:?}");
        let length = if period == UsagePeriod::Hour { 3_600 } else { 86_400 };
        for count in &counts {
            assert_eq!(count.start_time.expect("a beginning").seconds % length, 0, "{period:?} in UTC");
        }
    }
    let answer = server.officer.usage().get_key_usage(of(&other.key.id, UsagePeriod::Day)).await;
    let counts = answer.expect("usage is told").into_inner().counts;
    assert_eq!(tally(&counts), [(("", "berlin", true), 1)].into(), "what the book does not know has no method");

    let before = GetKeyUsageRequest {
        end_time: Some(helpers::test_server::long_ago(0)),
        ..of(&partner.key.id, UsagePeriod::Day)
    };
    let answer = server.officer.usage().get_key_usage(before).await.expect("usage is told").into_inner();
    assert!(answer.counts.is_empty(), "nothing was used then");
}

async fn usage_of_no_key_is_refused(server: &TestServer) {
    let issued = server.create_key(key("partner", All, All)).await;
    let of = async |key_id: &str| {
        let request = GetKeyUsageRequest { key_id: key_id.to_owned(), ..Default::default() };
        server.officer.usage().get_key_usage(request).await
    };
    assert!(of(&issued.key.id).await.expect("a key that was never used").into_inner().counts.is_empty());
    server.delete_key(&issued.key.id).await;
    let missing = of(&issued.key.id).await.expect_err("it is gone");
    assert_eq!((missing.code(), reason(&missing).as_str()), (Code::NotFound, "KEY_NOT_FOUND"));
    assert_eq!(of("partner").await.expect_err("no id").code(), Code::InvalidArgument);
}
