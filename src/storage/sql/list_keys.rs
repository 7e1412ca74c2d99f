//! Listing keys, the newest first, by any filter, at a million keys.
//!
//! A list is **walked** from its newest key down, along an index that is in that order and knows as much of the filter
//! as one can: all keys, those of one activity, owner or access, those that select a store, those never used. A store or
//! a method makes two walks, for keys with access to all and for those that select it, which are merged.
//!
//! Text, expiry and last use are in no such order, and an owner is not together with a store or a method. What passes them
//! may be common, then walking finds a page at once; or rare, then an index of its own finds them all. Which it is nobody
//! knows before, so that a **window** of the newest is tried first, and only if that does not fill the page are the rare
//! ones **gathered**: the newest of them first, whose number bounds the keys that are looked at, then all.

use super::dialect::Dialect;
use super::keys::{self, key_columns};
use super::link::Link;
use super::select::Select;
use super::value::each;
use super::{methods, stores};
use crate::model::key::Key;
use crate::model::page::{Page, PageRequest};
use crate::storage::{KeyFilter, Result};

/// Keys that a window looks at, per walk.
const WINDOW: usize = 4_000;
/// Gathered keys that are looked at before all are.
const GATHERED: usize = 500;
/// Characters of the shortest text that an index finds.
const INDEXED_CHARS: usize = 3;

/// What a filter's store or method is in the database.
#[derive(Debug, Clone, Copy)]
enum Named {
    /// None is asked for.
    Any,
    /// One is asked for that is not there: only keys with access to all open it.
    Missing,
    /// The one of this number.
    Number(u32),
}

/// A way down the list.
#[derive(Debug)]
struct Walk {
    /// What is walked, with the table `k` of keys in it.
    from: &'static str,
    /// The column that holds the id and gives the order.
    id: &'static str,
    /// What holds for what it walks, besides the filter's conditions on keys.
    conditions: Vec<String>,
}

/// A filter as conditions.
#[derive(Debug)]
struct Conditions {
    select: Select,
    walks: Vec<Walk>,
    /// Conditions on `k` that indexes in the order of the list know.
    tight: Vec<String>,
    /// Conditions on `k` that they do not know.
    loose: Vec<String>,
    /// A statement that finds the ids of what passes one of the loose ones, by an index, if one can.
    gather: Option<String>,
    /// The parameter that holds the last id of the page before.
    after: Option<String>,
}

/// Keys that pass the filter.
pub(super) async fn list(link: &mut Link, filter: &KeyFilter, page: &PageRequest) -> Result<Page<Key>> {
    let store = match &filter.store {
        Some(code) => stores::number(link, code).await?.map_or(Named::Missing, |number| Named::Number(number.0)),
        None => Named::Any,
    };
    let method = match &filter.method {
        Some(identity) => {
            methods::number(link, identity).await?.map_or(Named::Missing, |number| Named::Number(number.0))
        }
        None => Named::Any,
    };
    let conditions = Conditions::of(link.dialect(), filter, (store, method), page.after.as_deref());
    let size = page.size as usize;
    let mut ids = match &conditions.gather {
        None => read_ids(link, "keys_walk", &conditions.walk(size + 1), &conditions).await?.0,
        Some(gather) => {
            let (ids, whole) = read_ids(link, "keys_window", &conditions.window(size + 1), &conditions).await?;
            if ids.len() > size || whole {
                ids
            } else {
                let some = conditions.gathered(gather, size + 1, Some(GATHERED));
                let (ids, whole) = read_ids(link, "keys_gather", &some, &conditions).await?;
                if ids.len() > size || whole {
                    ids
                } else {
                    read_ids(link, "keys_gather_all", &conditions.gathered(gather, size + 1, None), &conditions)
                        .await?
                        .0
                }
            }
        }
    };
    let next = (ids.len() > size).then(|| ids[size - 1].clone());
    ids.truncate(size);
    Ok(Page { items: read_keys(link, &ids).await?, next })
}

