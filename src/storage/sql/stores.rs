//! Stores.

use super::connection::Connection;
use super::driver::{Insert, Purpose};
use super::select::Select;
use super::transaction::Transaction;
use super::value::{SqlValue, json};
use super::{Storage, codec};
use crate::model::page::{Page, PageRequest};
use crate::model::store::{Store, StoreCode, StoreNumber};
use crate::storage::{Result, StoreFilter, StoreUsers};

table! { Store {
    number, code, name, kind, platform, hosts, active, created: "created_at", updated: "updated_at", row_revision
} }

/// The live keys that select store `$1`.
macro_rules! users {
    () => {
        "FROM key_stores ks JOIN keys k ON k.id = ks.key_id WHERE ks.store_number = $1 \
         AND k.deleted_revision IS NULL AND k.revoked_at IS NULL AND k.all_stores = FALSE"
    };
}

const INSERT_HOSTS: Insert =
    Insert { name: "insert_store_hosts", into: "store_hosts (host, store_number)", on_conflict: "" };

async fn get(connection: &mut Connection, code: &StoreCode) -> Result<Option<Store>> {
    let sql = format!("SELECT {COLUMNS} FROM stores WHERE code = $1 AND deleted_revision IS NULL");
    connection.row("store", sql.as_str(), params![code.as_str()], "stores").await?.as_mut().map(read).transpose()
}

pub(super) async fn all(connection: &mut Connection) -> Result<Vec<Store>> {
    let sql = format!("SELECT {COLUMNS} FROM stores WHERE deleted_revision IS NULL ORDER BY code");
    connection.rows("all_stores", sql.as_str(), params![], "stores").await?.iter_mut().map(read).collect()
}

impl Storage {
    /// Returns the store with this code.
    pub async fn store(&self, code: &StoreCode) -> Result<Option<Store>> {
        get(&mut self.connect(Purpose::Read).await?, code).await
    }

    /// Returns the stores that match the filter, in byte order of their codes.
    pub async fn stores(&self, filter: &StoreFilter, page: &PageRequest) -> Result<Page<Store>> {
        let mut select = Select::new(self.connect(Purpose::Read).await?);
        select.filter("deleted_revision IS NULL");
        select.filter_by("active =", filter.active);
        select.filter_by("platform =", filter.platform.as_ref());
        select.filter_by("kind =", filter.kind);
        select.filter_text(filter.text.as_deref());
        select.filter_by("code >", page.after.as_ref());
        select.page((COLUMNS, "stores", "code"), page, read, |store| store.code.to_string()).await
    }
}

pub(super) async fn numbers(connection: &mut Connection, codes: &[String]) -> Result<Vec<Option<StoreNumber>>> {
    let sql = sql!("SELECT code, number FROM stores WHERE deleted_revision IS NULL AND code " (MEMBERS 1));
    connection.numbers("store_numbers", sql, ("stores", "code"), codes).await
}

impl Transaction {
    /// Returns the store with this code.
    pub async fn store(&mut self, code: &StoreCode) -> Result<Option<Store>> {
        get(&mut self.connection, code).await
    }

    /// Returns the numbers of the stores with these codes, in their order; `None` for each that does not exist.
    pub async fn store_numbers(&mut self, codes: &[String]) -> Result<Vec<Option<StoreNumber>>> {
        numbers(&mut self.connection, codes).await
    }

    /// Returns the store with this host.
    pub async fn store_by_host(&mut self, host: &str) -> Result<Option<StoreCode>> {
        let sql = "SELECT s.code FROM store_hosts h JOIN stores s ON s.number = h.store_number WHERE h.host = $1";
        Ok(self.connection.column("store_at", sql, params![host], ("stores", "code")).await?.pop())
    }

    /// Adds a store and returns its number, never used before.
    pub async fn insert_store(&mut self, store: &Store) -> Result<StoreNumber> {
        let sql = "INSERT INTO stores (name, kind, platform, hosts, active, search, updated_at, row_revision, code, \
                   created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING number";
        let mut params = self.store_values(store);
        params.extend(params![store.code.as_str(), store.created]);
        let number = self.connection.one("insert_store", sql, params, "stores").await?.get("number")?;
        self.add_hosts(number, store).await?;
        Ok(number)
    }

    /// Writes all of a store except its code.
    pub async fn update_store(&mut self, store: &Store) -> Result<()> {
        let sql = "UPDATE stores SET name = $1, kind = $2, platform = $3, hosts = $4, active = $5, search = $6, \
                   updated_at = $7, row_revision = $8 WHERE number = $9 AND deleted_revision IS NULL";
        let mut params = self.store_values(store);
        params.push(store.number.into());
        self.connection.update("update_store", sql, params, &store.code).await?;
        self.remove_hosts(store.number).await?;
        self.add_hosts(store.number, store).await
    }

    /// Name, kind, platform, hosts, active, search, updated, row revision.
    fn store_values(&self, store: &Store) -> Vec<SqlValue> {
        let Store { code, name, kind, platform, hosts, active, updated, .. } = store;
        let search = codec::search([code.as_str(), name].into_iter().chain(hosts.iter().map(String::as_str)));
        params![name, *kind, platform, json(hosts), *active, search, *updated, self.revision]
    }

    async fn remove_hosts(&mut self, number: StoreNumber) -> Result<()> {
        let sql = "DELETE FROM store_hosts WHERE store_number = $1";
        self.connection.execute("delete_store_hosts", sql, params![number]).await.map(drop)
    }

    async fn add_hosts(&mut self, number: StoreNumber, store: &Store) -> Result<()> {
        let rows = store.hosts.iter().map(|host| params![host, number]).collect();
        self.connection.insert(&INSERT_HOSTS, rows).await.map(drop)
    }

    /// Removes a store. Keys keep the number, which no longer grants access to anything.
    pub async fn delete_store(&mut self, number: StoreNumber) -> Result<()> {
        let sql = "UPDATE stores SET deleted_revision = $1, row_revision = $1, updated_at = $2 \
                   WHERE number = $3 AND deleted_revision IS NULL";
        let params = params![self.revision, self.now, number];
        self.connection.update("delete_store", sql, params, number.0).await?;
        self.remove_hosts(number).await
    }

    /// Returns the keys that select this store: their number, and those (at most 20, by id) that would be left with
    /// exactly one store without it. Deleted and revoked keys do not count.
    pub async fn store_users(&mut self, number: StoreNumber) -> Result<StoreUsers> {
        let sql = concat!("SELECT count(*) ", users!());
        let total = self.connection.one("count_store_users", sql, params![number], "keys").await?.get("count")?;
        // Two others are enough to rule out exactly one.
        let sql = sql!("SELECT k.id " {users!()} " AND (SELECT count(*) FROM (SELECT 1 FROM key_stores o \
                        JOIN stores s ON s.number = o.store_number WHERE o.key_id = k.id AND o.store_number <> $1 \
                        AND s.deleted_revision IS NULL LIMIT 2) AS others) = 1 ORDER BY k.id LIMIT 20");
        let left_with_one = self.connection.column("store_users", sql, params![number], ("keys", "id")).await?;
        Ok(StoreUsers { total, left_with_one })
    }
}
