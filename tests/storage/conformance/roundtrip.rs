//! Records are read back as written: every kind, every field, at its bounds; missing records are not found.

use latchkey::model::change::{Action, Actor, Cursor, NewChange, Revision, SubjectKind};
use latchkey::model::key::{Access, KeySpec, MAX_LABELS, MAX_NETWORKS, Revocation, TokenOrigin};
use latchkey::model::method::StoreUse;
use latchkey::model::page::PageRequest;
use latchkey::model::reference::Method;
use latchkey::model::store::{Store, StoreKind};
use latchkey::model::time::Timestamp;
use latchkey::storage::{ChangeFilter, Feed as _, KeyFilter, MethodFilter, OperatorFilter, StoreFilter};

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, RecordFactory, as_read};
use crate::conformance::write::{
    add_methods, add_stores, begin, begin_as, gather, list_keys, method_numbers, store_numbers,
};

/// Returns text of `chars` characters that is difficult for engines, drivers and encodings.
fn text(chars: usize) -> String {
    "😀é'\"\\%_Ж\u{2028}\u{202e}$1?:; --\u{7f}/*<\u{feff}\u{10ffff}{}[]\r\n\t".chars().cycle().take(chars).collect()
}

const EARLIEST: Timestamp = Timestamp::from_micros(i64::MIN);
const LATEST: Timestamp = Timestamp::from_micros(i64::MAX);

/// Returns a key whose every field has its maximum length.
fn full_spec() -> KeySpec {
    let networks = (0..MAX_NETWORKS).map(|at| match at % 4 {
        0 => format!("10.0.{at}.0/24"),
        1 => format!("2001:db8:{at:x}::/48"),
        2 => format!("192.0.2.{at}/32"),
        _ => format!("::ffff:198.51.100.{at}/128"),
    });
    KeySpec {
        name: text(200),
        owner: text(200),
        contact: text(254),
        comment: text(2_000),
        active: false,
        not_before: Some(EARLIEST),
        expires: Some(LATEST),
        networks: networks.map(|network| network.parse().expect("a network")).collect(),
        labels: (0..MAX_LABELS).map(|at| (format!("{at:02}{}", text(61)), text(200))).collect(),
        stores: Access::All,
        methods: Access::All,
    }
}

async fn a_key_comes_out_as_it_was_put_in_with_every_field_at_its_bound(case: Case) {
    let mut factory = RecordFactory::new();
    let mut plain = factory.key("plain");
    plain.created = Timestamp::from_micros(1_767_225_600_000_001);
    let mut full = factory.key("full");
    full.spec = full_spec();
    full.secret.hint = text(4);
    full.secret.origin = TokenOrigin::Supplied;
    let mut write = begin(&case.storage).await;
    write.add_keys(&[plain.clone(), full.clone()]).await;
    let (now, revision) = (write.now(), write.revision());
    let expected = [as_read(&full, now, revision, &[], &[]), as_read(&plain, now, revision, &[], &[])];
    assert_eq!(write.key(full.id).await.expect("a key is read").as_ref(), Some(&expected[0]), "within the write");
    write.done().await;

    for key in &expected {
        assert_eq!(case.storage.key(key.id).await.expect("a key is read").as_ref(), Some(key));
    }
    assert_eq!(list_keys(&case.storage, &KeyFilter::default(), 50).await, expected);
    let found = case.storage.find_key(&full.secret.digest).await.expect("a key is found").expect("it is there");
    assert_eq!((&found.key, &found.secret), (&expected[0], &expected[0].secrets[0]));
    assert_eq!((found.deleted, found.ended), (false, None));
}

