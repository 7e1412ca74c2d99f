//! Every filter of keys, alone, with each other one, and mixed at random, compared with plain loops over the input.

use std::time::Duration;

use latchkey::model::change::SubjectKind;
use latchkey::model::key::{Access, Key, Revocation};
use latchkey::model::time::Timestamp;
use latchkey::storage::{Feed as _, KeyFilter, Storage, UsageIncrement};

use crate::conformance::engine::Case;
use crate::conformance::factory::{BEGINNING, Random, RecordFactory, as_read, secret_as_read};
use crate::conformance::model::key_passes;
use crate::conformance::write::{Write, add_methods, add_stores, begin, list_keys};

const KEYS: usize = 300;
const STORES: [&str; 7] = ["a", "A", "b", "gone", "again", "shop-1", "empty"];
const METHODS: [&str; 6] = ["GET /a", "POST /a", "GET /b", "GET /gone", "GET /again", "GET /{id}"];
const OWNERS: [&str; 5] = ["", "ann", "Ann", "бюро", "a%"];
const WORDS: [&str; 8] = ["landing", "CPA", "Ёлка", "100%", "under_score", "back\\slash", "it's", "😀"];

/// Number of fields of a filter.
const FIELDS: usize = 11;

/// Returns the time `at` hours after the beginning: few distinct times, so that bounds are hit exactly.
fn hour(at: usize) -> Timestamp {
    BEGINNING.plus(Duration::from_hours(at as u64))
}

/// Creates keys of every sort and applies every kind of change; returns the remaining keys, newest first.
async fn populate(storage: &Storage, factory: &mut RecordFactory) -> Vec<Key> {
    let stores = add_stores(storage, &STORES).await;
    let methods = add_methods(storage, &METHODS).await;
    let mut write = begin(storage).await;
    let (mut news, mut keys) = (Vec::new(), Vec::new());
    for _ in 0..KEYS {
        let mut key = factory.key("");
        let random = &mut factory.random;
        key.spec.name = format!("{} {}", random.pick(&WORDS), random.pick(&WORDS));
        (*random.pick(&OWNERS)).clone_into(&mut key.spec.owner);
        key.spec.comment = if random.one_in(2) { String::new() } else { random.pick(&WORDS).to_lowercase() };
        key.spec.active = !random.one_in(4);
        key.spec.stores = if random.one_in(2) { Access::All } else { Access::Selected(Vec::new()) };
        key.spec.methods = if random.one_in(2) { Access::All } else { Access::Selected(Vec::new()) };
        key.spec.expires = random.one_in(2).then(|| hour(random.below(5)));
        let (mut codes, mut identities) = (Vec::new(), Vec::new());
        if !key.spec.stores.is_all() {
            let picked = random.some(&(0..STORES.len() - 1).collect::<Vec<_>>());
            key.stores = picked.iter().map(|at| stores[*at].number).collect();
            codes = picked.iter().map(|at| STORES[*at]).collect();
        }
        if !key.spec.methods.is_all() {
            let picked = random.some(&(0..METHODS.len()).collect::<Vec<_>>());
            key.methods = picked.iter().map(|at| methods[*at].number).collect();
            identities = picked.iter().map(|at| METHODS[*at]).collect();
        }
        keys.push(as_read(&key, write.now(), write.revision(), &codes, &identities));
        news.push(key);
    }
    write.add_keys(&news).await;
    write.done().await;

    let mut write = begin(storage).await;
    keys = change_some(&mut write, factory, keys, &news.iter().map(|key| key.secret.id).collect::<Vec<_>>()).await;
    write.drop_store(&stores[3]).await;
    write.drop_store(&stores[4]).await;
    write.drop_methods(&methods[3..5]).await;
    write.done().await;
    add_stores(storage, &["again"]).await;
    add_methods(storage, &["GET /again"]).await;
    for key in &mut keys {
        for (access, gone) in
            [(&mut key.spec.stores, ["gone", "again"]), (&mut key.spec.methods, ["GET /gone", "GET /again"])]
        {
            if let Access::Selected(members) = access {
                members.retain(|member| !gone.contains(&member.as_str()));
            }
        }
    }

    let mut adds = Vec::new();
    for key in &mut keys {
        if let Some(secret) = key.secrets.last_mut()
            && factory.random.one_in(2)
        {
            let last = hour(factory.random.below(5));
            (key.last_used, secret.last_used) = (Some(last), Some(last));
            let (key, secret) = (key.id, secret.id);
            adds.push(UsageIncrement { key, secret, method: None, store: None, allowed: true, calls: 1, last });
        }
    }
    storage.add_usage(&adds).await.expect("uses are counted");
    keys.reverse();
    keys
}

