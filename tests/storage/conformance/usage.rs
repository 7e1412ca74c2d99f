//! Usage: counted by hour and by day, summed, kept as long as promised; and last uses, which only move forward.

use std::sync::Arc;
use std::time::Duration;

use latchkey::model::book::MethodNumber;
use latchkey::model::change::{Revision, SubjectKind};
use latchkey::model::store::StoreNumber;
use latchkey::model::time::Timestamp;
use latchkey::storage::{Feed as _, NewKey, Storage, UsageCount, UsageIncrement, UsagePeriod};
use tokio::task::JoinSet;

use crate::conformance::engine::Case;
use crate::conformance::factory::{BEGINNING, RecordFactory};
use crate::conformance::write::{add_keys, add_methods, add_stores, begin};

const HOUR: Duration = Duration::from_hours(1);
const DAY: Duration = Duration::from_hours(24);
const EARLIEST: Timestamp = Timestamp::from_micros(i64::MIN);
const LATEST: Timestamp = Timestamp::from_micros(i64::MAX);

fn add(key: &NewKey, calls: u64, last: Timestamp) -> UsageIncrement {
    UsageIncrement { key: key.id, secret: key.secret.id, method: None, store: None, allowed: true, calls, last }
}

/// Returns all counts of a key, in an order that does not depend on the engine.
async fn counts(storage: &Storage, key: &NewKey, period: UsagePeriod) -> Vec<UsageCount> {
    let mut counts = storage.usage(key.id, EARLIEST, LATEST, period, 1_000).await.expect("usage is read");
    assert!(counts.is_sorted_by_key(|count| count.start), "oldest first: {counts:?}");
    counts.sort_by(|a, b| (a.start, &a.method, &a.store, a.allowed).cmp(&(b.start, &b.method, &b.store, b.allowed)));
    counts
}

fn count(start: Timestamp, method: &str, store: &str, allowed: bool, calls: u64) -> UsageCount {
    UsageCount { start, method: method.into(), store: store.into(), allowed, calls }
}

async fn uses_are_counted_by_hour_and_by_day_under_their_method_and_store(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let store = add_stores(storage, &["a"]).await[0].number;
    let method = add_methods(storage, &["GET /a"]).await[0].number;
    let (key, other) = (factory.key("it"), factory.key("other"));
    add_keys(storage, &[key.clone(), other.clone()]).await;
    let last = |hours: u32| BEGINNING.plus(HOUR * hours + Duration::from_mins(59));
    let full = |calls, last| UsageIncrement { method: Some(method), store: Some(store), ..add(&key, calls, last) };
    let adds = [
        full(1, last(1)),
        full(2, last(2)),
        UsageIncrement { allowed: false, ..full(4, last(2)) },
        add(&key, 8, last(2)),
        UsageIncrement { store: None, ..full(16, last(25)) },
        add(&other, 32, last(2)),
        // The first and the last microsecond of an hour.
        full(64, BEGINNING.plus(HOUR * 30)),
        full(128, Timestamp::from_micros(BEGINNING.plus(HOUR * 31).as_micros() - 1)),
    ];
    storage.add_usage(&adds).await.expect("uses are counted");
    let hour = |hours: u32| BEGINNING.plus(HOUR * hours);
    let expected = [
        count(hour(1), "GET /a", "a", true, 1),
        count(hour(2), "", "", true, 8),
        count(hour(2), "GET /a", "a", false, 4),
        count(hour(2), "GET /a", "a", true, 2),
        count(hour(25), "GET /a", "", true, 16),
        count(hour(30), "GET /a", "a", true, 192),
    ];
    assert_eq!(counts(storage, &key, UsagePeriod::Hour).await, expected);
    let expected = [
        count(BEGINNING, "", "", true, 8),
        count(BEGINNING, "GET /a", "a", false, 4),
        count(BEGINNING, "GET /a", "a", true, 3),
        count(BEGINNING.plus(DAY), "GET /a", "", true, 16),
        count(BEGINNING.plus(DAY), "GET /a", "a", true, 192),
    ];
    assert_eq!(counts(storage, &key, UsagePeriod::Day).await, expected);
    assert_eq!(counts(storage, &other, UsagePeriod::Day).await, [count(BEGINNING, "", "", true, 32)]);
    assert_eq!(storage.head().await.expect("the head is read").revision, Revision(3), "uses take no revision");
}

async fn uses_add_up_over_calls_and_within_one(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let key = factory.key("it");
    add_keys(storage, std::slice::from_ref(&key)).await;
    storage.add_usage(&[]).await.expect("nothing is counted");
    assert_eq!(counts(storage, &key, UsagePeriod::Hour).await, []);
    // The same count several times in one call, as after a failed call whose counts are sent again.
    for _ in 0..3 {
        let adds = [add(&key, 1, BEGINNING), add(&key, 10, BEGINNING), add(&key, 1 << 40, BEGINNING.plus(HOUR / 2))];
        storage.add_usage(&adds).await.expect("uses are counted");
    }
    let expected = [count(BEGINNING, "", "", true, 3 * (11 + (1 << 40)))];
    assert_eq!(counts(storage, &key, UsagePeriod::Hour).await, expected);
    assert_eq!(counts(storage, &key, UsagePeriod::Day).await, expected);
}

