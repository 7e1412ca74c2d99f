//! Users of a store or a method: the keys that select it, listed before it is deleted.

use latchkey::model::change::SubjectKind;
use latchkey::model::id::KeyId;
use latchkey::model::key::{KeySpec, Revocation};
use latchkey::model::store::Store;
use latchkey::storage::{AffectedKey, NewKey};

use crate::conformance::engine::Case;
use crate::conformance::factory::{BEGINNING, RecordFactory};
use crate::conformance::write::{Write, add_keys, add_methods, add_stores, begin, method_numbers, store_numbers};

/// Revokes a key as the registry does.
async fn revoke(write: &mut Write, key: &NewKey) {
    let revoked = Some(Revocation { at: BEGINNING, reason: "lost".into() });
    write.update_key(key.id, &key.spec, revoked.as_ref()).await.expect("a key is revoked");
    write.end_secret(key.secret.id).await.expect("a secret is ended");
    write.note(SubjectKind::Key, key.id).await;
}

async fn the_users_of_a_store_are_counted_and_those_told_that_would_be_left_with_one(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let stores = add_stores(storage, &["a", "b", "c", "dead"]).await;
    let number = store_numbers(&stores);
    let mut key = |name: &str, stores: &[usize]| {
        let stores: Vec<_> = stores.iter().map(|at| number[*at]).collect();
        factory.narrow_key(name, &stores, &[])
    };
    let keys = [
        key("a alone", &[0]),
        key("a and b", &[0, 1]),
        key("all three", &[0, 1, 2]),
        key("b and c", &[1, 2]),
        key("a and a dead one", &[0, 3]),
        key("a, b and a dead one", &[0, 1, 3]),
        key("none", &[]),
        key("switched off", &[0, 2]),
        key("revoked", &[0, 1]),
        key("deleted", &[0, 1]),
    ];
    add_keys(storage, &keys).await;
    add_keys(storage, &[factory.key("everything")]).await;
    let mut write = begin(storage).await;
    write.drop_store(&stores[3]).await;
    let inactive = Store { active: false, ..stores[1].clone() };
    write.update_store(&inactive).await.expect("a store is switched off");
    write.note(SubjectKind::Store, "b").await;
    write
        .update_key(keys[7].id, &KeySpec { active: false, ..keys[7].spec.clone() }, None)
        .await
        .expect("a key is switched off");
    revoke(&mut write, &keys[8]).await;
    write.delete_key(keys[9].id).await.expect("a key is deleted");
    write.done().await;

    let mut write = begin(storage).await;
    let users = write.store_users(number[0]).await.expect("users are counted");
    assert_eq!(users.total, 6, "all but revoked and deleted ones");
    // An inactive store still counts, and a deleted one does not.
    assert_eq!(users.left_with_one, [keys[1].id, keys[5].id, keys[7].id]);
    let users = write.store_users(number[1]).await.expect("users are counted");
    assert_eq!((users.total, users.left_with_one), (4, vec![keys[1].id, keys[3].id, keys[5].id]));
}

async fn at_most_twenty_keys_are_told_that_would_be_left_with_one_store(case: Case) {
    let mut factory = RecordFactory::new();
    let stores = store_numbers(&add_stores(&case.storage, &["a", "b"]).await);
    let keys: Vec<NewKey> = (0..30).map(|at| factory.narrow_key(&format!("{at}"), &stores, &[])).collect();
    let mut shuffled = keys.clone();
    shuffled.sort_by_key(|key| *key.secret.digest.as_bytes());
    add_keys(&case.storage, &shuffled).await;
    let mut write = begin(&case.storage).await;
    let users = write.store_users(stores[0]).await.expect("users are counted");
    let first: Vec<KeyId> = keys.iter().take(20).map(|key| key.id).collect();
    assert_eq!((users.total, users.left_with_one), (30, first));
}

async fn the_users_of_methods_are_told_with_what_they_select(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let methods = add_methods(storage, &["GET /a", "GET /b", "GET /c"]).await;
    let number = method_numbers(&methods);
    let keys = [
        factory.narrow_key("a", &[], &number[..1]),
        factory.narrow_key("all three", &[], &number),
        factory.narrow_key("c", &[], &number[2..]),
        factory.narrow_key("none", &[], &[]),
        factory.narrow_key("b, switched off", &[], &number[1..2]),
        factory.narrow_key("revoked", &[], &number),
        factory.narrow_key("deleted", &[], &number),
        factory.key("everything"),
        factory.key("everything, switched off"),
        factory.key("everything, revoked"),
        factory.key("everything, deleted"),
    ];
    add_keys(storage, &keys).await;
    let mut write = begin(storage).await;
    for at in [4, 8] {
        write
            .update_key(keys[at].id, &KeySpec { active: false, ..keys[at].spec.clone() }, None)
            .await
            .expect("a key is switched off");
    }
    for at in [5, 9] {
        revoke(&mut write, &keys[at]).await;
    }
    for at in [6, 10] {
        write.delete_key(keys[at].id).await.expect("a key is deleted");
    }
    write.note(SubjectKind::Key, "all").await;
    write.done().await;

    let user = |at: usize, methods: &[usize]| AffectedKey {
        id: keys[at].id,
        name: keys[at].spec.name.clone(),
        methods: methods.iter().map(|at| number[*at]).collect(),
    };
    let mut write = begin(storage).await;
    let (mut users, total) = write.method_users(&[number[1], number[0]], 10).await.expect("users are told");
    for user in &mut users {
        user.methods.sort_unstable();
    }
    assert_eq!((users, total), (vec![user(0, &[0]), user(1, &[0, 1]), user(4, &[1])], 3));
    let (users, total) = write.method_users(&number[..2], 2).await.expect("users are told");
    assert_eq!((users.iter().map(|user| user.id).collect::<Vec<_>>(), total), (vec![keys[0].id, keys[1].id], 3));
    assert_eq!(write.method_users(&number[..2], 0).await.expect("users are counted"), (Vec::new(), 3));
    assert_eq!(write.method_users(&[], 10).await.expect("none is asked about"), (Vec::new(), 0));
    let (users, total) = write.all_method_users(10).await.expect("users are told");
    assert_eq!((users, total), (vec![user(7, &[]), user(8, &[])], 2));
    let (users, total) = write.all_method_users(1).await.expect("users are told");
    assert_eq!((users, total), (vec![user(7, &[])], 2));
}

for_each_engine! {
    the_users_of_a_store_are_counted_and_those_told_that_would_be_left_with_one,
    at_most_twenty_keys_are_told_that_would_be_left_with_one_store,
    the_users_of_methods_are_told_with_what_they_select,
}
