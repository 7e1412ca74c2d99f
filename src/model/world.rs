//! The World: an immutable snapshot of everything but keys, at one revision.

use std::sync::Arc;

// Faster than the standard library's for the look-ups of every decision. Callers choose none of its keys.
use hashbrown::HashMap;

use super::book::{Book, CompileError, Entry, MethodNumber};
use super::change::{Cursor, Revision};
use super::marks::DecisionTime;
use super::method::StorePlace;
use super::operator::Operator;
use super::reference::Method;
use super::store::{Store, StoreNumber};
use super::token::Digest;

/// Everything that decisions need in addition to the grant, at one revision.
#[derive(Debug, Clone)]
pub struct World {
    /// Its revision, with the nonce.
    pub cursor: Cursor,
    /// The stores.
    pub stores: Arc<StoreTable>,
    /// The reference book.
    pub methods: Arc<MethodTable>,
    /// The operators.
    pub operators: Arc<OperatorTable>,
}

/// The stores, by code and by number.
#[derive(Debug, Default)]
pub struct StoreTable {
    /// Ascending by number.
    all: Vec<StoreEntry>,
    /// Indexes into `all`.
    by_number: HashMap<StoreNumber, usize>,
    by_code: HashMap<Box<str>, usize>,
    by_host: HashMap<Box<str>, usize>,
}

/// The fields of a store that decisions need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreEntry {
    /// Its number.
    pub number: StoreNumber,
    /// Its code.
    pub code: Box<str>,
    /// Its name, for introspection of a key.
    pub name: Box<str>,
    /// Whether calls may name it.
    pub active: bool,
}

/// The compiled reference book, and further fields of its methods.
#[derive(Debug)]
pub struct MethodTable {
    book: Book,
    scopes: HashMap<MethodNumber, String>,
    places: HashMap<MethodNumber, Vec<StorePlace>>,
}

/// The operators, by the digests of their tokens.
#[derive(Debug, Default)]
pub struct OperatorTable {
    by_digest: HashMap<Digest, Operator>,
}

impl World {
    /// Returns the revision of this World.
    pub fn revision(&self) -> Revision {
        self.cursor.revision
    }
}

impl StoreTable {
    /// Builds the table of `stores`.
    pub fn new(stores: impl IntoIterator<Item = Store>) -> Self {
        let mut stores: Vec<Store> = stores.into_iter().collect();
        stores.sort_unstable_by_key(|store| store.number);
        let mut table = Self::default();
        for (index, store) in stores.into_iter().enumerate() {
            table.by_number.insert(store.number, index);
            table.by_code.insert(store.code.as_str().into(), index);
            table.by_host.extend(store.hosts.into_iter().map(|host| (host.into(), index)));
            table.all.push(StoreEntry {
                number: store.number,
                code: store.code.as_str().into(),
                name: store.name.into(),
                active: store.active,
            });
        }
        table
    }

    /// Returns the store with this code.
    pub fn get(&self, code: &str) -> Option<&StoreEntry> {
        self.by_code.get(code).map(|index| &self.all[*index])
    }

    /// Returns the store with this host, in lower case and without a port.
    pub fn get_by_host(&self, host: &str) -> Option<&StoreEntry> {
        self.by_host.get(host).map(|index| &self.all[*index])
    }

    /// Returns the store with this number; `None` after its deletion.
    pub fn get_by_number(&self, number: StoreNumber) -> Option<&StoreEntry> {
        self.by_number.get(&number).map(|index| &self.all[*index])
    }

    /// Returns all stores, ascending by number.
    pub fn iter(&self) -> impl Iterator<Item = &StoreEntry> {
        self.all.iter()
    }
}

impl MethodTable {
    /// Compiles `methods`; returns an error if two live ones match the same calls.
    pub fn new(methods: impl IntoIterator<Item = Method>) -> Result<Self, CompileError> {
        let mut scopes = HashMap::new();
        let mut places = HashMap::new();
        let mut entries = Vec::new();
        for method in methods {
            let retired = method.retired.is_some();
            if retired && cfg!(without_guard = "narrowing") {
                continue;
            }
            if !retired {
                scopes.extend(method.scope.map(|scope| (method.number, scope)));
                places.insert(method.number, method.store_places);
            }
            entries.push(Entry {
                number: method.number,
                identity: method.identity,
                store_use: method.store_use,
                retired,
            });
        }
        Ok(Self { book: Book::compile(entries)?, scopes, places })
    }

    /// Returns the compiled book.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Returns the scope of a method.
    pub fn scope(&self, number: MethodNumber) -> Option<&str> {
        self.scopes.get(&number).map(String::as_str)
    }

    /// Returns the locations of the store in calls of a method.
    pub fn store_places(&self, number: MethodNumber) -> &[StorePlace] {
        self.places.get(&number).map_or(&[], Vec::as_slice)
    }
}

impl OperatorTable {
    /// Builds the table of `operators`, none of them revoked.
    pub fn new(operators: impl IntoIterator<Item = (Operator, Digest)>) -> Self {
        Self { by_digest: operators.into_iter().map(|(operator, digest)| (digest, operator)).collect() }
    }

    /// Returns the operator with this token's digest, unless it has expired at the moment for its row revision.
    pub fn get(&self, digest: &Digest, moment: impl FnOnce(Revision) -> DecisionTime) -> Option<&Operator> {
        let operator = self.by_digest.get(digest)?;
        let expired = operator.expires.is_some_and(|expires| moment(operator.row_revision).is_past(expires));
        (!expired).then_some(operator)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::decision::{Reason, Request, decide};
    use crate::model::grant::{Grant, NumberSet};
    use crate::model::method::StoreUse;
    use crate::model::time::Timestamp;

    fn method(number: u32, identity: &str, retired: bool) -> Method {
        Method {
            number: MethodNumber(number),
            identity: identity.parse().unwrap(),
            block: "Orders".into(),
            summary: "s".into(),
            description: String::new(),
            store_use: StoreUse::Optional,
            store_places: Vec::new(),
            scope: None,
            position: 0,
            retired: retired.then_some(Revision(2)),
            created: Timestamp::EPOCH,
            updated: Timestamp::EPOCH,
            row_revision: Revision(1),
        }
    }

    fn world(methods: impl IntoIterator<Item = Method>) -> World {
        World {
            cursor: Cursor::default(),
            stores: Arc::default(),
            methods: Arc::new(MethodTable::new(methods).unwrap()),
            operators: Arc::default(),
        }
    }

    #[test]
    fn a_deleted_method_is_not_handed_to_holders_of_a_wider_one() {
        let grant = Grant { methods: NumberSet::selected(vec![MethodNumber(1)]), ..Grant::to_everything() };
        let request = Request { method: "GET /orders/history", ..Request::default() };
        for (retired, reason) in [(false, Reason::MethodDenied), (true, Reason::MethodUnknown)] {
            let world =
                world([method(1, "GET /orders/{externalId}", false), method(2, "GET /orders/history", retired)]);
            let decision = decide(&grant, &world, &request, Timestamp::EPOCH);
            assert_eq!(decision.failed.first(), Some(reason), "deleted: {retired}");
        }
    }
}
