//! The columns of a key: read, added and changed. A new column needs changes in this file alone, at the same position
//! in each of the lists.

use super::driver::Insert;
use super::value::{RowReader, SqlValue, json};
use crate::model::change::Revision;
use crate::model::key::{Access, Key, KeySpec, Revocation};
use crate::model::time::Timestamp;
use crate::storage::Result;

/// The columns that [`read`] reads, of `keys k LEFT JOIN key_uses u`.
macro_rules! key_columns {
    () => {
        "k.id, k.name, k.owner, k.contact, k.comment, k.active, k.revoked_at, k.revoked_reason, k.all_stores, \
         CASE WHEN k.all_stores THEN NULL ELSE (SELECT string_agg(CAST(ks.store_number AS text), ',') \
         FROM key_stores ks WHERE ks.key_id = k.id) END, k.all_methods, \
         CASE WHEN k.all_methods THEN NULL ELSE (SELECT string_agg(CAST(km.method_number AS text), ',') \
         FROM key_methods km WHERE km.key_id = k.id) END, \
         k.not_before, k.expires_at, k.networks, k.labels, k.created_at, k.updated_at, u.last_used_at, k.row_revision"
    };
}
pub(super) use key_columns;

pub(super) static INSERT_KEYS: Insert = Insert::new(
    "insert_keys",
    "keys",
    &[
        "name",
        "owner",
        "contact",
        "comment",
        "active",
        "revoked_at",
        "revoked_reason",
        "all_stores",
        "all_methods",
        "not_before",
        "expires_at",
        "networks",
        "labels",
        "updated_at",
        "row_revision",
        "id",
        "search",
        "created_at",
    ],
    "",
);

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
    vec![
        spec.name.as_str().into(),
        spec.owner.as_str().into(),
        spec.contact.as_str().into(),
        spec.comment.as_str().into(),
        spec.active.into(),
        revoked.map(|revoked| revoked.at).into(),
        revoked.map(|revoked| revoked.reason.clone()).into(),
        spec.stores.is_all().into(),
        spec.methods.is_all().into(),
        spec.not_before.into(),
        spec.expires.into(),
        json(&spec.networks),
        json(&spec.labels),
        now.into(),
        revision.into(),
    ]
}

/// A partly read key: without its secrets, and with numbers instead of the names that it selects.
pub(super) struct NumberedKey {
    pub(super) key: Key,
    pub(super) stores: Vec<u32>,
    pub(super) methods: Vec<u32>,
}

/// Reads access to all, or to the numbers, which get their names later.
fn access(reader: &mut RowReader, all: &str, list: &str) -> Result<(Access<String>, Vec<u32>)> {
    let all = reader.bool(all)?;
    let numbers = reader.numbers(list)?;
    Ok((if all { Access::All } else { Access::Selected(Vec::new()) }, numbers))
}

/// Reads a key from [`key_columns`].
pub(super) fn read(reader: &mut RowReader) -> Result<NumberedKey> {
    let id = reader.parsed("id")?;
    let (name, owner) = (reader.text("name")?, reader.text("owner")?);
    let (contact, comment) = (reader.text("contact")?, reader.text("comment")?);
    let active = reader.bool("active")?;
    let (at, reason) = (reader.opt_time("revoked_at")?, reader.opt_text("revoked_reason")?);
    let (all_or_stores, stores) = access(reader, "all_stores", "stores")?;
    let (all_or_methods, methods) = access(reader, "all_methods", "methods")?;
    let spec = KeySpec {
        name,
        owner,
        contact,
        comment,
        active,
        stores: all_or_stores,
        methods: all_or_methods,
        not_before: reader.opt_time("not_before")?,
        expires: reader.opt_time("expires_at")?,
        networks: reader.json("networks")?,
        labels: reader.json("labels")?,
    };
    let key = Key {
        id,
        spec,
        revoked: at.map(|at| Revocation { at, reason: reason.unwrap_or_default() }),
        secrets: Vec::new(),
        created: reader.time("created_at")?,
        updated: reader.time("updated_at")?,
        // 0: never.
        last_used: reader.opt_time("last_used_at")?.filter(|at| at.as_micros() != 0),
        row_revision: reader.revision("row_revision")?,
    };
    Ok(NumberedKey { key, stores, methods })
}
