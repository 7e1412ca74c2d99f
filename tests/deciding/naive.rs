//! Deciding once more, from the rules in ARCHITECTURE.md, as plain loops over lists.

use super::naive;

/// Everything that a decision depends on, as lists.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Facts<'a> {
    /// `active`, `inactive`, `revoked` or `deleted`.
    pub(crate) standing: &'a str,
    /// From when on the key is good, until when, and until when the secret is.
    pub(crate) times: [Option<i64>; 3],
    /// Whether the client is within the key's networks.
    pub(crate) admitted: bool,
    /// The numbers of the stores that the key selects; none: all.
    pub(crate) key_stores: Option<&'a [u32]>,
    /// The numbers of the methods that the key selects; none: all.
    pub(crate) key_methods: Option<&'a [u32]>,
    /// Number, code, and whether it is active.
    pub(crate) stores: &'a [(u32, String, bool)],
    /// Number, identity, and whether it is retired.
    pub(crate) methods: &'a [(u32, String, bool)],
    /// The same methods, to be resolved among.
    pub(crate) book: &'a [naive::Method],
    /// Numbers of methods that require a store.
    pub(crate) required: &'a [u32],
    /// What is called.
    pub(crate) method: &'a str,
    /// The store named.
    pub(crate) store: &'a str,
    /// Further stores named.
    pub(crate) further: &'a [String],
    /// When, in microseconds.
    pub(crate) now: i64,
}

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

pub(crate) fn decide(facts: &Facts<'_>) -> Answer {
    if facts.standing == "deleted" {
        return Answer {
            failed: vec!["KEY_UNKNOWN"],
            store: None,
            scope: None,
            denied: Vec::new(),
            methods: Vec::new(),
            key: false,
        };
    }
    let mut failed = key(facts);
    let (methods, of_method, store_required) = method(facts);
    failed.extend(of_method);
    let (store, denied, of_stores) = stores(facts, store_required);
    failed.extend(of_stores);
    let scope = (failed.is_empty() || failed[0] == "STORE_REQUIRED").then(|| scope(facts));
    Answer { failed, store, scope, denied, methods, key: true }
}

fn key(facts: &Facts<'_>) -> Vec<&'static str> {
    let mut failed = Vec::new();
    match facts.standing {
        "revoked" => failed.push("KEY_REVOKED"),
        "inactive" => failed.push("KEY_INACTIVE"),
        _ => {}
    }
    let [not_before, expires, secret_expires] = facts.times;
    if not_before.is_some_and(|from| facts.now < from) {
        failed.push("KEY_NOT_YET_VALID");
    }
    if expires.is_some_and(|until| facts.now >= until) {
        failed.push("KEY_EXPIRED");
    }
    if secret_expires.is_some_and(|until| facts.now >= until) {
        failed.push("SECRET_EXPIRED");
    }
    if !facts.admitted {
        failed.push("NETWORK_DENIED");
    }
    failed
}

fn method(facts: &Facts<'_>) -> (Vec<u32>, Vec<&'static str>, bool) {
    if facts.method.is_empty() {
        return (Vec::new(), vec!["METHOD_REQUIRED"], false);
    }
    let passes_all = facts.key_stores.is_none() && facts.key_methods.is_none();
    let ambiguous = if passes_all { Vec::new() } else { vec!["PATH_AMBIGUOUS"] };
    let (verb, path) = match facts.method.find(' ') {
        _ if facts.method.starts_with('/') => (None, facts.method),
        Some(space) => (Some(&facts.method[..space]), &facts.method[space + 1..]),
        None => return (Vec::new(), ambiguous, false),
    };
    if verb.is_some_and(|verb| !verb.bytes().all(|byte| byte.is_ascii_uppercase())) {
        return (Vec::new(), ambiguous, false);
    }
    let Ok(path) = naive::canonicalize(path.as_bytes()) else {
        return (Vec::new(), ambiguous, false);
    };
    let numbers = match naive::resolve(facts.book, verb, &path) {
        naive::Answer::Ambiguous(_) => return (Vec::new(), ambiguous, false),
        naive::Answer::Unknown => Vec::new(),
        naive::Answer::One(number) => vec![number],
        naive::Answer::Several(numbers) => numbers,
    };
    let retired = |number: u32| facts.methods.iter().any(|(other, _, retired)| *other == number && *retired);
    let mut failed = Vec::new();
    if numbers.is_empty() || numbers.iter().any(|number| retired(*number)) {
        let names_a_store = !facts.store.is_empty() || !facts.further.is_empty();
        if facts.key_methods.is_some() || !(facts.key_stores.is_none() || names_a_store) {
            failed.push("METHOD_UNKNOWN");
        }
    }
    let mut required = false;
    for number in numbers.iter().filter(|number| !retired(**number)) {
        required |= facts.required.contains(number);
        let open = facts.key_methods.is_none_or(|methods| methods.contains(number));
        if !open && !failed.contains(&"METHOD_DENIED") {
            failed.push("METHOD_DENIED");
        }
    }
    (numbers, failed, required)
}

fn stores(facts: &Facts<'_>, required: bool) -> (Option<String>, Vec<String>, Vec<&'static str>) {
    let mut named = Vec::new();
    if !facts.store.is_empty() {
        named.push(facts.store.to_owned());
    }
    named.extend(facts.further.iter().cloned());
    let mut failed = Vec::new();
    let mut denied: Vec<String> = Vec::new();
    if named.is_empty() {
        let selected = selected(facts);
        return match selected.as_slice() {
            [(code, true)] => (Some(code.clone()), denied, failed),
            [(code, false)] => (Some(code.clone()), vec![code.clone()], vec!["STORE_INACTIVE"]),
            _ if required => (None, denied, vec!["STORE_REQUIRED"]),
            _ => (None, denied, failed),
        };
    }
    for code in &named {
        let problem = match facts.stores.iter().find(|(_, other, _)| other == code) {
            None => Some("STORE_UNKNOWN"),
            Some((_, _, false)) => Some("STORE_INACTIVE"),
            Some((number, _, true)) => {
                let open = facts.key_stores.is_none_or(|stores| stores.contains(number));
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
fn selected(facts: &Facts<'_>) -> Vec<(String, bool)> {
    let Some(numbers) = facts.key_stores else { return Vec::new() };
    let exist = facts.stores.iter().filter(|(number, ..)| numbers.contains(number));
    exist.map(|(_, code, active)| (code.clone(), *active)).collect()
}

fn scope(facts: &Facts<'_>) -> Vec<String> {
    if facts.key_stores.is_none() {
        return vec!["*".to_owned()];
    }
    let mut codes: Vec<String> =
        selected(facts).into_iter().filter(|(_, active)| *active).map(|(code, _)| code).collect();
    codes.sort();
    codes
}
