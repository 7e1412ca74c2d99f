//! Listing keys, the newest first, by any filter, at a million keys.
//!
//! A list is **walked** from its newest key down, along an index that is in that order ([`Conditions`] chooses it); each
//! key on the way is looked at for what the index does not know, until the page is full. What passes may be common, then
//! that is quick; or rare, then it may take the whole list. Which it is nobody knows before. So, in this order:
//!
//! - where an index out of order could find what passes (text, an end of validity, last use), whether it finds only a
//!   **few**, which then are all there is to look at;
//! - a **window** of the newest keys that are walked, then a wider one, where text is looked for or several indexes are
//!   walked side by side;
//! - text: what its index finds; all others: the walk, to its end.

use super::conditions::{Conditions, Named};
use super::connection::Connection;
use super::driver::Purpose;
use super::key_row::key_columns;
use super::keys;
use super::value::each;
use super::{Storage, methods, stores};
use crate::model::key::Key;
use crate::model::page::{Page, PageRequest};
use crate::storage::{KeyFilter, Result};

/// Keys that an index finds at most if they are a few.
const FEW: usize = 500;
/// Keys that an index of texts finds at most if walking something narrow to its end would take longer.
const MANY: usize = 5_000;
/// Keys that a window looks at, per walk: the first, then the next.
const WINDOWS: [usize; 2] = [250, 4_000];
/// Keys with a text that are looked at, the newest, before all are.
const NEWEST: usize = 500;

impl Storage {
    /// Keys that pass the filter, the newest (greatest id) first.
    pub async fn keys(&self, filter: &KeyFilter, page: &PageRequest) -> Result<Page<Key>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let store = match &filter.store {
            Some(code) => {
                stores::number(connection, code).await?.map_or(Named::Missing, |number| Named::Number(number.0))
            }
            None => Named::Any,
        };
        let method = match &filter.method {
            Some(identity) => {
                methods::number(connection, identity).await?.map_or(Named::Missing, |number| Named::Number(number.0))
            }
            None => Named::Any,
        };
        let Some(conditions) = Conditions::of(connection.dialect(), filter, (store, method), page.after.as_deref())
        else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let size = page.size as usize;
        let mut ids = find(connection, &conditions, size + 1).await?;
        let next = (ids.len() > size).then(|| ids[size - 1].clone());
        ids.truncate(size);
        Ok(Page { items: read_keys(connection, &ids).await?, next })
    }
}

/// The newest ids that pass: `limit`, or all.
async fn find(connection: &mut Connection, conditions: &Conditions, limit: usize) -> Result<Vec<String>> {
    for finder in conditions.finders() {
        let (ids, whole) = read_ids(connection, "keys_few", &conditions.few(finder, FEW, limit), conditions).await?;
        if whole {
            return Ok(ids);
        }
    }
    if conditions.has_windows() {
        for most in WINDOWS {
            let (ids, whole) = read_ids(connection, "keys_window", &conditions.window(most, limit), conditions).await?;
            if ids.len() >= limit || whole {
                return Ok(ids);
            }
        }
    }
    match conditions.text_finder() {
        Some(finder) if conditions.is_narrow() => {
            let (ids, whole) =
                read_ids(connection, "keys_many", &conditions.few(finder, MANY, limit), conditions).await?;
            if whole {
                return Ok(ids);
            }
        }
        Some(finder) => {
            let newest = conditions.newest(finder, NEWEST, limit);
            let (ids, whole) = read_ids(connection, "keys_newest", &newest, conditions).await?;
            if ids.len() >= limit || whole {
                return Ok(ids);
            }
            let all = conditions.gathered(finder, limit);
            return Ok(read_ids(connection, "keys_gather", &all, conditions).await?.0);
        }
        None => {}
    }
    Ok(read_ids(connection, "keys_walk", &conditions.walk(limit), conditions).await?.0)
}

/// Runs a statement of ids; also returns whether it looked at every key.
async fn read_ids(
    connection: &mut Connection,
    name: &'static str,
    sql: &str,
    conditions: &Conditions,
) -> Result<(Vec<String>, bool)> {
    let rows = connection.rows(name, sql, conditions.params()).await?;
    let mut whole = false;
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        let mut reader = row.read("keys");
        let id = reader.text("id")?;
        whole = reader.text("horizon")?.is_empty();
        // A row without an id only shows how far the statement looked.
        if !id.is_empty() {
            ids.push(id);
        }
    }
    Ok((ids, whole))
}

async fn read_keys(connection: &mut Connection, ids: &[String]) -> Result<Vec<Key>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = sql!("SELECT " {key_columns!()} " FROM keys k LEFT JOIN key_uses u ON u.key_id = k.id WHERE k.id " (MEMBERS 1)
        " ORDER BY k.id DESC");
    let rows = connection.rows("keys", sql, vec![each(ids)]).await?;
    keys::complete(connection, rows).await
}
