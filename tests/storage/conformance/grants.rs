//! Grants: the data of a decision, read in one statement and at one revision.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use latchkey::model::change::{Revision, SubjectKind};
use latchkey::model::grant::{Grant, NumberSet, Standing};
use latchkey::model::key::{Access, KeySpec};
use latchkey::model::time::Timestamp;
use latchkey::storage::{Feed as _, NewKey};
use tokio::task::JoinSet;

use crate::conformance::engine::Case;
use crate::conformance::factory::RecordFactory;
use crate::conformance::write::{add_keys, add_methods, add_stores, begin, method_numbers, store_numbers};

async fn a_grant_says_of_its_key_what_deciding_needs(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let stores = store_numbers(&add_stores(storage, &["a", "b", "c"]).await);
    let methods = method_numbers(&add_methods(storage, &["GET /a", "GET /b"]).await);
    let wide = factory.key("everything, without bounds");
    let mut narrow = factory.narrow_key("é😀", &[stores[2], stores[0]], &[methods[1]]);
    narrow.spec.not_before = Some(Timestamp::from_micros(-1));
    narrow.spec.expires = Some(Timestamp::from_micros(i64::MAX));
    narrow.spec.networks = ["192.0.2.0/24", "2001:db8::/32"].map(|network| network.parse().expect("a network")).into();
    narrow.spec.active = false;
    let mut half = factory.key("half");
    half.spec.methods = Access::Selected(Vec::new());
    let head = add_keys(storage, &[wide.clone(), narrow.clone(), half.clone()]).await;
    let as_granted = |key: &NewKey, standing| Grant {
        key: key.id,
        secret: key.secret.id,
        name: key.spec.name.as_str().into(),
        standing,
        not_before: key.spec.not_before,
        expires: key.spec.expires,
        secret_expires: None,
        networks: key.spec.networks.clone().into(),
        stores: if key.spec.stores.is_all() { NumberSet::All } else { NumberSet::selected(key.stores.clone()) },
        methods: if key.spec.methods.is_all() { NumberSet::All } else { NumberSet::selected(key.methods.clone()) },
        row_revision: head.revision,
    };
    for (key, standing) in [(&wide, Standing::Active), (&narrow, Standing::Inactive), (&half, Standing::Active)] {
        let read = storage.grant(&key.secret.digest).await.expect("a grant is read");
        assert_eq!((read.head, read.grant), (head, Some(as_granted(key, standing))));
    }
    let read = storage.grant(&factory.digest()).await.expect("a grant is looked up");
    assert_eq!((read.head, read.grant), (head, None), "the head is told of an unknown digest too");
}

async fn the_head_moves_with_every_write_and_the_row_only_with_its_own(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let stores = store_numbers(&add_stores(storage, &["a"]).await);
    let methods = method_numbers(&add_methods(storage, &["GET /a"]).await);
    let (key, other) = (factory.narrow_key("it", &[], &[]), factory.key("other"));
    let mut row = add_keys(storage, &[key.clone(), other.clone()]).await.revision;
    let second = factory.secret();
    for step in 0..9 {
        let mut write = begin(storage).await;
        let touches = step < 7;
        match step {
            0 => write.update_key(key.id, &KeySpec { name: "changed".into(), ..key.spec.clone() }, None).await,
            1 => write.set_key_stores(key.id, &stores).await,
            2 => write.set_key_methods(key.id, &methods).await,
            3 => write.insert_secret(key.id, &second).await,
            4 => write.expire_secret(second.id, Some(Timestamp::EPOCH)).await,
            5 => write.end_secret(second.id).await,
            6 => write.set_key_stores(key.id, &[]).await,
            7 => write.update_key(other.id, &other.spec, other.revoked.as_ref()).await,
            _ => write.delete_key(other.id).await,
        }
        .expect("a change");
        write.note(SubjectKind::Key, if touches { key.id } else { other.id }).await;
        let head = write.done().await;
        row = if touches { head.revision } else { row };
        for digest in [&key.secret.digest].into_iter().chain((step >= 3).then_some(&second.digest)) {
            let read = storage.grant(digest).await.expect("a grant is read");
            assert_eq!((read.head, read.grant.expect("it is there").row_revision), (head, row), "step {step}");
        }
        assert_eq!(storage.key(key.id).await.expect("a key is read").expect("it is there").row_revision, row);
    }
}

async fn a_grant_is_of_one_revision_while_others_write(case: Case) {
    let mut factory = RecordFactory::new();
    let stores = store_numbers(&add_stores(&case.storage, &["a", "b"]).await);
    let key = factory.narrow_key("0", &stores[..1], &[]);
    let added = add_keys(&case.storage, std::slice::from_ref(&key)).await.revision;
    let over = Arc::new(AtomicBool::new(false));
    let mut readers = JoinSet::new();
    for _ in 0..2 {
        let (storage, over, digest) = (Arc::clone(&case.storage), Arc::clone(&over), key.secret.digest);
        readers.spawn(async move {
            let (mut seen, mut newest) = (BTreeMap::new(), Revision(0));
            while !over.load(Ordering::Acquire) {
                let read = storage.grant(&digest).await.expect("a grant is read");
                let grant = read.grant.expect("it is there");
                assert!(grant.row_revision <= read.head.revision, "{:?} of {:?}", grant.row_revision, read.head);
                assert!(newest <= read.head.revision, "the head never goes back");
                newest = read.head.revision;
                seen.insert(grant.row_revision, (grant.name, grant.standing, grant.stores));
            }
            seen
        });
    }
    // Every write changes name, status and list together: a mixture of two writes would show.
    let state = |count: u64| {
        let active = count.is_multiple_of(2);
        let stores = if active { stores[..1].to_vec() } else { stores.clone() };
        (count.to_string(), active, stores)
    };
    for count in 1..=60 {
        let (name, active, stores) = state(count);
        let mut write = begin(&case.storage).await;
        write.update_key(key.id, &KeySpec { name, active, ..key.spec.clone() }, None).await.expect("a key is changed");
        write.set_key_stores(key.id, &stores).await.expect("stores are set");
        write.note(SubjectKind::Key, key.id).await;
        write.done().await;
    }
    over.store(true, Ordering::Release);
    let mut different = 0;
    while let Some(seen) = readers.join_next().await {
        let seen = seen.expect("no reader fails");
        different += seen.len();
        for (revision, read) in seen {
            let (name, active, stores) = state(revision.0 - added.0);
            let standing = if active { Standing::Active } else { Standing::Inactive };
            assert_eq!(read, (name.into(), standing, NumberSet::selected(stores)), "at {revision:?}");
        }
    }
    assert!(different > 2, "the readers saw the key at several revisions: {different}");
}

for_each_engine! {
    a_grant_says_of_its_key_what_deciding_needs,
    the_head_moves_with_every_write_and_the_row_only_with_its_own,
    a_grant_is_of_one_revision_while_others_write,
}
