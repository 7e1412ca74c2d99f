//! A second implementation of decisions, from the rules in ARCHITECTURE.md, as plain loops over lists.

use super::naive;

/// All inputs of a decision, as lists.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// `active`, `inactive`, `revoked` or `deleted`.
    pub standing: &'a str,
    /// Start and end of the key's validity, and end of the secret's.
    pub times: [Option<i64>; 3],
    /// Whether the client address is within the key's networks.
    pub admitted: bool,
    /// Numbers of the stores that the key selects; `None` means all.
    pub key_stores: Option<&'a [u32]>,
    /// Numbers of the methods that the key selects; `None` means all.
    pub key_methods: Option<&'a [u32]>,
    /// Number, code, and whether the store is active.
    pub stores: &'a [(u32, String, bool)],
    /// Number, identity, and whether the method is retired.
    pub methods: &'a [(u32, String, bool)],
    /// The same methods, for resolving the call.
    pub book: &'a [naive::Method],
    /// Numbers of methods that require a store.
    pub required: &'a [u32],
    /// Numbers of methods that read no store, although their results may belong to stores.
    pub storeless: &'a [u32],
    /// Numbers of methods whose results belong to no store.
    pub shared: &'a [u32],
    /// Evidence of a gateway; `None`: the call comes from a service.
    pub gateway: Option<GatewayEvidence>,
    /// The called method.
    pub method: &'a str,
    /// The named store.
    pub store: &'a str,
    /// Further named stores.
    pub further: &'a [String],
    /// Time of the call in microseconds.
    pub now: i64,
}

/// Evidence of a gateway about a call: whether it inspected everything, whether a store limits the call, and how many
/// stores can be added to a call that names none (any number if the service applies the scope).
#[derive(Debug, Clone, Copy)]
pub struct GatewayEvidence {
    pub whole: bool,
    /// Every location was inspected in which another verb could be requested.
    pub verb: bool,
    pub limited: bool,
    pub can_add: usize,
    pub scope_applied: bool,
}

/// The decision in plain words. A scope of all is `*`.
#[derive(Debug, PartialEq)]
pub struct Answer {
    pub failed: Vec<&'static str>,
    pub store: Option<String>,
    pub scope: Option<Vec<String>>,
    pub denied: Vec<String>,
    pub methods: Vec<u32>,
    pub key: bool,
    /// Whether it is allowed because the service stays within the scope.
    pub within_scope: bool,
}

pub fn decide(facts: &Facts<'_>) -> Answer {
    if facts.standing == "deleted" {
        return Answer {
            failed: vec!["KEY_UNKNOWN"],
            store: None,
            scope: None,
            denied: Vec::new(),
            methods: Vec::new(),
            key: false,
            within_scope: false,
        };
    }
    let mut failed = key(facts);
    let (methods, of_method, store_required) = method(facts);
    failed.extend(of_method);
    let live: Vec<u32> = methods.iter().copied().filter(|number| !retired(facts, *number)).collect();
    let known = !methods.is_empty() && live.len() == methods.len();
    let (store, denied, mut of_stores) = stores(facts, store_required, known && all_in(&live, facts.shared));
    of_stores.extend(beyond_its_stores(facts, known, &live));
    let order =
        ["STORE_REQUIRED", "STORE_UNKNOWN", "STORE_INACTIVE", "STORE_DENIED", "NO_STORE_OPEN", "METHOD_READS_NO_STORE"];
    failed.extend(order.into_iter().filter(|problem| of_stores.contains(problem)));
    let scope = (failed.is_empty() || failed[0] == "STORE_REQUIRED").then(|| scope(facts));
    let some_storeless = live.iter().any(|number| facts.storeless.contains(number));
    let within_scope = failed.is_empty() && some_storeless && facts.key_stores.is_some() && facts.gateway.is_none();
    Answer { failed, store, scope, denied, methods, key: true, within_scope }
}

fn all_in(numbers: &[u32], list: &[u32]) -> bool {
    numbers.iter().all(|number| list.contains(number))
}

fn retired(facts: &Facts<'_>, number: u32) -> bool {
    facts.methods.iter().any(|(other, _, retired)| *other == number && *retired)
}

/// Returns why the call could reach other stores than the key's. `live` has its possible methods, all if `known`.
fn beyond_its_stores(facts: &Facts<'_>, known: bool, live: &[u32]) -> Option<&'static str> {
    facts.key_stores?;
    let open = selected(facts).iter().filter(|(_, active)| *active).count();
    let storeless = live.iter().any(|number| facts.storeless.contains(number));
    let Some(seen) = facts.gateway else {
        // A service applies the scope. If the scope is empty, only methods that involve no store remain.
        let about_none = live.iter().all(|number| facts.storeless.contains(number) || facts.shared.contains(number));
        return (open == 0 && !(known && about_none)).then_some("NO_STORE_OPEN");
    };
    if known && all_in(live, facts.shared) {
        return (!seen.whole).then_some("STORE_REQUIRED");
    }
    if open == 0 {
        return Some("NO_STORE_OPEN");
    }
    let added = seen.scope_applied || (open <= seen.can_add && open <= 200);
    if seen.whole && (seen.limited || added) {
        return None;
    }
    let nothing_adds = seen.can_add == 0 && !seen.scope_applied;
    Some(if storeless && !seen.limited && nothing_adds { "METHOD_READS_NO_STORE" } else { "STORE_REQUIRED" })
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
    let retired = |number: u32| retired(facts, number);
    let mut failed = Vec::new();
    if numbers.is_empty() || numbers.iter().any(|number| retired(*number)) {
        let named = !facts.store.is_empty() || !facts.further.is_empty();
        let names_a_store = named && facts.gateway.is_none();
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
    // Any other method of the path may run instead.
    if facts.gateway.is_some_and(|seen| !seen.verb) && failed.is_empty() && !passes_all {
        failed.push("PATH_AMBIGUOUS");
    }
    (numbers, failed, required)
}

fn stores(facts: &Facts<'_>, required: bool, shared: bool) -> (Option<String>, Vec<String>, Vec<&'static str>) {
    let mut named = Vec::new();
    if !facts.store.is_empty() {
        named.push(facts.store.to_owned());
    }
    named.extend(facts.further.iter().cloned());
    let mut failed = Vec::new();
    let mut denied: Vec<String> = Vec::new();
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
    if !facts.gateway.map_or(!named.is_empty(), |seen| seen.limited) {
        // Nothing limits the call: the key's store does, if it has exactly one.
        let selected = selected(facts);
        let some_open = facts.key_stores.is_none() || selected.iter().any(|(_, active)| *active);
        return match selected.as_slice() {
            [(_, false)] if shared => (None, denied, failed),
            [(code, active)] => {
                if !active {
                    failed.push("STORE_INACTIVE");
                    denied.push(code.clone());
                }
                (Some(code.clone()), denied, failed)
            }
            _ => {
                failed.extend((required && some_open).then_some("STORE_REQUIRED"));
                (None, denied, failed)
            }
        };
    }
    let only = named.iter().all(|code| *code == named[0]).then(|| named[0].clone());
    (only, denied, failed)
}

/// Returns the existing stores that the key selects: code, and whether it is active. Empty for access to all.
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
