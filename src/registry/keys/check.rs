//! The rules for a key's fields, and the look-up of what its lists name.

use std::collections::{BTreeMap, HashMap};

use ipnet::IpNet;

use crate::model::key::{Access, KeySpec, MAX_LABELS, MAX_NETWORKS};
use crate::model::text::is_word;
use crate::model::violations::{Violations, excerpt};
use crate::registry::error::Result;
use crate::registry::input::{AccessKind, Choice, KeyDraft};
use crate::registry::validate::{self, Lines, Mask};
use crate::storage;

use super::fields::{ACTIVE, FIELDS};

pub(super) const ACCESS: &str = "ACCESS_ALL or ACCESS_SELECTED";

/// Checks all fields of a new key. The result is valid only without violations. The lists keep the caller's order, so
/// that a later violation can name the entry.
pub(super) fn key(violations: &mut Violations, draft: &KeyDraft) -> KeySpec {
    let mut spec = KeySpec::default();
    for field in FIELDS.iter().filter(|field| field.name != ACTIVE || draft.active.is_some()) {
        (field.set)(violations, draft, &mut spec);
    }
    let store_access = validate::required(violations, "store_access", draft.store_access, ACCESS);
    let method_access = validate::required(violations, "method_access", draft.method_access, ACCESS);
    validity(violations, &spec);
    spec.stores = access(violations, "stores", store_access, &draft.stores);
    spec.methods = access(violations, "methods", method_access, &draft.methods);
    spec
}

/// Checks that the validity starts before it ends.
pub(super) fn validity(violations: &mut Violations, spec: &KeySpec) {
    validate::in_order(violations, ("not_before", spec.not_before), ("expire_time", spec.expires));
}

/// Combines kind and list into an access. An empty list never means everything, and a list never restricts everything.
fn access(violations: &mut Violations, field: &str, kind: Option<AccessKind>, list: &[String]) -> Access<String> {
    match kind {
        Some(AccessKind::All) => {
            all_without_list(violations, field, list);
            Access::All
        }
        Some(AccessKind::Selected) | None => Access::Selected(list.to_vec()),
    }
}

fn all_without_list(violations: &mut Violations, field: &str, list: &[String]) {
    if !list.is_empty() {
        violations.add(field, format_args!("must be empty for ACCESS_ALL; to list {field}, set ACCESS_SELECTED"));
    }
}

/// The change of an access by an update: the kind and the list, each if the mask contains it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccessChange {
    field: &'static str,
    kind: Option<AccessKind>,
    list: Option<Vec<String>>,
}

