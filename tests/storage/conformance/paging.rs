//! Paging during writes: an entry that exists throughout is listed exactly once, whatever else is added and removed.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use latchkey::model::change::SubjectKind;
use latchkey::model::operator::Role;
use latchkey::model::page::{Page, PageRequest};
use latchkey::storage::{ChangeFilter, KeyFilter, MethodFilter, OperatorFilter, Result, Storage, StoreFilter};
use tokio::task::JoinSet;

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, RecordFactory};
use crate::conformance::write::{add_keys, begin};

/// Number of entries that exist throughout.
const LASTING: usize = 60;

/// Reads a list in pages of `size` with `disturb` between every two; returns the names listed, in order.
async fn page_through<T>(
    size: u32,
    read: impl AsyncFn(PageRequest) -> Result<Page<T>>,
    name: impl Fn(&T) -> String,
    mut disturb: impl AsyncFnMut(),
) -> Vec<String> {
    let mut listed = Vec::new();
    let mut request = PageRequest { size, after: None };
    loop {
        let page = read(request).await.expect("a page is read");
        listed.extend(page.items.iter().map(&name));
        disturb().await;
        match page.next {
            Some(next) => request = PageRequest { size, after: Some(next) },
            None => return listed,
        }
    }
}

/// Asserts that each lasting entry was listed once, in order, and no other one twice.
fn check<T: Ord + Debug + Clone>(listed: &[T], lasting: &[T]) {
    let mut times: BTreeMap<&T, usize> = BTreeMap::new();
    for entry in listed {
        *times.entry(entry).or_default() += 1;
    }
    let repeated: Vec<_> = times.iter().filter(|(_, times)| **times > 1).collect();
    assert!(repeated.is_empty(), "told more than once: {repeated:?}");
    let seen: Vec<T> = listed.iter().filter(|entry| lasting.contains(entry)).cloned().collect();
    assert_eq!(seen, lasting, "what was there throughout, in its order");
}

async fn keys_that_come_and_go_neither_repeat_nor_hide_others(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let store = crate::conformance::write::add_stores(storage, &["a"]).await[0].number;
    // Between every two lasting keys one is deleted and another added: ids are drawn beforehand.
    let mut drawn: Vec<_> = (0..LASTING * 3)
        .map(|at| if at % 2 == 0 { factory.key("it") } else { factory.narrow_key("it", &[store], &[]) })
        .collect();
    let mut lasting = Vec::new();
    let (mut going, mut coming) = (Vec::new(), Vec::new());
    for (at, key) in drawn.drain(..).enumerate() {
        [&mut lasting, &mut going, &mut coming][at % 3].push(key);
    }
    add_keys(storage, &lasting).await;
    add_keys(storage, &going).await;
    let expected: Vec<String> = lasting.iter().rev().map(|key| key.id.to_string()).collect();
    for filter in [
        KeyFilter::default(),
        KeyFilter { text: Some("IT".into()), ..KeyFilter::default() },
        KeyFilter { store: Some("a".into()), ..KeyFilter::default() },
    ] {
        let listed = page_through(
            7,
            async |page| storage.keys(&filter, &page).await,
            |key| key.id.to_string(),
            async || {
                let mut write = begin(storage).await;
                for _ in 0..2 {
                    let (at, more) = (factory.random.below(going.len()), factory.random.below(coming.len()));
                    write.delete_key(going[at].id).await.expect("a key is deleted");
                    going[at] = factory.key("it");
                    let added = std::mem::replace(&mut coming[more], factory.key("it"));
                    write.insert_keys(&[added.clone(), going[at].clone()]).await.expect("keys are added");
                    going.push(added);
                }
                write.note(SubjectKind::Key, "some").await;
                write.done().await;
            },
        )
        .await;
        check(&listed, &expected);
    }
}

async fn stores_that_come_and_go_neither_repeat_nor_hide_others(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let mut write = begin(storage).await;
    let mut lasting = Vec::new();
    let mut going = Vec::new();
    for at in 0..LASTING {
        let code = format!("{:08x}", factory.random.draw() >> 32);
        write.add_store(&factory::store(&format!("{code}-{at}"))).await;
        lasting.push(format!("{code}-{at}"));
        going.push(write.add_store(&factory::store(&format!("{code}-{at}."))).await);
    }
    write.done().await;
    lasting.sort_unstable();
    let listed = page_through(
        4,
        async |page| storage.stores(&StoreFilter::default(), &page).await,
        |store| store.code.to_string(),
        async || {
            let mut write = begin(storage).await;
            let at = factory.random.below(going.len());
            let gone = going.swap_remove(at);
            write.drop_store(&gone).await;
            going.push(write.add_store(&factory::store(&format!("{:08x}_x", factory.random.draw() >> 32))).await);
            write.done().await;
        },
    )
    .await;
    check(&listed, &lasting);
}

