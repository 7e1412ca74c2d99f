//! Introspection: what a token has access to, reported to its holder.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::Authority;
use super::find::TokenLookup;
use super::undecided::Undecided;
use crate::model::book::Entry;
use crate::model::change::{Cursor, Revision};
use crate::model::decision::{ReachableMethods, Reason, StoresFrom, check_standing};
use crate::model::grant::Grant;
use crate::model::id::KeyId;
use crate::model::marks::DecisionTime;
use crate::model::time::Timestamp;
use crate::model::world::World;

/// The access of a token, at one revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// Why the token is refused; `None` if it is valid.
    pub refused: Option<Reason>,
    /// The access, if the token is valid.
    pub access: Option<TokenAccess>,
    /// The revision.
    pub revision: Revision,
}

/// The access of a valid token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenAccess {
    /// The key.
    pub key: KeyId,
    /// The key's name.
    pub name: String,
    /// Whether it has access to all stores.
    pub all_stores: bool,
    /// Codes and names of the active stores it has access to now, in byte order of the codes.
    pub stores: Vec<(String, String)>,
    /// Whether it has access to all methods.
    pub all_methods: bool,
    /// Identities of the methods that it can call now, in byte order.
    pub methods: Vec<String>,
    /// Scopes whose methods the key may call without exception, in byte order.
    pub scopes: Vec<String>,
    /// When the key expires.
    pub expires: Option<Timestamp>,
    /// When this token expires, if before the key.
    pub secret_expires: Option<Timestamp>,
}

impl Authority {
    /// Returns the access of a token.
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn introspect(&self, token: &str, min_revision: Option<Cursor>) -> Result<Introspection, Undecided> {
        Ok(match self.find(token, min_revision).await? {
            TokenLookup::Grant(state, cached) => {
                let now = self.decision_time(cached.grant.row_revision);
                introspect(&cached.grant, &state.world, now, |_| Some(StoresFrom::Service))
            }
            TokenLookup::Nothing(reason, revision) => refused(reason, revision),
        })
    }

    /// Does the same for a call from `client` through a gateway: refuses clients outside the key's networks. `best` is
    /// the most evidence of stores that calls of a method can give; `None` if the gateway does not govern it.
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn introspect_from(
        &self,
        token: &str,
        client: Option<IpAddr>,
        best: impl Fn(&Entry) -> Option<StoresFrom> + Send,
    ) -> Result<Introspection, Undecided> {
        Ok(match self.find(token, None).await? {
            TokenLookup::Grant(state, cached) => {
                let now = self.decision_time(cached.grant.row_revision);
                let access = introspect(&cached.grant, &state.world, now, best);
                // What is wrong with the key itself comes first.
                if access.refused.is_none() && !cached.grant.admits(client) {
                    refused(Reason::NetworkDenied, access.revision)
                } else {
                    access
                }
            }
            TokenLookup::Nothing(reason, revision) => refused(reason, revision),
        })
    }
}

const fn refused(reason: Reason, revision: Revision) -> Introspection {
    Introspection { refused: Some(reason), access: None, revision }
}

/// Returns the access of `grant` in `world` at `now`. `best` is the most evidence of its stores that calls of a method
/// can give; `None` omits the method.
fn introspect(
    grant: &Grant,
    world: &World,
    now: DecisionTime,
    best: impl Fn(&Entry) -> Option<StoresFrom>,
) -> Introspection {
    let revision = world.revision();
    if let Some(reason) = check_standing(grant, now).first() {
        return refused(reason, revision);
    }
    let mut stores: Vec<_> = world
        .stores
        .iter()
        .filter(|store| store.active && grant.stores.contains(store.number))
        .map(|store| (store.code.to_string(), store.name.to_string()))
        .collect();
    stores.sort_unstable();
    let mut methods = Vec::new();
    let mut scopes = BTreeMap::new();
    let reachable = ReachableMethods::new(grant, world);
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
    let access = TokenAccess {
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
