//! Keys and their secrets: reading them.

use std::collections::{BTreeSet, HashMap};

use super::Storage;
use super::connection::Connection;
use super::driver::Purpose;
use super::key_row::{NumberedKey, key_columns, read};
use super::transaction::Transaction;
use super::value::{SqlRow, each};
use crate::model::change::Revision;
use crate::model::id::{KeyId, SecretId};
use crate::model::key::{Access, Key, Secret};
use crate::model::token::Digest;
use crate::storage::{FoundSecret, Result};

/// The columns that [`read_secret`] reads, of `secrets t`. Looks up the last use of each: a join would read the uses of
/// all secrets while PostgreSQL has no statistics.
macro_rules! secret_columns {
    () => {
        "t.id, t.hint, t.origin, t.created_at, t.expires_at, \
         (SELECT v.last_used_at FROM secret_uses v WHERE v.secret_id = t.id)"
    };
}

fn read_secret(row: &mut SqlRow) -> Result<Secret> {
    Ok(record!(row => Secret {
        id, hint, origin, created: "created_at", expires: "expires_at", last_used: "last_used_at"
    }))
}

/// Completes the keys of `rows`, which were read with [`key_columns`], with their selected names and live secrets.
pub(super) async fn complete_keys(connection: &mut Connection, mut rows: Vec<SqlRow>) -> Result<Vec<Key>> {
    let keys = rows.iter_mut().map(read).collect::<Result<Vec<_>>>()?;
    let mut keys = name_selected(connection, keys).await?;
    add_secrets(connection, &mut keys).await?;
    Ok(keys)
}

/// Names the stores and methods that keys select, with one read of the stores and the reference book for all keys.
/// Joined key by key, PostgreSQL would read the whole book for each; joined for all, the lists of all existing keys,
/// while it has no statistics.
async fn name_selected(connection: &mut Connection, keys: Vec<NumberedKey>) -> Result<Vec<Key>> {
    let all = |of: fn(&NumberedKey) -> &Option<Vec<u32>>| {
        keys.iter().filter_map(|key| of(key).as_deref()).flatten().copied().collect::<BTreeSet<_>>()
    };
    let (stores, methods) = (all(|key| &key.stores), all(|key| &key.methods));
    let (mut codes, mut identities) = (HashMap::new(), HashMap::new());
    if !(stores.is_empty() && methods.is_empty()) {
        let sql = sql!("SELECT 'store', number, code FROM stores WHERE deleted_revision IS NULL AND number " (NUMBERS 1)
            " UNION ALL SELECT 'method', number, identity FROM methods WHERE retired_revision IS NULL AND number "
            (NUMBERS 2));
        let params = params![each(stores), each(methods)];
        for mut row in connection.rows("selected_by_keys", sql, params, "stores, methods").await? {
            let names = if row.get::<String>("kind")? == "store" { &mut codes } else { &mut identities };
            names.insert(row.get("number")?, row.get("name")?);
        }
    }
    // Deleted and retired ones no longer have a name.
    let named = |numbers: Option<Vec<u32>>, names: &HashMap<u32, String>| {
        let Some(numbers) = numbers else { return Access::All };
        let mut named: Vec<_> = numbers.iter().filter_map(|number| names.get(number).cloned()).collect();
        named.sort_unstable();
        Access::Selected(named)
    };
    let complete = keys.into_iter().map(|NumberedKey { mut key, stores, methods }| {
        key.spec.stores = named(stores, &codes);
        key.spec.methods = named(methods, &identities);
        key
    });
    Ok(complete.collect())
}

async fn add_secrets(connection: &mut Connection, keys: &mut [Key]) -> Result<()> {
    if keys.is_empty() {
        return Ok(());
    }
    let sql = sql!("SELECT t.key_id, " {secret_columns!()} " FROM secrets t WHERE t.key_id " (MEMBERS 1)
        " AND t.ended_at IS NULL ORDER BY t.created_at DESC, t.id DESC");
    let mut secrets: HashMap<KeyId, Vec<Secret>> = HashMap::new();
    let ids = each(keys.iter().map(|key| key.id));
    for mut row in connection.rows("secrets_of_keys", sql, params![ids], "secrets").await? {
        secrets.entry(row.get("key_id")?).or_default().push(read_secret(&mut row)?);
    }
    for key in keys {
        key.secrets = secrets.remove(&key.id).unwrap_or_default();
    }
    Ok(())
}

async fn get(connection: &mut Connection, id: KeyId) -> Result<Option<Key>> {
    let sql = sql!("SELECT " {key_columns!()} " FROM keys k LEFT JOIN key_uses u ON u.key_id = k.id \
                    WHERE k.id = $1 AND k.deleted_revision IS NULL");
    let rows = connection.rows("key", sql, params![id], "keys").await?;
    Ok(complete_keys(connection, rows).await?.pop())
}

impl Storage {
    /// Returns the key with this id, unless it was deleted.
    pub async fn key(&self, id: KeyId) -> Result<Option<Key>> {
        get(&mut self.connect(Purpose::Read).await?, id).await
    }

    /// Returns the secret with this digest and its key, even if ended, revoked or deleted.
    pub async fn find_key(&self, digest: &Digest) -> Result<Option<FoundSecret>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let sql = sql!("SELECT t.ended_at, k.deleted_revision, " {secret_columns!()} ", " {key_columns!()} " \
                        FROM secrets t JOIN keys k ON k.id = t.key_id LEFT JOIN key_uses u ON u.key_id = k.id \
                        WHERE t.digest = $1");
        let Some(mut row) = connection.row("find", sql, params![digest], "secrets").await? else { return Ok(None) };
        let ended = row.get("ended_at")?;
        let deleted = row.get::<Option<Revision>>("deleted_revision")?.is_some();
        let secret = read_secret(&mut row)?;
        let mut keys = name_selected(connection, vec![read(&mut row)?]).await?;
        add_secrets(connection, &mut keys).await?;
        Ok(keys.pop().map(|key| FoundSecret { key, secret, deleted, ended }))
    }
}

impl Transaction {
    /// Returns the key with this id, unless it was deleted.
    pub async fn key(&mut self, id: KeyId) -> Result<Option<Key>> {
        get(&mut self.connection, id).await
    }

    /// Returns the key of a live or ended secret, unless it was deleted.
    pub async fn key_of_secret(&mut self, id: SecretId) -> Result<Option<KeyId>> {
        let sql =
            "SELECT k.id FROM secrets t JOIN keys k ON k.id = t.key_id WHERE t.id = $1 AND k.deleted_revision IS NULL";
        Ok(self.connection.column("key_of_secret", sql, params![id], ("keys", "id")).await?.pop())
    }

    /// Returns the secret with this digest, whatever its state, and its key.
    pub async fn secret_by_digest(&mut self, digest: &Digest) -> Result<Option<(SecretId, KeyId)>> {
        let sql = "SELECT id, key_id FROM secrets WHERE digest = $1";
        let row = self.connection.row("secret_with", sql, params![digest], "secrets").await?;
        row.map(|mut row| Ok((row.get("id")?, row.get("key_id")?))).transpose()
    }
}
