//! Common properties of all writes: separate tasks, waiting for replicas.

use std::time::Duration;

use latchkey::model::id::ReplicaId;
use latchkey::model::time::Timestamp;
use latchkey::registry::{CreateKey, ListKeys, Pending, RawDuration, WriteOptions};

use crate::registry::harness::{draft_with_full_access, fields, harness};

fn waiting(seconds: i64) -> WriteOptions {
    WriteOptions { comment: String::new(), replica_wait: Some(RawDuration { seconds, nanos: 0 }) }
}

#[tokio::test]
async fn a_write_waits_for_replicas_and_names_those_that_lag() {
    let harness = harness().await;
    let slow = ReplicaId::new(Timestamp::EPOCH, [5; 10]);
    harness.replicas.pending.lock().unwrap().push(slow);
    let request = CreateKey { key: draft_with_full_access(), ..CreateKey::default() };
    let (_, written) = harness.registry.create_key(&harness.admin, &request, &WriteOptions::default()).await.unwrap();
    assert_eq!(written.pending, Pending::Known(vec![slow]));
    let (_, skipped) = harness.registry.create_key(&harness.admin, &request, &waiting(0)).await.unwrap();
    assert_eq!(skipped.pending, Pending::Known(Vec::new()));
    let (_, patient) = harness.registry.create_key(&harness.admin, &request, &waiting(30)).await.unwrap();
    let waits = harness.replicas.waits.lock().unwrap().clone();
    let expected =
        [(written.cursor.revision, Duration::from_secs(1)), (patient.cursor.revision, Duration::from_secs(30))];
    assert_eq!(waits, expected);
}

#[tokio::test]
async fn what_is_wrong_with_the_options_is_told_with_the_rest() {
    let harness = harness().await;
    let options = WriteOptions { comment: "x".repeat(1_001), ..waiting(31) };
    let error = harness.registry.create_key(&harness.admin, &CreateKey::default(), &options).await.unwrap_err();
    let expected = ["key.name", "key.store_access", "key.method_access", "options.comment", "options.replica_wait"];
    assert_eq!(fields(&error), expected);
}

#[tokio::test]
async fn a_write_goes_on_when_its_caller_goes_away() {
    let harness = harness().await;
    let head = harness.latest_revision().await;
    let (request, options) =
        (CreateKey { key: draft_with_full_access(), ..CreateKey::default() }, WriteOptions::default());
    let mut call = Box::pin(harness.registry.create_key(&harness.admin, &request, &options));
    // Polled once, so that the write has been spawned and no more; then its caller is dropped.
    assert!(futures_util::poll!(call.as_mut()).is_pending());
    drop(call);
    // The next write waits for it.
    harness.try_create_key(request).await.unwrap();
    assert_eq!(harness.latest_revision().await.0, head.0 + 2);
    assert_eq!(harness.registry.keys(&ListKeys::default()).await.unwrap().items.len(), 2);
}
