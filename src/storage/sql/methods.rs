//! The entries of the reference book.

use super::connection::Connection;
use super::driver::Purpose;
use super::select::Select;
use super::transaction::Transaction;
use super::value::{SqlRow, SqlValue, each, json};
use super::{Storage, codec};
use crate::model::book::MethodNumber;
use crate::model::method::StoreUse;
use crate::model::page::{Page, PageRequest};
use crate::model::pattern::MethodIdentity;
use crate::model::reference::Method;
use crate::storage::{AffectedKey, Error, MethodFilter, Result};

const COLUMNS: &str = "number, identity, block, summary, description, store_use, shared, store_places, scope, \
                       position, retired_revision, created_at, updated_at, row_revision";

fn read(row: &mut SqlRow) -> Result<Method> {
    Ok(Method {
        number: row.get("number")?,
        identity: row.get("identity")?,
        block: row.get("block")?,
        summary: row.get("summary")?,
        description: row.get("description")?,
        store_use: match (row.get("store_use")?, row.get("shared")?) {
            // Servers from before `shared` treat such a method as one that reads no store, and refuse more.
            (StoreUse::None, true) => StoreUse::Shared,
            (store_use, _) => store_use,
        },
        store_places: row.get("store_places")?,
        scope: row.get("scope")?,
        position: row.get("position")?,
        retired: row.get("retired_revision")?,
        created: row.get("created_at")?,
        updated: row.get("updated_at")?,
        row_revision: row.get("row_revision")?,
    })
}

/// Returns all methods, by position; including retired ones if `retired`.
pub(super) async fn all(connection: &mut Connection, retired: bool) -> Result<Vec<Method>> {
    let condition = if retired { "" } else { "WHERE retired_revision IS NULL " };
    let sql = format!("SELECT {COLUMNS} FROM methods {condition}ORDER BY position, number");
    connection.rows("all_methods", sql.as_str(), params![], "methods").await?.iter_mut().map(read).collect()
}

impl Storage {
    /// Returns the method with this identity, unless it is retired.
    pub async fn method(&self, identity: &MethodIdentity) -> Result<Option<Method>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let sql = format!("SELECT {COLUMNS} FROM methods WHERE identity = $1 AND retired_revision IS NULL");
        connection
            .row("method", sql.as_str(), params![identity.to_string()], "methods")
            .await?
            .as_mut()
            .map(read)
            .transpose()
    }

    /// Returns the methods that are not retired and match the filter, by position, then number.
    pub async fn methods(&self, filter: &MethodFilter, page: &PageRequest) -> Result<Page<Method>> {
        let mut select = Select::new(self.connect(Purpose::Read).await?);
        select.filter("retired_revision IS NULL");
        select.filter_by("block =", filter.block.as_ref());
        select.filter_text(filter.text.as_deref());
        select.filter_after::<i32, u32>("methods", "(position, number) >", page.after.as_deref())?;
        let sort_key = |method: &Method| format!("{}:{}", method.position, method.number.0);
        select.page((COLUMNS, "methods", "position, number"), page, read, sort_key).await
    }
}

pub(super) async fn numbers(connection: &mut Connection, identities: &[String]) -> Result<Vec<Option<MethodNumber>>> {
    let sql = sql!("SELECT identity, number FROM methods WHERE retired_revision IS NULL AND identity " (MEMBERS 1));
    connection.numbers("method_numbers", sql, ("methods", "identity"), identities).await
}

fn affected(row: &mut SqlRow) -> Result<AffectedKey> {
    let (id, name) = (row.get("id")?, row.get("name")?);
    let mut methods: Vec<_> = row.get::<Vec<u32>>("methods")?.into_iter().map(MethodNumber).collect();
    methods.sort_unstable();
    Ok(AffectedKey { id, name, methods })
}

/// The methods `km` that live keys `k` select, restricted by the numbers that follow.
macro_rules! users {
    () => {
        "FROM key_methods km JOIN keys k ON k.id = km.key_id WHERE k.deleted_revision IS NULL AND k.revoked_at IS NULL \
         AND k.all_methods = FALSE AND km.method_number "
    };
}

/// The live keys `k` with access to all methods.
macro_rules! users_of_all {
    () => {
        "FROM keys k WHERE k.deleted_revision IS NULL AND k.revoked_at IS NULL AND k.all_methods = TRUE"
    };
}

impl Transaction {
    /// Returns all methods that are not retired, by position.
    pub async fn live_methods(&mut self) -> Result<Vec<Method>> {
        all(&mut self.connection, false).await
    }