/// Deletes some keys, revokes some, and rotates some.
async fn change_some(
    write: &mut Write,
    factory: &mut RecordFactory,
    keys: Vec<Key>,
    secrets: &[latchkey::model::id::SecretId],
) -> Vec<Key> {
    let mut kept = Vec::new();
    for (mut key, secret) in keys.into_iter().zip(secrets) {
        match factory.random.below(10) {
            0 => {
                write.delete_key(key.id).await.expect("a key is deleted");
                write.note(SubjectKind::Key, key.id).await;
                continue;
            }
            1 => {
                key.revoked = Some(Revocation { at: hour(1), reason: "lost".into() });
                key.secrets.clear();
                write.update_key(key.id, &key.spec, key.revoked.as_ref()).await.expect("a key is revoked");
                write.end_secret(*secret).await.expect("a secret is ended");
            }
            2 | 3 => {
                let second = factory.secret();
                write.insert_secret(key.id, &second).await.expect("a secret is added");
                key.secrets.insert(0, secret_as_read(&second, write.now()));
            }
            4 => {
                let second = factory.secret();
                write.insert_secret(key.id, &second).await.expect("a secret is added");
                write.end_secret(*secret).await.expect("a secret is ended");
                key.secrets = vec![secret_as_read(&second, write.now())];
            }
            _ => {
                kept.push(key);
                continue;
            }
        }
        write.note(SubjectKind::Key, key.id).await;
        (key.updated, key.row_revision) = (write.now(), write.revision());
        kept.push(key);
    }
    kept
}

/// Sets field `field` of a filter to a value that is likely to occur.
fn set(filter: &mut KeyFilter, field: usize, random: &mut Random, keys: &[Key]) {
    match field {
        0 => filter.active = Some(random.one_in(2)),
        1 => filter.revoked = Some(random.one_in(2)),
        2 => filter.all_stores = Some(random.one_in(2)),
        3 => filter.all_methods = Some(random.one_in(2)),
        4 => filter.store = Some((*random.pick(&[STORES.as_slice(), &["nil", ""]].concat())).to_owned()),
        5 => filter.method = Some((*random.pick(&[METHODS.as_slice(), &["GET /nil", "get /a"]].concat())).to_owned()),
        6 => {
            let key = random.pick(keys);
            filter.text = Some(match random.below(6) {
                0 => key.id.to_string(),
                1 => key.secrets.first().map_or_else(String::new, |secret| secret.hint.to_uppercase()),
                2 => random.pick(&WORDS).to_uppercase(),
                3 => key.spec.name.clone(),
                4 => random.pick(&WORDS).chars().take(2).collect(),
                _ => "nowhere".to_owned(),
            });
        }
        7 => filter.owner = Some((*random.pick(&[OWNERS.as_slice(), &["nobody", "a"]].concat())).to_owned()),
        8 => filter.expire_before = Some(hour(random.below(6))),
        9 => filter.unused_since = Some(hour(random.below(6))),
        10 => filter.used = Some(random.one_in(2)),
        other => panic!("there is no field {other}"),
    }
}

/// Compares the listed keys with the expected ones.
async fn compare(storage: &Storage, filter: &KeyFilter, keys: &[Key]) {
    let expected: Vec<&Key> = keys.iter().filter(|key| key_passes(key, filter)).collect();
    for size in [1, 7, 50] {
        // At most ten pages: long lists in small pages are a case of their own.
        if expected.len() >= 10 * usize::try_from(size).expect("small") {
            continue;
        }
        let listed = list_keys(storage, filter, size).await;
        let ids = |keys: &mut dyn Iterator<Item = &Key>| keys.map(|key| key.id).collect::<Vec<_>>();
        assert_eq!(ids(&mut listed.iter()), ids(&mut expected.iter().copied()), "{filter:?} in pages of {size}");
        assert!(
            listed.iter().eq(expected.iter().copied()),
            "{filter:?} in pages of {size}: {listed:#?}\n{expected:#?}"
        );
    }
}

async fn all_keys_are_listed_the_newest_first_in_pages_of_any_size(case: Case) {
    let mut factory = RecordFactory::new();
    let keys = populate(&case.storage, &mut factory).await;
    for key in &keys {
        let read = case.storage.key(key.id).await.expect("a key is read");
        assert_eq!(read.as_ref(), Some(key));
    }
    for size in [1, 2, 7, 50, 299, 1_000] {
        let listed = list_keys(&case.storage, &KeyFilter::default(), size).await;
        assert!(listed == keys, "in pages of {size}");
    }
    // A page that ends exactly with the list has no next page.
    let whole = u32::try_from(keys.len()).expect("a few hundred");
    let request = latchkey::model::page::PageRequest { size: whole, after: None };
    let page = case.storage.keys(&KeyFilter::default(), &request).await.expect("a page");
    assert_eq!((page.items.len(), page.next), (keys.len(), None));
}

