//! Stores.

use std::collections::HashMap;

use super::codec;
use super::driver::Insert;
use super::link::Link;
use super::select::Select;
use super::value::{Row, Value, each, json};
use super::write::Write;
use crate::model::page::{Page, PageRequest};
use crate::model::store::{Store, StoreCode, StoreNumber};
use crate::storage::{Error, Result, StoreFilter, StoreUsers};

const COLUMNS: &str = "number, code, name, kind, platform, hosts, active, created_at, updated_at, row_revision";

/// Most keys that [`Write::store_users`] names.
const NAMED: i64 = 20;

static INSERT_HOSTS: Insert =
    Insert { name: "insert_store_hosts", table: "store_hosts", columns: &["host", "store_number"], on_conflict: "" };

fn read(row: Row) -> Result<Store> {
    let mut reader = row.read("stores");
    Ok(Store {
        number: StoreNumber(reader.number("number")?),
        code: reader.parsed("code")?,
        name: reader.text("name")?,
        kind: reader.read_as("kind", codec::kind_of)?,
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

/// The store with this code.
pub(super) async fn get(link: &mut Link, code: &StoreCode) -> Result<Option<Store>> {
    let sql = format!("SELECT {COLUMNS} FROM stores WHERE code = $1 AND deleted_revision IS NULL");
    link.row("store", &sql, vec![code.as_str().into()]).await?.map(read).transpose()
}

/// All stores, by code.
pub(super) async fn all(link: &mut Link) -> Result<Vec<Store>> {
    let sql = format!("SELECT {COLUMNS} FROM stores WHERE deleted_revision IS NULL ORDER BY code");
    link.rows("all_stores", &sql, Vec::new()).await?.into_iter().map(read).collect()
}

/// Stores that pass the filter.
pub(super) async fn list(link: &mut Link, filter: &StoreFilter, page: &PageRequest) -> Result<Page<Store>> {
    let mut select = Select::new(link.dialect());
    select.only("deleted_revision IS NULL");
    if let Some(active) = filter.active {
        select.only_with("active =", active.into());
    }
    if let Some(platform) = &filter.platform {
        select.only_with("platform =", platform.as_str().into());
    }
    if let Some(kind) = filter.kind {
        select.only_with("kind =", codec::kind(kind).into());
    }
    if let Some(text) = &filter.text {
        select.only_text("search", text);
    }
    if let Some(after) = &page.after {
        select.only_with("code >", after.as_str().into());
    }
    let sql = format!("SELECT {COLUMNS} FROM stores {} ORDER BY code LIMIT {}", select.conditions(), page.size + 1);
    let rows = link.rows("stores", &sql, select.params).await?;
    let stores = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(stores, page.size, |store| store.code.to_string()))
}

/// The number of the store with this code.
pub(super) async fn number(link: &mut Link, code: &str) -> Result<Option<StoreNumber>> {
    Ok(numbers(link, &[code.to_owned()]).await?.pop().flatten())
}

/// The numbers of the stores with these codes, in their order.
pub(super) async fn numbers(link: &mut Link, codes: &[String]) -> Result<Vec<Option<StoreNumber>>> {
    let sql = "SELECT code, number FROM stores WHERE deleted_revision IS NULL \
               AND code IN MEMBERS($1)";
    let mut found = HashMap::new();
    for row in link.rows("store_numbers", sql, vec![each(codes)]).await? {
        let mut reader = row.read("stores");
        found.insert(reader.text("code")?, StoreNumber(reader.number("number")?));
    }
    Ok(codes.iter().map(|code| found.get(code).copied()).collect())
}

/// The store that is reached at `host`.
pub(super) async fn at(link: &mut Link, host: &str) -> Result<Option<StoreCode>> {
    let sql = "SELECT s.code FROM store_hosts h JOIN stores s ON s.number = h.store_number WHERE h.host = $1";
    let row = link.row("store_at", sql, vec![host.into()]).await?;
    row.map(|row| row.read("stores").parsed("code")).transpose()
}

impl Write {
    pub(super) async fn add_store(&mut self, store: &Store) -> Result<StoreNumber> {
        let sql = "INSERT INTO stores (code, name, kind, platform, hosts, active, search, created_at, updated_at, \
                   row_revision) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING number";
        let mut params = self.store_values(store);
        params.insert(0, store.code.as_str().into());
        params.insert(7, store.created.into());
        let row = self.link.one("insert_store", sql, params).await?;
        let number = StoreNumber(row.read("stores").number("number")?);
        self.add_hosts(number, store).await?;
        Ok(number)
    }

    pub(super) async fn change_store(&mut self, store: &Store) -> Result<()> {
        let sql = "UPDATE stores SET name = $1, kind = $2, platform = $3, hosts = $4, active = $5, search = $6, \
                   updated_at = $7, row_revision = $8 WHERE number = $9 AND deleted_revision IS NULL";
        let mut params = self.store_values(store);
        params.push(store.number.0.into());
        if self.link.execute("update_store", sql, params).await? != 1 {
            return Err(Error::corrupt(format!("the store {} to update does not exist", store.code)));
        }
        self.remove_hosts(store.number).await?;
        self.add_hosts(store.number, store).await
    }

    /// Name, kind, platform, hosts, active, search, updated, row revision.
    fn store_values(&self, store: &Store) -> Vec<Value> {
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
        self.link.execute("delete_store_hosts", sql, vec![number.0.into()]).await.map(drop)
    }

    async fn add_hosts(&mut self, number: StoreNumber, store: &Store) -> Result<()> {
        let rows = store.hosts.iter().map(|host| vec![host.as_str().into(), number.0.into()]).collect();
        self.link.insert(&INSERT_HOSTS, rows).await.map(drop)
    }

    pub(super) async fn remove_store(&mut self, number: StoreNumber) -> Result<()> {
        let sql = "UPDATE stores SET deleted_revision = $1, row_revision = $1, updated_at = $2 \
                   WHERE number = $3 AND deleted_revision IS NULL";
        let params = vec![self.revision.into(), self.now.into(), number.0.into()];
        if self.link.execute("delete_store", sql, params).await? != 1 {
            return Err(Error::corrupt(format!("the store number {} to delete does not exist", number.0)));
        }
        self.remove_hosts(number).await
    }

    pub(super) async fn users_of_store(&mut self, number: StoreNumber) -> Result<StoreUsers> {
        let users = "FROM key_stores ks JOIN keys k ON k.id = ks.key_id WHERE ks.store_number = $1 \
                     AND k.deleted_revision IS NULL AND k.revoked_at IS NULL AND k.all_stores = FALSE";
        let sql = format!("SELECT count(*) {users}");
        let total = self.link.one("count_store_users", &sql, vec![number.0.into()]).await?;
        // Two others are enough to know that there is not exactly one.
        let sql = format!(
            "SELECT k.id {users} AND (SELECT count(*) FROM (SELECT 1 FROM key_stores o JOIN stores s \
             ON s.number = o.store_number WHERE o.key_id = k.id AND o.store_number <> $1 \
             AND s.deleted_revision IS NULL LIMIT 2) AS others) = 1 ORDER BY k.id LIMIT {NAMED}"
        );
        let rows = self.link.rows("store_users", &sql, vec![number.0.into()]).await?;
        let left_with_one = rows.into_iter().map(|row| row.read("keys").parsed("id")).collect::<Result<_>>()?;
        Ok(StoreUsers { total: total.read("keys").number("count")?, left_with_one })
    }
}
