//! Stores.

use std::collections::HashMap;

use super::connection::Connection;
use super::driver::{Insert, Purpose};
use super::select::Select;
use super::transaction::Transaction;
use super::value::{SqlRow, SqlValue, each, json};
use super::{Storage, codec};
use crate::model::page::{Page, PageRequest};
use crate::model::store::{Store, StoreCode, StoreNumber};
use crate::storage::{Result, StoreFilter, StoreUsers};

/// The columns that [`read`] reads.
macro_rules! columns {
    () => {
        "number, code, name, kind, platform, hosts, active, created_at, updated_at, row_revision"
    };
}

/// The live keys that select store `$1`.
macro_rules! users {
    () => {
        "FROM key_stores ks JOIN keys k ON k.id = ks.key_id WHERE ks.store_number = $1 \
         AND k.deleted_revision IS NULL AND k.revoked_at IS NULL AND k.all_stores = FALSE"
    };
}

static INSERT_HOSTS: Insert = Insert::new("insert_store_hosts", "store_hosts", &["host", "store_number"], "");

fn read(row: SqlRow) -> Result<Store> {
    let mut reader = row.read("stores");
    Ok(Store {
        number: StoreNumber(reader.number("number")?),
        code: reader.parsed("code")?,
        name: reader.text("name")?,
        kind: reader.read_as("kind", codec::parse_kind)?,
        platform: reader.text("platform")?,
        hosts: reader.json("hosts")?,
        active: reader.bool("active")?,
        created: reader.time("created_at")?,
        updated: reader.time("updated_at")?,
        row_revision: reader.revision("row_revision")?,
    })
}

fn search(store: &Store) -> String {
    codec::search([store.code.as_str(), &store.name].into_iter().chain(store.hosts.iter().map(String::as_str)))
}

/// Returns the store with this code.
async fn get(connection: &mut Connection, code: &StoreCode) -> Result<Option<Store>> {
    let sql = concat!("SELECT ", columns!(), " FROM stores WHERE code = $1 AND deleted_revision IS NULL");
    connection.row("store", sql, vec![code.as_str().into()]).await?.map(read).transpose()
}

/// Returns all stores, by code.
pub(super) async fn all(connection: &mut Connection) -> Result<Vec<Store>> {
    let sql = concat!("SELECT ", columns!(), " FROM stores WHERE deleted_revision IS NULL ORDER BY code");
    connection.rows("all_stores", sql, Vec::new()).await?.into_iter().map(read).collect()
}

impl Storage {
    /// Returns the store with this code.
    pub async fn store(&self, code: &StoreCode) -> Result<Option<Store>> {
        get(&mut self.connect(Purpose::Read).await?, code).await
    }

    /// Returns the stores that match the filter, in byte order of their codes.
    pub async fn stores(&self, filter: &StoreFilter, page: &PageRequest) -> Result<Page<Store>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let mut select = Select::new(connection.dialect());
        select.filter("deleted_revision IS NULL");
        if let Some(active) = filter.active {
            select.filter_by("active =", active.into());
        }
        if let Some(platform) = &filter.platform {
            select.filter_by("platform =", platform.as_str().into());
        }
        if let Some(kind) = filter.kind {
            select.filter_by("kind =", codec::kind(kind).into());
        }
        if let Some(text) = &filter.text {
            select.filter_text("search", text);
        }
        if let Some(after) = &page.after {
            select.filter_by("code >", after.as_str().into());
        }
        let sql = concat!("SELECT ", columns!(), " FROM stores");
        let rows = select.rows(connection, "stores", sql, "code", page).await?;
        let stores = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(stores, page.size, |store| store.code.to_string()))
    }
}

/// Returns the number of the store with this code.
pub(super) async fn number(connection: &mut Connection, code: &str) -> Result<Option<StoreNumber>> {
    Ok(numbers(connection, &[code.to_owned()]).await?.pop().flatten())
}

