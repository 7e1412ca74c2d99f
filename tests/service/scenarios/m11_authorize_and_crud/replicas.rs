//! The list of replicas, and the latest revision of each.

use std::time::Duration;

use latchkey::proto::v1 as proto;

use helpers::support::eventually_async;
use helpers::test_server::TestServer;

on_both_engines!(a_server_tells_of_itself);

async fn a_server_tells_of_itself(server: &TestServer) {
    server.create_stores(&["berlin", "madrid"]).await;
    let head = server.changes().await.last().expect("changes").revision;
    // A replica reports every quarter of the freshness bound, or sooner.
    let response = eventually_async("the replica reports what it has applied", Duration::from_secs(40), async || {
        let answer = server.officer.replicas().list_replicas(proto::ListReplicasRequest {}).await;
        let answer = answer.expect("replicas are listed").into_inner();
        (answer.replicas.first()?.applied_revision >= head).then_some(answer)
    })
    .await;
    assert_eq!(response.head_revision, head);
    let [replica] = response.replicas.as_slice() else { panic!("one server: {response:?}") };
    assert_eq!(response.answered_by, replica.id);
    assert!(replica.id.starts_with("rep_") && replica.live && !replica.host.is_empty());
    assert_eq!(replica.version, env!("CARGO_PKG_VERSION"));
    assert_eq!(replica.applied_revision, head);
    assert!(replica.start_time.expect("it started").seconds <= replica.report_time.expect("it reported").seconds);
    assert_eq!(response.max_staleness, Some(prost_types::Duration { seconds: 60, nanos: 0 }), "the bound of freshness");
}
