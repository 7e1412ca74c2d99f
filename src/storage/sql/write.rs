//! A write: one transaction that took the next revision. What it does to each kind of record stands with that kind;
//! this file has its beginning and its end, and the [`Transaction`] that others see.

use std::fmt;

use async_trait::async_trait;

use super::link::Link;
use super::{keys, methods, operators, requests, stores};
use crate::model::book::MethodNumber;
use crate::model::change::{Actor, Cursor, NewChange, Revision};
use crate::model::id::{KeyId, OperatorId, SecretId};
use crate::model::key::{Key, KeySpec, Revocation};
use crate::model::operator::Operator;
use crate::model::reference::Method;
use crate::model::store::{Store, StoreCode, StoreNumber};
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::storage::{AffectedKey, Error, NewKey, NewSecret, Result, StoreUsers, Transaction};

/// One write.
pub(super) struct Write {
    pub(super) link: Link,
    pub(super) revision: Revision,
    pub(super) nonce: u64,
    pub(super) now: Timestamp,
    pub(super) actor: Actor,
    pub(super) comment: String,
    /// Changes appended so far: the next one's ordinal.
    pub(super) appended: u32,
}

impl fmt::Debug for Write {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Write").field("revision", &self.revision).finish_non_exhaustive()
    }
}

impl Write {
    /// Takes the next revision, and with it the right to write.
    pub(super) async fn begin(mut link: Link, nonce: u64, actor: &Actor, comment: &str) -> Result<Self> {
        let sql = "UPDATE revision SET value = value + 1, nonce = $1 WHERE one = 1 RETURNING value, NOW()";
        let row = link.one("begin", sql, vec![nonce.cast_signed().into()]).await?;
        let mut reader = row.read("revision");
        let revision = reader.revision("value")?;
        let now = reader.opt_time("now")?.unwrap_or_else(|| link.own_clock());
        Ok(Self { link, revision, nonce, now, actor: actor.clone(), comment: comment.to_owned(), appended: 0 })
    }
}

