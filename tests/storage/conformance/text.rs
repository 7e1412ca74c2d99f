//! Text: ordered by its bytes, equal only to itself, searched case-insensitively, and never read as a pattern.

use latchkey::model::key::Key;
use latchkey::model::reference::Method;
use latchkey::model::store::Store;
use latchkey::storage::{ChangeFilter, KeyFilter, MethodFilter, NewKey, StoreFilter};

use crate::conformance::engine::Case;
use crate::conformance::factory::{self, RecordFactory};
use crate::conformance::write::{add_keys, add_stores, begin, begin_as, gather, list_keys};

/// Texts that some engines treat as equal: case, composition, trailing or invisible characters, patterns, quotes.
const TEXTS: &[&str] = &[
    "a",
    "A",
    "Z",
    "z",
    "é",
    "É",
    "e\u{301}",
    "ß",
    "ss",
    "ẞ",
    "İ",
    "I",
    "ı",
    "i",
    "i\u{307}",
    "Ж",
    "ж",
    "😀",
    "a ",
    " a",
    "a\u{a0}",
    "a\u{200b}",
    "%",
    "_",
    "\\",
    "\\%",
    "'",
    "''",
    "\"",
    "a%",
    "a_",
    "ab",
    "a\\b",
    "\u{ff41}",
    "\u{fb01}",
    "fi",
    "$1",
    "?1",
    "[a]",
    "*",
    "a*",
    "-",
    "a\tb",
    "a\nb",
    "null",
    "NULL",
    "0",
    "00",
    "\u{b5}",
    "\u{3bc}",
    "\u{212a}",
    "K",
    "k",
    "\u{17f}",
    "s",
    "𝒳",
    "日本",
    "ñ",
    "n",
    "ö",
    "o",
    "\u{c5}",
    "\u{212b}",
];

/// Returns searches: all texts, and parts that several contain.
fn searches() -> Vec<&'static str> {
    TEXTS
        .iter()
        .copied()
        .chain(["\u{301}", "\u{307}", "AB", "_b", "本", "nul", "ULL", ":", "x:é:y", "X:É:Y", "x:ж", "Y"])
        .collect()
}

/// Returns whether `query` occurs in `text`, ignoring case.
fn occurs(query: &str, text: &str) -> bool {
    text.to_lowercase().contains(&query.to_lowercase())
}

async fn owners_are_equal_only_to_themselves(case: Case) {
    let mut factory = RecordFactory::new();
    let keys: Vec<NewKey> =
        TEXTS.iter().map(|text| with_spec(&mut factory, |spec| spec.owner = (*text).into())).collect();
    add_keys(&case.storage, &keys).await;
    for owner in searches() {
        let filter = KeyFilter { owner: Some(owner.into()), ..KeyFilter::default() };
        let read = list_keys(&case.storage, &filter, 50).await;
        let owners: Vec<&str> = read.iter().map(|key| key.spec.owner.as_str()).collect();
        let expected: Vec<&str> = TEXTS.iter().copied().rev().filter(|text| *text == owner).collect();
        assert_eq!(owners, expected, "owned by {owner:?}");
    }
}

fn with_spec(factory: &mut RecordFactory, change: impl FnOnce(&mut latchkey::model::key::KeySpec)) -> NewKey {
    let mut key = factory.key("-");
    change(&mut key.spec);
    key
}