async fn changing_a_key_changes_every_field(case: Case) {
    let mut factory = RecordFactory::new();
    let key = factory.key("before");
    let mut write = begin(&case.storage).await;
    write.add_key(&key).await;
    let added = write.now();
    write.done().await;

    let nothing = || Access::Selected(Vec::new());
    let narrow = KeySpec { stores: nothing(), methods: nothing(), ..full_spec() };
    let mut write = begin(&case.storage).await;
    write.update_key(key.id, &narrow, None).await.expect("a key is changed");
    write.note(SubjectKind::Key, key.id).await;
    let mut expected = as_read(&key, added, write.revision(), &[], &[]);
    expected.spec = narrow.clone();
    expected.updated = write.now();
    assert_eq!(write.key(key.id).await.expect("a key is read").as_ref(), Some(&expected), "within the write");
    write.done().await;
    assert_eq!(case.storage.key(key.id).await.expect("a key is read").as_ref(), Some(&expected));

    // And back: fields can be unset.
    let mut write = begin(&case.storage).await;
    write.update_key(key.id, &key.spec, key.revoked.as_ref()).await.expect("a key is changed");
    write.note(SubjectKind::Key, key.id).await;
    let mut expected = as_read(&key, added, write.revision(), &[], &[]);
    expected.updated = write.now();
    write.done().await;
    assert_eq!(case.storage.key(key.id).await.expect("a key is read"), Some(expected));
}

async fn a_revocation_keeps_its_time_and_its_reason(case: Case) {
    let mut factory = RecordFactory::new();
    let mut key = factory.key("revoked");
    let mut write = begin(&case.storage).await;
    write.add_key(&key).await;
    write.done().await;

    key.revoked = Some(Revocation { at: Timestamp::from_micros(1_767_225_600_123_457), reason: text(500) });
    let mut write = begin(&case.storage).await;
    write.update_key(key.id, &key.spec, key.revoked.as_ref()).await.expect("a key is changed");
    write.end_secret(key.secret.id).await.expect("a secret is ended");
    write.note(SubjectKind::Key, key.id).await;
    write.done().await;
    let read = case.storage.key(key.id).await.expect("a key is read").expect("a revoked key is there");
    assert_eq!(read.revoked, key.revoked);
    assert_eq!(read.secrets, [], "a revoked key has no live secret");
}

async fn a_key_may_open_ten_thousand_stores_and_a_thousand_methods(case: Case) {
    let mut factory = RecordFactory::new();
    let mut write = begin(&case.storage).await;
    let mut stores = Vec::new();
    for at in 0..10_000 {
        stores.push(write.insert_store(&factory::store(&format!("shop-{at:05}"))).await.expect("a store is added"));
    }
    write.note(SubjectKind::Store, "all").await;
    write.done().await;
    let methods: Vec<Method> = (0..1_000).map(|at| factory::method(&format!("GET /api/{at:04}"), at)).collect();
    let mut write = begin(&case.storage).await;
    let methods = method_numbers(&write.add_methods(&methods).await);
    let key = factory.narrow_key("wide", &stores, &methods);
    let other = factory.narrow_key("none", &[], &[]);
    write.add_keys(&[key.clone(), other.clone()]).await;
    write.done().await;

    let read = case.storage.key(key.id).await.expect("a key is read").expect("it is there");
    assert_eq!(read.spec.stores, Access::Selected((0..10_000).map(|at| format!("shop-{at:05}")).collect()));
    assert_eq!(read.spec.methods, Access::Selected((0..1_000).map(|at| format!("GET /api/{at:04}")).collect()));
    let grant = case.storage.grant(&key.secret.digest).await.expect("a grant is read").grant.expect("it is there");
    assert!(stores.iter().all(|number| grant.stores.contains(*number)), "the grant opens each store");
    assert!(methods.iter().all(|number| grant.methods.contains(*number)), "the grant opens each method");

    let mut write = begin(&case.storage).await;
    write.set_key_stores(other.id, &stores).await.expect("stores are set");
    write.set_key_methods(other.id, &methods).await.expect("methods are set");
    write.set_key_stores(key.id, &[]).await.expect("stores are set");
    write.set_key_methods(key.id, &methods[..1]).await.expect("methods are set");
    write.note(SubjectKind::Key, key.id).await;
    write.note(SubjectKind::Key, other.id).await;
    write.done().await;
    let swapped = case.storage.key(other.id).await.expect("a key is read").expect("it is there");
    assert_eq!((&swapped.spec.stores, &swapped.spec.methods), (&read.spec.stores, &read.spec.methods));
    let emptied = case.storage.key(key.id).await.expect("a key is read").expect("it is there");
    assert_eq!(emptied.spec.stores, Access::Selected(Vec::new()), "an emptied list is empty, and never everything");
    assert_eq!(emptied.spec.methods, Access::Selected(vec!["GET /api/0000".to_owned()]));
}