impl AccessChange {
    /// Checks everything that does not depend on the key.
    pub(super) fn new(
        violations: &mut Violations,
        mask: &Mask,
        (kind_field, kind): (&str, Choice<AccessKind>),
        (field, list): (&'static str, &[String]),
    ) -> Self {
        let kind = if mask.has(kind_field) { validate::required(violations, kind_field, kind, ACCESS) } else { None };
        let list = mask.has(field).then(|| list.to_vec());
        // Reported before storage is queried; `apply` reports what depends on the key.
        if let (Some(AccessKind::All), Some(list)) = (kind, &list) {
            all_without_list(violations, field, list);
        }
        Self { field, kind, list }
    }

    /// Returns the changed access, in byte order.
    pub(super) fn apply(&self, violations: &mut Violations, current: &Access<String>) -> Access<String> {
        let field = self.field;
        if self.kind.map_or(current.is_all(), |kind| kind == AccessKind::All) {
            all_without_list(violations, field, self.given());
            return Access::All;
        }
        if let Some(list) = &self.list {
            let mut access = Access::Selected(list.clone());
            access.sort();
            return access;
        }
        if current.is_all() {
            // Going from everything to nothing by omitting a list would be an accident.
            let what = "must be in the update mask too: the key has access to all";
            violations.add(field, format_args!("{what} {field}, so list the ones to keep"));
        }
        current.clone()
    }

    /// Returns the list that the caller gave; empty if none.
    pub(super) fn given(&self) -> &[String] {
        self.list.as_deref().unwrap_or_default()
    }
}

pub(super) fn networks(violations: &mut Violations, texts: &[String]) -> Vec<IpNet> {
    if !validate::bounded(violations, "networks", texts.len(), MAX_NETWORKS) {
        return Vec::new();
    }
    let mut networks: Vec<IpNet> = Vec::with_capacity(texts.len());
    for (at, text) in texts.iter().enumerate() {
        let Some(network) = validate::network(violations, format_args!("networks[{at}]"), text) else { continue };
        if networks.contains(&network) {
            violations.add(format_args!("networks[{at}]"), format_args!("repeats the network `{network}`"));
        }
        networks.push(network);
    }
    networks
}

pub(super) fn labels(violations: &mut Violations, labels: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    if validate::bounded(violations, "labels", labels.len(), MAX_LABELS) {
        for (name, value) in labels {
            let shown = excerpt(name);
            if !is_word(name, 63, b"._-") {
                violations.add(
                    format_args!("labels[{shown}]"),
                    "is not a valid label name: use 1–63 of a-z 0-9 . _ -, starting with a letter",
                );
            }
            validate::text(violations, format_args!("labels[{shown}]"), value, (0, 200), Lines::One);
        }
    }
    labels.clone()
}

/// Looks up the numbers of a key's stores or methods, and adds a violation for each name that does not exist.
pub(super) async fn numbers<N: Copy + Send>(
    violations: &mut Violations,
    what: &str,
    names: &[String],
    look_up: impl Future<Output = storage::Result<Vec<Option<N>>>> + Send,
) -> Result<Vec<N>> {
    Ok(found(violations, what, names, &by_name(names, look_up).await?))
}

/// Looks up the numbers of stores or methods by their names, each of which is listed once.
pub(super) async fn by_name<N: Send>(
    names: &[String],
    look_up: impl Future<Output = storage::Result<Vec<Option<N>>>> + Send,
) -> Result<HashMap<String, N>> {
    let numbers = if names.is_empty() { Vec::new() } else { look_up.await? };
    Ok(names.iter().zip(numbers).filter_map(|(name, number)| Some((name.clone(), number?))).collect())
}

/// Returns the numbers of a key's stores or methods, and adds a violation for each name without one.
pub(super) fn found<N: Copy>(
    violations: &mut Violations,
    what: &str,
    names: &[String],
    numbers: &HashMap<String, N>,
) -> Vec<N> {
    let mut found = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        if let Some(number) = numbers.get(name) {
            found.push(*number);
        } else {
            let description = format_args!("the {what} `{}` does not exist", excerpt(name));
            violations.add(format_args!("key.{what}s[{at}]"), description);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::MAX_STORES;
    use crate::registry::input::RawTime;
    use crate::registry::validate::tests::{fields_in, violations_in};

    fn valid_draft() -> KeyDraft {
        KeyDraft {
            name: "CPA network".to_owned(),
            store_access: Choice::Is(AccessKind::All),
            method_access: Choice::Is(AccessKind::Selected),
            methods: vec!["GET /api/v*/orders/statuses".to_owned()],
            ..KeyDraft::default()
        }
    }

    fn key_violations(draft: &KeyDraft) -> Vec<String> {
        violations_in(|violations| violations.within("key", |violations| key(violations, draft)))
    }

    #[test]
    fn a_good_key_has_no_violations_and_is_active_unless_said_otherwise() {
        let mut violations = Violations::new();
        let checked = key(&mut violations, &valid_draft());
        assert!(violations.is_empty());
        assert!(checked.active);
        assert_eq!(checked.stores, Access::All);
        assert!(!key(&mut violations, &KeyDraft { active: Some(false), ..valid_draft() }).active);
    }

    #[test]
    fn an_empty_key_hears_of_everything_it_lacks_at_once() {
        assert_eq!(
            key_violations(&KeyDraft::default()),
            [
                "key.name: must not be empty",
                "key.store_access: is required: ACCESS_ALL or ACCESS_SELECTED",
                "key.method_access: is required: ACCESS_ALL or ACCESS_SELECTED",
            ]
        );
    }

    #[test]
    fn neither_an_empty_list_means_all_nor_all_takes_a_list() {
        let draft = KeyDraft { stores: vec!["main".to_owned()], ..valid_draft() };
        assert_eq!(
            key_violations(&draft),
            ["key.stores: must be empty for ACCESS_ALL; to list stores, set ACCESS_SELECTED"]
        );
        let mut violations = Violations::new();
        let draft = KeyDraft { store_access: Choice::Is(AccessKind::Selected), ..valid_draft() };
        assert_eq!(key(&mut violations, &draft).stores, Access::Selected(Vec::new()));
        assert!(violations.is_empty());
    }

    #[test]
    fn every_bad_entry_of_a_list_is_told_by_its_place() {
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        let draft = KeyDraft {
            store_access: Choice::Is(AccessKind::Selected),
            stores: owned(&["main", "-bad", "main"]),
            methods: owned(&["GET /a", "get /a"]),
            networks: owned(&["10.0.0.1/8", "10.0.0.0/8", "10.0.0.0/8"]),
            labels: [("Team".to_owned(), "x".to_owned()), ("team".to_owned(), " x".to_owned())].into(),
            ..valid_draft()
        };
        assert_eq!(
            fields_in(|violations| violations.within("key", |violations| key(violations, &draft))).join(" "),
            "key.stores[1] key.stores[2] key.methods[1] key.networks[0] key.networks[2] key.labels[Team] \
             key.labels[team]"
        );
    }

    #[test]
    fn a_validity_ends_after_it_begins() {
        let at = |seconds| Some(RawTime { seconds, nanos: 0 });
        assert!(key_violations(&KeyDraft { not_before: at(10), expires: at(11), ..valid_draft() }).is_empty());
        let refused = key_violations(&KeyDraft { not_before: at(10), expires: at(10), ..valid_draft() });
        assert!(
            refused[0].starts_with("key.expire_time: is 1970-01-01T00:00:10Z; it must be later than"),
            "{refused:?}"
        );
    }

    #[test]
    fn lists_have_bounds() {
        let draft = KeyDraft {
            store_access: Choice::Is(AccessKind::Selected),
            stores: (0..=MAX_STORES).map(|at| format!("s{at}")).collect(),
            ..valid_draft()
        };
        assert_eq!(key_violations(&draft), ["key.stores: has 10001 entries; the maximum is 10000"]);
    }

    fn change(
        kind: Option<Choice<AccessKind>>,
        list: Option<&[&str]>,
        current: &Access<String>,
    ) -> Result<Access<String>> {
        let mut violations = Violations::new();
        let masked = kind.map(|_| "store_access".to_owned()).into_iter().chain(list.map(|_| "stores".to_owned()));
        let mask = validate::mask(&mut Violations::new(), &masked.collect::<Vec<_>>(), &["store_access", "stores"]);
        let list: Vec<String> = list.unwrap_or_default().iter().map(|text| (*text).to_owned()).collect();
        let kind = ("store_access", kind.unwrap_or_default());
        let access = AccessChange::new(&mut violations, &mask, kind, ("stores", &list)).apply(&mut violations, current);
        if violations.is_empty() { Ok(access) } else { Err(violations.into()) }
    }

    #[test]
    fn an_update_of_access_never_implies_anything_by_a_list_left_out() {
        use AccessKind::{All, Selected};
        let some = Access::Selected(vec!["a".to_owned()]);
        let two = Access::Selected(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(change(None, None, &some).unwrap(), some);
        assert_eq!(change(None, Some(&["b", "a"]), &some).unwrap(), two);
        assert_eq!(change(Some(Choice::Is(All)), None, &some).unwrap(), Access::All);
        assert_eq!(change(Some(Choice::Is(Selected)), None, &some).unwrap(), some);
        assert_eq!(change(Some(Choice::Is(Selected)), Some(&["a"]), &Access::All).unwrap(), some);
        assert_eq!(change(Some(Choice::Is(Selected)), Some(&[]), &Access::All).unwrap(), Access::Selected(vec![]));
        assert_eq!(change(None, Some(&[]), &Access::All).unwrap(), Access::All);
        assert!(change(Some(Choice::Is(Selected)), None, &Access::All).is_err());
        assert!(change(None, Some(&["a"]), &Access::All).is_err());
        assert!(change(Some(Choice::Is(All)), Some(&["a"]), &some).is_err());
        assert!(change(Some(Choice::Unset), Some(&["a"]), &some).is_err());
    }
}