/// Returns the numbers of the stores with these codes, in their order.
async fn numbers(connection: &mut Connection, codes: &[String]) -> Result<Vec<Option<StoreNumber>>> {
    let sql = sql!("SELECT code, number FROM stores WHERE deleted_revision IS NULL AND code " (MEMBERS 1));
    let mut found = HashMap::new();
    for row in connection.rows("store_numbers", sql, vec![each(codes)]).await? {
        let mut reader = row.read("stores");
        found.insert(reader.text("code")?, StoreNumber(reader.number("number")?));
    }
    Ok(codes.iter().map(|code| found.get(code).copied()).collect())
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
        let row = self.connection.row("store_at", sql, vec![host.into()]).await?;
        row.map(|row| row.read("stores").parsed("code")).transpose()
    }

    /// Adds a store and returns its number, never used before.
    pub async fn insert_store(&mut self, store: &Store) -> Result<StoreNumber> {
        let sql = "INSERT INTO stores (code, name, kind, platform, hosts, active, search, created_at, updated_at, \
                   row_revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING number";
        let mut params = self.store_values(store);
        params.insert(0, store.code.as_str().into());
        params.insert(7, store.created.into());
        let row = self.connection.one("insert_store", sql, params).await?;
        let number = StoreNumber(row.read("stores").number("number")?);
        self.add_hosts(number, store).await?;
        Ok(number)
    }

    /// Writes all of a store except its code.
    pub async fn update_store(&mut self, store: &Store) -> Result<()> {
        let sql = "UPDATE stores SET name = $1, kind = $2, platform = $3, hosts = $4, active = $5, search = $6, \
                   updated_at = $7, row_revision = $8 WHERE number = $9 AND deleted_revision IS NULL";
        let mut params = self.store_values(store);
        params.push(store.number.0.into());
        self.connection.update("update_store", sql, params, &store.code).await?;
        self.remove_hosts(store.number).await?;
        self.add_hosts(store.number, store).await
    }

    /// Name, kind, platform, hosts, active, search, updated, row revision.
    fn store_values(&self, store: &Store) -> Vec<SqlValue> {
        vec![
            store.name.as_str().into(),
            codec::kind(store.kind).into(),
            store.platform.as_str().into(),
            json(&store.hosts),
            store.active.into(),
            search(store).into(),
            store.updated.into(),
            self.revision.into(),
        ]
    }

    async fn remove_hosts(&mut self, number: StoreNumber) -> Result<()> {
        let sql = "DELETE FROM store_hosts WHERE store_number = $1";
        self.connection.execute("delete_store_hosts", sql, vec![number.0.into()]).await.map(drop)
    }

    async fn add_hosts(&mut self, number: StoreNumber, store: &Store) -> Result<()> {
        let rows = store.hosts.iter().map(|host| vec![host.as_str().into(), number.0.into()]).collect();
        self.connection.insert(&INSERT_HOSTS, rows).await.map(drop)
    }

    /// Removes a store. Keys keep the number, which no longer grants access to anything.
    pub async fn delete_store(&mut self, number: StoreNumber) -> Result<()> {
        let sql = "UPDATE stores SET deleted_revision = $1, row_revision = $1, updated_at = $2 \
                   WHERE number = $3 AND deleted_revision IS NULL";
        let params = vec![self.revision.into(), self.now.into(), number.0.into()];
        self.connection.update("delete_store", sql, params, number.0).await?;
        self.remove_hosts(number).await
    }

    /// Returns the keys that select this store: their number, and those (at most 20, by id) that would be left with
    /// exactly one store without it. Deleted and revoked keys do not count.
    pub async fn store_users(&mut self, number: StoreNumber) -> Result<StoreUsers> {
        let sql = concat!("SELECT count(*) ", users!());
        let total = self.connection.one("count_store_users", sql, vec![number.0.into()]).await?;
        // Two others are enough to rule out exactly one.
        let sql = concat!(
            "SELECT k.id ",
            users!(),
            " AND (SELECT count(*) FROM (SELECT 1 FROM key_stores o JOIN stores s ON s.number = o.store_number \
             WHERE o.key_id = k.id AND o.store_number <> $1 AND s.deleted_revision IS NULL LIMIT 2) AS others) = 1 \
             ORDER BY k.id LIMIT 20"
        );
        let rows = self.connection.rows("store_users", sql, vec![number.0.into()]).await?;
        let left_with_one = rows.into_iter().map(|row| row.read("keys").parsed("id")).collect::<Result<_>>()?;
        Ok(StoreUsers { total: total.read("keys").number("count")?, left_with_one })
    }
}