async fn lists_are_read_back_sorted_and_each_member_once(case: Case) {
    let mut factory = RecordFactory::new();
    let stores = add_stores(&case.storage, &["b", "a", "B", "a-b", "a.b", "Z"]).await;
    let methods = add_methods(&case.storage, &["POST /b", "GET /a", "GET /B"]).await;
    let mut numbers = store_numbers(&stores);
    numbers.reverse();
    let key = factory.narrow_key("narrow", &numbers, &method_numbers(&methods));
    let mut write = begin(&case.storage).await;
    write.add_key(&key).await;
    write.done().await;
    let read = case.storage.key(key.id).await.expect("a key is read").expect("it is there");
    assert_eq!(read.spec.stores.selected(), ["B", "Z", "a", "a-b", "a.b", "b"], "stores, in the order of their bytes");
    assert_eq!(read.spec.methods.selected(), ["GET /B", "GET /a", "POST /b"], "methods, in the order of their bytes");
}

fn full_store() -> Store {
    Store {
        name: text(200),
        kind: StoreKind::LandingPage,
        platform: text(100),
        hosts: vec!["a.example".into(), format!("{}.example", "b".repeat(63)), "xn--e1afmkfd.example".into()],
        active: false,
        ..factory::store(&"x".repeat(64))
    }
}

async fn a_store_comes_out_as_it_was_put_in(case: Case) {
    let mut write = begin(&case.storage).await;
    let mut expected = Vec::new();
    for (kind, code) in [(StoreKind::Site, "0"), (StoreKind::LandingPage, "A._-"), (StoreKind::OnlineStore, "z")] {
        expected.push(write.add_store(&Store { kind, ..factory::store(code) }).await);
    }
    let full = write.add_store(&full_store()).await;
    expected.insert(2, full.clone());
    assert_eq!(write.store(&full.code).await.expect("a store is read").as_ref(), Some(&full), "within the write");
    let at = write.store_by_host(&full.hosts[1]).await.expect("a host is looked up");
    assert_eq!(at.as_ref(), Some(&full.code));
    let numbers =
        write.store_numbers(&["z".into(), "nil".into(), "0".into(), "z".into()]).await.expect("numbers are read");
    assert_eq!(numbers, [Some(expected[3].number), None, Some(expected[0].number), Some(expected[3].number)]);
    write.done().await;
    for store in &expected {
        assert_eq!(case.storage.store(&store.code).await.expect("a store is read").as_ref(), Some(store));
    }
    assert_eq!(gather(50, async |page| case.storage.stores(&StoreFilter::default(), &page).await).await, expected);

    // Change every field, and back again.
    for (from, to) in [(&full, &expected[0]), (&expected[0], &full)] {
        let mut write = begin(&case.storage).await;
        let changed = Store {
            number: full.number,
            code: full.code.clone(),
            hosts: if to.hosts.is_empty() { vec!["c.example".into()] } else { to.hosts.clone() },
            created: full.created,
            updated: write.now(),
            row_revision: write.revision(),
            ..to.clone()
        };
        write.update_store(&changed).await.expect("a store is changed");
        write.note(SubjectKind::Store, &full.code).await;
        write.done().await;
        let read = case.storage.store(&full.code).await.expect("a store is read");
        assert_eq!(read, Some(changed), "changed from {from:?}");
    }
}

