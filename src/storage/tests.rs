//! A smoke test of storage on SQLite; tests/storage/conformance checks both engines against the whole contract.

use std::sync::Arc;

use super::*;
use crate::model::book::MethodNumber;
use crate::model::change::{Action, Actor, Cursor, NewChange, Revision, SubjectKind};
use crate::model::grant::Standing;
use crate::model::id::{KeyId, ReplicaId, SecretId};
use crate::model::key::{Access, KeySpec, TokenOrigin};
use crate::model::method::StoreUse;
use crate::model::page::PageRequest;
use crate::model::reference::Method;
use crate::model::store::{Store, StoreKind, StoreNumber};
use crate::model::time::Timestamp;
use crate::model::token::Digest;

const AT: Timestamp = Timestamp::from_micros(1_800_000_000_000_000);

#[derive(Default)]
struct DigestList(Vec<Digest>);

impl SnapshotSink for DigestList {
    fn digests(&mut self, digests: &[Digest]) {
        self.0.extend_from_slice(digests);
    }
}

async fn open_in(folder: &tempfile::TempDir) -> Arc<Storage> {
    open(file(folder, "latchkey.db")).await.expect("a fresh file opens")
}

fn file(folder: &tempfile::TempDir, path: &str) -> Options {
    Options::new(StorageUrl::Sqlite(folder.path().join(path)))
}

async fn begin(storage: &Arc<Storage>) -> Transaction {
    storage.begin(0xfeed_face_cafe_beef, &Actor::System, "why").await.expect("nobody else writes")
}

fn change(kind: SubjectKind, subject: &str) -> NewChange {
    NewChange { action: Action::Create, kind, subject: subject.to_owned(), before: None, after: None }
}

fn store(code: &str) -> Store {
    Store {
        number: StoreNumber(0),
        code: code.parse().unwrap(),
        name: format!("The {code}"),
        kind: StoreKind::LandingPage,
        platform: "bitrix".to_owned(),
        hosts: vec![format!("{code}.example")],
        active: true,
        created: AT,
        updated: AT,
        row_revision: Revision(0),
    }
}

fn method(identity: &str) -> Method {
    Method {
        number: MethodNumber(0),
        identity: identity.parse().unwrap(),
        block: "Orders".to_owned(),
        summary: "Statuses".to_owned(),
        description: String::new(),
        store_use: StoreUse::Optional,
        store_places: vec!["query:site".parse().unwrap()],
        scope: None,
        position: 1,
        retired: None,
        created: AT,
        updated: AT,
        row_revision: Revision(0),
    }
}

fn key(n: u8, stores: &[StoreNumber], methods: &[MethodNumber]) -> NewKey {
    NewKey {
        id: KeyId::new(AT.plus(std::time::Duration::from_secs(n.into())), [n; 10]),
        spec: KeySpec {
            name: format!("Key Été {n}"),
            owner: "CRM".to_owned(),
            active: n.is_multiple_of(2),
            stores: if stores.is_empty() { Access::All } else { Access::Selected(Vec::new()) },
            methods: if methods.is_empty() { Access::All } else { Access::Selected(Vec::new()) },
            expires: (n > 5).then_some(AT),
            networks: vec!["10.0.0.0/8".parse().unwrap()],
            labels: [("a".to_owned(), "b".to_owned())].into(),
            ..KeySpec::default()
        },
        stores: stores.to_vec(),
        methods: methods.to_vec(),
        secret: NewSecret {
            id: SecretId::new(AT, [n; 10]),
            digest: Digest::of(&[n]),
            hint: format!("h{n:03}"),
            origin: TokenOrigin::Issued,
        },
        created: AT,
        revoked: None,
    }
}

#[tokio::test]
async fn what_is_written_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let storage = open_in(&folder).await;
    let mut tx = begin(&storage).await;
    let number = tx.insert_store(&store("shop")).await.unwrap();
    let numbers = tx.insert_methods(&[method("GET /api/v*/orders/statuses")]).await.unwrap();
    let keys: Vec<_> = (0..10).map(|n| if n < 5 { key(n, &[number], &numbers) } else { key(n, &[], &[]) }).collect();
    tx.insert_keys(&keys).await.unwrap();
    let changes: Vec<_> = keys.iter().map(|key| change(SubjectKind::Key, &key.id.to_string())).collect();
    tx.append(&changes).await.unwrap();
    tx.append(&[change(SubjectKind::Store, "shop")]).await.unwrap();
    let cursor = tx.commit().await.unwrap();
    assert_eq!(cursor, Cursor { revision: Revision(1), nonce: 0xfeed_face_cafe_beef });
    storage.notified().await;

    let read = storage.key(keys[1].id).await.unwrap().expect("it is there");
    assert_eq!(read.spec.stores, Access::Selected(vec!["shop".to_owned()]));
    let methods = Access::Selected(vec!["GET /api/v*/orders/statuses".to_owned()]);
    assert_eq!(read.spec, KeySpec { stores: read.spec.stores.clone(), methods, ..keys[1].spec.clone() });
    assert_eq!(read.secrets.len(), 1);
    let grant = storage.grant(&Digest::of(&[1])).await.unwrap();
    assert_eq!((grant.head, grant.grant.unwrap().standing), (cursor, Standing::Inactive));

    let poll = storage.poll(Cursor::default(), 100).await.unwrap();
    assert_eq!((poll.head, poll.keys.len(), poll.digests.len(), poll.overflow), (cursor, 10, 10, false));
    assert!(poll.continuous && poll.stores.is_some() && poll.methods.is_none());
    assert!(storage.poll(Cursor::default(), 3).await.unwrap().overflow);
    let mut sink = DigestList::default();
    let snapshot = storage.snapshot(&mut sink).await.unwrap();
    assert_eq!((snapshot.head, snapshot.stores.len(), snapshot.methods.len(), sink.0.len()), (cursor, 1, 1, 10));

    let report = ReplicaReport {
        id: ReplicaId::new(AT, [1; 10]),
        host: "a".to_owned(),
        version: "1".to_owned(),
        started: AT,
        applied: Revision(1),
        max_staleness: Some(std::time::Duration::from_secs(60)),
    };
    storage.heartbeat(&report, cursor.nonce).await.unwrap();
    assert_eq!(storage.replicas().await.unwrap().0[0].report, report);
    let used = UsageIncrement {
        key: keys[1].id,
        secret: keys[1].secret.id,
        method: Some(numbers[0]),
        store: Some(StoreNumber(77)),
        allowed: true,
        calls: 3,
        last: AT,
    };
    storage.add_usage(&[used, used]).await.unwrap();
    let usage = storage.usage(keys[1].id, Timestamp::EPOCH, AT, UsagePeriod::Day, 10).await.unwrap();
    assert_eq!((usage.len(), usage[0].calls, usage[0].store.as_str()), (1, 6, ""));
    assert_eq!(storage.key(keys[1].id).await.unwrap().unwrap().last_used, Some(AT));
    storage.delete_expired(AT).await.unwrap();
}

