//! Deleting reduces access: a deleted store or method grants access to nothing, and nothing created later restores it.

use latchkey::model::change::SubjectKind;
use latchkey::model::grant::{Grant, NumberSet, Standing};
use latchkey::model::key::{Access, Key};
use latchkey::model::reference::Method;
use latchkey::model::store::Store;
use latchkey::storage::{Feed as _, KeyFilter, MethodFilter, NewKey, SnapshotSink, Storage, StoreFilter};

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, RecordFactory};
use crate::conformance::write::{
    add_keys, add_methods, add_stores, begin, gather, list_keys, method_numbers, store_numbers,
};

async fn grant(storage: &Storage, key: &NewKey) -> Grant {
    storage.grant(&key.secret.digest).await.expect("a grant is read").grant.expect("it is there")
}

async fn read(storage: &Storage, key: &NewKey) -> Key {
    storage.key(key.id).await.expect("a key is read").expect("it is there")
}

fn selected(members: &[&str]) -> Access<String> {
    Access::Selected(members.iter().map(ToString::to_string).collect())
}

/// Returns the methods of a snapshot, retired ones included.
async fn whole_book(storage: &Storage) -> Vec<Method> {
    struct IgnoreDigests;
    impl SnapshotSink for IgnoreDigests {
        fn digests(&mut self, _: &[latchkey::model::token::Digest]) {}
    }
    storage.snapshot(&mut IgnoreDigests).await.expect("a snapshot").methods
}

async fn a_deleted_store_leaves_the_lists_of_keys_and_its_number_opens_nothing(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let stores = add_stores(storage, &["a", "b", "c"]).await;
    let numbers = store_numbers(&stores);
    let wide = factory.key("all");
    let narrow = factory.narrow_key("all three", &numbers, &[]);
    let single = factory.narrow_key("b alone", &numbers[1..2], &[]);
    add_keys(storage, &[wide.clone(), narrow.clone(), single.clone()]).await;
    let mut write = begin(storage).await;
    write.drop_store(&stores[1]).await;
    assert_eq!(write.store(&stores[1].code).await.expect("within the write"), None);
    assert_eq!(write.store_numbers(&["b".into()]).await.expect("within the write"), [None]);
    assert_eq!(write.key(single.id).await.expect("within the write").expect("it is there").spec.stores, selected(&[]));
    write.done().await;

    assert_eq!(storage.store(&stores[1].code).await.expect("a store is looked up"), None);
    let listed = gather(50, async |page| storage.stores(&StoreFilter::default(), &page).await).await;
    assert_eq!(listed, [stores[0].clone(), stores[2].clone()]);
    assert_eq!(read(storage, &narrow).await.spec.stores, selected(&["a", "c"]));
    assert_eq!(
        read(storage, &single).await.spec.stores,
        selected(&[]),
        "an emptied list is empty, and never everything"
    );
    assert_eq!(read(storage, &wide).await.spec.stores, Access::All);
    // The grant still contains the number: it has no effect, for the store no longer exists.
    assert_eq!(grant(storage, &narrow).await.stores, NumberSet::selected(numbers.clone()));
    assert_eq!(grant(storage, &single).await.stores, NumberSet::selected(vec![numbers[1]]));
    assert_eq!(grant(storage, &wide).await.stores, NumberSet::All);
    let opening = KeyFilter { store: Some("b".into()), ..KeyFilter::default() };
    let opening: Vec<_> = list_keys(storage, &opening, 50).await.iter().map(|key| key.id).collect();
    assert_eq!(opening, [wide.id]);

    // A store with the same code is a different one.
    let again = &add_stores(storage, &["b"]).await[0];
    assert!(!numbers.contains(&again.number), "{:?} was used before: {numbers:?}", again.number);
    assert_eq!(read(storage, &narrow).await.spec.stores, selected(&["a", "c"]), "it opens nothing by its name");
    assert!(!grant(storage, &narrow).await.stores.contains(again.number));
    assert!(!grant(storage, &single).await.stores.contains(again.number));

    // Until it is selected; then the dead number does not come back.
    let mut write = begin(storage).await;
    write.set_key_stores(single.id, &[again.number]).await.expect("stores are set");
    write.note(SubjectKind::Key, single.id).await;
    write.done().await;
    assert_eq!(read(storage, &single).await.spec.stores, selected(&["b"]));
    assert_eq!(grant(storage, &single).await.stores, NumberSet::selected(vec![again.number]));
}

