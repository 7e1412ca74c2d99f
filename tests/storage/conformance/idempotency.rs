//! Requests are remembered for a day, so that a retry is recognised.

use std::time::Duration;

use latchkey::model::change::SubjectKind;
use latchkey::storage::Feed as _;

use crate::conformance::engine::Case;
use crate::conformance::factory::RecordFactory;
use crate::conformance::write::begin;

const HOUR: Duration = Duration::from_hours(1);

async fn a_request_is_remembered_with_its_actor(case: Case) {
    let mut factory = RecordFactory::new();
    let keys = [factory.key("one"), factory.key("other")];
    let mut write = begin(&case.storage).await;
    write.add_keys(&keys).await;
    write.insert_request("op_a", "id", keys[0].id).await.expect("a request is remembered");
    write.insert_request("op_b", "id", keys[1].id).await.expect("the same id of another actor is another request");
    assert_eq!(write.key_by_request("op_a", "id").await.expect("within the write"), Some(keys[0].id));
    write.done().await;

    let mut write = begin(&case.storage).await;
    assert_eq!(write.key_by_request("op_a", "id").await.expect("a request is looked up"), Some(keys[0].id));
    assert_eq!(write.key_by_request("op_b", "id").await.expect("a request is looked up"), Some(keys[1].id));
    assert_eq!(write.key_by_request("op_c", "id").await.expect("a request is looked up"), None);
    assert_eq!(write.key_by_request("op_a", "di").await.expect("a request is looked up"), None);
    let again = write.insert_request("op_a", "id", keys[1].id).await;
    assert!(again.is_err(), "one request makes one key");
}

async fn a_request_is_forgotten_after_a_day(case: Case) {
    let mut factory = RecordFactory::new();
    let keys = [factory.key("one"), factory.key("other")];
    let mut write = begin(&case.storage).await;
    write.add_keys(&keys).await;
    write.insert_request("op_a", "id", keys[0].id).await.expect("a request is remembered");
    let now = write.now();
    write.done().await;

    case.storage.delete_expired(now.plus(HOUR * 23)).await.expect("a sweep");
    let mut write = begin(&case.storage).await;
    assert_eq!(write.key_by_request("op_a", "id").await.expect("a request is looked up"), Some(keys[0].id));
    write.rollback().await;

    case.storage.delete_expired(now.plus(HOUR * 25)).await.expect("a sweep");
    let mut write = begin(&case.storage).await;
    assert_eq!(write.key_by_request("op_a", "id").await.expect("a request is looked up"), None);
    write.insert_request("op_a", "id", keys[1].id).await.expect("and can be made anew");
    write.note(SubjectKind::Other, "it").await;
    write.done().await;
}

for_each_engine! {
    a_request_is_remembered_with_its_actor,
    a_request_is_forgotten_after_a_day,
}