async fn uses_of_what_does_not_exist_are_kept_as_unknown(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let (key, unknown) = (factory.key("it"), factory.key("never added"));
    add_keys(storage, std::slice::from_ref(&key)).await;
    let adds = [
        add(&key, 1, BEGINNING),
        UsageIncrement { method: Some(MethodNumber(4_000_000_000)), ..add(&key, 2, BEGINNING) },
        UsageIncrement { store: Some(StoreNumber(u32::MAX)), ..add(&key, 4, BEGINNING) },
        UsageIncrement { method: Some(MethodNumber(77)), store: Some(StoreNumber(77)), ..add(&key, 8, BEGINNING) },
        add(&unknown, 16, BEGINNING),
    ];
    storage.add_usage(&adds).await.expect("uses are counted");
    assert_eq!(counts(storage, &key, UsagePeriod::Hour).await, [count(BEGINNING, "", "", true, 15)]);
}

async fn uses_outlive_their_method_and_store(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let stores = add_stores(storage, &["a"]).await;
    let methods = add_methods(storage, &["GET /a"]).await;
    let key = factory.key("it");
    add_keys(storage, std::slice::from_ref(&key)).await;
    let used =
        UsageIncrement { method: Some(methods[0].number), store: Some(stores[0].number), ..add(&key, 1, BEGINNING) };
    storage.add_usage(&[used]).await.expect("uses are counted");
    let before = counts(storage, &key, UsagePeriod::Hour).await;
    let mut write = begin(storage).await;
    write.drop_store(&stores[0]).await;
    write.drop_methods(&methods).await;
    write.done().await;
    assert_eq!(counts(storage, &key, UsagePeriod::Hour).await, before, "what was counted keeps its names");
    // Late counts of a replica that does not know about it yet.
    storage.add_usage(&[used]).await.expect("uses are counted");
    let total: u64 = counts(storage, &key, UsagePeriod::Hour).await.iter().map(|count| count.calls).sum();
    assert_eq!(total, 2, "none is lost");
}

async fn usage_is_read_from_a_time_until_before_another_and_at_most_so_much(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let key = factory.key("it");
    add_keys(storage, std::slice::from_ref(&key)).await;
    let hour = |hours: u32| BEGINNING.plus(HOUR * hours);
    let adds: Vec<UsageIncrement> = (0..100).rev().map(|at| add(&key, u64::from(at) + 1, hour(at))).collect();
    storage.add_usage(&adds).await.expect("uses are counted");
    let read = async |start, end, limit| {
        let counts = storage.usage(key.id, start, end, UsagePeriod::Hour, limit).await.expect("usage is read");
        counts.iter().map(|count| count.calls).collect::<Vec<_>>()
    };
    assert_eq!(read(hour(10), hour(13), 50).await, [11, 12, 13]);
    assert_eq!(read(hour(10), Timestamp::from_micros(hour(13).as_micros() + 1), 50).await, [11, 12, 13, 14]);
    assert_eq!(read(Timestamp::from_micros(hour(10).as_micros() + 1), hour(13), 50).await, [12, 13]);
    assert_eq!(read(hour(90), LATEST, 3).await, [91, 92, 93], "the oldest ones");
    assert_eq!(read(hour(13), hour(10), 50).await, Vec::<u64>::new());
    assert_eq!(read(EARLIEST, LATEST, 1_000).await, (1..=100).collect::<Vec<_>>());
    let days = storage.usage(key.id, BEGINNING, hour(48), UsagePeriod::Day, 50).await.expect("usage is read");
    let sums: Vec<u64> = days.iter().map(|count| count.calls).collect();
    assert_eq!(sums, [(1..=24).sum::<u64>(), (25..=48).sum::<u64>()]);
}

