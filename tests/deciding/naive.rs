//! Deciding once more, from the rules in ARCHITECTURE.md, as plain loops over lists.

use crate::make::Case;
use crate::naive;

/// What was decided, in plain words. A scope of all is `*`.
#[derive(Debug, PartialEq)]
pub(crate) struct Answer {
    pub(crate) failed: Vec<&'static str>,
    pub(crate) store: Option<String>,
    pub(crate) scope: Option<Vec<String>>,
    pub(crate) denied: Vec<String>,
    pub(crate) methods: Vec<u32>,
    pub(crate) key: bool,
}

pub(crate) fn decide(case: &Case) -> Answer {
    if case.list_standing == "deleted" {
        return Answer {
            failed: vec!["KEY_UNKNOWN"],
            store: None,
            scope: None,
            denied: Vec::new(),
            methods: Vec::new(),
            key: false,
        };
    }
    let mut failed = key(case);
    let (methods, of_method, store_required) = method(case);
    failed.extend(of_method);
    let (store, denied, of_stores) = stores(case, store_required);
    failed.extend(of_stores);
    let scope = (failed.is_empty() || failed[0] == "STORE_REQUIRED").then(|| scope(case));
    Answer { failed, store, scope, denied, methods, key: true }
}

fn key(case: &Case) -> Vec<&'static str> {
    let mut failed = Vec::new();
    match case.list_standing {
        "revoked" => failed.push("KEY_REVOKED"),
        "inactive" => failed.push("KEY_INACTIVE"),
        _ => {}
    }
    let [not_before, expires, secret_expires] = case.times;
    if not_before.is_some_and(|from| case.now < from) {
        failed.push("KEY_NOT_YET_VALID");
    }
    if expires.is_some_and(|until| case.now >= until) {
        failed.push("KEY_EXPIRED");
    }
    if secret_expires.is_some_and(|until| case.now >= until) {
        failed.push("SECRET_EXPIRED");
    }
    let local = case.client.as_deref().is_some_and(|client| client.ends_with("10.1.2.3"));
    if case.local_only && !local {
        failed.push("NETWORK_DENIED");
    }
    failed
}

fn method(case: &Case) -> (Vec<u32>, Vec<&'static str>, bool) {
    if case.method.is_empty() {
        return (Vec::new(), vec!["METHOD_REQUIRED"], false);
    }
    let passes_all = case.key_stores.is_none() && case.key_methods.is_none();
    let ambiguous = if passes_all { Vec::new() } else { vec!["PATH_AMBIGUOUS"] };
    let (verb, path) = match case.method.find(' ') {
        _ if case.method.starts_with('/') => (None, case.method.as_str()),
        Some(space) => (Some(&case.method[..space]), &case.method[space + 1..]),
        None => return (Vec::new(), ambiguous, false),
    };
    if verb.is_some_and(|verb| !verb.bytes().all(|byte| byte.is_ascii_uppercase())) {
        return (Vec::new(), ambiguous, false);
    }
    let Ok(path) = naive::canonicalize(path.as_bytes()) else {
        return (Vec::new(), ambiguous, false);
    };
    let book = naive::book(&case.list_methods).expect("the world was made of this book");
    let numbers = match naive::resolve(&book, verb, &path) {
        naive::Answer::Ambiguous(_) => return (Vec::new(), ambiguous, false),
        naive::Answer::Unknown => Vec::new(),
        naive::Answer::One(number) => vec![number],
        naive::Answer::Several(numbers) => numbers,
    };
    let retired = |number: u32| case.list_methods.iter().any(|(other, _, retired)| *other == number && *retired);
    let mut failed = Vec::new();
    if numbers.is_empty() || numbers.iter().any(|number| retired(*number)) {
        let names_a_store = !case.store.is_empty() || !case.stores.is_empty();
        if case.key_methods.is_some() || !(case.key_stores.is_none() || names_a_store) {
            failed.push("METHOD_UNKNOWN");
        }
    }
    let mut required = false;
    for number in numbers.iter().filter(|number| !retired(**number)) {
        required |= case.list_required.contains(number);
        let open = case.key_methods.as_ref().is_none_or(|methods| methods.contains(number));
        if !open && !failed.contains(&"METHOD_DENIED") {
            failed.push("METHOD_DENIED");
        }
    }
    (numbers, failed, required)
}

fn stores(case: &Case, required: bool) -> (Option<String>, Vec<String>, Vec<&'static str>) {
    let mut named = Vec::new();
    if !case.store.is_empty() {
        named.push(case.store.clone());
    }
    named.extend(case.stores.iter().cloned());
    let mut failed = Vec::new();
    let mut denied: Vec<String> = Vec::new();
    if named.is_empty() {
        let selected = selected(case);
        return match selected.as_slice() {
            [(code, true)] => (Some(code.clone()), denied, failed),
            [(code, false)] => (Some(code.clone()), vec![code.clone()], vec!["STORE_INACTIVE"]),
            _ if required => (None, denied, vec!["STORE_REQUIRED"]),
            _ => (None, denied, failed),
        };
    }
    for code in &named {
        let problem = match case.list_stores.iter().find(|(_, other, _)| other == code) {
            None => Some("STORE_UNKNOWN"),
            Some((_, _, false)) => Some("STORE_INACTIVE"),
            Some((number, _, true)) => {
                let open = case.key_stores.as_ref().is_none_or(|stores| stores.contains(number));
                (!open).then_some("STORE_DENIED")
            }
        };
        if let Some(problem) = problem {
            failed.push(problem);
            if !denied.contains(code) {
                denied.push(code.clone());
            }
        }
    }
    let order = ["STORE_UNKNOWN", "STORE_INACTIVE", "STORE_DENIED"];
    let failed = order.into_iter().filter(|problem| failed.contains(problem)).collect();
    let only = named.iter().all(|code| *code == named[0]).then(|| named[0].clone());
    (only, denied, failed)
}

/// The stores that the key selects and that exist, by code, and whether they are active. None if it opens all.
fn selected(case: &Case) -> Vec<(String, bool)> {
    let Some(numbers) = &case.key_stores else { return Vec::new() };
    let exist = case.list_stores.iter().filter(|(number, ..)| numbers.contains(number));
    exist.map(|(_, code, active)| (code.clone(), *active)).collect()
}

fn scope(case: &Case) -> Vec<String> {
    if case.key_stores.is_none() {
        return vec!["*".to_owned()];
    }
    let mut codes: Vec<String> =
        selected(case).into_iter().filter(|(_, active)| *active).map(|(code, _)| code).collect();
    codes.sort();
    codes
}