async fn a_method_comes_out_as_it_was_put_in(case: Case) {
    let places = ["query:filter[sites][]", "form:order#/customer/site", "path:id", "header:x-store", "json:#/-/site"];
    let full = Method {
        block: text(100),
        summary: text(300),
        description: text(2_000),
        store_use: StoreUse::Required,
        store_places: places.iter().map(|location| location.parse().expect("a location")).collect(),
        scope: Some(text(100)),
        position: i32::MAX,
        ..factory::method(&format!("{} /{}/{{id}}/v*/**", "V".repeat(16), "x".repeat(498)), 0)
    };
    let plain = Method { store_use: StoreUse::Shared, ..factory::method("GET /", i32::MIN) };
    let mut write = begin(&case.storage).await;
    // Added in this order: the order of their positions is another.
    let added = write.add_methods(&[full.clone(), plain, factory::method("GET /a", 0)]).await;
    let [full, plain, middle] = added.as_slice() else { panic!("three were added") };
    let expected = [plain.clone(), middle.clone(), full.clone()];
    assert_eq!(write.live_methods().await.expect("methods are read"), expected, "within the write, by position");
    let asked = ["GET /a".to_owned(), "GET /b".to_owned(), full.identity.to_string()];
    let numbers = write.method_numbers(&asked).await.expect("numbers are read");
    assert_eq!(numbers, [Some(middle.number), None, Some(full.number)]);
    write.done().await;
    for method in &expected {
        assert_eq!(case.storage.method(&method.identity).await.expect("a method is read").as_ref(), Some(method));
    }
    assert_eq!(gather(50, async |page| case.storage.methods(&MethodFilter::default(), &page).await).await, expected);

    let mut write = begin(&case.storage).await;
    let (updated, row_revision) = (write.now(), write.revision());
    let identity = |method: &Method| (method.number, method.identity.clone());
    let swap = |from: &Method, to: &Method| {
        let (number, identity) = identity(to);
        Method { number, identity, updated, row_revision, ..from.clone() }
    };
    let swapped = [swap(full, plain), swap(plain, full)];
    write.update_methods(&swapped).await.expect("methods are changed");
    write.note(SubjectKind::Method, &plain.identity).await;
    write.note(SubjectKind::Method, &full.identity).await;
    write.done().await;
    for method in &swapped {
        assert_eq!(case.storage.method(&method.identity).await.expect("a method is read").as_ref(), Some(method));
    }
}

async fn a_change_comes_out_as_it_was_put_in(case: Case) {
    let mut factory = RecordFactory::new();
    let actor = Actor::Operator { id: factory.operator_id(), name: text(200) };
    let image =
        serde_json::json!({ "text": text(200), "list": [1, -2, 3.5, null, true], "nested": { "é": {}, "": [] } });
    let changes: Vec<NewChange> = [
        (Action::Create, SubjectKind::Key, None, Some(image.clone())),
        (Action::Update, SubjectKind::Store, Some(image.clone()), Some(serde_json::json!({}))),
        (Action::Rotate, SubjectKind::Key, Some(serde_json::json!("text")), None),
        (Action::Revoke, SubjectKind::Operator, None, None),
        (Action::RevokeSecret, SubjectKind::Key, Some(serde_json::json!([])), Some(serde_json::json!(0))),
        (Action::Delete, SubjectKind::Key, Some(image), None),
        (Action::Import, SubjectKind::Method, None, None),
        (Action::Retire, SubjectKind::Method, None, None),
        (Action::Recover, SubjectKind::Operator, None, None),
        (Action::Update, SubjectKind::Other, None, None),
    ]
    .into_iter()
    .enumerate()
    .map(|(at, (action, kind, before, after))| NewChange {
        action,
        kind,
        subject: format!("{at}{}", text(100)),
        before,
        after,
    })
    .collect();
    let comment = text(500);
    let mut write = begin_as(&case.storage, &actor, &comment).await;
    // In two calls: the order covers all of them.
    write.append(&changes[..3]).await.expect("changes are appended");
    write.append(&changes[3..]).await.expect("changes are appended");
    write.append(&[]).await.expect("nothing is appended");
    let (now, revision) = (write.now(), write.revision());
    write.done().await;

    let read = gather(50, async |page| case.storage.changes(&ChangeFilter::default(), &page).await).await;
    assert_eq!(read.len(), changes.len());
    for ((ordinal, change), read) in (0..).zip(&changes).zip(read.iter().rev()) {
        assert_eq!((read.revision, read.ordinal, read.at), (revision, ordinal, now));
        assert_eq!((&read.actor, read.actor_name.as_str()), (&actor.id(), actor.name()));
        assert_eq!((read.action.as_str(), read.kind.as_str()), (change.action.as_str(), change.kind.as_str()));
        assert_eq!((&read.comment, &read.subject), (&comment, &change.subject));
        assert_eq!((&read.before, &read.after), (&change.before, &change.after));
    }
}