/// Runs a statement of ids; answers also whether it looked at everything there is.
async fn read_ids(
    link: &mut Link,
    name: &'static str,
    sql: &str,
    conditions: &Conditions,
) -> Result<(Vec<String>, bool)> {
    let rows = link.rows(name, sql, conditions.select.params.clone()).await?;
    let mut whole = false;
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        let mut reader = row.read("keys");
        let id = reader.text("id")?;
        whole = reader.text("horizon")?.is_empty();
        // A row without an id only tells how far was looked.
        if !id.is_empty() {
            ids.push(id);
        }
    }
    Ok((ids, whole))
}

async fn read_keys(link: &mut Link, ids: &[String]) -> Result<Vec<Key>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let sql = concat!(
        "SELECT ",
        key_columns!(),
        " FROM keys k LEFT JOIN key_uses u ON u.key_id = k.id \
         WHERE k.id IN (SELECT member.value ->> 0 FROM EACH($1)) ORDER BY k.id DESC"
    );
    let rows = link.rows("keys", sql, vec![each(ids)]).await?;
    keys::complete(link, rows).await
}

impl Conditions {
    fn of(dialect: Dialect, filter: &KeyFilter, named: (Named, Named), after: Option<&str>) -> Self {
        let mut conditions = Self {
            select: Select::new(dialect),
            walks: Vec::new(),
            tight: vec!["k.deleted_revision IS NULL".to_owned()],
            loose: Vec::new(),
            gather: None,
            after: None,
        };
        conditions.choose_walks(filter, named);
        conditions.add_tight(dialect, filter);
        conditions.add_loose(dialect, filter);
        if let Some(after) = after {
            let after = conditions.select.bind(after.into());
            for walk in &mut conditions.walks {
                walk.conditions.push(format!("{} < {after}", walk.id));
            }
            // The same, for where the walk's own column is not at hand.
            conditions.loose.push(format!("k.id < {after}"));
            conditions.after = Some(after);
        }
        conditions
    }

    fn choose_walks(&mut self, filter: &KeyFilter, (store, method): (Named, Named)) {
        let (all, selected, column, number, is_all) = match (store, method) {
            (Named::Missing | Named::Number(_), _) => {
                match method {
                    Named::Any => {}
                    Named::Missing => self.tight.push("k.all_methods = TRUE".to_owned()),
                    Named::Number(number) => self.tight.push(format!(
                        "(k.all_methods = TRUE OR EXISTS (SELECT 1 FROM key_methods km WHERE km.key_id = k.id \
                         AND km.method_number = {number}))"
                    )),
                }
                let selected =
                    Walk { from: "key_stores ks CROSS JOIN keys k", id: "ks.key_id", conditions: Vec::new() };
                (filter.all_stores, selected, "k.id = ks.key_id AND ks.store_number", store, "k.all_stores")
            }
            (Named::Any, Named::Missing | Named::Number(_)) => {
                let selected =
                    Walk { from: "key_methods km CROSS JOIN keys k", id: "km.key_id", conditions: Vec::new() };
                (filter.all_methods, selected, "k.id = km.key_id AND km.method_number", method, "k.all_methods")
            }
            (Named::Any, Named::Any) => {
                self.walks.push(match filter.used {
                    None => Walk { from: "keys k", id: "k.id", conditions: Vec::new() },
                    Some(used) => Walk {
                        from: "key_uses u CROSS JOIN keys k",
                        id: "u.key_id",
                        conditions: vec![
                            "k.id = u.key_id".to_owned(),
                            format!("u.last_used_at {} 0", if used { ">" } else { "=" }),
                        ],
                    },
                });
                return;
            }
        };
        if all != Some(false) {
            let conditions = vec![format!("{is_all} = TRUE")];
            self.walks.push(Walk { from: "keys k", id: "k.id", conditions });
        }
        if let Named::Number(number) = number
            && all != Some(true)
        {
            let conditions = vec![format!("{column} = {number}"), format!("{is_all} = FALSE")];
            self.walks.push(Walk { conditions, ..selected });
        }
    }