async fn a_search_of_keys_finds_text_in_each_field_whatever_its_case(case: Case) {
    let mut factory = RecordFactory::new();
    let mut keys = Vec::new();
    for (at, text) in TEXTS.iter().enumerate() {
        // Alone, and between other characters: the index of an engine may treat short and long text differently.
        let text = if at % 2 == 0 { (*text).to_owned() } else { format!("x:{text}:y") };
        keys.push(with_spec(&mut factory, |spec| spec.name.clone_from(&text)));
        keys.push(with_spec(&mut factory, |spec| spec.owner.clone_from(&text)));
        keys.push(with_spec(&mut factory, |spec| spec.comment.clone_from(&text)));
        let mut hinted = factory.key("-");
        hinted.secret.hint = text.chars().take(4).collect();
        keys.push(hinted);
    }
    add_keys(&case.storage, &keys).await;
    let all = list_keys(&case.storage, &KeyFilter::default(), 1_000).await;
    assert_eq!(all.len(), keys.len());
    let id = keys[5].id.to_string();
    let shouted = id.to_uppercase();
    for query in searches().into_iter().chain([id.as_str(), shouted.as_str(), &id[10..20]]) {
        let filter = KeyFilter { text: Some(query.into()), ..KeyFilter::default() };
        let found = list_keys(&case.storage, &filter, 50).await;
        let holds = |key: &&Key| {
            let fields =
                [&key.spec.name, &key.spec.owner, &key.spec.comment, &key.id.to_string(), &key.secrets[0].hint];
            fields.into_iter().any(|field| occurs(query, field))
        };
        let expected: Vec<Key> = all.iter().filter(holds).cloned().collect();
        assert_eq!(names(&found), names(&expected), "search for {query:?}");
        assert_eq!(found, expected, "search for {query:?}");
    }
}

fn names(keys: &[Key]) -> Vec<(&str, &str, &str, &str)> {
    keys.iter().map(|key| (&*key.spec.name, &*key.spec.owner, &*key.spec.comment, &*key.secrets[0].hint)).collect()
}

async fn a_search_of_keys_does_not_run_over_from_one_field_to_the_next(case: Case) {
    let mut factory = RecordFactory::new();
    let key = with_spec(&mut factory, |row| {
        (row.name, row.owner, row.comment) = ("first".into(), "second".into(), "line one\nline two".into());
    });
    add_keys(&case.storage, std::slice::from_ref(&key)).await;
    let found = async |query: &str| {
        let filter = KeyFilter { text: Some(query.into()), ..KeyFilter::default() };
        list_keys(&case.storage, &filter, 50).await.len()
    };
    assert_eq!(found("ONE\nLINE").await, 1, "a line feed of the text itself");
    for over in ["first\nsecond", "firstsecond", "first second", "second\nline", "st\nse"] {
        assert_eq!(found(over).await, 0, "{over:?} is in no field");
    }
    assert_eq!(found(&format!("two\n{}", key.id)).await, 0, "nor on to the id");
}

async fn a_search_follows_what_a_key_says_and_which_secrets_live(case: Case) {
    let mut factory = RecordFactory::new();
    let mut key = with_spec(&mut factory, |spec| spec.name = "Before".into());
    key.secret.hint = "hnt1".into();
    add_keys(&case.storage, std::slice::from_ref(&key)).await;
    let found = async |query: &str| {
        let filter = KeyFilter { text: Some(query.into()), ..KeyFilter::default() };
        list_keys(&case.storage, &filter, 50).await.len()
    };
    assert_eq!((found("BEFORE").await, found("HNT1").await, found("hnt2").await, found("after").await), (1, 1, 0, 0));

    let mut write = begin(&case.storage).await;
    key.spec.name = "After".into();
    write.update_key(key.id, &key.spec, key.revoked.as_ref()).await.expect("a key is changed");
    let mut second = factory.secret();
    second.hint = "Hnt2".into();
    write.insert_secret(key.id, &second).await.expect("a secret is added");
    write.note(latchkey::model::change::SubjectKind::Key, key.id).await;
    write.done().await;
    assert_eq!((found("BEFORE").await, found("HNT1").await, found("hnt2").await, found("after").await), (0, 1, 1, 1));

    let mut write = begin(&case.storage).await;
    write.end_secret(key.secret.id).await.expect("a secret is ended");
    write.note(latchkey::model::change::SubjectKind::Key, key.id).await;
    write.done().await;
    assert_eq!((found("HNT1").await, found("hnt2").await), (0, 1), "an ended secret's hint is searched no more");

    let mut write = begin(&case.storage).await;
    write.delete_key(key.id).await.expect("a key is deleted");
    write.note(latchkey::model::change::SubjectKind::Key, key.id).await;
    write.done().await;
    assert_eq!((found("after").await, found("hnt2").await, found("").await), (0, 0, 0));
}

