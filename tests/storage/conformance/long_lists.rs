//! Lists of keys that are too long for a full scan: each strategy is used, and all return the same as a plain loop over
//! the input.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use latchkey::model::key::{Access, Key, Revocation};
use latchkey::model::page::PageRequest;
use latchkey::storage::{self, Feed as _, KeyFilter, Options, Storage, UsageIncrement};

use crate::conformance::engine::Location;
use crate::conformance::factory::{BEGINNING, Random, RecordFactory, as_read};
use crate::conformance::model::key_passes;
use crate::conformance::write::{add_methods, add_stores, begin};

/// Several times more than any statement scans before the next one takes over.
const KEYS: usize = 10_000;
/// Number of the oldest keys, which share a text.
const OLD: usize = 2_000;
/// Number of keys that share another text: more than are ever read through the text index.
const OLDER_HALF: usize = 5_100;
/// Number of the very oldest keys, which differ in everything.
const OLDEST: usize = 60;
const SIZE: u32 = 50;

/// Names of the statements of all strategies.
const WAYS: [&str; 6] = ["keys_few", "keys_gather", "keys_many", "keys_newest", "keys_walk", "keys_window"];

/// Adds the keys to storage and returns them, newest first.
async fn populate(storage: &Storage, factory: &mut RecordFactory) -> Vec<Key> {
    let stores = add_stores(storage, &["most", "third"]).await;
    let methods = add_methods(storage, &["GET /most", "GET /third"]).await;
    let mut write = begin(storage).await;
    let (mut news, mut keys, mut uses) = (Vec::new(), Vec::new(), Vec::new());
    for at in 0..KEYS {
        let is_oldest = at < OLDEST;
        let members: &[usize] = if is_oldest || !at.is_multiple_of(3) { &[0] } else { &[0, 1] };
        let (store_numbers, method_numbers) = (
            members.iter().map(|member| stores[*member].number).collect::<Vec<_>>(),
            members.iter().map(|member| methods[*member].number).collect::<Vec<_>>(),
        );
        let name = format!("{} {at}", if at < OLD { "old" } else { "new" });
        let mut key = factory.narrow_key(&name, &store_numbers, &method_numbers);
        key.spec.comment = if at < OLDER_HALF { "older half".to_owned() } else { String::new() };
        key.spec.owner = if at.is_multiple_of(8) { "few" } else { "many" }.to_owned();
        key.spec.active = !is_oldest;
        key.revoked = (at % 40 == 1).then(|| Revocation { at: BEGINNING, reason: "lost".into() });
        // The newest key expires last.
        key.spec.expires = (at % 2 == 1).then(|| BEGINNING.plus(Duration::from_hours(at as u64)));
        let (mut codes, mut identities) = (Vec::new(), Vec::new());
        if at % 100 == 7 {
            (key.spec.stores, key.stores) = (Access::All, Vec::new());
        } else {
            codes = members.iter().map(|member| ["most", "third"][*member]).collect();
        }
        if at % 50 == 7 {
            (key.spec.methods, key.methods) = (Access::All, Vec::new());
        } else {
            identities = members.iter().map(|member| ["GET /most", "GET /third"][*member]).collect();
        }
        let mut read = as_read(&key, write.now(), write.revision(), &codes, &identities);
        if is_oldest || at >= KEYS - OLDEST {
            let last = BEGINNING.plus(Duration::from_hours(at as u64));
            read.last_used = Some(last);
            let secret = key.secret.id;
            uses.push(UsageIncrement { key: key.id, secret, method: None, store: None, allowed: true, calls: 1, last });
        }
        keys.push(read);
        news.push(key);
    }
    write.add_keys(&news).await;
    write.done().await;
    storage.add_usage(&uses).await.expect("uses are counted");
    keys.reverse();
    keys
}

