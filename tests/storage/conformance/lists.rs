//! The lists of stores, methods and changes, compared with plain loops over the input.

use std::collections::BTreeSet;

use latchkey::model::change::{Action, Actor, Change, NewChange, SubjectKind};
use latchkey::model::page::PageRequest;
use latchkey::model::reference::Method;
use latchkey::model::store::{Store, StoreKind};
use latchkey::model::time::Timestamp;
use latchkey::storage::{ChangeFilter, MethodFilter, Storage, StoreFilter};

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, Random, RecordFactory};
use crate::conformance::model::change_passes;
use crate::conformance::write::{begin, begin_as, gather};

const SIZES: [u32; 3] = [1, 7, 50];
const KINDS: [StoreKind; 3] = [StoreKind::Site, StoreKind::LandingPage, StoreKind::OnlineStore];
const PLATFORMS: [&str; 4] = ["", "1C-Bitrix", "1c-bitrix", "InSales"];

async fn stores_are_listed_by_any_filters(case: Case) {
    let mut factory = RecordFactory::new();
    let random = &mut factory.random;
    let mut write = begin(&case.storage).await;
    let mut all = Vec::new();
    for at in 0..60 {
        let store = Store {
            kind: *random.pick(&KINDS),
            platform: (*random.pick(&PLATFORMS)).into(),
            active: !random.one_in(3),
            name: format!("{} no. {at}", random.pick(&["Shop", "Лавка", "landing"])),
            hosts: if random.one_in(2) { vec![format!("{at}.example")] } else { Vec::new() },
            ..factory::store(&format!("{}{:x}", random.pick(&["s", "S", "_"]).replace('_', "0_"), random.draw()))
        };
        let store = write.add_store(&store).await;
        if random.one_in(8) {
            write.drop_store(&store).await;
        } else {
            all.push(store);
        }
    }
    write.done().await;
    all.sort_by(|a, b| a.code.cmp(&b.code));
    for _ in 0..150 {
        let filter = StoreFilter {
            active: random.one_in(3).then(|| random.one_in(2)),
            platform: random.one_in(3).then(|| (*random.pick(&PLATFORMS)).into()),
            kind: random.one_in(3).then(|| *random.pick(&KINDS)),
            text: random.one_in(3).then(|| (*random.pick(&["shop", "ЛАВ", "1.e", "S", "no. 1", "%"])).into()),
        };
        let occurs = |text: &str, store: &Store| {
            let (text, name) = (text.to_lowercase(), store.name.to_lowercase());
            let code = store.code.as_str().to_lowercase();
            code.contains(&text) || name.contains(&text) || store.hosts.iter().any(|host| host.contains(&text))
        };
        let passes = |store: &&Store| {
            filter.active.is_none_or(|active| store.active == active)
                && filter.platform.as_ref().is_none_or(|platform| store.platform == *platform)
                && filter.kind.is_none_or(|kind| store.kind == kind)
                && filter.text.as_ref().is_none_or(|text| occurs(text, store))
        };
        let expected: Vec<Store> = all.iter().filter(passes).cloned().collect();
        for size in SIZES {
            let listed = gather(size, async |page| case.storage.stores(&filter, &page).await).await;
            assert_eq!(listed, expected, "{filter:?} in pages of {size}");
        }
    }
}

async fn methods_are_listed_by_position_then_number_by_any_filters(case: Case) {
    let mut factory = RecordFactory::new();
    let random = &mut factory.random;
    let blocks = ["Orders", "orders", "Заказы", ""];
    // Few positions, negative ones among them: many methods share one.
    let positions = [i32::MIN, -10, -9, 0, 2, 10, i32::MAX];
    let methods: Vec<Method> = (0..80)
        .map(|at| Method {
            block: (*random.pick(&blocks)).into(),
            summary: format!("{} {at}", random.pick(&["Gets", "ändert", "löscht"])),
            ..factory::method(&format!("GET /{}/{at}", random.pick(&["a", "B", "v*"])), *random.pick(&positions))
        })
        .collect();
    let mut write = begin(&case.storage).await;
    let mut all = write.add_methods(&methods).await;
    let retired: Vec<Method> = all.iter().filter(|_| random.one_in(8)).cloned().collect();
    write.drop_methods(&retired).await;
    write.done().await;
    all.retain(|method| retired.iter().all(|gone| gone.number != method.number));
    all.sort_by_key(|method| (method.position, method.number));
    for _ in 0..100 {
        let filter = MethodFilter {
            block: random.one_in(2).then(|| (*random.pick(&blocks)).into()),
            text: random.one_in(2).then(|| (*random.pick(&["get", "ÄNDERT", "/b/", "V*", "1", "ЗАКАЗЫ"])).into()),
        };
        let occurs = |text: &str, method: &Method| {
            let fields = [&method.identity.to_string(), &method.block, &method.summary, &method.description];
            fields.into_iter().any(|field| field.to_lowercase().contains(&text.to_lowercase()))
        };
        let passes = |method: &&Method| {
            filter.block.as_ref().is_none_or(|block| method.block == *block)
                && filter.text.as_ref().is_none_or(|text| occurs(text, method))
        };
        let expected: Vec<Method> = all.iter().filter(passes).cloned().collect();
        for size in SIZES {
            let listed = gather(size, async |page| case.storage.methods(&filter, &page).await).await;
            assert_eq!(listed, expected, "{filter:?} in pages of {size}");
        }
    }
}