async fn a_search_of_stores_finds_text_in_code_name_and_hosts(case: Case) {
    let mut write = begin(&case.storage).await;
    let mut all = Vec::new();
    for (at, text) in TEXTS.iter().enumerate() {
        let name = if at % 2 == 0 { (*text).to_owned() } else { format!("x:{text}:y") };
        let hosts = if at % 5 == 0 { vec![format!("shop{at}.example")] } else { Vec::new() };
        // The platform is not searched.
        let store = Store { name, hosts, platform: "nowhere".into(), ..factory::store(&format!("C-{at}")) };
        all.push(write.add_store(&store).await);
    }
    write.done().await;
    all.sort_by(|a, b| a.code.cmp(&b.code));
    for query in searches().into_iter().chain(["c-1", "C-2", "SHOP1", "shop10.example", "nowhere", "5.e", ""]) {
        let filter = StoreFilter { text: Some(query.into()), ..StoreFilter::default() };
        let found = gather(50, async |page| case.storage.stores(&filter, &page).await).await;
        let holds = |store: &&Store| {
            occurs(query, store.code.as_str())
                || occurs(query, &store.name)
                || store.hosts.iter().any(|host| occurs(query, host))
        };
        assert_eq!(found, all.iter().filter(holds).cloned().collect::<Vec<_>>(), "search for {query:?}");
    }
}

async fn a_search_of_methods_finds_text_in_identity_block_summary_and_description(case: Case) {
    let mut methods = Vec::new();
    for (at, text) in (0..).zip(TEXTS) {
        let mut method = factory::method(&format!("GET /Path{at}/{{id}}"), at);
        let field = match at % 3 {
            0 => &mut method.block,
            1 => &mut method.summary,
            _ => &mut method.description,
        };
        *field = if at % 2 == 0 { (*text).to_owned() } else { format!("x:{text}:y") };
        method.scope = Some("nowhere".into());
        methods.push(method);
    }
    let mut write = begin(&case.storage).await;
    let all = write.add_methods(&methods).await;
    write.done().await;
    for query in searches().into_iter().chain(["get /p", "PATH1", "{ID}", "/path3/", "nowhere", "orders", ""]) {
        let filter = MethodFilter { text: Some(query.into()), ..MethodFilter::default() };
        let found = gather(50, async |page| case.storage.methods(&filter, &page).await).await;
        let holds = |method: &&Method| {
            let fields = [&method.identity.to_string(), &method.block, &method.summary, &method.description];
            fields.into_iter().any(|field| occurs(query, field))
        };
        assert_eq!(found, all.iter().filter(holds).cloned().collect::<Vec<_>>(), "search for {query:?}");
    }
}

async fn blocks_and_platforms_are_equal_only_to_themselves(case: Case) {
    let mut write = begin(&case.storage).await;
    let methods: Vec<Method> = (0..)
        .zip(TEXTS)
        .map(|(at, text)| Method { block: (*text).into(), ..factory::method(&format!("GET /{at}"), at) })
        .collect();
    let methods = write.add_methods(&methods).await;
    let mut stores = Vec::new();
    for (at, text) in TEXTS.iter().enumerate() {
        stores.push(write.add_store(&Store { platform: (*text).into(), ..factory::store(&format!("{at:03}")) }).await);
    }
    write.done().await;
    for text in searches() {
        let filter = MethodFilter { block: Some(text.into()), ..MethodFilter::default() };
        let found = gather(50, async |page| case.storage.methods(&filter, &page).await).await;
        let expected: Vec<_> = methods.iter().filter(|method| method.block == text).cloned().collect();
        assert_eq!(found, expected, "in block {text:?}");
        let filter = StoreFilter { platform: Some(text.into()), ..StoreFilter::default() };
        let found = gather(50, async |page| case.storage.stores(&filter, &page).await).await;
        let expected: Vec<_> = stores.iter().filter(|store| store.platform == text).cloned().collect();
        assert_eq!(found, expected, "on platform {text:?}");
    }
}

