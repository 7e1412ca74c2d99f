//! Keys and their secrets: writing them. Every change of a key, its secrets or its lists gives the key this write's
//! revision and rebuilds its search text.

use super::codec;
use super::driver::Insert;
use super::key_row::{INSERT_KEYS, UPDATE_KEY, values};
use super::transaction::Transaction;
use super::value::{SqlValue, each_digest};
use crate::model::book::MethodNumber;
use crate::model::id::{KeyId, SecretId};
use crate::model::key::{KeySpec, Revocation};
use crate::model::store::StoreNumber;
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::storage::{Error, NewKey, NewSecret, Result};

/// The number of digests looked up in one statement.
const DIGESTS: usize = 5_000;
/// The number of keys sent in one batch.
const KEYS: usize = 5_000;

static INSERT_SECRETS: Insert = Insert::new(
    "insert_secrets",
    "secrets",
    &["id", "key_id", "digest", "hint", "origin", "created_at", "created_revision"],
    "",
);

static INSERT_KEY_USES: Insert = Insert::new("insert_key_uses", "key_uses", &["key_id", "last_used_at"], "");

static INSERT_KEY_STORES: Insert = Insert::new("insert_key_stores", "key_stores", &["key_id", "store_number"], "");

static INSERT_KEY_METHODS: Insert = Insert::new("insert_key_methods", "key_methods", &["key_id", "method_number"], "");

fn search(name: &str, owner: &str, comment: &str, id: &str, hints: &[String]) -> String {
    codec::search([name, owner, comment, id].into_iter().chain(hints.iter().map(String::as_str)))
}

/// Returns the rows of a key's list of numbers, ascending and without duplicates.
fn members(key: KeyId, numbers: impl Iterator<Item = u32>) -> Vec<Vec<SqlValue>> {
    let mut numbers: Vec<u32> = numbers.collect();
    numbers.sort_unstable();
    numbers.dedup();
    let key = key.to_string();
    numbers.into_iter().map(|number| vec![key.as_str().into(), number.into()]).collect()
}

impl Transaction {
    fn secret_values(&self, key: KeyId, secret: &NewSecret) -> Vec<SqlValue> {
        vec![
            secret.id.to_string().into(),
            key.to_string().into(),
            (&secret.digest).into(),
            secret.hint.as_str().into(),
            codec::origin(secret.origin).into(),
            self.now.into(),
            self.revision.into(),
        ]
    }

    /// Returns the indexes in `digests` of those that some secret has or had.
    pub async fn find_taken_digests(&mut self, digests: &[Digest]) -> Result<Vec<usize>> {
        let sql = sql!("SELECT digest FROM secrets WHERE digest IN (SELECT " EACH_DIGEST " FROM " (EACH 1) ")");
        let mut taken = std::collections::HashSet::new();
        for piece in digests.chunks(DIGESTS) {
            for row in self.connection.rows("digests_taken", sql, vec![each_digest(piece)]).await? {
                taken.insert(row.read("secrets").digest("digest")?);
            }
        }
        Ok((0..digests.len()).filter(|place| taken.contains(&digests[*place])).collect())
    }

    /// Adds keys with their secrets, set-based.
    pub async fn insert_keys(&mut self, keys: &[NewKey]) -> Result<()> {
        // In batches: a server disconnects a writer that is idle for seconds, and preparing a hundred thousand keys may
        // take that long.
        for piece in keys.chunks(KEYS) {
            self.insert_piece(piece).await?;
        }
        Ok(())
    }

    async fn insert_piece(&mut self, keys: &[NewKey]) -> Result<()> {
        let (mut rows, mut secrets, mut uses) = (Vec::new(), Vec::new(), Vec::new());
        let (mut stores, mut methods) = (Vec::new(), Vec::new());
        for key in keys {
            let id = key.id.to_string();
            let hints = [key.secret.hint.clone()];
            let mut values = values(&key.spec, key.revoked.as_ref(), self.now, self.revision);
            let found_by = search(&key.spec.name, &key.spec.owner, &key.spec.comment, &id, &hints);
            values.extend([id.as_str().into(), found_by.into(), key.created.into()]);
            rows.push(values);
            secrets.push(self.secret_values(key.id, &key.secret));
            // Never used.
            uses.push(vec![id.into(), 0_i64.into()]);
            stores.extend(members(key.id, key.stores.iter().map(|number| number.0)));
            methods.extend(members(key.id, key.methods.iter().map(|number| number.0)));
        }
        self.connection.insert(&INSERT_KEYS, rows).await?;
        self.connection.insert(&INSERT_SECRETS, secrets).await?;
        self.connection.insert(&INSERT_KEY_USES, uses).await?;
        self.connection.insert(&INSERT_KEY_STORES, stores).await?;
        self.connection.insert(&INSERT_KEY_METHODS, methods).await.map(drop)
    }

