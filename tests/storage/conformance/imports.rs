//! Imports: a hundred thousand keys in one write; or thousands of them undone.

use latchkey::model::change::{Action, Cursor, SubjectKind};
use latchkey::model::grant::NumberSet;
use latchkey::model::page::PageRequest;
use latchkey::storage::{Feed as _, KeyFilter, NewKey, SnapshotSink, Storage};

use crate::conformance::engine::Case;
use crate::conformance::factory::{RecordFactory, as_read, change};
use crate::conformance::write::{add_methods, add_stores, begin, is_taken, list_keys, method_numbers, store_numbers};

const KEYS: usize = 100_000;
/// More than go into two statements, so that earlier ones have to be undone.
const UNDONE: usize = 12_000;
const STORES: [&str; 3] = ["a", "b", "c"];
const METHODS: [&str; 2] = ["GET /a", "GET /b"];

struct Count(usize);

impl SnapshotSink for Count {
    fn digests(&mut self, digests: &[latchkey::model::token::Digest]) {
        self.0 += digests.len();
    }
}

/// Creates stores, methods, and `count` keys with access to some of them, every tenth to all.
async fn prepare(storage: &Storage, factory: &mut RecordFactory, count: usize) -> Vec<NewKey> {
    let stores = store_numbers(&add_stores(storage, &STORES).await);
    let methods = method_numbers(&add_methods(storage, &METHODS).await);
    let mut keys: Vec<NewKey> = (0..count)
        .map(|at| match at % 10 {
            0 => factory.key(&format!("imported {at}")),
            1 => factory.narrow_key(&format!("imported {at}"), &[], &[]),
            _ => factory.narrow_key(&format!("imported {at}"), &stores[..2], &methods[at % 2..]),
        })
        .collect();
    for (at, key) in keys.iter_mut().enumerate() {
        key.spec.owner = format!("owner {}", at % 1_000);
        key.spec.labels = [("é\"\\".to_owned(), at.to_string())].into();
    }
    keys
}

async fn a_hundred_thousand_keys_are_added_in_one_write(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let keys = prepare(storage, &mut factory, KEYS).await;
    let changes: Vec<_> = keys.iter().map(|key| change(Action::Import, SubjectKind::Key, key.id)).collect();
    let mut write = begin(storage).await;
    write.insert_keys(&keys).await.expect("keys are added");
    write.append(&changes).await.expect("changes are appended");
    let (now, revision) = (write.now(), write.revision());
    let cursor = write.done().await;

    for at in (0..KEYS).step_by(9_973) {
        let key = &keys[at];
        let (stores, methods) = if at % 10 == 1 { (&[][..], &[][..]) } else { (&STORES[..2], &METHODS[at % 2..]) };
        let expected = as_read(key, now, revision, stores, methods);
        assert_eq!(storage.key(key.id).await.expect("a key is read").as_ref(), Some(&expected), "key {at}");
        let found = storage.find_key(&key.secret.digest).await.expect("a key is found").expect("it is there");
        assert_eq!((found.key, found.secret.id), (expected, key.secret.id), "key {at}");
        let grant = storage.grant(&key.secret.digest).await.expect("a grant is read").grant.expect("it is there");
        let members = if key.spec.stores.is_all() { NumberSet::All } else { NumberSet::selected(key.stores.clone()) };
        assert_eq!((grant.key, grant.stores), (key.id, members), "key {at}");
    }
    let first = storage.keys(&KeyFilter::default(), &PageRequest { size: 1_000, after: None }).await.expect("a page");
    assert!(first.items.iter().map(|key| key.id).eq(keys.iter().rev().take(1_000).map(|key| key.id)));
    let owned = KeyFilter { owner: Some("owner 77".into()), ..KeyFilter::default() };
    assert_eq!(list_keys(storage, &owned, 50).await.len(), 100);
    let opening = KeyFilter { store: Some("c".into()), owner: Some("owner 10".into()), ..KeyFilter::default() };
    assert_eq!(list_keys(storage, &opening, 50).await.len(), 100, "those that open all");
    let named = KeyFilter { text: Some("PORTED 9999".into()), ..KeyFilter::default() };
    assert_eq!(list_keys(storage, &named, 50).await.len(), 11, "9999 and 99990 to 99999");

    let mut count = Count(0);
    assert_eq!(storage.snapshot(&mut count).await.expect("a snapshot").head, cursor);
    assert_eq!(count.0, KEYS);
    let poll = storage.poll(Cursor::default(), 1_000).await.expect("a poll");
    assert!(poll.overflow && poll.continuous);
    assert_eq!((poll.subjects.len(), poll.digests.len()), (1_000, KEYS));
}

async fn thousands_of_keys_undone_leave_nothing(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let keys = prepare(storage, &mut factory, UNDONE).await;
    let head = storage.head().await.expect("the head is read");
    // The last key has the token of the first.
    let mut refused = keys.clone();
    refused[UNDONE - 1].secret.digest = refused[0].secret.digest;
    for ending in ["undone", "refused", "dropped"] {
        let mut write = begin(storage).await;
        match ending {
            "refused" => {
                assert!(is_taken(&write.insert_keys(&refused).await));
                drop(write);
            }
            "undone" => {
                write.insert_keys(&keys).await.expect("keys are added");
                write.rollback().await;
            }
            _ => {
                write.insert_keys(&keys).await.expect("keys are added");
                drop(write);
            }
        }
        assert_eq!(storage.head().await.expect("the head is read"), head, "{ending}");
        assert_eq!(list_keys(storage, &KeyFilter::default(), 50).await, [], "{ending}");
        assert!(storage.grant(&keys[5].secret.digest).await.expect("a grant is looked up").grant.is_none(), "{ending}");
        let mut count = Count(0);
        storage.snapshot(&mut count).await.expect("a snapshot");
        assert_eq!(count.0, 0, "{ending}");
    }
    // The rolled-back import can be repeated: no digest, no id is taken.
    let mut write = begin(storage).await;
    assert_eq!(
        write.find_taken_digests(&[keys[0].secret.digest]).await.expect("digests are looked up"),
        Vec::<usize>::new()
    );
    write.add_keys(&keys[..10]).await;
    write.done().await;
    assert_eq!(list_keys(storage, &KeyFilter::default(), 50).await.len(), 10);
}

for_each_engine! {
    a_hundred_thousand_keys_are_added_in_one_write,
    thousands_of_keys_undone_leave_nothing,
}
