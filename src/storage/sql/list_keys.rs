//! Listing keys, the newest first, by any filter, with a million keys.
//!
//! A list is **walked** from its newest key down, along an index in that order (chosen by [`Conditions`]); each key on
//! the way is checked for conditions outside the index, until the page is full. If matches are common, that is quick;
//! if they are rare, it may take the whole list. Which is not known in advance. So, in this order:
//!
//! - if an index in another order could find the matches (text, an expiry, last use), whether it finds only a **few**,
//!   which are then all that must be checked;
//! - a **window** of the newest walked keys, then a wider one, if the filter has a text or several indexes are
//!   intersected;
//! - for a text: the finds of its index; otherwise: the walk, to its end.

use super::conditions::{Conditions, NumberFilter};
use super::connection::Connection;
use super::driver::Purpose;
use super::key_row::key_columns;
use super::keys;
use super::value::each;
use super::{Storage, methods, stores};
use crate::model::key::Key;
use crate::model::page::{Page, PageRequest};
use crate::storage::{KeyFilter, Result};

/// The most keys found by an index that count as a few.
const FEW: usize = 500;
/// The most keys found by a text index for which a narrow walk to its end would take longer.
const MANY: usize = 5_000;
/// The keys that a window checks, per walk: the first, then the next.
const WINDOWS: [usize; 2] = [250, 4_000];
/// The newest keys with a text that are checked before all are.
const NEWEST: usize = 500;

impl Storage {
    /// Returns the keys that match the filter, the newest (greatest id) first.
    pub async fn keys(&self, filter: &KeyFilter, page: &PageRequest) -> Result<Page<Key>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let store = match &filter.store {
            Some(code) => stores::number(connection, code)
                .await?
                .map_or(NumberFilter::Missing, |number| NumberFilter::Number(number.0)),
            None => NumberFilter::Any,
        };
        let method = match &filter.method {
            Some(identity) => methods::number(connection, identity)
                .await?
                .map_or(NumberFilter::Missing, |number| NumberFilter::Number(number.0)),
            None => NumberFilter::Any,
        };
        let Some(conditions) = Conditions::new(connection.dialect(), filter, (store, method), page.after.as_deref())
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

/// Returns the newest matching ids: `limit`, or all.
async fn find(connection: &mut Connection, conditions: &Conditions, limit: usize) -> Result<Vec<String>> {
    for finder in conditions.finders() {
        let (ids, complete) = read_ids(connection, "keys_few", &conditions.few(finder, FEW, limit), conditions).await?;
        if complete {
            return Ok(ids);
        }
    }
    if conditions.has_windows() {
        for most in WINDOWS {
            let (ids, complete) =
                read_ids(connection, "keys_window", &conditions.window(most, limit), conditions).await?;
            if ids.len() >= limit || complete {
                return Ok(ids);
            }
        }
    }
    match conditions.text_finder() {
        Some(finder) if conditions.is_narrow() => {
            let (ids, complete) =
                read_ids(connection, "keys_many", &conditions.few(finder, MANY, limit), conditions).await?;
            if complete {
                return Ok(ids);
            }
        }
        Some(finder) => {
            let newest = conditions.newest(finder, NEWEST, limit);
            let (ids, complete) = read_ids(connection, "keys_newest", &newest, conditions).await?;
            if ids.len() >= limit || complete {
                return Ok(ids);
            }
            let all = conditions.all_found(finder, limit);
            return Ok(read_ids(connection, "keys_gather", &all, conditions).await?.0);
        }
        None => {}
    }
    Ok(read_ids(connection, "keys_walk", &conditions.walk(limit), conditions).await?.0)
}

/// Runs a statement of ids; also returns whether it covered every key.
async fn read_ids(
    connection: &mut Connection,
    name: &'static str,
    sql: &str,
    conditions: &Conditions,
) -> Result<(Vec<String>, bool)> {
    let rows = connection.rows(name, sql, conditions.params()).await?;
    let mut complete = false;
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        let mut reader = row.read("keys");
        let id = reader.text("id")?;
        complete = reader.text("horizon")?.is_empty();
        // A row without an id only shows how far the statement got.
        if !id.is_empty() {
            ids.push(id);
        }
    }
    Ok((ids, complete))
}

async fn read_keys(connection: &mut Connection, ids: &[String]) -> Result<Vec<Key>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = sql!("SELECT " {key_columns!()} " FROM keys k LEFT JOIN key_uses u ON u.key_id = k.id WHERE k.id " (MEMBERS 1)
        " ORDER BY k.id DESC");
    let rows = connection.rows("keys", sql, vec![each(ids)]).await?;
    keys::complete_keys(connection, rows).await
}
