//! The columns of a key: read, added and changed. A new column needs changes in this file alone, at the same position
//! in each of the lists.

use super::driver::Insert;
use super::value::{SqlRow, SqlValue, json};
use crate::model::change::Revision;
use crate::model::key::{Key, KeySpec, Revocation};
use crate::model::time::Timestamp;
use crate::storage::Result;

/// The columns that [`selected`] reads, of `keys k`: of the stores and of the methods.
macro_rules! access_columns {
    () => {
        "k.all_stores, CASE WHEN k.all_stores THEN NULL ELSE (SELECT string_agg(CAST(ks.store_number AS text), ',') \
         FROM key_stores ks WHERE ks.key_id = k.id) END, \
         k.all_methods, CASE WHEN k.all_methods THEN NULL ELSE (SELECT string_agg(CAST(km.method_number AS text), ',') \
         FROM key_methods km WHERE km.key_id = k.id) END"
    };
}
pub(super) use access_columns;

/// The columns that [`read`] reads, of `keys k LEFT JOIN key_uses u`.
macro_rules! key_columns {
    () => {
        concat!(
            "k.id, k.name, k.owner, k.contact, k.comment, k.active, k.revoked_at, k.revoked_reason, ",
            $crate::storage::sql::key_row::access_columns!(),
            ", k.not_before, k.expires_at, k.networks, k.labels, k.created_at, k.updated_at, u.last_used_at, \
             k.row_revision"
        )
    };
}
pub(super) use key_columns;

pub(super) const INSERT_KEYS: Insert = Insert {
    name: "insert_keys",
    into: "keys (name, owner, contact, comment, active, revoked_at, revoked_reason, all_stores, all_methods, \
           not_before, expires_at, networks, labels, updated_at, row_revision, id, search, created_at)",
    on_conflict: "",
};

/// Takes [`values`] and the id.
pub(super) const UPDATE_KEY: &str = "UPDATE keys SET name = $1, owner = $2, contact = $3, comment = $4, active = $5, \
     revoked_at = $6, revoked_reason = $7, all_stores = $8, all_methods = $9, not_before = $10, expires_at = $11, \
     networks = $12, labels = $13, updated_at = $14, row_revision = $15 \
     WHERE id = $16 AND deleted_revision IS NULL";

/// Returns the values of all columns except id, search and creation.
pub(super) fn values(
    spec: &KeySpec,
    revoked: Option<&Revocation>,
    now: Timestamp,
    revision: Revision,
) -> Vec<SqlValue> {
    let KeySpec { name, owner, contact, comment, active, not_before, expires, networks, labels, .. } = spec;
    let (all_stores, all_methods) = (spec.stores.is_all(), spec.methods.is_all());
    let (at, reason) = revoked.map(|revoked| (revoked.at, &revoked.reason)).unzip();
    let mut values = params![name, owner, contact, comment, *active, at, reason, all_stores, all_methods];
    values.extend(params![*not_before, *expires, json(networks), json(labels), now, revision]);
    values
}

/// A partly read key: without its secrets, and with the numbers that it selects, if not all, instead of their names.
pub(super) struct NumberedKey {
    pub(super) key: Key,
    pub(super) stores: Option<Vec<u32>>,
    pub(super) methods: Option<Vec<u32>>,
}

/// Reads the numbers that a key selects; `None` if it has access to all.
pub(super) fn selected(row: &mut SqlRow, all: &str, list: &str) -> Result<Option<Vec<u32>>> {
    let (all, numbers): (bool, _) = (row.get(all)?, row.get(list)?);
    Ok((!all).then_some(numbers))
}

pub(super) fn read(row: &mut SqlRow) -> Result<NumberedKey> {
    let id = row.get("id")?;
    let mut spec = KeySpec {
        name: row.get("name")?,
        owner: row.get("owner")?,
        contact: row.get("contact")?,
        comment: row.get("comment")?,
        active: row.get("active")?,
        ..KeySpec::default()
    };
    let (at, reason): (Option<_>, Option<_>) = (row.get("revoked_at")?, row.get("revoked_reason")?);
    let stores = selected(row, "all_stores", "stores")?;
    let methods = selected(row, "all_methods", "methods")?;
    spec.not_before = row.get("not_before")?;
    spec.expires = row.get("expires_at")?;
    spec.networks = row.get("networks")?;
    spec.labels = row.get("labels")?;
    let key = Key {
        id,
        spec,
        revoked: at.map(|at| Revocation { at, reason: reason.unwrap_or_default() }),
        secrets: Vec::new(),
        created: row.get("created_at")?,
        updated: row.get("updated_at")?,
        // 0: never.
        last_used: row.get::<Option<Timestamp>>("last_used_at")?.filter(|at| at.as_micros() != 0),
        row_revision: row.get("row_revision")?,
    };
    Ok(NumberedKey { key, stores, methods })
}
