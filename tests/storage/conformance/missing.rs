//! Writes report missing objects: a change of one that does not or no longer exist is refused, never partly done.

use latchkey::model::change::SubjectKind;
use latchkey::model::operator::Role;
use latchkey::model::reference::Method;
use latchkey::model::store::{Store, StoreNumber};
use latchkey::storage::{Error, NewKey, Result};

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, BEGINNING, RecordFactory};
use crate::conformance::write::{begin, method_numbers};

/// Returns the error of an attempt that is then rolled back: the sentence that names the missing object.
macro_rules! refusal {
    ($case:expr, $write:ident => $work:expr) => {{
        let mut $write = begin(&*$case.storage).await;
        let result: Result<()> = $work.await;
        $write.rollback().await;
        match result {
            Err(Error::Bug { what }) => what,
            other => panic!("{} is not refused: {other:?}", stringify!($work)),
        }
    }};
}

/// For each kind, an object that existed, one that exists, and one that never existed.
struct Fixture {
    gone_store: Store,
    methods: Vec<Method>,
    gone_method: Method,
    key: NewKey,
    gone_key: NewKey,
    unknown: NewKey,
}

async fn prepare(case: &Case, factory: &mut RecordFactory) -> Fixture {
    let mut write = begin(&case.storage).await;
    let gone_store = write.add_store(&factory::store("gone")).await;
    write.add_store(&factory::store("here")).await;
    let mut methods = write.add_methods(&[factory::method("GET /a", 1), factory::method("GET /b", 2)]).await;
    let (key, gone_key) = (factory.key("here"), factory.key("gone"));
    write.add_keys(&[key.clone(), gone_key.clone()]).await;
    write.done().await;
    let mut write = begin(&case.storage).await;
    write.drop_store(&gone_store).await;
    let gone_method = methods.remove(1);
    write.drop_methods(std::slice::from_ref(&gone_method)).await;
    write.delete_key(gone_key.id).await.expect("a key is deleted");
    write.note(SubjectKind::Key, gone_key.id).await;
    write.done().await;
    Fixture { gone_store, methods, gone_method, key, gone_key, unknown: factory.key("unknown") }
}

async fn stores_that_are_not_there_cannot_be_changed(case: Case) {
    let fixture = prepare(&case, &mut RecordFactory::new()).await;
    let (gone, unknown) = (&fixture.gone_store, StoreNumber(4_000_000_000));
    refusal!(case, write => write.update_store(gone));
    refusal!(case, write => write.delete_store(gone.number));
    refusal!(case, write => write.delete_store(unknown));
    // Its code belongs to another store by now.
    let mut write = begin(&case.storage).await;
    let again = write.add_store(&factory::store("gone")).await;
    write.done().await;
    refusal!(case, write => write.update_store(gone));
    assert_eq!(case.storage.store(&again.code).await.expect("a store is read"), Some(again));
}

async fn methods_that_are_not_there_cannot_be_changed_nor_others_with_them(case: Case) {
    let fixture = prepare(&case, &mut RecordFactory::new()).await;
    let mixed = [fixture.methods[0].clone(), fixture.gone_method.clone()];
    refusal!(case, write => write.update_methods(&mixed));
    refusal!(case, write => write.retire_methods(&method_numbers(&mixed)));
    refusal!(case, write => write.retire_methods(&[latchkey::model::book::MethodNumber(4_000_000_000)]));
    let read = case.storage.method(&fixture.methods[0].identity).await.expect("a method is read");
    assert_eq!(read.as_ref(), Some(&fixture.methods[0]));
}

async fn keys_that_are_not_there_cannot_be_changed(case: Case) {
    let mut factory = RecordFactory::new();
    let fixture = prepare(&case, &mut factory).await;
    for key in [&fixture.gone_key, &fixture.unknown] {
        let id = key.id;
        let secret = factory.secret();
        let named = [
            refusal!(case, write => write.update_key(key.id, &key.spec, key.revoked.as_ref())),
            refusal!(case, write => write.set_key_stores(id, &[])),
            refusal!(case, write => write.set_key_methods(id, &[])),
            refusal!(case, write => write.insert_secret(id, &secret)),
            refusal!(case, write => write.delete_key(id)),
        ];
        assert!(named.iter().all(|what| what.contains(&id.to_string())), "{named:?}");
    }
}

async fn secrets_that_are_not_there_or_have_ended_cannot_be_changed(case: Case) {
    let mut factory = RecordFactory::new();
    let fixture = prepare(&case, &mut factory).await;
    let second = factory.secret();
    let mut write = begin(&case.storage).await;
    write.insert_secret(fixture.key.id, &second).await.expect("a secret is added");
    write.end_secret(second.id).await.expect("a secret is ended");
    write.note(SubjectKind::Key, fixture.key.id).await;
    write.done().await;
    let before = case.storage.find_key(&second.digest).await.expect("a key is found");
    for id in [fixture.unknown.secret.id, fixture.gone_key.secret.id, second.id] {
        let named = [
            refusal!(case, write => write.end_secret(id)),
            refusal!(case, write => write.expire_secret(id, None)),
            refusal!(case, write => write.expire_secret(id, Some(BEGINNING))),
        ];
        assert!(named.iter().all(|what| what.contains(&id.to_string())), "{named:?}");
    }
    assert_eq!(case.storage.find_key(&second.digest).await.expect("a key is found"), before, "it ended when it did");
}

async fn operators_that_are_not_there_cannot_be_changed(case: Case) {
    let mut factory = RecordFactory::new();
    let (operator, digest) = factory.operator("unknown", Role::Admin);
    for digest in [None, Some(&digest)] {
        let named = refusal!(case, write => write.update_operator(&operator, digest));
        assert!(named.contains(&operator.id.to_string()), "{named}");
    }
}

for_each_engine! {
    stores_that_are_not_there_cannot_be_changed,
    methods_that_are_not_there_cannot_be_changed_nor_others_with_them,
    keys_that_are_not_there_cannot_be_changed,
    secrets_that_are_not_there_or_have_ended_cannot_be_changed,
    operators_that_are_not_there_cannot_be_changed,
}