async fn each_filter_of_keys_alone_selects_what_it_says(case: Case) {
    let mut factory = RecordFactory::new();
    let keys = populate(&case.storage, &mut factory).await;
    let mut some = 0;
    for field in 0..FIELDS {
        for _ in 0..16 {
            let mut filter = KeyFilter::default();
            set(&mut filter, field, &mut factory.random, &keys);
            compare(&case.storage, &filter, &keys).await;
            let passed = keys.iter().filter(|key| key_passes(key, &filter)).count();
            some += usize::from(passed > 0 && passed < keys.len());
        }
    }
    assert!(some > 16 * FIELDS / 2, "most filters tell some keys from others: {some}");
}

async fn filters_by_a_deleted_store_or_method_leave_keys_that_open_all(case: Case) {
    let mut factory = RecordFactory::new();
    let keys = populate(&case.storage, &mut factory).await;
    for store in ["gone", "again", "nil"] {
        let filter = KeyFilter { store: Some(store.into()), ..KeyFilter::default() };
        compare(&case.storage, &filter, &keys).await;
        let listed = list_keys(&case.storage, &filter, 50).await;
        assert!(!listed.is_empty() && listed.iter().all(|key| key.spec.stores.is_all()), "{store}");
    }
    for method in ["GET /gone", "GET /again", "GET /nil"] {
        let filter = KeyFilter { method: Some(method.into()), ..KeyFilter::default() };
        compare(&case.storage, &filter, &keys).await;
        let listed = list_keys(&case.storage, &filter, 50).await;
        assert!(!listed.is_empty() && listed.iter().all(|key| key.spec.methods.is_all()), "{method}");
    }
}

async fn each_two_filters_of_keys_together_select_what_both_do(case: Case) {
    let mut factory = RecordFactory::new();
    let keys = populate(&case.storage, &mut factory).await;
    for first in 0..FIELDS {
        for second in 0..first {
            for _ in 0..3 {
                let mut filter = KeyFilter::default();
                set(&mut filter, first, &mut factory.random, &keys);
                set(&mut filter, second, &mut factory.random, &keys);
                compare(&case.storage, &filter, &keys).await;
            }
        }
    }
}

async fn any_filters_of_keys_together_select_what_all_of_them_do(case: Case) {
    let mut factory = RecordFactory::new();
    let keys = populate(&case.storage, &mut factory).await;
    for _ in 0..200 {
        let mut filter = KeyFilter::default();
        let chance = 1 + factory.random.below(4);
        for field in 0..FIELDS {
            if factory.random.one_in(chance) {
                set(&mut filter, field, &mut factory.random, &keys);
            }
        }
        compare(&case.storage, &filter, &keys).await;
    }
}

async fn a_filter_of_another_spelling_selects_nothing_of_a_narrow_key(case: Case) {
    let mut factory = RecordFactory::new();
    let stores = add_stores(&case.storage, &["Shop"]).await;
    let methods = add_methods(&case.storage, &["GET /Orders"]).await;
    let key = factory.narrow_key("narrow", &[stores[0].number], &[methods[0].number]);
    crate::conformance::write::add_keys(&case.storage, &[key]).await;
    let found = async |store: Option<&str>, method: Option<&str>| {
        let filter = KeyFilter { store: store.map(Into::into), method: method.map(Into::into), ..KeyFilter::default() };
        list_keys(&case.storage, &filter, 50).await.len()
    };
    assert_eq!(found(Some("Shop"), Some("GET /Orders")).await, 1);
    for store in ["shop", "SHOP", "Shop ", "Sh%", "Sho_", ""] {
        assert_eq!(found(Some(store), None).await, 0, "{store:?}");
    }
    for method in ["GET /orders", "get /Orders", "GET /Orders/", "/Orders", "GET %", ""] {
        assert_eq!(found(None, Some(method)).await, 0, "{method:?}");
    }
}

for_each_engine! {
    all_keys_are_listed_the_newest_first_in_pages_of_any_size,
    each_filter_of_keys_alone_selects_what_it_says,
    filters_by_a_deleted_store_or_method_leave_keys_that_open_all,
    each_two_filters_of_keys_together_select_what_both_do,
    any_filters_of_keys_together_select_what_all_of_them_do,
    a_filter_of_another_spelling_selects_nothing_of_a_narrow_key,
}