async fn last_uses_move_forward_only_and_only_by_what_was_allowed(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let (key, second) = (factory.key("it"), factory.secret());
    add_keys(storage, std::slice::from_ref(&key)).await;
    let mut write = begin(storage).await;
    write.insert_secret(key.id, &second).await.expect("a secret is added");
    write.note(SubjectKind::Key, key.id).await;
    let revision = write.done().await.revision;
    let before = storage.key(key.id).await.expect("a key is read").expect("it is there");

    let at = |hours: u32| BEGINNING.plus(HOUR * hours);
    let by_second = |last| UsageIncrement { secret: second.id, ..add(&key, 1, last) };
    let refused = |last| UsageIncrement { allowed: false, ..add(&key, 1, last) };
    // Counts, and then the expected last uses of the key, its first secret and its second.
    let steps = [
        (vec![refused(at(9))], None, None, None),
        (vec![add(&key, 1, at(5))], Some(at(5)), Some(at(5)), None),
        (vec![add(&key, 1, at(3))], Some(at(5)), Some(at(5)), None),
        (vec![by_second(at(4))], Some(at(5)), Some(at(5)), Some(at(4))),
        (vec![by_second(at(7)), by_second(at(6))], Some(at(7)), Some(at(5)), Some(at(7))),
        (vec![add(&key, 1, at(6)), by_second(at(1)), refused(at(20))], Some(at(7)), Some(at(6)), Some(at(7))),
    ];
    for (adds, of_key, of_first, of_second) in steps {
        storage.add_usage(&adds).await.expect("uses are counted");
        let read = storage.key(key.id).await.expect("a key is read").expect("it is there");
        assert_eq!(
            (read.last_used, read.secrets[1].last_used, read.secrets[0].last_used),
            (of_key, of_first, of_second)
        );
        assert_eq!((read.row_revision, read.updated), (revision, before.updated), "a use is no change");
        let found = storage.find_key(&second.digest).await.expect("a key is found").expect("it is there");
        assert_eq!((found.key.last_used, found.secret.last_used), (of_key, of_second));
    }
    // A later change of the key does not affect them.
    let mut write = begin(storage).await;
    write.update_key(key.id, &key.spec, key.revoked.as_ref()).await.expect("a key is changed");
    write.note(SubjectKind::Key, key.id).await;
    write.done().await;
    let read = storage.key(key.id).await.expect("a key is read").expect("it is there");
    assert_eq!((read.last_used, read.secrets[0].last_used), (Some(at(7)), Some(at(7))));
}

async fn many_replicas_count_uses_of_the_same_keys_without_failure(case: Case) {
    let mut factory = RecordFactory::new();
    let keys: Arc<Vec<NewKey>> = Arc::new((0..40).map(|at| factory.key(&format!("{at}"))).collect());
    add_keys(&case.storage, &keys).await;
    let storages = [Arc::clone(&case.storage), case.open_again().await];
    let mut replicas = JoinSet::new();
    for at in 0..8 {
        let (storage, keys, mut factory) = (Arc::clone(&storages[at % 2]), Arc::clone(&keys), factory.split());
        replicas.spawn(async move {
            for round in 0..10 {
                // Each in a different order: locking rows in the order received would deadlock.
                let mut shuffled: Vec<&NewKey> = keys.iter().collect();
                for last in (1..shuffled.len()).rev() {
                    shuffled.swap(last, factory.random.below(last + 1));
                }
                let last = BEGINNING.plus(HOUR * round);
                let adds: Vec<UsageIncrement> = shuffled.into_iter().map(|key| add(key, 1, last)).collect();
                storage.add_usage(&adds).await.expect("uses are counted");
            }
        });
    }
    // Writes continue concurrently, and are not blocked.
    for _ in 0..10 {
        add_keys(&case.storage, &[factory.key("beside")]).await;
    }
    while let Some(replica) = replicas.join_next().await {
        replica.expect("no replica fails");
    }
    for key in keys.iter() {
        let days = counts(&case.storage, key, UsagePeriod::Day).await;
        assert_eq!(days, [count(BEGINNING, "", "", true, 80)]);
        assert_eq!(counts(&case.storage, key, UsagePeriod::Hour).await.len(), 10);
        let read = case.storage.key(key.id).await.expect("a key is read").expect("it is there");
        assert_eq!(read.last_used, Some(BEGINNING.plus(HOUR * 9)));
    }
}

async fn hours_are_kept_for_thirty_five_days_and_days_for_four_hundred(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let key = factory.key("it");
    add_keys(storage, std::slice::from_ref(&key)).await;
    let now = BEGINNING.plus(DAY * 1_000);
    let ages = [Duration::ZERO, DAY * 34, DAY * 35, DAY * 35 + HOUR * 2, DAY * 399, DAY * 400, DAY * 402];
    let adds: Vec<UsageIncrement> = ages.iter().map(|age| add(&key, 1, now.minus(*age))).collect();
    storage.add_usage(&adds).await.expect("uses are counted");
    storage.delete_expired(now).await.expect("a sweep");
    let kept = async |period| {
        let counts = counts(storage, &key, period).await;
        counts.iter().rev().map(|count| now.since(count.start)).collect::<Vec<_>>()
    };
    assert_eq!(kept(UsagePeriod::Hour).await, ages[..3]);
    let days = [Duration::ZERO, DAY * 34, DAY * 35, DAY * 36, DAY * 399, DAY * 400];
    assert_eq!(kept(UsagePeriod::Day).await, days);
    storage.delete_expired(now).await.expect("a sweep");
    assert_eq!(kept(UsagePeriod::Day).await, days, "a second sweep drops nothing more");
    let read = storage.key(key.id).await.expect("a key is read").expect("a sweep leaves keys alone");
    assert_eq!(read.last_used, Some(now));
}

for_each_engine! {
    uses_are_counted_by_hour_and_by_day_under_their_method_and_store,
    uses_add_up_over_calls_and_within_one,
    uses_of_what_does_not_exist_are_kept_as_unknown,
    uses_outlive_their_method_and_store,
    usage_is_read_from_a_time_until_before_another_and_at_most_so_much,
    last_uses_move_forward_only_and_only_by_what_was_allowed,
    many_replicas_count_uses_of_the_same_keys_without_failure,
    hours_are_kept_for_thirty_five_days_and_days_for_four_hundred,
}