    /// Writes the user-defined fields of a key, and whether it is revoked: not its secrets, nor members of its lists.
    pub async fn update_key(&mut self, id: KeyId, spec: &KeySpec, revoked: Option<&Revocation>) -> Result<()> {
        let mut params = values(spec, revoked, self.now, self.revision);
        params.push(id.to_string().into());
        self.connection.update("update_key", UPDATE_KEY, params, id).await?;
        self.touch(id).await
    }

    /// Replaces the stores that a key selects.
    pub async fn set_key_stores(&mut self, key: KeyId, stores: &[StoreNumber]) -> Result<()> {
        self.touch(key).await?;
        let sql = "DELETE FROM key_stores WHERE key_id = $1";
        self.connection.execute("delete_key_stores", sql, vec![key.to_string().into()]).await?;
        let rows = members(key, stores.iter().map(|number| number.0));
        self.connection.insert(&INSERT_KEY_STORES, rows).await.map(drop)
    }

    /// Replaces the methods that a key selects.
    pub async fn set_key_methods(&mut self, key: KeyId, methods: &[MethodNumber]) -> Result<()> {
        self.touch(key).await?;
        let sql = "DELETE FROM key_methods WHERE key_id = $1";
        self.connection.execute("delete_key_methods", sql, vec![key.to_string().into()]).await?;
        let rows = members(key, methods.iter().map(|number| number.0));
        self.connection.insert(&INSERT_KEY_METHODS, rows).await.map(drop)
    }

    /// Adds a secret to a key.
    pub async fn insert_secret(&mut self, key: KeyId, secret: &NewSecret) -> Result<()> {
        let row = self.secret_values(key, secret);
        self.connection.insert(&INSERT_SECRETS, vec![row]).await?;
        self.touch(key).await
    }

    /// Sets when a secret expires.
    pub async fn expire_secret(&mut self, id: SecretId, expires: Option<Timestamp>) -> Result<()> {
        let sql = "UPDATE secrets SET expires_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING key_id";
        self.change_secret("expire_secret", sql, id, expires.into()).await
    }

    /// Revokes a secret permanently. Its digest cannot be used again.
    pub async fn end_secret(&mut self, id: SecretId) -> Result<()> {
        let sql = "UPDATE secrets SET ended_at = $2 WHERE id = $1 AND ended_at IS NULL RETURNING key_id";
        let now = self.now.into();
        self.change_secret("end_secret", sql, id, now).await
    }

    async fn change_secret(&mut self, name: &'static str, sql: &str, id: SecretId, value: SqlValue) -> Result<()> {
        let row = self.connection.row(name, sql, vec![id.to_string().into(), value]).await?;
        let row = row.ok_or_else(|| Error::bug(format!("the secret {id} to change does not exist or has ended")))?;
        let key = row.read("secrets").parsed("key_id")?;
        self.touch(key).await
    }

    /// Removes a key from all lists and revokes its secrets permanently.
    pub async fn delete_key(&mut self, id: KeyId) -> Result<()> {
        let sql = "UPDATE secrets SET ended_at = $2 WHERE key_id = $1 AND ended_at IS NULL";
        self.connection.execute("end_secrets", sql, vec![id.to_string().into(), self.now.into()]).await?;
        let sql = "UPDATE keys SET deleted_revision = $2, row_revision = $2, updated_at = $3 \
                   WHERE id = $1 AND deleted_revision IS NULL";
        let params = vec![id.to_string().into(), self.revision.into(), self.now.into()];
        self.connection.update("delete_key", sql, params, id).await
    }

    /// Gives a key this write's revision, and rebuilds its search text.
    async fn touch(&mut self, id: KeyId) -> Result<()> {
        let key = id.to_string();
        let sql = "SELECT name, owner, comment FROM keys WHERE id = $1 AND deleted_revision IS NULL";
        let row = self.connection.row("key_texts", sql, vec![key.as_str().into()]).await?;
        let row = row.ok_or_else(|| Error::bug(format!("the key {id} to change does not exist")))?;
        let mut reader = row.read("keys");
        let (name, owner, comment) = (reader.text("name")?, reader.text("owner")?, reader.text("comment")?);
        let sql = "SELECT hint FROM secrets WHERE key_id = $1 AND ended_at IS NULL ORDER BY id";
        let rows = self.connection.rows("key_hints", sql, vec![key.as_str().into()]).await?;
        let hints = rows.into_iter().map(|row| row.read("secrets").text("hint")).collect::<Result<Vec<_>>>()?;
        let search = search(&name, &owner, &comment, &key, &hints);
        let sql = "UPDATE keys SET search = $2, row_revision = $3, updated_at = $4 WHERE id = $1";
        let params = vec![key.into(), search.into(), self.revision.into(), self.now.into()];
        self.connection.execute("touch_key", sql, params).await.map(drop)
    }
}
