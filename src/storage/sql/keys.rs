//! Keys and their secrets: reading them.

use std::collections::HashMap;

use super::codec::{self, MEMBER_SEPARATOR};
use super::link::Link;
use super::value::{Reader, Row, each};
use crate::model::id::{KeyId, SecretId};
use crate::model::key::{Access, Key, Revocation, Secret};
use crate::model::token::Digest;
use crate::storage::{Found, Result};

/// The columns that [`read`] reads, of `keys k LEFT JOIN key_uses u`.
macro_rules! key_columns {
    () => {
        "k.id, k.name, k.owner, k.comment, k.active, k.revoked_at, k.revoked_reason, k.all_stores, k.all_methods, \
         k.not_before, k.expires_at, k.networks, k.labels, k.created_at, k.updated_at, u.last_used_at, k.row_revision"
    };
}
pub(super) use key_columns;

/// The columns that [`read_secret`] reads, of `secrets t LEFT JOIN secret_uses v`.
macro_rules! secret_columns {
    () => {
        "t.id, t.hint, t.origin, t.created_at, t.expires_at, v.last_used_at"
    };
}

/// Access to all, or to what is found later.
fn access(reader: &mut Reader, all: &str) -> Result<Access<String>> {
    Ok(if reader.bool(all)? { Access::All } else { Access::Selected(Vec::new()) })
}

/// Reads a key of [`key_columns`], without its secrets and without what it selects.
fn read(reader: &mut Reader) -> Result<Key> {
    let (id, name, owner, comment) =
        (reader.parsed("id")?, reader.text("name")?, reader.text("owner")?, reader.text("comment")?);
    let active = reader.bool("active")?;
    let (at, reason) = (reader.opt_time("revoked_at")?, reader.opt_text("revoked_reason")?);
    Ok(Key {
        id,
        name,
        owner,
        comment,
        active,
        revoked: at.map(|at| Revocation { at, reason: reason.unwrap_or_default() }),
        stores: access(reader, "all_stores")?,
        methods: access(reader, "all_methods")?,
        not_before: reader.opt_time("not_before")?,
        expires: reader.opt_time("expires_at")?,
        networks: reader.json("networks")?,
        labels: reader.json("labels")?,
        secrets: Vec::new(),
        created: reader.time("created_at")?,
        updated: reader.time("updated_at")?,
        // 0: never.
        last_used: reader.opt_time("last_used_at")?.filter(|at| at.as_micros() != 0),
        row_revision: reader.revision("row_revision")?,
    })
}

/// Reads a secret of [`secret_columns`].
fn read_secret(reader: &mut Reader) -> Result<Secret> {
    Ok(Secret {
        id: reader.parsed("id")?,
        hint: reader.text("hint")?,
        origin: reader.read_as("origin", codec::origin_of)?,
        created: reader.time("created_at")?,
        expires: reader.opt_time("expires_at")?,
        last_used: reader.opt_time("last_used_at")?,
    })
}

/// The keys of `rows`, which were read with [`key_columns`], with what they select and their live secrets.
pub(super) async fn complete(link: &mut Link, rows: Vec<Row>) -> Result<Vec<Key>> {
    let mut keys = rows.into_iter().map(|row| read(&mut row.read("keys"))).collect::<Result<Vec<_>>>()?;
    add_selected(link, &mut keys).await?;
    add_secrets(link, &mut keys).await?;
    Ok(keys)
}

/// Adds the stores and methods that keys select: those of all in one statement, which then meets the reference book once.
/// Asked for key by key, PostgreSQL would read the whole book for each.
async fn add_selected(link: &mut Link, keys: &mut [Key]) -> Result<()> {
    let selecting = keys.iter().filter(|key| !(key.stores.is_all() && key.methods.is_all()));
    let selecting: Vec<KeyId> = selecting.map(|key| key.id).collect();
    if selecting.is_empty() {
        return Ok(());
    }
    let sql = "SELECT ks.key_id, 'store', string_agg(s.code, '\n') FROM key_stores ks \
               JOIN stores s ON s.number = ks.store_number \
               WHERE ks.key_id IN (SELECT member.value ->> 0 FROM EACH($1)) AND s.deleted_revision IS NULL \
               GROUP BY ks.key_id \
               UNION ALL \
               SELECT km.key_id, 'method', string_agg(m.identity, '\n') FROM key_methods km \
               JOIN methods m ON m.number = km.method_number \
               WHERE km.key_id IN (SELECT member.value ->> 0 FROM EACH($1)) AND m.retired_revision IS NULL \
               GROUP BY km.key_id";
    let (mut stores, mut methods) = (HashMap::new(), HashMap::new());
    for row in link.rows("selected_by_keys", sql, vec![each(selecting)]).await? {
        let mut reader = row.read("key_stores, key_methods");
        let key: KeyId = reader.parsed("key_id")?;
        let selected = if reader.text("kind")? == "store" { &mut stores } else { &mut methods };
        selected.insert(key, reader.list("members", MEMBER_SEPARATOR)?);
    }
    for key in keys {
        if let Access::Selected(members) = &mut key.stores {
            *members = stores.remove(&key.id).unwrap_or_default();
        }
        if let Access::Selected(members) = &mut key.methods {
            *members = methods.remove(&key.id).unwrap_or_default();
        }
    }
    Ok(())
}