async fn the_number_of_a_store_is_never_used_again(case: Case) {
    let storage = &case.storage;
    let mut used = Vec::new();
    for _ in 0..5 {
        // The newest store is deleted: a number one above the greatest existing one would be its own.
        let store = add_stores(storage, &["same"]).await.remove(0);
        assert!(!used.contains(&store.number), "{:?} was used before: {used:?}", store.number);
        used.push(store.number);
        let mut write = begin(storage).await;
        write.drop_store(&store).await;
        write.done().await;
    }
    let mut write = begin(storage).await;
    let first = write.add_store(&factory::store("same")).await;
    write.drop_store(&first).await;
    let second = write.add_store(&factory::store("same")).await;
    assert_ne!(first.number, second.number, "nor within one write");
    write.done().await;
}

async fn a_deleted_store_frees_its_hosts(case: Case) {
    let storage = &case.storage;
    let with_hosts = |code: &str| Store { hosts: vec!["a.example".into(), "b.example".into()], ..factory::store(code) };
    let mut write = begin(storage).await;
    let first = write.add_store(&with_hosts("first")).await;
    write.done().await;
    let mut write = begin(storage).await;
    write.drop_store(&first).await;
    assert_eq!(write.store_by_host("a.example").await.expect("a host is looked up"), None);
    let second = write.add_store(&with_hosts("second")).await;
    assert_eq!(write.store_by_host("a.example").await.expect("a host is looked up"), Some(second.code.clone()));
    write.done().await;
    assert_eq!(storage.store(&second.code).await.expect("a store is read"), Some(second));
    let mut write = begin(storage).await;
    let again = write.add_store(&factory::store("first")).await;
    assert_eq!(again.hosts, Vec::<String>::new());
    write.done().await;
    assert_eq!(
        storage.store(&first.code).await.expect("a store is read"),
        Some(again),
        "nothing of the old one remains"
    );
}

async fn a_retired_method_leaves_the_lists_of_keys_and_stays_in_the_whole_book(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let methods = add_methods(storage, &["GET /a", "GET /b", "GET /c"]).await;
    let numbers = method_numbers(&methods);
    let wide = factory.key("all");
    let narrow = factory.narrow_key("all three", &[], &numbers);
    let single = factory.narrow_key("b alone", &[], &numbers[1..2]);
    add_keys(storage, &[wide.clone(), narrow.clone(), single.clone()]).await;
    let mut write = begin(storage).await;
    write.drop_methods(&methods[1..2]).await;
    assert_eq!(write.method_numbers(&["GET /b".into()]).await.expect("within the write"), [None]);
    assert_eq!(write.live_methods().await.expect("within the write").len(), 2);
    let revision = write.revision();
    write.done().await;

    assert_eq!(storage.method(&methods[1].identity).await.expect("a method is looked up"), None);
    let listed = gather(50, async |page| storage.methods(&MethodFilter::default(), &page).await).await;
    assert_eq!(listed, [methods[0].clone(), methods[2].clone()]);
    let book = whole_book(storage).await;
    assert_eq!(book.iter().map(|method| method.number).collect::<Vec<_>>(), numbers, "by position");
    assert_eq!(book.iter().map(|method| method.retired).collect::<Vec<_>>(), [None, Some(revision), None]);
    assert_eq!((&book[1].identity, book[1].row_revision), (&methods[1].identity, revision));
    assert_eq!(read(storage, &narrow).await.spec.methods, selected(&["GET /a", "GET /c"]));
    assert_eq!(
        read(storage, &single).await.spec.methods,
        selected(&[]),
        "an emptied list is empty, and never everything"
    );
    assert_eq!(read(storage, &wide).await.spec.methods, Access::All);
    assert_eq!(grant(storage, &narrow).await.methods, NumberSet::selected(numbers.clone()));
    assert_eq!(grant(storage, &single).await.methods, NumberSet::selected(vec![numbers[1]]));
    let opening = KeyFilter { method: Some("GET /b".into()), ..KeyFilter::default() };
    let opening: Vec<_> = list_keys(storage, &opening, 50).await.iter().map(|key| key.id).collect();
    assert_eq!(opening, [wide.id]);

    // A method with the same identity is a different one.
    let again = &add_methods(storage, &["GET /b"]).await[0];
    assert!(!numbers.contains(&again.number), "{:?} was used before: {numbers:?}", again.number);
    assert_eq!(
        read(storage, &narrow).await.spec.methods,
        selected(&["GET /a", "GET /c"]),
        "it opens nothing by its name"
    );
    assert!(!grant(storage, &single).await.methods.contains(again.number));
    assert_eq!(whole_book(storage).await.len(), 4, "the retired one stays beside it");
}

