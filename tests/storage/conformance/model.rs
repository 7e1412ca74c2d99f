//! The expected contents of lists, written from the docs of the filters: plain loops over the input.

use latchkey::model::change::{Change, SubjectKind};
use latchkey::model::key::{Access, Key};
use latchkey::storage::{ChangeFilter, KeyFilter};

/// Returns whether a filter is unset or holds.
fn holds<T>(filter: Option<&T>, check: impl FnOnce(&T) -> bool) -> bool {
    filter.is_none_or(check)
}

/// Returns whether access includes `member`.
fn opens(access: &Access<String>, member: &String) -> bool {
    match access {
        Access::All => true,
        Access::Selected(members) => members.contains(member),
    }
}

/// Returns whether a key passes a filter.
#[must_use]
pub fn key_passes(key: &Key, filter: &KeyFilter) -> bool {
    let is_active = key.spec.active && key.revoked.is_none();
    let id = key.id.to_string();
    let searched = [&key.spec.name, &key.spec.owner, &key.spec.comment, &id];
    let hints = key.secrets.iter().map(|secret| &secret.hint);
    let searched: Vec<String> = searched.into_iter().chain(hints).map(|text| text.to_lowercase()).collect();
    holds(filter.active.as_ref(), |active| is_active == *active)
        && holds(filter.revoked.as_ref(), |revoked| key.revoked.is_some() == *revoked)
        && holds(filter.all_stores.as_ref(), |all| key.spec.stores.is_all() == *all)
        && holds(filter.all_methods.as_ref(), |all| key.spec.methods.is_all() == *all)
        && holds(filter.store.as_ref(), |store| opens(&key.spec.stores, store))
        && holds(filter.method.as_ref(), |method| opens(&key.spec.methods, method))
        && holds(filter.text.as_ref(), |text| searched.iter().any(|field| field.contains(&text.to_lowercase())))
        && holds(filter.owner.as_ref(), |owner| key.spec.owner == *owner)
        && holds(filter.expire_before.as_ref(), |end| key.spec.expires.is_some_and(|expires| expires < *end))
        && holds(filter.unused_since.as_ref(), |start| key.last_used.is_none_or(|used| used < *start))
        && holds(filter.used.as_ref(), |used| key.last_used.is_some() == *used)
}

/// Returns whether a change passes a filter.
#[must_use]
pub fn change_passes(change: &Change, filter: &ChangeFilter) -> bool {
    holds(filter.kind.as_ref(), |kind| SubjectKind::parse(&change.kind) == *kind)
        && holds(filter.subject.as_ref(), |subject| change.subject == *subject)
        && holds(filter.actor.as_ref(), |actor| change.actor == actor.to_string())
        && holds(filter.start.as_ref(), |start| change.at >= *start)
        && holds(filter.end.as_ref(), |end| change.at < *end)
}