async fn what_is_not_there_is_none(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let (key, digest) = (factory.key_id(), factory.digest());
    let (code, identity) = (factory::code("nil"), factory::method("GET /nil", 1).identity);
    assert_eq!(storage.key(key).await.expect("a key is looked up"), None);
    assert_eq!(storage.find_key(&digest).await.expect("a digest is looked up"), None);
    assert_eq!(storage.store(&code).await.expect("a store is looked up"), None);
    assert_eq!(storage.method(&identity).await.expect("a method is looked up"), None);
    assert_eq!(storage.operator(factory.operator_id()).await.expect("an operator is looked up"), None);
    let read = storage.grant(&digest).await.expect("a grant is looked up");
    assert_eq!((read.head, read.grant), (Cursor::default(), None));
    let head = storage.head().await.expect("the head is read");
    assert_eq!((head.revision, head.nonce), (Revision(0), 0), "empty storage is at revision 0");

    let first = PageRequest::first();
    assert_eq!(storage.keys(&KeyFilter::default(), &first).await.expect("keys are listed").items, []);
    assert_eq!(storage.stores(&StoreFilter::default(), &first).await.expect("stores are listed").items, []);
    assert_eq!(storage.methods(&MethodFilter::default(), &first).await.expect("methods are listed").items, []);
    assert_eq!(storage.operators(&OperatorFilter::default(), &first).await.expect("operators are listed").items, []);
    let changes = storage.changes(&ChangeFilter::default(), &first).await.expect("changes are listed");
    assert_eq!((changes.items, changes.next), (Vec::new(), None));

    let mut write = begin(storage).await;
    assert_eq!(write.key(key).await.expect("a key is looked up"), None);
    assert_eq!(write.key_of_secret(factory.secret_id()).await.expect("a secret is looked up"), None);
    assert_eq!(write.secret_by_digest(&digest).await.expect("a digest is looked up"), None);
    assert_eq!(write.find_taken_digests(&[digest]).await.expect("digests are looked up"), Vec::<usize>::new());
    assert_eq!(write.find_taken_digests(&[]).await.expect("no digests are looked up"), Vec::<usize>::new());
    assert_eq!(write.store(&code).await.expect("a store is looked up"), None);
    assert_eq!(write.store_by_host("nil.example").await.expect("a host is looked up"), None);
    assert_eq!(write.store_numbers(&["nil".into()]).await.expect("numbers are looked up"), [None]);
    assert_eq!(write.store_numbers(&[]).await.expect("no numbers are looked up"), []);
    assert_eq!(write.method_numbers(&["GET /nil".into()]).await.expect("numbers are looked up"), [None]);
    assert_eq!(write.live_methods().await.expect("methods are read"), []);
    assert_eq!(write.insert_methods(&[]).await.expect("no methods are added"), []);
    write.insert_keys(&[]).await.expect("no keys are added");
    assert_eq!(write.operator(factory.operator_id()).await.expect("an operator is looked up"), None);
    assert_eq!(write.operator_by_name("nil").await.expect("an operator is looked up"), None);
    assert_eq!(write.operator_count().await.expect("operators are counted"), 0);
    assert_eq!(write.permanent_admin_count().await.expect("admins are counted"), 0);
    assert_eq!(write.key_by_request("system", "nil").await.expect("a request is looked up"), None);
    write.rollback().await;
    assert_eq!(storage.usage(key, EARLIEST, LATEST, latchkey::storage::UsagePeriod::Day, 9).await.expect("usage"), []);
}

for_each_engine! {
    a_key_comes_out_as_it_was_put_in_with_every_field_at_its_bound,
    changing_a_key_changes_every_field,
    a_revocation_keeps_its_time_and_its_reason,
    a_key_may_open_ten_thousand_stores_and_a_thousand_methods,
    lists_are_read_back_sorted_and_each_member_once,
    a_store_comes_out_as_it_was_put_in,
    a_method_comes_out_as_it_was_put_in,
    a_change_comes_out_as_it_was_put_in,
    what_is_not_there_is_none,
}
