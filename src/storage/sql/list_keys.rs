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

use std::slice;

use super::conditions::Conditions;
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
        // Numbers begin at 1: with 0, only keys with access to all match.
        let (mut store, mut method) = (None, None);
        if let Some(code) = &filter.store {
            let found = stores::numbers(connection, slice::from_ref(code)).await?;
            store = Some(found[0].map_or(0, |number| number.0));
        }
        if let Some(identity) = &filter.method {
            let found = methods::numbers(connection, slice::from_ref(identity)).await?;
            method = Some(found[0].map_or(0, |number| number.0));
        }
        let after = page.after.as_deref();
        let Some(conditions) = Conditions::new(connection.dialect, filter, (store, method), after) else {
            return Ok(Page { items: Vec::new(), next: None });
        };
        let size = page.size as usize;
        let mut ids = find(connection, &conditions, size + 1).await?;
        let next = (ids.len() > size).then(|| ids[size - 1].clone());
        ids.truncate(size);
        if ids.is_empty() {
            return Ok(Page { items: Vec::new(), next });
        }
        let sql = sql!("SELECT " {key_columns!()} " FROM keys k LEFT JOIN key_uses u ON u.key_id = k.id WHERE k.id " (MEMBERS 1)
            " ORDER BY k.id DESC");
        let rows = connection.rows("keys", sql, params![each(&ids)], "keys").await?;
        Ok(Page { items: keys::complete_keys(connection, rows).await?, next })
    }
}

/// Returns the newest matching ids: `limit`, or all.
async fn find(connection: &mut Connection, conditions: &Conditions, limit: usize) -> Result<Vec<String>> {
    let few = |finder: &String| ("keys_few", conditions.few(finder, FEW, limit));
    // Several narrow conditions probably leave few keys already, found faster than a text.
    let text = conditions.text_finder.iter().filter(|_| conditions.narrow.len() < 2);
    let mut statements: Vec<_> = conditions.finders.iter().chain(text).map(few).collect();
    // Otherwise matches are probably close together.
    if conditions.text_finder.is_some() || conditions.walks.is_empty() {
        statements.extend(WINDOWS.map(|most| ("keys_window", conditions.window(most, limit))));
    }
    match &conditions.text_finder {
        Some(finder) if conditions.narrow.is_empty() => {
            statements.push(("keys_newest", conditions.newest(finder, NEWEST, limit)));
            statements.push(("keys_gather", conditions.all_found(finder, limit)));
        }
        finder => {
            statements.extend(finder.iter().map(|finder| ("keys_many", conditions.few(finder, MANY, limit))));
            statements.push(("keys_walk", conditions.walk(limit)));
        }
    }
    let mut ids = Vec::new();
    for (name, sql) in statements {
        // Whether the statement covered every key.
        let mut complete = false;
        ids.clear();
        for mut row in connection.rows(name, sql.as_str(), conditions.params.clone(), "keys").await? {
            let (id, horizon): (String, String) = (row.get("id")?, row.get("horizon")?);
            complete = horizon.is_empty();
            // A row without an id only shows how far the statement got.
            if !id.is_empty() {
                ids.push(id);
            }
        }
        if ids.len() >= limit || complete {
            break;
        }
    }
    Ok(ids)
}
