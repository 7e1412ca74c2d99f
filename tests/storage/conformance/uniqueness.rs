//! Unique values, and which values count as equal.

use latchkey::model::change::SubjectKind;
use latchkey::model::id::KeyId;
use latchkey::model::operator::Role;
use latchkey::model::store::Store;
use latchkey::storage::{Error, NewKey, NewSecret, Result};

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, RecordFactory};
use crate::conformance::write::{add_keys, add_methods, add_stores, begin, is_taken};

/// Tries something in a separate write that is then rolled back.
macro_rules! attempt {
    ($case:expr, $write:ident => $work:expr) => {{
        let mut $write = begin(&*$case.storage).await;
        let result = $work.await;
        $write.rollback().await;
        result
    }};
}

/// Returns what the error reports as taken.
fn taken<T: std::fmt::Debug>(result: Result<T>) -> &'static str {
    match result {
        Err(Error::Taken { what }) => what,
        other => panic!("it is not taken: {other:?}"),
    }
}

fn at_host(code: &str, hosts: &[&str]) -> Store {
    Store { hosts: hosts.iter().map(ToString::to_string).collect(), ..factory::store(code) }
}

async fn a_store_code_is_unique_and_its_case_counts(case: Case) {
    let stores = add_stores(&case.storage, &["shop", "Shop", "SHOP"]).await;
    let again = attempt!(case, write => write.insert_store(&factory::store("Shop")));
    assert!(taken(again).contains("code"));
    for store in &stores {
        let read = case.storage.store(&store.code).await.expect("a store is read");
        assert_eq!(read.as_ref(), Some(store));
    }
    assert_eq!(case.storage.store(&factory::code("sHOP")).await.expect("a store is looked up"), None);
    let mut write = begin(&case.storage).await;
    let numbers = write.store_numbers(&["shop".into(), "sHOP".into(), "SHOP".into()]).await.expect("numbers are read");
    assert_eq!(numbers, [Some(stores[0].number), None, Some(stores[2].number)]);
}

async fn a_host_belongs_to_one_store(case: Case) {
    let mut write = begin(&case.storage).await;
    let first = write.add_store(&at_host("first", &["a.example", "b.example"])).await;
    let second = write.add_store(&at_host("second", &["c.example"])).await;
    write.done().await;
    let added = attempt!(case, write => write.insert_store(&at_host("third", &["d.example", "b.example"])));
    assert!(taken(added).contains("host"));
    let moved = Store { hosts: vec!["a.example".into()], ..second.clone() };
    assert!(taken(attempt!(case, write => write.update_store(&moved))).contains("host"));

    // An object may keep its own value, and a value that it gives up is free.
    let mut write = begin(&case.storage).await;
    let kept = Store { hosts: vec!["b.example".into(), "e.example".into()], ..first };
    write.update_store(&kept).await.expect("a store keeps its host");
    write.update_store(&moved).await.expect("another takes the one given up");
    assert_eq!(write.store_by_host("a.example").await.expect("a host is looked up"), Some(second.code));
    assert_eq!(write.store_by_host("b.example").await.expect("a host is looked up"), Some(kept.code));
    assert_eq!(write.store_by_host("c.example").await.expect("a host is looked up"), None);
    write.note(SubjectKind::Store, "both").await;
    write.done().await;
}

async fn an_operators_name_is_unique_among_those_not_revoked_and_its_case_counts(case: Case) {
    let mut factory = RecordFactory::new();
    let mut write = begin(&case.storage).await;
    let ann = write.add_operator(&factory.operator("Ann", Role::Admin)).await;
    let lower = write.add_operator(&factory.operator("ann", Role::Admin)).await;
    write.done().await;
    let (other, digest) = factory.operator("Ann", Role::Viewer);
    assert!(taken(attempt!(case, write => write.insert_operator(&other, &digest))).contains("name"));
    let mut renamed = lower.clone();
    renamed.name = "Ann".into();
    assert!(taken(attempt!(case, write => write.update_operator(&renamed, None))).contains("name"));

    let mut write = begin(&case.storage).await;
    let mut revoked = ann.clone();
    revoked.revoked = Some(write.now());
    write.update_operator(&revoked, None).await.expect("an operator is revoked");
    assert_eq!(write.operator_by_name("Ann").await.expect("a name is looked up"), None);
    let second = write.add_operator(&(other, digest)).await;
    assert_eq!(write.operator_by_name("Ann").await.expect("a name is looked up"), Some(second));
    assert_eq!(write.operator_by_name("ANN").await.expect("a name is looked up"), None);
    assert_eq!(write.operator_by_name("ann").await.expect("a name is looked up").map(|read| read.id), Some(lower.id));
    write.done().await;
    // The name now belongs to another operator.
    assert!(is_taken(&attempt!(case, write => write.update_operator(&ann, None))));
}

async fn an_operators_digest_is_unique(case: Case) {
    let mut factory = RecordFactory::new();
    let first = factory.operator("first", Role::Admin);
    let mut write = begin(&case.storage).await;
    write.add_operator(&first).await;
    let second = write.add_operator(&factory.operator("second", Role::Admin)).await;
    write.done().await;
    let (third, _) = factory.operator("third", Role::Admin);
    assert!(is_taken(&attempt!(case, write => write.insert_operator(&third, &first.1))));
    assert!(is_taken(&attempt!(case, write => write.update_operator(&second, Some(&first.1)))));
}