    fn add_tight(&mut self, dialect: Dialect, filter: &KeyFilter) {
        let mut equal = Vec::new();
        let own_index = self.walks.first().is_some_and(|walk| walk.conditions.is_empty());
        if let Some(owner) = &filter.owner {
            let owner = self.select.bind(owner.as_str().into());
            if own_index {
                equal.push(format!("k.owner = {owner}"));
            } else {
                self.loose.push(format!("k.owner = {owner}"));
                self.gather =
                    Some(format!("SELECT g.id FROM keys g WHERE g.deleted_revision IS NULL AND g.owner = {owner}"));
            }
        }
        // The sooner a condition stands here the fewer keys it leaves, most likely.
        for (column, wanted) in [
            ("k.revoked", filter.revoked.filter(|revoked| *revoked)),
            ("k.usable", filter.active.filter(|active| !active)),
            ("k.all_methods", filter.all_methods),
            ("k.all_stores", filter.all_stores),
            ("k.usable", filter.active.filter(|active| *active)),
            ("k.revoked", filter.revoked.filter(|revoked| !revoked)),
        ] {
            if let Some(wanted) = wanted {
                equal.push(format!("{column} = {}", if wanted { "TRUE" } else { "FALSE" }));
            }
        }
        for (place, condition) in equal.into_iter().enumerate() {
            // Without statistics SQLite would choose any index: it gets the choice of one.
            let leave = dialect == Dialect::Sqlite && (place > 0 || !own_index);
            self.tight.push(if leave { format!("+{condition}") } else { condition });
        }
    }