/// Adds their live secrets, the newest first.
async fn add_secrets(link: &mut Link, keys: &mut [Key]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let sql = concat!(
        "SELECT t.key_id, ",
        secret_columns!(),
        " FROM secrets t LEFT JOIN secret_uses v ON v.secret_id = t.id \
         WHERE t.key_id IN (SELECT member.value ->> 0 FROM EACH($1)) AND t.ended_at IS NULL \
         ORDER BY t.created_at DESC, t.id DESC"
    );
    let mut secrets: HashMap<KeyId, Vec<Secret>> = HashMap::new();
    for row in link.rows("secrets_of_keys", sql, vec![each(keys.iter().map(|key| key.id))]).await? {
        let mut reader = row.read("secrets");
        let key = reader.parsed("key_id")?;
        secrets.entry(key).or_default().push(read_secret(&mut reader)?);
    }
    for key in keys {
        key.secrets = secrets.remove(&key.id).unwrap_or_default();
    }
    Ok(())
}

/// The key with this id, unless it was deleted.
pub(super) async fn get(link: &mut Link, id: KeyId) -> Result<Option<Key>> {
    let sql = concat!(
        "SELECT ",
        key_columns!(),
        " FROM keys k LEFT JOIN key_uses u ON u.key_id = k.id WHERE k.id = $1 AND k.deleted_revision IS NULL"
    );
    let rows = link.rows("key", sql, vec![id.to_string().into()]).await?;
    Ok(complete(link, rows).await?.pop())
}

/// The secret with this digest and its key, whatever became of them.
pub(super) async fn find(link: &mut Link, digest: &Digest) -> Result<Option<Found>> {
    let sql = concat!(
        "SELECT t.ended_at, k.deleted_revision, ",
        secret_columns!(),
        ", ",
        key_columns!(),
        " FROM secrets t JOIN keys k ON k.id = t.key_id LEFT JOIN secret_uses v ON v.secret_id = t.id \
         LEFT JOIN key_uses u ON u.key_id = k.id WHERE t.digest = $1"
    );
    let Some(row) = link.row("find", sql, vec![digest.into()]).await? else {
        return Ok(None);
    };
    let mut reader = row.read("secrets");
    let ended = reader.opt_time("ended_at")?;
    let deleted = reader.opt_revision("deleted_revision")?.is_some();
    let secret = read_secret(&mut reader)?;
    let mut keys = [read(&mut reader)?];
    add_selected(link, &mut keys).await?;
    add_secrets(link, &mut keys).await?;
    let [key] = keys;
    Ok(Some(Found { key, secret, deleted, ended }))
}

/// The key that a live or ended secret belongs to, unless it was deleted.
pub(super) async fn of_secret(link: &mut Link, id: SecretId) -> Result<Option<KeyId>> {
    let sql =
        "SELECT k.id FROM secrets t JOIN keys k ON k.id = t.key_id WHERE t.id = $1 AND k.deleted_revision IS NULL";
    let row = link.row("key_of_secret", sql, vec![id.to_string().into()]).await?;
    row.map(|row| row.read("keys").parsed("id")).transpose()
}

/// The secret with this digest, whatever became of it, and its key.
pub(super) async fn secret_with(link: &mut Link, digest: &Digest) -> Result<Option<(SecretId, KeyId)>> {
    let sql = "SELECT id, key_id FROM secrets WHERE digest = $1";
    let Some(row) = link.row("secret_with", sql, vec![digest.into()]).await? else {
        return Ok(None);
    };
    let mut reader = row.read("secrets");
    Ok(Some((reader.parsed("id")?, reader.parsed("key_id")?)))
}