/// Appends changes of all sorts; returns them, newest first.
async fn append_changes(
    storage: &Storage,
    factory: &mut RecordFactory,
    subjects: &[&str],
    actors: &[Actor],
) -> Vec<Change> {
    let kinds = [SubjectKind::Key, SubjectKind::Store, SubjectKind::Method, SubjectKind::Operator];
    let mut all = Vec::new();
    for _ in 0..60 {
        let actor = factory.random.pick(actors).clone();
        let comment = (*factory.random.pick(&["", "because"])).to_owned();
        let mut write = begin_as(storage, &actor, &comment).await;
        let changes: Vec<NewChange> = (0..=factory.random.below(4))
            .map(|_| factory::change(Action::Update, *factory.random.pick(&kinds), factory.random.pick(subjects)))
            .collect();
        write.append(&changes).await.expect("changes are appended");
        all.extend((0..).zip(changes).map(|(ordinal, change)| Change {
            revision: write.revision(),
            ordinal,
            at: write.now(),
            actor: actor.id(),
            actor_name: actor.name().to_owned(),
            action: change.action.as_str().to_owned(),
            comment: comment.clone(),
            kind: change.kind.as_str().to_owned(),
            subject: change.subject,
            before: None,
            after: None,
        }));
        write.done().await;
    }
    all.reverse();
    all
}

fn random_change_filter(random: &mut Random, subjects: &[&str], actors: &[Actor], all: &[Change]) -> ChangeFilter {
    let kinds = [SubjectKind::Key, SubjectKind::Store, SubjectKind::Method, SubjectKind::Operator];
    let kind = random.one_in(2).then(|| *random.pick(&kinds));
    let mut time = |of: usize| random.one_in(of).then(|| random.pick(all).at);
    let (start, end) = (time(3), time(3));
    let actor = match random.pick(actors) {
        Actor::Operator { id, .. } if random.one_in(3) => Some(*id),
        _ => None,
    };
    let subject = kind.filter(|_| random.one_in(2)).map(|_| (*random.pick(subjects)).to_owned());
    ChangeFilter { kind, subject, actor, start, end }
}

async fn changes_are_listed_the_newest_first_by_any_filters(case: Case) {
    let mut factory = RecordFactory::new();
    let actors: Vec<Actor> = (0..3)
        .map(|at| Actor::Operator { id: factory.operator_id(), name: format!("operator {at}") })
        .chain([Actor::System])
        .collect();
    let subjects = ["a", "A", "key_1", "GET /a", "%"];
    let all = append_changes(&case.storage, &mut factory, &subjects, &actors).await;
    for size in SIZES {
        let listed = gather(size, async |page| case.storage.changes(&ChangeFilter::default(), &page).await).await;
        assert_eq!(listed, all, "in pages of {size}");
    }
    let mut seen = BTreeSet::new();
    for _ in 0..200 {
        let filter = random_change_filter(&mut factory.random, &subjects, &actors, &all);
        let expected: Vec<Change> = all.iter().filter(|change| change_passes(change, &filter)).cloned().collect();
        seen.insert(expected.len());
        for size in [7, 50] {
            let listed = gather(size, async |page| case.storage.changes(&filter, &page).await).await;
            assert_eq!(listed, expected, "{filter:?} in pages of {size}");
        }
    }
    assert!(seen.len() > 10, "filters select more and less: {seen:?}");
}

async fn the_bounds_of_changes_in_time_are_from_and_before(case: Case) {
    let mut factory = RecordFactory::new();
    let all = append_changes(&case.storage, &mut factory, &["a"], &[Actor::System]).await;
    let at = all[all.len() / 2].at;
    let next = Timestamp::from_micros(at.as_micros() + 1);
    let list = async |start, end| {
        let filter = ChangeFilter { start, end, ..ChangeFilter::default() };
        gather(50, async |page| case.storage.changes(&filter, &page).await).await
    };
    let (before, after) = (list(None, Some(at)).await, list(Some(at), None).await);
    assert_eq!([after.clone(), before].concat(), all, "each change is before a time or from it on");
    assert!(after.iter().any(|change| change.at == at));
    assert!(list(Some(at), Some(next)).await.iter().all(|change| change.at == at));
    assert_eq!(list(Some(at), Some(at)).await, []);
    assert_eq!(list(Some(next), Some(at)).await, []);
}

async fn a_page_may_hold_a_thousand(case: Case) {
    let mut write = begin(&case.storage).await;
    let changes: Vec<NewChange> =
        (0..2_001).map(|at| factory::change(Action::Update, SubjectKind::Other, format!("{at:04}"))).collect();
    write.append(&changes).await.expect("changes are appended");
    write.done().await;
    let mut request = PageRequest { size: 1_000, after: None };
    let mut sizes = Vec::new();
    let mut expected = (0..2_001).rev().map(|at| format!("{at:04}"));
    loop {
        let page = case.storage.changes(&ChangeFilter::default(), &request).await.expect("a page");
        sizes.push(page.items.len());
        assert!(page.items.iter().all(|change| Some(&change.subject) == expected.next().as_ref()));
        request.after = page.next;
        if request.after.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [1_000, 1_000, 1]);
}

for_each_engine! {
    stores_are_listed_by_any_filters,
    methods_are_listed_by_position_then_number_by_any_filters,
    changes_are_listed_the_newest_first_by_any_filters,
    the_bounds_of_changes_in_time_are_from_and_before,
    a_page_may_hold_a_thousand,
}