async fn stores_are_listed_in_the_order_of_their_bytes(case: Case) {
    let mut codes = vec![
        "a", "B", "Z", "z", "a-b", "a.b", "a_b", "aB", "ab", "a0", "0", "9", "A", "Ab", "a-", "a.", "AA", "aa", "b",
    ];
    add_stores(&case.storage, &codes).await;
    codes.sort_unstable();
    for size in [1, 2, 7, 50] {
        let stores = gather(size, async |page| case.storage.stores(&StoreFilter::default(), &page).await).await;
        let listed: Vec<&str> = stores.iter().map(|store| store.code.as_str()).collect();
        assert_eq!(listed, codes, "in pages of {size}");
    }
}

async fn subjects_and_actors_of_changes_are_equal_only_to_themselves(case: Case) {
    use latchkey::model::change::{Action, Actor, SubjectKind};
    let mut factory = RecordFactory::new();
    for text in TEXTS {
        let actor = Actor::Operator { id: factory.operator_id(), name: (*text).into() };
        let mut write = begin_as(&case.storage, &actor, text).await;
        write.append(&[factory::change(Action::Update, SubjectKind::Store, text)]).await.expect("a change is appended");
        write.done().await;
    }
    for subject in searches() {
        let filter =
            ChangeFilter { kind: Some(SubjectKind::Store), subject: Some(subject.into()), ..ChangeFilter::default() };
        let found = gather(50, async |page| case.storage.changes(&filter, &page).await).await;
        let found: Vec<_> =
            found.iter().map(|change| (&*change.subject, &*change.actor_name, &*change.comment)).collect();
        let expected: Vec<_> =
            TEXTS.iter().filter(|text| **text == subject).map(|text| (*text, *text, *text)).collect();
        assert_eq!(found, expected, "about {subject:?}");
    }
}

async fn ids_of_requests_are_equal_only_to_themselves(case: Case) {
    let mut factory = RecordFactory::new();
    let mut write = begin(&case.storage).await;
    let keys: Vec<NewKey> = TEXTS.iter().map(|text| factory.key(text)).collect();
    write.add_keys(&keys).await;
    for (text, key) in TEXTS.iter().zip(&keys) {
        write.insert_request("a", text, key.id).await.expect("a request is remembered");
    }
    write.done().await;
    let mut write = begin(&case.storage).await;
    for (text, key) in TEXTS.iter().zip(&keys) {
        assert_eq!(write.key_by_request("a", text).await.expect("a request is looked up"), Some(key.id), "{text:?}");
        assert_eq!(write.key_by_request("A", text).await.expect("a request is looked up"), None, "{text:?} of another");
    }
}

for_each_engine! {
    owners_are_equal_only_to_themselves,
    a_search_of_keys_finds_text_in_each_field_whatever_its_case,
    a_search_of_keys_does_not_run_over_from_one_field_to_the_next,
    a_search_follows_what_a_key_says_and_which_secrets_live,
    a_search_of_stores_finds_text_in_code_name_and_hosts,
    a_search_of_methods_finds_text_in_identity_block_summary_and_description,
    blocks_and_platforms_are_equal_only_to_themselves,
    stores_are_listed_in_the_order_of_their_bytes,
    subjects_and_actors_of_changes_are_equal_only_to_themselves,
    ids_of_requests_are_equal_only_to_themselves,
}
