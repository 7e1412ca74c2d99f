//! Keys, their secrets and the requests that created them: writing them. Every change of a key, its secrets or its lists
//! gives the key this write's revision and rebuilds its search text.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

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
/// How long requests that created a key are kept, so that a retry does not create a second one.
pub(super) const REQUEST_RETENTION: Duration = Duration::from_hours(24);

const INSERT_SECRETS: Insert = Insert {
    name: "insert_secrets",
    into: "secrets (id, key_id, digest, hint, origin, created_at, created_revision)",
    on_conflict: "",
};
const INSERT_KEY_USES: Insert =
    Insert { name: "insert_key_uses", into: "key_uses (key_id, last_used_at)", on_conflict: "" };
const INSERT_KEY_STORES: Insert =
    Insert { name: "insert_key_stores", into: "key_stores (key_id, store_number)", on_conflict: "" };
const INSERT_KEY_METHODS: Insert =
    Insert { name: "insert_key_methods", into: "key_methods (key_id, method_number)", on_conflict: "" };

fn search(name: &str, owner: &str, comment: &str, id: &str, hints: &[String]) -> String {
    codec::search([name, owner, comment, id].into_iter().chain(hints.iter().map(String::as_str)))
}

/// Returns the rows of a key's list of numbers, ascending and without duplicates.
fn members<N: Copy + Ord + Into<SqlValue>>(key: KeyId, numbers: &[N]) -> impl Iterator<Item = Vec<SqlValue>> {
    let numbers: BTreeSet<N> = numbers.iter().copied().collect();
    numbers.into_iter().map(move |number| vec![key.into(), number.into()])
}

impl Transaction {
    fn secret_values(&self, key: KeyId, secret: &NewSecret) -> Vec<SqlValue> {
        let NewSecret { id, digest, hint, origin } = secret;
        params![*id, key, digest, hint, *origin, self.now, self.revision]
    }

    /// Returns the indexes in `digests` of those that some secret has or had.
    pub async fn find_taken_digests(&mut self, digests: &[Digest]) -> Result<Vec<usize>> {
        let sql = sql!("SELECT digest FROM secrets WHERE digest IN (SELECT " EACH_DIGEST " FROM " (EACH 1) ")");
        let mut taken = HashSet::new();
        for piece in digests.chunks(DIGESTS) {
            let params = params![each_digest(piece)];
            taken.extend(self.connection.column::<Digest>("digests_taken", sql, params, ("secrets", "digest")).await?);
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
            let NewKey { id, spec, secret, .. } = key;
            let hints = std::slice::from_ref(&secret.hint);
            let found_by = search(&spec.name, &spec.owner, &spec.comment, &id.to_text(), hints);
            let mut values = values(spec, key.revoked.as_ref(), self.now, self.revision);
            values.extend(params![*id, found_by, key.created]);
            rows.push(values);
            secrets.push(self.secret_values(*id, secret));
            // Never used.
            uses.push(params![*id, Timestamp::EPOCH]);
            stores.extend(members(*id, &key.stores));
            methods.extend(members(*id, &key.methods));
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
        params.push(id.into());
        self.connection.update("update_key", UPDATE_KEY, params, id).await?;
        self.touch(id).await
    }

    /// Replaces the stores that a key selects.
    pub async fn set_key_stores(&mut self, key: KeyId, stores: &[StoreNumber]) -> Result<()> {
        self.touch(key).await?;
        let sql = "DELETE FROM key_stores WHERE key_id = $1";
        self.connection.execute("delete_key_stores", sql, params![key]).await?;
        self.connection.insert(&INSERT_KEY_STORES, members(key, stores).collect()).await.map(drop)
    }

    /// Replaces the methods that a key selects.
    pub async fn set_key_methods(&mut self, key: KeyId, methods: &[MethodNumber]) -> Result<()> {
        self.touch(key).await?;
        let sql = "DELETE FROM key_methods WHERE key_id = $1";
        self.connection.execute("delete_key_methods", sql, params![key]).await?;
        self.connection.insert(&INSERT_KEY_METHODS, members(key, methods).collect()).await.map(drop)
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
        let key = self.connection.column(name, sql, params![id, value], ("secrets", "key_id")).await?.pop();
        let key = key.ok_or_else(|| Error::bug(format!("the secret {id} to change does not exist or has ended")))?;
        self.touch(key).await
    }

    /// Removes a key from all lists and revokes its secrets permanently.
    pub async fn delete_key(&mut self, id: KeyId) -> Result<()> {
        let sql = "UPDATE secrets SET ended_at = $2 WHERE key_id = $1 AND ended_at IS NULL";
        self.connection.execute("end_secrets", sql, params![id, self.now]).await?;
        let sql = "UPDATE keys SET deleted_revision = $2, row_revision = $2, updated_at = $3 \
                   WHERE id = $1 AND deleted_revision IS NULL";
        self.connection.update("delete_key", sql, params![id, self.revision, self.now], id).await
    }

    /// Gives a key this write's revision, and rebuilds its search text.
    async fn touch(&mut self, id: KeyId) -> Result<()> {
        let sql = "SELECT name, owner, comment FROM keys WHERE id = $1 AND deleted_revision IS NULL";
        let row = self.connection.row("key_texts", sql, params![id], "keys").await?;
        let mut row = row.ok_or_else(|| Error::bug(format!("the key {id} to change does not exist")))?;
        let (name, owner): (String, String) = (row.get("name")?, row.get("owner")?);
        let comment: String = row.get("comment")?;
        let sql = "SELECT hint FROM secrets WHERE key_id = $1 AND ended_at IS NULL ORDER BY id";
        let hints: Vec<_> = self.connection.column("key_hints", sql, params![id], ("secrets", "hint")).await?;
        let search = search(&name, &owner, &comment, &id.to_text(), &hints);
        let sql = "UPDATE keys SET search = $2, row_revision = $3, updated_at = $4 WHERE id = $1";
        self.connection.execute("touch_key", sql, params![id, search, self.revision, self.now]).await.map(drop)
    }

    /// Returns the key that an earlier request of this actor with this id created, within the last day.
    pub async fn key_by_request(&mut self, actor: &str, request_id: &str) -> Result<Option<KeyId>> {
        let sql = "SELECT key_id FROM requests WHERE actor = $1 AND request_id = $2 AND created_at >= $3";
        let params = params![actor, request_id, self.now.minus(REQUEST_RETENTION)];
        Ok(self.connection.column("request", sql, params, ("requests", "key_id")).await?.pop())
    }

    /// Records that a request created a key; replaces one that is older than a day.
    pub async fn insert_request(&mut self, actor: &str, request_id: &str, key: KeyId) -> Result<()> {
        let sql = "INSERT INTO requests (actor, request_id, key_id, created_at) VALUES ($1, $2, $3, $4) \
                   ON CONFLICT (actor, request_id) DO UPDATE SET key_id = excluded.key_id, \
                   created_at = excluded.created_at WHERE requests.created_at < $5";
        let params = params![actor, request_id, key, self.now, self.now.minus(REQUEST_RETENTION)];
        match self.connection.execute("insert_request", sql, params).await? {
            1 => Ok(()),
            _ => Err(Error::Taken { what: "the request id" }),
        }
    }
}