async fn a_method_is_in_the_book_once_and_its_case_counts(case: Case) {
    let methods = add_methods(&case.storage, &["GET /a", "GET /A", "POST /a", "GET /a/{id}", "GET /a/{ID}"]).await;
    let again = [factory::method("GET /b", 9), factory::method("GET /a", 10)];
    assert!(taken(attempt!(case, write => write.insert_methods(&again))).contains("method"));
    let twice = [factory::method("GET /b", 9), factory::method("GET /b", 10)];
    assert!(taken(attempt!(case, write => write.insert_methods(&twice))).contains("method"));
    assert_eq!(case.storage.method(&again[0].identity).await.expect("a method is looked up"), None);
    for method in &methods {
        let read = case.storage.method(&method.identity).await.expect("a method is read");
        assert_eq!(read.as_ref(), Some(method));
    }
    // A retired one is no longer in the book.
    let mut write = begin(&case.storage).await;
    write.drop_methods(&methods[..1]).await;
    let new = write.add_methods(&again[1..]).await;
    assert_ne!(new[0].number, methods[0].number);
    write.done().await;
    assert!(is_taken(&attempt!(case, write => write.insert_methods(&again[1..]))));
}

async fn a_digest_belongs_to_one_secret_for_ever(case: Case) {
    let mut factory = RecordFactory::new();
    let keys: Vec<NewKey> = ["live", "ended", "revoked", "deleted"].map(|name| factory.key(name)).into();
    let rolled = factory.secret();
    add_keys(&case.storage, &keys).await;
    let mut write = begin(&case.storage).await;
    write.insert_secret(keys[1].id, &rolled).await.expect("a secret is added");
    write.end_secret(keys[1].secret.id).await.expect("a secret is ended");
    write.end_secret(keys[2].secret.id).await.expect("a secret is ended");
    write.delete_key(keys[3].id).await.expect("a key is deleted");
    write.note(SubjectKind::Key, "all").await;
    write.done().await;

    let fresh = factory.key("fresh");
    add_keys(&case.storage, std::slice::from_ref(&fresh)).await;
    let gone: Vec<(NewSecret, KeyId)> =
        keys.iter().map(|key| (key.secret.clone(), key.id)).chain([(rolled.clone(), keys[1].id)]).collect();
    for (secret, key) in &gone {
        let again = NewSecret { id: factory.secret_id(), ..secret.clone() };
        assert!(is_taken(&attempt!(case, write => write.insert_secret(fresh.id, &again))), "{key}: by rotation");
        let other = [factory.key("other"), NewKey { secret: again, ..factory.key("again") }];
        assert!(is_taken(&attempt!(case, write => write.insert_keys(&other))), "{key}: by import");
        let found = attempt!(case, write => write.secret_by_digest(&secret.digest)).expect("a digest is looked up");
        assert_eq!(found, Some((secret.id, *key)));
    }
    let secret = factory.secret();
    let twins = [factory.key("one"), factory.key("other")].map(|key| NewKey { secret: secret.clone(), ..key });
    assert!(is_taken(&attempt!(case, write => write.insert_keys(&twins))), "twice in one import");

    let asked = [secret.digest, gone[0].0.digest, gone[3].0.digest, secret.digest, gone[1].0.digest, gone[0].0.digest];
    let mut places = attempt!(case, write => write.find_taken_digests(&asked)).expect("digests are looked up");
    places.sort_unstable();
    assert_eq!(places, [1, 2, 4, 5], "each place of each digest that is taken");
}

async fn ten_thousand_digests_are_looked_up_at_once(case: Case) {
    let mut factory = RecordFactory::new();
    let key = factory.key("taken");
    add_keys(&case.storage, std::slice::from_ref(&key)).await;
    let mut asked: Vec<_> = (0..10_000).map(|_| factory.digest()).collect();
    asked[7_777] = key.secret.digest;
    let places = attempt!(case, write => write.find_taken_digests(&asked)).expect("digests are looked up");
    assert_eq!(places, [7_777]);
    let mut codes: Vec<String> = (0..10_000).map(|at| format!("s{at}")).collect();
    let store = &add_stores(&case.storage, &["here"]).await[0];
    codes[9_999] = "here".into();
    let numbers = attempt!(case, write => write.store_numbers(&codes)).expect("numbers are looked up");
    assert_eq!(numbers.iter().position(Option::is_some), Some(9_999));
    assert_eq!((numbers.len(), numbers[9_999]), (10_000, Some(store.number)));
}

for_each_engine! {
    a_store_code_is_unique_and_its_case_counts,
    a_host_belongs_to_one_store,
    an_operators_name_is_unique_among_those_not_revoked_and_its_case_counts,
    an_operators_digest_is_unique,
    a_method_is_in_the_book_once_and_its_case_counts,
    a_digest_belongs_to_one_secret_for_ever,
    ten_thousand_digests_are_looked_up_at_once,
}