    /// Returns the numbers of the methods with these identities, in their order; `None` for each that does not exist.
    pub async fn method_numbers(&mut self, identities: &[String]) -> Result<Vec<Option<MethodNumber>>> {
        numbers(&mut self.connection, identities).await
    }

    /// Adds methods and returns their numbers, never used before, in their order.
    pub async fn insert_methods(&mut self, methods: &[Method]) -> Result<Vec<MethodNumber>> {
        let sql = "INSERT INTO methods (block, summary, description, store_use, shared, store_places, scope, position, \
                   search, updated_at, row_revision, identity, created_at) \
                   VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) RETURNING number";
        let mut numbers = Vec::with_capacity(methods.len());
        for method in methods {
            let mut params = self.method_values(method);
            params.extend(params![method.identity.to_string(), method.created]);
            numbers.push(self.connection.one("insert_method", sql, params, "methods").await?.get("number")?);
        }
        Ok(numbers)
    }

    /// Writes all of each method except its identity.
    pub async fn update_methods(&mut self, methods: &[Method]) -> Result<()> {
        let sql = "UPDATE methods SET block = $1, summary = $2, description = $3, store_use = $4, shared = $5, \
                   store_places = $6, scope = $7, position = $8, search = $9, updated_at = $10, row_revision = $11 \
                   WHERE number = $12 AND retired_revision IS NULL";
        for method in methods {
            let mut params = self.method_values(method);
            params.push(method.number.into());
            self.connection.update("update_method", sql, params, &method.identity).await?;
        }
        Ok(())
    }

    /// Block, summary, description, store use, shared, store places, scope, position, search, updated, row revision.
    fn method_values(&self, method: &Method) -> Vec<SqlValue> {
        let Method { identity, block, summary, description, scope, position, updated, .. } = method;
        let shared = method.store_use == StoreUse::Shared;
        let store_use = if shared { StoreUse::None } else { method.store_use }.as_str();
        let places = json(&method.store_places.iter().map(ToString::to_string).collect::<Vec<_>>());
        let search = codec::search([&identity.to_string(), block, summary, description].map(String::as_str));
        let mut values = params![block, summary, description, store_use, shared, places, scope.as_ref(), *position];
        values.extend(params![search, *updated, self.revision]);
        values
    }

    /// Retires methods. Keys keep the numbers, which no longer grant access to anything.
    pub async fn retire_methods(&mut self, numbers: &[MethodNumber]) -> Result<()> {
        let sql = sql!("UPDATE methods SET retired_revision = $1, row_revision = $1, updated_at = $2 \
                        WHERE retired_revision IS NULL AND number " (NUMBERS 3));
        let params = params![self.revision, self.now, each(numbers.iter().map(|number| number.0))];
        let retired = self.connection.execute("retire_methods", sql, params).await?;
        if retired == numbers.len() as u64 {
            Ok(())
        } else {
            Err(Error::bug(format!("of {} methods to retire, only {retired} exist", numbers.len())))
        }
    }

    /// Returns the keys that select any of these methods, by id, at most `limit`, and their total number. Deleted and
    /// revoked keys do not count.
    pub async fn method_users(&mut self, numbers: &[MethodNumber], limit: usize) -> Result<(Vec<AffectedKey>, u64)> {
        let numbers = each(numbers.iter().map(|number| number.0));
        let sql = sql!("SELECT count(DISTINCT k.id) " {users!()} (NUMBERS 1));
        let total =
            self.connection.one("count_method_users", sql, params![numbers.clone()], "keys").await?.get("count")?;
        let sql = sql!("SELECT k.id, k.name, string_agg(CAST(km.method_number AS text), ',') " {users!()} (NUMBERS 1)
            " GROUP BY k.id, k.name ORDER BY k.id LIMIT $2");
        let mut keys = self.connection.rows("method_users", sql, params![numbers, limit], "keys").await?;
        Ok((keys.iter_mut().map(affected).collect::<Result<_>>()?, total))
    }

    /// Returns the keys with access to all methods, by id, at most `limit`, and their total number. Deleted and revoked
    /// keys do not count.
    pub async fn all_method_users(&mut self, limit: usize) -> Result<(Vec<AffectedKey>, u64)> {
        let sql = concat!("SELECT count(*) ", users_of_all!());
        let total = self.connection.one("count_all_method_users", sql, params![], "keys").await?.get("count")?;
        let sql = concat!("SELECT k.id, k.name, NULL ", users_of_all!(), " ORDER BY k.id LIMIT $1");
        let mut keys = self.connection.rows("all_method_users", sql, params![limit], "keys").await?;
        Ok((keys.iter_mut().map(affected).collect::<Result<_>>()?, total))
    }
}