async fn methods_that_come_and_go_neither_repeat_nor_hide_others(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let mut methods = Vec::new();
    for at in 0..LASTING {
        // Several at each position.
        let position = i32::try_from(at / 5).expect("small");
        methods.push(factory::method(&format!("GET /lasting/{at}"), position));
        methods.push(factory::method(&format!("GET /going/{at}"), position));
    }
    let mut write = begin(storage).await;
    let added = write.add_methods(&methods).await;
    write.done().await;
    let (mut going, lasting): (Vec<_>, Vec<_>) =
        added.into_iter().partition(|method| method.identity.to_string().contains("going"));
    let lasting: Vec<String> = lasting.iter().map(|method| method.identity.to_string()).collect();
    let mut count = 0;
    let listed = page_through(
        4,
        async |page| storage.methods(&MethodFilter::default(), &page).await,
        |method| method.identity.to_string(),
        async || {
            let mut write = begin(storage).await;
            let gone = going.swap_remove(factory.random.below(going.len()));
            write.drop_methods(&[gone]).await;
            count += 1;
            let position = i32::try_from(factory.random.below(LASTING / 5)).expect("small");
            going.extend(write.add_methods(&[factory::method(&format!("GET /coming/{count}"), position)]).await);
            write.done().await;
        },
    )
    .await;
    check(&listed, &lasting);
}

async fn operators_that_come_and_go_neither_repeat_nor_hide_others(case: Case) {
    let mut factory = RecordFactory::new();
    let storage = &case.storage;
    let mut write = begin(storage).await;
    let (mut lasting, mut going) = (Vec::new(), Vec::new());
    for at in 0..LASTING {
        lasting.push(write.add_operator(&factory.operator(&format!("lasting {at}"), Role::Viewer)).await.name);
        going.push(write.add_operator(&factory.operator(&format!("going {at}"), Role::Viewer)).await);
    }
    write.done().await;
    lasting.reverse();
    let listed = page_through(
        7,
        async |page| storage.operators(&OperatorFilter::default(), &page).await,
        |operator| operator.name.clone(),
        async || {
            let mut write = begin(storage).await;
            let mut gone = going.swap_remove(factory.random.below(going.len()));
            gone.revoked = Some(write.now());
            write.update_operator(&gone, None).await.expect("an operator is revoked");
            write.add_operator(&factory.operator(&gone.name, Role::Viewer)).await;
            write.done().await;
        },
    )
    .await;
    let kept: Vec<String> = listed.into_iter().filter(|name| name.starts_with("lasting")).collect();
    check(&kept, &lasting);
}

async fn changes_that_come_neither_repeat_nor_hide_others(case: Case) {
    let storage = &case.storage;
    let append = async |count: usize| {
        let mut write = begin(storage).await;
        for at in 0..count {
            write.note(SubjectKind::Other, at).await;
        }
        write.done().await;
    };
    for count in 0..20 {
        append(count % 6 + 1).await;
    }
    let location = |change: &latchkey::model::change::Change| format!("{:04}.{:04}", change.revision.0, change.ordinal);
    let read = async |page: PageRequest| storage.changes(&ChangeFilter::default(), &page).await;
    let lasting = page_through(50, read, location, async || ()).await;
    let listed = page_through(3, read, location, async || append(2).await).await;
    check(&listed, &lasting);
}

async fn lists_are_whole_while_writers_are_at_work(case: Case) {
    let mut factory = RecordFactory::new();
    let lasting: Vec<_> = (0..LASTING).map(|_| factory.key("lasting")).collect();
    add_keys(&case.storage, &lasting).await;
    let expected: Vec<String> = lasting.iter().rev().map(|key| key.id.to_string()).collect();
    let mut writers = JoinSet::new();
    for _ in 0..3 {
        let (storage, mut factory): (Arc<Storage>, RecordFactory) = (Arc::clone(&case.storage), factory.split());
        writers.spawn(async move {
            let mut mine = Vec::new();
            for _ in 0..30 {
                let key = factory.key("passing");
                let mut write = begin(&storage).await;
                write.add_key(&key).await;
                if !mine.is_empty() && factory.random.one_in(2) {
                    write
                        .delete_key(mine.swap_remove(factory.random.below(mine.len())))
                        .await
                        .expect("a key is deleted");
                }
                write.done().await;
                mine.push(key.id);
            }
        });
    }
    let mut rounds = 0;
    while !writers.is_empty() {
        let read = async |page: PageRequest| case.storage.keys(&KeyFilter::default(), &page).await;
        let listed = page_through(5, read, |key| key.id.to_string(), async || tokio::task::yield_now().await).await;
        check(&listed, &expected);
        rounds += 1;
        while let Some(writer) = writers.try_join_next() {
            writer.expect("no writer fails");
        }
    }
    assert!(rounds > 0);
}

for_each_engine! {
    keys_that_come_and_go_neither_repeat_nor_hide_others,
    stores_that_come_and_go_neither_repeat_nor_hide_others,
    methods_that_come_and_go_neither_repeat_nor_hide_others,
    operators_that_come_and_go_neither_repeat_nor_hide_others,
    changes_that_come_neither_repeat_nor_hide_others,
    lists_are_whole_while_writers_are_at_work,
}
