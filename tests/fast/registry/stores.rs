//! Stores and the reference book, which keys refer to.

use latchkey::model::key::Access;
use latchkey::model::store::StoreKind;
use latchkey::registry::{
    Choice, DeleteStore, Error, ImportMethods, MethodDraft, MethodsDiff, StoreDraft, SubjectRef, Update, WriteOptions,
    Written,
};

use crate::registry::harness::{Harness, draft_with_access, draft_with_full_access, fields, harness, method, owned};

async fn delete(harness: &Harness, code: &str, allow_rebinding: bool) -> Result<u64, Error> {
    let store = SubjectRef { id: code.to_owned(), etag: String::new() };
    let request = DeleteStore { store, allow_rebinding };
    harness.registry.delete_store(&harness.admin, &request, &WriteOptions::default()).await.map(|(count, _)| count)
}

async fn import(
    harness: &Harness,
    methods: &[&str],
    retire_missing: bool,
    dry_run: bool,
) -> Result<(MethodsDiff, Option<Written>), Error> {
    let methods = methods.iter().map(|identity| method(identity)).collect();
    let request = ImportMethods { methods, retire_missing, dry_run };
    harness.registry.import_methods(&harness.admin, &request, &WriteOptions::default()).await
}

fn texts<T: ToString>(list: &[T]) -> Vec<String> {
    list.iter().map(ToString::to_string).collect()
}

#[tokio::test]
async fn a_store_keeps_its_code_and_hosts_to_itself() {
    let harness = harness().await;
    let draft = |code: &str, hosts: &[&str]| StoreDraft {
        code: code.to_owned(),
        name: "Shop".to_owned(),
        kind: Choice::Is(StoreKind::LandingPage),
        hosts: owned(hosts),
        ..StoreDraft::default()
    };
    let options = WriteOptions::default();
    let create = async |draft: StoreDraft| harness.registry.create_store(&harness.admin, &draft, &options).await;
    let (store, _) = create(draft("main", &["b.example", "a.example"])).await.unwrap();
    assert_eq!((store.active, store.hosts.clone()), (true, owned(&["a.example", "b.example"])));
    assert_eq!(create(draft("main", &[])).await.unwrap_err().reason(), "STORE_CODE_TAKEN");
    assert!(create(draft("Main", &[])).await.is_ok());
    let error = create(draft("other", &["c.example", "a.example"])).await.unwrap_err();
    assert_eq!((error.reason(), fields(&error)), ("HOST_TAKEN", owned(&["store.hosts[1]"])));

    let update = Update {
        id: "main".to_owned(),
        draft: StoreDraft { hosts: owned(&["a.example", "d.example"]), ..StoreDraft::default() },
        mask: owned(&["hosts"]),
        etag: String::new(),
    };
    let (changed, _) = harness.registry.update_store(&harness.admin, &update, &options).await.unwrap();
    assert_eq!((changed.hosts, changed.name.as_str()), (owned(&["a.example", "d.example"]), "Shop"));
    assert!(create(draft("third", &["b.example"])).await.is_ok());
}

#[tokio::test]
async fn deleting_a_store_asks_before_it_binds_keys_to_the_one_that_is_left() {
    let harness = harness().await;
    for code in ["a", "b", "c"] {
        harness.create_store(code).await;
    }
    let (bound, _) = harness.create_key(draft_with_access(&["a", "b"], &[])).await;
    let (wider, _) = harness.create_key(draft_with_access(&["a", "b", "c"], &[])).await;
    let error = delete(&harness, "b", false).await.unwrap_err();
    assert_eq!(error.reason(), "WOULD_REBIND");
    let sentence = error.to_string();
    assert!(sentence.contains(&bound.id.to_string()) && !sentence.contains(&wider.id.to_string()), "{sentence}");
    assert_eq!(delete(&harness, "b", true).await.unwrap(), 2);
    let key = harness.registry.key(&wider.id.to_string()).await.unwrap();
    assert_eq!(key.spec.stores, Access::Selected(owned(&["a", "c"])));
    assert_eq!(delete(&harness, "b", true).await.unwrap_err().reason(), "STORE_NOT_FOUND");
}