#[async_trait]
impl Transaction for Write {
    fn revision(&self) -> Revision {
        self.revision
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    async fn commit(self: Box<Self>) -> Result<Cursor> {
        if self.appended == 0 {
            self.link.rollback().await?;
            return Err(Error::corrupt("a write was committed without a change; it was undone"));
        }
        self.link.commit("commit").await?;
        Ok(Cursor { revision: self.revision, nonce: self.nonce })
    }

    async fn rollback(self: Box<Self>) -> Result<()> {
        self.link.rollback().await
    }

    async fn append(&mut self, changes: &[NewChange]) -> Result<()> {
        self.append_changes(changes).await
    }

    async fn operator(&mut self, id: OperatorId) -> Result<Option<Operator>> {
        operators::get(&mut self.link, id).await
    }

    async fn operator_named(&mut self, name: &str) -> Result<Option<Operator>> {
        self.operator_of_name(name).await
    }

    async fn lasting_admins(&mut self) -> Result<u64> {
        self.count_lasting_admins().await
    }

    async fn operator_count(&mut self) -> Result<u64> {
        self.count_operators().await
    }

    async fn insert_operator(&mut self, operator: &Operator, digest: &Digest) -> Result<()> {
        self.add_operator(operator, digest).await
    }

    async fn update_operator(&mut self, operator: &Operator, digest: Option<&Digest>) -> Result<()> {
        self.change_operator(operator, digest).await
    }

    async fn insert_session(&mut self, digest: &Digest, operator: OperatorId, shown: &Digest) -> Result<bool> {
        self.add_session(digest, operator, shown).await
    }

    async fn end_session(&mut self, digest: &Digest) -> Result<bool> {
        self.remove_session(digest).await
    }

    async fn store(&mut self, code: &StoreCode) -> Result<Option<Store>> {
        stores::get(&mut self.link, code).await
    }

    async fn store_numbers(&mut self, codes: &[String]) -> Result<Vec<Option<StoreNumber>>> {
        stores::numbers(&mut self.link, codes).await
    }

    async fn store_at(&mut self, host: &str) -> Result<Option<StoreCode>> {
        stores::at(&mut self.link, host).await
    }

    async fn insert_store(&mut self, store: &Store) -> Result<StoreNumber> {
        self.add_store(store).await
    }

    async fn update_store(&mut self, store: &Store) -> Result<()> {
        self.change_store(store).await
    }

    async fn delete_store(&mut self, number: StoreNumber) -> Result<()> {
        self.remove_store(number).await
    }

    async fn store_users(&mut self, number: StoreNumber) -> Result<StoreUsers> {
        self.users_of_store(number).await
    }

    async fn live_methods(&mut self) -> Result<Vec<Method>> {
        methods::all(&mut self.link, false).await
    }

    async fn method_numbers(&mut self, identities: &[String]) -> Result<Vec<Option<MethodNumber>>> {
        methods::numbers(&mut self.link, identities).await
    }

    async fn insert_methods(&mut self, methods: &[Method]) -> Result<Vec<MethodNumber>> {
        self.add_methods(methods).await
    }

    async fn update_methods(&mut self, methods: &[Method]) -> Result<()> {
        self.change_methods(methods).await
    }

    async fn retire_methods(&mut self, numbers: &[MethodNumber]) -> Result<()> {
        self.end_methods(numbers).await
    }

    async fn method_users(&mut self, numbers: &[MethodNumber], limit: usize) -> Result<(Vec<AffectedKey>, u64)> {
        self.users_of_methods(numbers, limit).await
    }

    async fn all_method_users(&mut self, limit: usize) -> Result<(Vec<AffectedKey>, u64)> {
        self.users_of_all_methods(limit).await
    }

    async fn key(&mut self, id: KeyId) -> Result<Option<Key>> {
        keys::get(&mut self.link, id).await
    }

    async fn key_of_secret(&mut self, id: SecretId) -> Result<Option<KeyId>> {
        keys::of_secret(&mut self.link, id).await
    }

    async fn secret_with(&mut self, digest: &Digest) -> Result<Option<(SecretId, KeyId)>> {
        keys::secret_with(&mut self.link, digest).await
    }

    async fn digests_taken(&mut self, digests: &[Digest]) -> Result<Vec<usize>> {
        self.taken_digests(digests).await
    }

    async fn insert_keys(&mut self, keys: &[NewKey]) -> Result<()> {
        self.add_keys(keys).await
    }

    async fn update_key(&mut self, id: KeyId, spec: &KeySpec, revoked: Option<&Revocation>) -> Result<()> {
        self.change_key(id, spec, revoked).await
    }

    async fn set_key_stores(&mut self, key: KeyId, stores: &[StoreNumber]) -> Result<()> {
        self.replace_key_stores(key, stores).await
    }

    async fn set_key_methods(&mut self, key: KeyId, methods: &[MethodNumber]) -> Result<()> {
        self.replace_key_methods(key, methods).await
    }

    async fn insert_secret(&mut self, key: KeyId, secret: &NewSecret) -> Result<()> {
        self.add_secret(key, secret).await
    }

    async fn expire_secret(&mut self, id: SecretId, expires: Option<Timestamp>) -> Result<()> {
        self.let_secret_expire(id, expires).await
    }

    async fn end_secret(&mut self, id: SecretId) -> Result<()> {
        self.end_one_secret(id).await
    }

    async fn delete_key(&mut self, id: KeyId) -> Result<()> {
        self.remove_key(id).await
    }

    async fn request(&mut self, actor: &str, request_id: &str) -> Result<Option<KeyId>> {
        let now = self.now;
        requests::get(&mut self.link, actor, request_id, now).await
    }

    async fn insert_request(&mut self, actor: &str, request_id: &str, key: KeyId) -> Result<()> {
        let now = self.now;
        requests::insert(&mut self.link, actor, request_id, key, now).await
    }
}
