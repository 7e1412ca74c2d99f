//! Hashes of the rows of a World's tables, by the names that people use, so that a World can be compared with storage
//! and differences can be named.

use std::collections::BTreeMap;
use std::fmt::{Debug, Write as _};
use std::sync::Arc;

use siphasher::sip::SipHasher13;

use crate::model::operator::Operator;
use crate::model::reference::Method;
use crate::model::store::Store;
use crate::model::token::Digest;

/// Most names in a report.
const MAX_NAMES: usize = 20;

/// Hashes of rows, by name.
pub(in crate::authority) type Hashes = BTreeMap<String, u64>;

#[derive(Debug, Default)]
pub(in crate::authority) struct RowHashes {
    pub(in crate::authority) stores: Arc<Hashes>,
    pub(in crate::authority) methods: Arc<Hashes>,
    pub(in crate::authority) operators: Arc<Hashes>,
}

impl RowHashes {
    pub(in crate::authority) fn of(stores: &[Store], methods: &[Method], operators: &[(Operator, Digest)]) -> Self {
        Self {
            stores: Arc::new(hash_stores(stores)),
            methods: Arc::new(hash_methods(methods)),
            operators: Arc::new(hash_operators(operators)),
        }
    }

    /// Returns the hashes of each table, with its name.
    pub(in crate::authority) fn tables(&self) -> [(&'static str, &Arc<Hashes>); 3] {
        [("stores", &self.stores), ("methods", &self.methods), ("operators", &self.operators)]
    }
}

pub(super) fn hash_stores(stores: &[Store]) -> Hashes {
    hash(stores.iter().map(|store| (store.code.as_str().to_owned(), store, b"".as_slice())))
}

pub(super) fn hash_methods(methods: &[Method]) -> Hashes {
    hash(methods.iter().map(|method| (method.identity.to_string(), method, b"".as_slice())))
}

pub(super) fn hash_operators(operators: &[(Operator, Digest)]) -> Hashes {
    hash(operators.iter().map(|(operator, digest)| (operator.id.to_string(), operator, &digest.as_bytes()[..])))
}

/// Hashes rows: their names, their fields, and what their fields do not show. Several retired methods may share a name.
fn hash<'a, Row: Debug + 'a>(rows: impl Iterator<Item = (String, &'a Row, &'a [u8])>) -> Hashes {
    let mut hashes = Hashes::new();
    for (name, row, more) in rows {
        let mut text = format!("{row:?}").into_bytes();
        text.extend_from_slice(more);
        let known = hashes.entry(name).or_default();
        *known = known.wrapping_add(SipHasher13::new().hash(&text));
    }
    hashes
}

pub(in crate::authority) fn differing(held: &Hashes, stored: &Hashes) -> Vec<String> {
    let gone = held.keys().filter(|name| !stored.contains_key(*name));
    let changed = stored.iter().filter(|(name, hash)| held.get(*name) != Some(*hash)).map(|(name, _)| name);
    gone.chain(changed).cloned().collect()
}

/// Joins the first of `names` into a text.
pub(in crate::authority) fn join_names(names: &[String]) -> String {
    let mut text = names.iter().take(MAX_NAMES).cloned().collect::<Vec<_>>().join(", ");
    if let Some(more) = names.len().checked_sub(MAX_NAMES).filter(|more| *more > 0) {
        let _ = write!(text, " and {more} more");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_removed_or_changed_is_named() {
        let rows = |rows: &[(&str, u64)]| rows.iter().map(|(name, hash)| ((*name).to_owned(), *hash)).collect();
        let (held, stored): (Hashes, Hashes) =
            (rows(&[("same", 1), ("gone", 2), ("changed", 3)]), rows(&[("same", 1), ("changed", 4), ("new", 5)]));
        assert_eq!(differing(&held, &stored), ["gone", "changed", "new"]);
        assert!(differing(&held, &held).is_empty());
        let many: Vec<_> = (0..22).map(|number| number.to_string()).collect();
        assert!(join_names(&many).ends_with("18, 19 and 2 more"));
    }
}
