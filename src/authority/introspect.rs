//! What a token may do, told to whoever holds it.

use std::collections::BTreeMap;

use crate::model::book::Entry;
use crate::model::change::Revision;
use crate::model::decision::{Reachable, Reason, StoresFrom, judge_standing};
use crate::model::grant::Grant;
use crate::model::id::KeyId;
use crate::model::marks::Moment;
use crate::model::time::Timestamp;
use crate::model::world::World;

/// What a token may do, at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// Why the token is good for nothing; none: it is good.
    pub refused: Option<Reason>,
    /// What it may do, if it is good.
    pub access: Option<Reach>,
    /// The revision.
    pub revision: Revision,
}

/// What a good token may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reach {
    /// The key.
    pub key: KeyId,
    /// Its name.
    pub name: String,
    /// Whether it opens all stores.
    pub all_stores: bool,
    /// Codes and names of the active stores it opens now, in byte order of the codes.
    pub stores: Vec<(String, String)>,
    /// Whether it opens all methods.
    pub all_methods: bool,
    /// Identities of the methods that it can call now, in byte order.
    pub methods: Vec<String>,
    /// Scopes whose methods the key opens all, in byte order.
    pub scopes: Vec<String>,
    /// When the key ends.
    pub expires: Option<Timestamp>,
    /// When this token ends, if before the key.
    pub secret_expires: Option<Timestamp>,
}

/// Returns what `grant` opens in `world` at `now`, where calls of a method tell of their stores as `best` says at most.
/// `None` leaves the method out.
pub(super) fn introspect(
    grant: &Grant,
    world: &World,
    now: Moment,
    best: impl Fn(&Entry) -> Option<StoresFrom>,
) -> Introspection {
    let revision = world.revision();
    if let Some(reason) = judge_standing(grant, now).first() {
        return Introspection { refused: Some(reason), access: None, revision };
    }
    let mut stores: Vec<_> = world
        .stores
        .iter()
        .filter(|(number, store)| store.active && grant.stores.contains(*number))
        .map(|(_, store)| (store.code.to_string(), store.name.to_string()))
        .collect();
    stores.sort_unstable();
    let mut methods = Vec::new();
    let mut scopes = BTreeMap::new();
    let reachable = Reachable::new(grant, world);
    for entry in world.methods.book().entries().iter().filter(|entry| !entry.retired) {
        let open = grant.methods.contains(entry.number);
        if best(entry).is_some_and(|best| reachable.has(entry, best)) {
            methods.push(entry.identity.to_string());
        }
        if let Some(scope) = world.methods.scope(entry.number) {
            *scopes.entry(scope).or_insert(true) &= open;
        }
    }
    methods.sort_unstable();
    let access = Reach {
        key: grant.key,
        name: grant.name.to_string(),
        all_stores: grant.stores.is_all(),
        stores,
        all_methods: grant.methods.is_all(),
        methods,
        scopes: scopes.into_iter().filter(|(_, open)| *open).map(|(scope, _)| scope.to_owned()).collect(),
        expires: grant.expires,
        secret_expires: grant.secret_expires,
    };
    Introspection { refused: None, access: Some(access), revision }
}