#[tokio::test]
async fn a_later_store_of_the_same_code_is_another_store() {
    let harness = harness().await;
    harness.create_store("a").await;
    let (key, _) = harness.create_key(draft_with_access(&["a"], &[])).await;
    assert_eq!(delete(&harness, "a", false).await.unwrap(), 1);
    harness.create_store("a").await;
    let key = harness.registry.key(&key.id.to_string()).await.unwrap();
    assert_eq!(key.spec.stores, Access::Selected(Vec::new()));
}

#[tokio::test]
async fn a_method_is_in_the_book_once_whatever_its_parameters_are_called() {
    let harness = harness().await;
    harness.create_method("GET /orders/{id}").await;
    let options = WriteOptions::default();
    let create = async |draft: MethodDraft| harness.registry.create_method(&harness.admin, &draft, &options).await;
    for same in ["GET /orders/{id}", "GET /orders/{code}"] {
        let error = create(method(same)).await.unwrap_err();
        assert_eq!((error.reason(), fields(&error)), ("METHOD_TAKEN", owned(&["method.method"])));
    }
    let (last, _) = create(method("POST /orders/{id}")).await.unwrap();
    assert_eq!(last.position, 2);
    let update = Update {
        id: "GET /orders/{id}".to_owned(),
        draft: MethodDraft { summary: "Reads it".to_owned(), position: 0, ..MethodDraft::default() },
        mask: owned(&["summary", "position"]),
        etag: String::new(),
    };
    let (moved, _) = harness.registry.update_method(&harness.admin, &update, &options).await.unwrap();
    assert_eq!((moved.summary.as_str(), moved.position, moved.block.as_str()), ("Reads it", 3, "Orders"));
}

#[tokio::test]
async fn retiring_a_method_takes_it_from_its_keys_and_adding_it_again_does_not_give_it_back() {
    let harness = harness().await;
    harness.create_method("GET /orders").await;
    let (key, _) = harness.create_key(draft_with_access(&[], &["GET /orders"])).await;
    let named = SubjectRef { id: "GET /orders".to_owned(), etag: String::new() };
    let options = WriteOptions::default();
    let (narrowed, _) = harness.registry.delete_method(&harness.admin, &named, &options).await.unwrap();
    assert_eq!(narrowed, 1);
    assert_eq!(harness.audit_trail("method", "GET /orders").await[0].action, "retire");
    harness.create_method("GET /orders").await;
    let key = harness.registry.key(&key.id.to_string()).await.unwrap();
    assert_eq!(key.spec.methods, Access::Selected(Vec::new()));
}

#[tokio::test]
async fn an_import_tells_what_it_changes_and_whom_it_affects() {
    let harness = harness().await;
    let (all, _) = harness.create_key(draft_with_full_access()).await;
    let (diff, written) = import(&harness, &["GET /a", "GET /b", "GET /c"], true, false).await.unwrap();
    assert_eq!(texts(&diff.added), ["GET /a", "GET /b", "GET /c"]);
    assert!(written.is_some());
    assert_eq!((diff.gaining.1, diff.gaining.0[0].key, texts(&diff.gaining.0[0].methods).len()), (1, all.id, 3));
    let (key, _) = harness.create_key(draft_with_access(&[], &["GET /b", "GET /c"])).await;
    let head = harness.latest_revision().await;

    let expected = |diff: &MethodsDiff| {
        assert_eq!(
            (texts(&diff.added), texts(&diff.retired), diff.unchanged),
            (owned(&["GET /d"]), owned(&["GET /b"]), 2)
        );
        assert_eq!((diff.losing.1, diff.losing.0[0].key), (1, key.id));
        assert_eq!(texts(&diff.losing.0[0].methods), ["GET /b"]);
    };
    let (diff, written) = import(&harness, &["GET /a", "GET /c", "GET /d"], true, true).await.unwrap();
    expected(&diff);
    assert_eq!((written, harness.latest_revision().await), (None, head));
    let (diff, written) = import(&harness, &["GET /a", "GET /c", "GET /d"], true, false).await.unwrap();
    expected(&diff);
    assert!(written.is_some());
    let key = harness.registry.key(&key.id.to_string()).await.unwrap();
    assert_eq!(key.spec.methods, Access::Selected(owned(&["GET /c"])));

    let head = harness.latest_revision().await;
    let (diff, written) = import(&harness, &["GET /a", "GET /c", "GET /d"], true, false).await.unwrap();
    assert_eq!((diff.unchanged, written, harness.latest_revision().await), (3, None, head));
}