    fn add_loose(&mut self, dialect: Dialect, filter: &KeyFilter) {
        let last_use = "coalesce((SELECT x.last_used_at FROM key_uses x WHERE x.key_id = k.id), 0)";
        if let Some(used) = filter.used.filter(|_| filter.store.is_some() || filter.method.is_some()) {
            self.loose.push(format!("{last_use} {} 0", if used { ">" } else { "=" }));
        }
        if let Some(before) = filter.expire_before {
            let before = self.select.bind(before.into());
            self.loose.push(format!("k.expires_at < {before}"));
            // An owner most likely has fewer keys.
            self.gather.get_or_insert(format!(
                "SELECT g.id FROM keys g WHERE g.deleted_revision IS NULL AND g.expires_at IS NOT NULL \
                 AND g.expires_at < {before}"
            ));
        }
        if let Some(since) = filter.unused_since {
            let since = self.select.bind(since.into());
            self.loose.push(format!("{last_use} < {since}"));
            self.gather.get_or_insert(format!("SELECT g.key_id AS id FROM key_uses g WHERE g.last_used_at < {since}"));
        }
        if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
            let text = text.to_lowercase();
            let exact = self.select.bind(text.as_str().into());
            self.loose.push(dialect.occurs("k.search", &exact));
            if text.chars().count() >= INDEXED_CHARS {
                let search = self.select.bind(dialect.search(&text));
                self.gather = Some(dialect.keys_with(&search));
            }
        }
    }

    fn walk_statement(&self, walk: &Walk, columns: &str, loose: bool, limit: usize) -> String {
        let loose = if loose { self.loose.as_slice() } else { &[] };
        let conditions: Vec<_> = walk.conditions.iter().chain(&self.tight).chain(loose).map(String::as_str).collect();
        format!(
            "SELECT {} AS id{columns} FROM {} WHERE {} ORDER BY {} DESC LIMIT {limit}",
            walk.id,
            walk.from,
            conditions.join(" AND "),
            walk.id
        )
    }

    /// The ids on the page, by walking alone.
    fn walk(&self, limit: usize) -> String {
        let walks: Vec<_> = self.walks.iter().map(|walk| self.walk_statement(walk, "", true, limit)).collect();
        match walks.as_slice() {
            [] => "SELECT '' AS id, '' AS horizon WHERE FALSE".to_owned(),
            walks => {
                let parts: Vec<_> =
                    walks.iter().enumerate().map(|(n, walk)| format!("SELECT id FROM ({walk}) AS w{n}")).collect();
                format!(
                    "SELECT id, '' AS horizon FROM ({}) AS w ORDER BY id DESC LIMIT {limit}",
                    parts.join(" UNION ALL ")
                )
            }
        }
    }

    /// The ids on the page, as far as the newest keys of each walk go. `horizon` is the last of them that is sure, or
    /// nothing if there are no more.
    fn window(&self, limit: usize) -> String {
        if self.walks.is_empty() {
            return self.walk(limit);
        }
        let hit = format!(", ({}) AS hit", self.loose.join(" AND "));
        let (mut windows, mut horizons, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (n, walk) in self.walks.iter().enumerate() {
            windows.push(format!("w{n} AS MATERIALIZED ({})", self.walk_statement(walk, &hit, false, WINDOW)));
            horizons.push(format!("SELECT CASE WHEN count(*) >= {WINDOW} THEN min(id) END AS last FROM w{n}"));
            all.push(format!("SELECT id, hit FROM w{n}"));
        }
        let found = format!(
            "SELECT id, horizon FROM ({}) AS w CROSS JOIN h WHERE hit AND id >= horizon",
            all.join(" UNION ALL ")
        );
        format!(
            "WITH {}, h AS MATERIALIZED (SELECT coalesce(max(last), '') AS horizon FROM ({}) AS lasts) {}",
            windows.join(", "),
            horizons.join(" UNION ALL "),
            with_horizon(&found, limit)
        )
    }

    /// The ids on the page, by gathering what passes a loose condition first: all, or the newest `most`. Of the latter
    /// `horizon` is the last that was looked at, or nothing if there are no more.
    fn gathered(&self, gather: &str, limit: usize, most: Option<usize>) -> String {
        let conditions = [&self.tight, &self.loose].map(|conditions| conditions.join(" AND ")).join(" AND ");
        let mut walks: Vec<_> = self
            .walks
            .iter()
            .map(|walk| {
                // What it walks beside the keys need only be there.
                let (beside, on) = match walk.from {
                    "keys k" => (None, walk.conditions.join(" AND ")),
                    from => (from.split(" CROSS JOIN ").next(), walk.conditions.join(" AND ")),
                };
                match beside {
                    Some(beside) => format!("EXISTS (SELECT 1 FROM {beside} WHERE {on})"),
                    None if on.is_empty() => "TRUE".to_owned(),
                    None => format!("({on})"),
                }
            })
            .collect();
        if walks.is_empty() {
            walks.push("FALSE".to_owned());
        }
        let passing = format!("k.id = g.id AND {conditions} AND ({})", walks.join(" OR "));
        let Some(most) = most else {
            return format!(
                "WITH g AS MATERIALIZED ({gather}) SELECT k.id AS id, '' AS horizon FROM g CROSS JOIN keys k \
                 WHERE {passing} ORDER BY k.id DESC LIMIT {limit}"
            );
        };
        let after = self.after.as_ref().map(|after| format!(" WHERE a.id < {after}")).unwrap_or_default();
        let found = format!("SELECT k.id AS id, horizon FROM g CROSS JOIN keys k CROSS JOIN h WHERE {passing}");
        format!(
            "WITH g AS MATERIALIZED (SELECT a.id AS id FROM ({gather}) AS a{after} ORDER BY a.id DESC LIMIT {most}), \
             h AS MATERIALIZED (SELECT CASE WHEN count(*) >= {most} THEN min(id) ELSE '' END AS horizon FROM g) {}",
            with_horizon(&found, limit)
        )
    }
}

/// A statement of the newest ids that `found` finds, and of the horizon `h` even if it finds none.
fn with_horizon(found: &str, limit: usize) -> String {
    format!(
        "SELECT id, horizon FROM (SELECT '' AS id, horizon FROM h UNION ALL {found}) AS f ORDER BY id DESC LIMIT {}",
        limit + 1
    )
}
