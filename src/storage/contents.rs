//! The contents of storage, measured: a count and a digest of the rows of each table that decisions depend on, so that
//! two measurements can be compared without reading millions of rows.

use std::collections::BTreeSet;

use crate::model::change::Cursor;
use crate::model::id::KeyId;
use crate::model::operator::Operator;
use crate::model::reference::Method;
use crate::model::store::Store;
use crate::model::token::Digest;

/// The number of parts that keys are divided into, by the last three hexadecimal digits of their ids.
pub const KEY_PARTS: u16 = 1 << 12;
/// The tables with the rows of keys, which are measured part by part.
pub const KEY_TABLES: [&str; 4] = ["keys", "secrets", "key_stores", "key_methods"];

/// The number of rows, and a digest of them that does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// The number of rows.
    pub rows: u64,
    /// The sum of a hash of each.
    pub digest: u64,
}

/// The contents of storage at one revision.
#[derive(Debug, Clone)]
pub struct StorageContents {
    /// The latest revision.
    pub head: Cursor,
    /// All stores.
    pub stores: Vec<Store>,
    /// All methods, retired ones included, by position.
    pub methods: Vec<Method>,
    /// All operators that are not revoked, with the digests of their tokens.
    pub operators: Vec<(Operator, Digest)>,
    /// The hosts of stores.
    pub hosts: Tally,
    /// The rows of keys: for each part those of each of [`KEY_TABLES`].
    pub keys: Vec<[Tally; KEY_TABLES.len()]>,
    /// The changes after the given cursor; `None` if the cursor is from a diverged history.
    pub changed: Option<ChangedParts>,
    /// Tables that lack rows which the audit trail lists as created.
    pub incomplete_tables: Vec<IncompleteTable>,
    /// Open transactions of other sessions that have written to these tables. Only some engines list them.
    pub open_writes: BTreeSet<String>,
}

/// The parts of storage that writes have changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ChangedParts {
    /// The parts of the keys that were changed.
    pub parts: BTreeSet<u16>,
    /// Whether a store was changed.
    pub stores: bool,
    /// Whether a method was changed.
    pub methods: bool,
    /// Whether an operator was changed.
    pub operators: bool,
}

/// A table that lacks rows which the audit trail lists as created.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncompleteTable {
    /// The table.
    pub table: &'static str,
    /// Whether it has no rows at all.
    pub empty: bool,
}

/// The result of reading many grants at once.
#[derive(Debug, Clone)]
pub struct GrantsRead {
    /// The latest revision.
    pub head: Cursor,
    /// The grants of those digests that belong to a secret.
    pub grants: Vec<(Digest, crate::model::grant::Grant)>,
}

/// Returns the part that a key belongs to.
pub fn part_of_key(key: KeyId) -> u16 {
    u16::try_from(key.as_u128() % u128::from(KEY_PARTS)).unwrap_or(0)
}

impl StorageContents {
    /// Returns the tables whose rows differ from those of `earlier` although no write in `changes` changed them, with
    /// the parts of keys that differ. Rows changed by writes in between cannot be compared and count as equal.
    pub fn differences(&self, earlier: &Self) -> Vec<(&'static str, BTreeSet<u16>)> {
        let Some(changed) = &self.changed else {
            return vec![("changes", BTreeSet::new())];
        };
        let tables = [
            ("stores", !changed.stores && self.stores != earlier.stores),
            ("store_hosts", !changed.stores && self.hosts != earlier.hosts),
            ("methods", !changed.methods && self.methods != earlier.methods),
            ("operators", !changed.operators && self.operators != earlier.operators),
        ];
        let differing = tables.into_iter().filter(|(_, differs)| *differs);
        let mut found: Vec<_> = differing.map(|(table, _)| (table, BTreeSet::new())).collect();
        for (at, table) in KEY_TABLES.into_iter().enumerate() {
            let differs = |part: &u16| {
                let part = usize::from(*part);
                self.keys.get(part).map(|row| row[at]) != earlier.keys.get(part).map(|row| row[at])
            };
            let differ: BTreeSet<u16> =
                (0..KEY_PARTS).filter(|part| !changed.parts.contains(part)).filter(differs).collect();
            if !differ.is_empty() {
                found.push((table, differ));
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::change::Revision;
    use crate::model::time::Timestamp;

    fn contents() -> StorageContents {
        StorageContents {
            head: Cursor { revision: Revision(7), nonce: 7 },
            stores: Vec::new(),
            methods: Vec::new(),
            operators: Vec::new(),
            hosts: Tally::default(),
            keys: vec![[Tally { rows: 1, digest: 5 }; KEY_TABLES.len()]; usize::from(KEY_PARTS)],
            changed: Some(ChangedParts::default()),
            incomplete_tables: Vec::new(),
            open_writes: BTreeSet::new(),
        }
    }

    #[test]
    fn what_differs_is_named_unless_a_write_changed_it() {
        let earlier = contents();
        assert!(contents().differences(&earlier).is_empty());
        let mut later = contents();
        later.keys[9][1] = Tally { rows: 0, digest: 0 };
        assert_eq!(later.differences(&earlier), vec![("secrets", BTreeSet::from([9]))]);
        later.changed = Some(ChangedParts { parts: BTreeSet::from([9]), ..ChangedParts::default() });
        assert!(later.differences(&earlier).is_empty(), "a write changed a key of that part");
        later.hosts.rows = 1;
        assert_eq!(later.differences(&earlier), vec![("store_hosts", BTreeSet::new())]);
        later.changed = None;
        assert_eq!(later.differences(&earlier), vec![("changes", BTreeSet::new())], "of another history");
    }

    #[test]
    fn a_key_falls_into_the_part_that_its_text_ends_with() {
        let key = KeyId::new(Timestamp::EPOCH, [1, 2, 3, 4, 5, 6, 7, 8, 0x9a, 0xbc]);
        let text = key.to_string();
        assert_eq!(u16::from_str_radix(&text[37..], 16), Ok(part_of_key(key)));
    }
}