async fn a_thousand_methods_are_retired_at_once(case: Case) {
    let storage = &case.storage;
    let identities: Vec<String> = (0..1_000).map(|at| format!("GET /{at}")).collect();
    let methods = add_methods(storage, &identities.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut write = begin(storage).await;
    write.retire_methods(&method_numbers(&methods[1..])).await.expect("methods are retired");
    write.retire_methods(&[]).await.expect("none is retired");
    write.note(SubjectKind::Method, "many").await;
    let cursor = write.done().await;
    let retired: Vec<_> = whole_book(storage).await.iter().filter_map(|method| method.retired).collect();
    assert_eq!(retired, vec![cursor.revision; 999]);
    let left = gather(50, async |page| storage.methods(&MethodFilter::default(), &page).await).await;
    assert_eq!(left, methods[..1]);
}

async fn a_deleted_key_is_in_no_list_and_found_by_its_token_alone(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let stores = add_stores(storage, &["a"]).await;
    let methods = add_methods(storage, &["GET /a"]).await;
    let gone = factory.narrow_key("gone", &store_numbers(&stores), &method_numbers(&methods));
    let kept = factory.key("kept");
    add_keys(storage, &[gone.clone(), kept.clone()]).await;
    let second = factory.secret();
    let mut write = begin(storage).await;
    write.insert_secret(gone.id, &second).await.expect("a secret is added");
    write.note(SubjectKind::Key, gone.id).await;
    write.done().await;
    let before = read(storage, &gone).await;

    let mut write = begin(storage).await;
    write.delete_key(gone.id).await.expect("a key is deleted");
    assert_eq!(write.key(gone.id).await.expect("within the write"), None);
    assert_eq!(write.key_of_secret(second.id).await.expect("within the write"), None);
    let users = write.store_users(stores[0].number).await.expect("users are counted");
    assert_eq!((users.total, users.left_with_one), (0, Vec::new()));
    assert_eq!(write.method_users(&method_numbers(&methods), 9).await.expect("users are counted"), (Vec::new(), 0));
    write.note(SubjectKind::Key, gone.id).await;
    let (now, revision) = (write.now(), write.revision());
    write.done().await;

    assert_eq!(storage.key(gone.id).await.expect("a key is looked up"), None);
    let ids: Vec<_> = list_keys(storage, &KeyFilter::default(), 50).await.iter().map(|key| key.id).collect();
    assert_eq!(ids, [kept.id]);
    for (digest, id) in [(gone.secret.digest, gone.secret.id), (second.digest, second.id)] {
        let read = storage.grant(&digest).await.expect("a grant is read").grant.expect("its tombstone is there");
        assert_eq!((read.key, read.secret), (gone.id, id));
        assert_eq!((read.standing, read.row_revision), (Standing::Deleted, revision));
        let found = storage.find_key(&digest).await.expect("a key is found").expect("it is there");
        assert!(found.deleted);
        assert_eq!((found.key.id, &found.key.spec.name, found.secret.id), (gone.id, &before.spec.name, id));
        assert_eq!(
            (found.key.spec.stores, found.key.spec.methods),
            (before.spec.stores.clone(), before.spec.methods.clone())
        );
        assert_eq!((found.ended, found.key.secrets), (Some(now), Vec::new()));
    }
}

for_each_engine! {
    a_deleted_store_leaves_the_lists_of_keys_and_its_number_opens_nothing,
    the_number_of_a_store_is_never_used_again,
    a_deleted_store_frees_its_hosts,
    a_retired_method_leaves_the_lists_of_keys_and_stays_in_the_whole_book,
    a_thousand_methods_are_retired_at_once,
    a_deleted_key_is_in_no_list_and_found_by_its_token_alone,
}