#[tokio::test]
async fn keys_are_listed_by_every_filter() {
    let folder = tempfile::tempdir().unwrap();
    let storage = open_in(&folder).await;
    let mut tx = begin(&storage).await;
    let number = tx.insert_store(&store("shop")).await.unwrap();
    let keys: Vec<_> = (0..10).map(|n| key(n, if n < 5 { &[StoreNumber(1)] } else { &[] }, &[])).collect();
    assert_eq!(number, StoreNumber(1));
    tx.insert_keys(&keys).await.unwrap();
    tx.append(&[change(SubjectKind::Key, &keys[0].id.to_string())]).await.unwrap();
    tx.commit().await.unwrap();
    let all = KeyFilter::default;
    for (filter, expected) in [
        (all(), "9876543210"),
        (KeyFilter { active: Some(true), ..all() }, "86420"),
        (KeyFilter { store: Some("shop".to_owned()), ..all() }, "9876543210"),
        (KeyFilter { store: Some("shop".to_owned()), all_stores: Some(false), ..all() }, "43210"),
        (KeyFilter { store: Some("other".to_owned()), active: Some(false), ..all() }, "975"),
        (KeyFilter { store: Some("other".to_owned()), all_stores: Some(false), ..all() }, ""),
        (KeyFilter { text: Some("été 3".to_owned()), ..all() }, "3"),
        (KeyFilter { text: Some("ÉT".to_owned()), store: Some("shop".to_owned()), ..all() }, "9876543210"),
        (KeyFilter { text: Some("KEY".to_owned()), method: Some("GET /x".to_owned()), ..all() }, "9876543210"),
        (KeyFilter { expire_before: Some(AT), ..all() }, ""),
        (KeyFilter { expire_before: Some(AT.plus(std::time::Duration::from_secs(1))), ..all() }, "9876"),
        (KeyFilter { unused_since: Some(AT), used: Some(false), owner: Some("CRM".to_owned()), ..all() }, "9876543210"),
        (KeyFilter { used: Some(true), revoked: Some(false), ..all() }, ""),
    ] {
        for size in [1, 4, 50] {
            let (mut page, mut listed) = (PageRequest { size, after: None }, String::new());
            loop {
                let part = storage.keys(&filter, &page).await.unwrap();
                listed.extend(part.items.iter().map(|key| key.spec.name.chars().last().unwrap()));
                page.after = part.next;
                if page.after.is_none() {
                    break;
                }
            }
            assert_eq!(listed, expected, "{filter:?} by {size}");
        }
    }
}

#[tokio::test]
async fn a_write_that_was_dropped_or_failed_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let storage = open_in(&folder).await;
    let mut tx = begin(&storage).await;
    tx.insert_store(&store("a")).await.unwrap();
    drop(tx);
    let mut tx = begin(&storage).await;
    assert_eq!(tx.revision(), Revision(1));
    tx.insert_store(&store("b")).await.unwrap();
    assert!(matches!(tx.insert_store(&store("b")).await, Err(Error::Taken { what: "the store code" })));
    assert!(matches!(tx.commit().await, Err(Error::Bug { .. })));
    assert!(matches!(begin(&storage).await.commit().await, Err(Error::Bug { .. })));
    assert_eq!(storage.head().await.unwrap(), Cursor::default());
    assert_eq!(storage.stores(&StoreFilter::default(), &PageRequest::first()).await.unwrap().items, []);
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_refused_with_a_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let text = "Hello, this is no database at all; it is a text that goes on for a while.".repeat(100);
    std::fs::write(folder.path().join("no database"), text).unwrap();
    let refused = open(file(&folder, "no database")).await.unwrap_err().to_string();
    assert!(refused.contains("no database is not an SQLite database"), "{refused}");
    let refused = open(file(&folder, "missing/latchkey.db")).await.unwrap_err().to_string();
    assert!(refused.contains("missing for the database does not exist: create it"), "{refused}");
    let options = Options { migrate: false, ..file(&folder, "new.db") };
    assert_eq!(schema(&options).await.unwrap(), SchemaState::Empty);
    assert!(open(options.clone()).await.unwrap_err().to_string().contains("run `latchkey migrate`"));
    migrate(&options).await.unwrap();
    assert_eq!(schema(&options).await.unwrap(), SchemaState::Current);
    open(options).await.unwrap();
}