/// Returns filters that each need a different strategy.
fn chosen() -> Vec<KeyFilter> {
    let all = KeyFilter::default;
    let hour = |at: usize| Some(BEGINNING.plus(Duration::from_hours(at as u64)));
    vec![
        all(),
        KeyFilter { text: Some("old 17".into()), ..all() },
        KeyFilter { text: Some("NEW".into()), ..all() },
        KeyFilter { text: Some("old".into()), ..all() },
        KeyFilter { text: Some("ol".into()), active: Some(false), ..all() },
        KeyFilter { text: Some("old".into()), used: Some(true), store: Some("most".into()), ..all() },
        KeyFilter { text: Some("old".into()), owner: Some("many".into()), ..all() },
        KeyFilter { text: Some("older half".into()), owner: Some("many".into()), ..all() },
        KeyFilter { text: Some("older half".into()), owner: Some("many".into()), active: Some(false), ..all() },
        KeyFilter { text: Some("older half".into()), revoked: Some(true), store: Some("third".into()), ..all() },
        KeyFilter {
            text: Some("older".into()),
            revoked: Some(true),
            store: Some("third".into()),
            all_stores: Some(false),
            ..all()
        },
        KeyFilter {
            owner: Some("many".into()),
            store: Some("most".into()),
            all_stores: Some(false),
            active: Some(false),
            ..all()
        },
        KeyFilter {
            store: Some("most".into()),
            all_stores: Some(false),
            method: Some("GET /third".into()),
            all_methods: Some(false),
            ..all()
        },
        KeyFilter { expire_before: hour(100), ..all() },
        KeyFilter { expire_before: hour(KEYS / 2), ..all() },
        KeyFilter { expire_before: hour(KEYS / 2), text: Some("old".into()), ..all() },
        KeyFilter { expire_before: hour(KEYS), owner: Some("many".into()), method: Some("GET /third".into()), ..all() },
        KeyFilter { unused_since: hour(KEYS / 2), ..all() },
        KeyFilter { unused_since: hour(KEYS / 2), used: Some(true), ..all() },
        KeyFilter { unused_since: hour(30), used: Some(true), store: Some("most".into()), ..all() },
        KeyFilter { unused_since: hour(KEYS), text: Some("new".into()), method: Some("GET /most".into()), ..all() },
    ]
}

fn random_filter(random: &mut Random) -> KeyFilter {
    let mut filter = KeyFilter::default();
    let mut some = |of: usize| random.one_in(of).then(|| random.below(8));
    let flag = |drawn: usize| drawn.is_multiple_of(2);
    let hour = |drawn: usize| BEGINNING.plus(Duration::from_hours([1, 59, 900, 5_000][drawn % 4]));
    filter.active = some(6).map(flag);
    filter.revoked = some(4).map(flag);
    filter.all_stores = some(5).map(|drawn| drawn == 0);
    filter.all_methods = some(5).map(|drawn| drawn == 0);
    filter.store = some(3).map(|drawn| ["most", "third"][drawn % 2].to_owned());
    filter.method = some(4).map(|drawn| ["GET /most", "GET /third"][drawn % 2].to_owned());
    filter.text = some(2).map(|drawn| ["old", "older half", "new", "old 1", "w 9", "none"][drawn % 6].to_owned());
    filter.owner = some(4).map(|drawn| ["many", "few"][drawn % 2].to_owned());
    filter.expire_before = some(4).map(hour);
    filter.unused_since = some(5).map(hour);
    filter.used = some(6).map(flag);
    filter
}

async fn a_long_list_is_told_right_whichever_way_it_is_gone_through(location: Location) {
    let taken = Arc::new(Mutex::new(BTreeSet::new()));
    let seen = Arc::clone(&taken);
    let options = Options {
        observer: Arc::new(move |name, _, _| {
            if WAYS.contains(&name) {
                seen.lock().expect("no observer panics").insert(name);
            }
        }),
        ..location.options()
    };
    let storage = storage::open(options).await.expect("fresh storage opens");
    let mut factory = RecordFactory::new();
    let keys = populate(&storage, &mut factory).await;
    let mut filters = chosen();
    filters.extend((0..60).map(|_| random_filter(&mut factory.random)));
    for filter in filters {
        let passing: Vec<String> =
            keys.iter().filter(|key| key_passes(key, &filter)).map(|key| key.id.to_string()).collect();
        let mut afters = vec![None];
        afters.extend((0..3).map(|_| Some(factory.random.pick(&keys).id.to_string())));
        for after in afters {
            let page = PageRequest { size: SIZE, after: after.clone() };
            let page = storage.keys(&filter, &page).await.expect("keys are listed");
            let later: Vec<&String> =
                passing.iter().filter(|id| after.as_ref().is_none_or(|after| *id < after)).collect();
            let expected: Vec<&String> = later.iter().take(SIZE as usize).copied().collect();
            let listed: Vec<String> = page.items.iter().map(|key| key.id.to_string()).collect();
            assert_eq!(listed.iter().collect::<Vec<_>>(), expected, "{filter:?} after {after:?}");
            let next = (later.len() > expected.len()).then(|| expected[expected.len() - 1].clone());
            assert_eq!(page.next, next, "what comes after {filter:?} after {after:?}");
        }
    }
    let taken: Vec<&str> = taken.lock().expect("no observer panics").iter().copied().collect();
    assert_eq!(taken, WAYS, "every way was taken");
}

for_each_engine! {
    with run_at:
    a_long_list_is_told_right_whichever_way_it_is_gone_through,
}
