//! A filter of keys as conditions, and the statements that find the matching ids, the newest first.
//!
//! The list is walked from the newest key down, by one of these:
//!
//! - An owner, being revoked, an expiry, a store or a method that must be *selected* is **narrow**: each probably
//!   leaves few keys, and has an index in the order of the list. A single one is walked; several are intersected, and
//!   only their common keys are checked.
//! - Otherwise a store or a method, in two merged walks: keys with access to all, and those that select it.
//! - Otherwise the last uses, or all keys, or those that another condition leaves.

use super::dialect::SqlDialect;
use super::value::SqlValue;
use crate::storage::KeyFilter;

/// The length of the shortest text that an index finds, in characters.
const INDEXED_CHARS: usize = 3;

#[derive(Debug, Clone)]
pub(super) struct Walk {
    /// The table to walk. If it is not the table `k` of keys, that is joined.
    table: String,
    /// The column with the id, which gives the order.
    id: &'static str,
    conditions: Vec<String>,
}

impl Walk {
    fn of_keys(index: &str, conditions: Vec<String>) -> Self {
        Self { table: format!("keys k{index}"), id: "k.id", conditions }
    }

    /// Returns a statement of all its ids, by its index alone, for an intersection with others.
    fn ids(&self) -> String {
        format!("SELECT {} AS id FROM {} WHERE {}", self.id, self.table, self.conditions.join(" AND "))
    }

    /// Returns a statement of its newest `limit` rows that match the rest, with more columns.
    fn statement(&self, columns: &str, rest: &[&Vec<String>], limit: usize) -> String {
        let (id, table) = (self.id, &self.table);
        let (join, joined) = match id {
            "k.id" => ("", None),
            _ => (" CROSS JOIN keys k", Some(format!("k.id = {id}"))),
        };
        let conditions = joined.iter().chain(&self.conditions).chain(rest.iter().copied().flatten());
        let conditions: Vec<_> = conditions.map(String::as_str).collect();
        let wanted = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
        format!("SELECT {id} AS id{columns} FROM {table}{join} WHERE {wanted} ORDER BY {id} DESC LIMIT {limit}")
    }
}

/// One of the two lists that a key may select from.
struct Selection {
    table: &'static str,
    number: &'static str,
    all: &'static str,
}

const STORES: Selection = Selection { table: "key_stores", number: "store_number", all: "k.all_stores" };
const METHODS: Selection = Selection { table: "key_methods", number: "method_number", all: "k.all_methods" };

impl Selection {
    fn selected(&self, number: u32) -> Walk {
        let conditions = vec![format!("s.{} = {number}", self.number)];
        Walk { table: format!("{} s", self.table), id: "s.key_id", conditions }
    }

    fn is_selected(&self, number: u32) -> String {
        format!("EXISTS (SELECT 1 FROM {} s WHERE s.key_id = k.id AND s.{} = {number})", self.table, self.number)
    }

    fn is_accessible(&self, number: u32) -> String {
        // Not EXISTS: PostgreSQL would read the whole list of a common number at once, for a page that checks few keys.
        let selected = format!("SELECT 1 FROM {} s WHERE s.key_id = k.id AND s.{} = {number}", self.table, self.number);
        format!("({} = TRUE OR ({selected}) = 1)", self.all)
    }

    fn walks(&self, number: u32) -> Vec<Walk> {
        let mut selected = self.selected(number);
        selected.conditions.push(format!("{} = FALSE", self.all));
        vec![Walk::of_keys("", vec![format!("{} = TRUE", self.all)]), selected]
    }
}

/// Simplifies a filter of the stores or the methods: access to all or not, and a number that must be accessible; 0 if it
/// does not exist. Returns `None` if no key can match.
const fn simplified(all: Option<bool>, number: Option<u32>) -> Option<(Option<bool>, Option<u32>)> {
    match (number, all) {
        (Some(0), Some(false)) => None,
        (Some(0), _) | (Some(_), Some(true)) => Some((Some(true), None)),
        (number, all) => Some((all, number)),
    }
}

#[derive(Debug)]
pub(super) struct Conditions {
    dialect: SqlDialect,
    /// The parameters of every statement.
    pub(super) params: Vec<SqlValue>,
    /// The walks to merge; if empty, the intersection of the narrow conditions is walked.
    pub(super) walks: Vec<Walk>,
    /// Walks along conditions that leave few keys.
    pub(super) narrow: Vec<Walk>,
    /// Conditions on `k` that hold for all walked rows.
    walked: Vec<String>,
    /// Other conditions on `k` that are cheap to check.
    cheap: Vec<String>,
    /// Other conditions on `k`.
    costly: Vec<String>,
    /// Statements that find the ids that match one condition, by an index in another order.
    pub(super) finders: Vec<String>,
    /// A statement that finds the ids that match the text, by its index.
    pub(super) text_finder: Option<String>,
    /// The parameter with the last id of the previous page.
    after: Option<String>,
}

impl Conditions {
    /// Returns `None` if no key can match.
    pub(super) fn new(
        dialect: SqlDialect,
        filter: &KeyFilter,
        (store, method): (Option<u32>, Option<u32>),
        after: Option<&str>,
    ) -> Option<Self> {
        // A revoked key is not active.
        if filter.active == Some(true) && filter.revoked == Some(true) {
            return None;
        }
        let (all_stores, store) = simplified(filter.all_stores, store)?;
        let (all_methods, method) = simplified(filter.all_methods, method)?;
        let mut conditions = Self {
            dialect,
            params: Vec::new(),
            walks: Vec::new(),
            narrow: Vec::new(),
            walked: Vec::new(),
            cheap: vec!["k.deleted_revision IS NULL".to_owned()],
            costly: Vec::new(),
            finders: Vec::new(),
            text_finder: None,
            after: None,
        };
        conditions.add_narrow(filter);
        let mut accessible = Vec::new();
        for (selection, all, number) in [(STORES, all_stores, store), (METHODS, all_methods, method)] {
            match number {
                Some(number) if all == Some(false) => {
                    conditions.narrow.push(selection.selected(number));
                    conditions.walked.push(selection.is_selected(number));
                }
                Some(number) => accessible.push((selection, number)),
                None => {}
            }
        }
        let equal = flag_conditions(filter, all_stores, all_methods);
        conditions.choose_walks(filter, accessible, equal);
        conditions.add_uses(filter);
        conditions.add_text(filter);
        conditions.begin_after(after);
        Some(conditions)
    }

    fn bind(&mut self, value: impl Into<SqlValue>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    fn add_narrow(&mut self, filter: &KeyFilter) {
        let live = || "k.deleted_revision IS NULL".to_owned();
        if let Some(owner) = &filter.owner {
            let condition = format!("k.owner = {}", self.bind(owner));
            self.walked.push(self.dialect.unindexed(&condition));
            self.narrow.push(Walk::of_keys("", vec![live(), condition]));
        }
        if let Some(before) = filter.expire_before {
            let condition = format!("k.expires_at < {}", self.bind(before));
            let ends = format!("k.expires_at IS NOT NULL AND {condition}");
            self.walked.push(self.dialect.unindexed(&condition));
            self.finders.push(format!("SELECT k.id AS id FROM keys k WHERE k.deleted_revision IS NULL AND {ends}"));
            self.narrow.push(Walk::of_keys(&self.dialect.indexed_by("keys_ends"), vec![live(), ends]));
        }
        if filter.revoked == Some(true) {
            self.narrow.push(Walk::of_keys("", vec![live(), "k.revoked = TRUE".to_owned()]));
            self.walked.push(self.dialect.unindexed("k.revoked = TRUE"));
        }
    }

    fn choose_walks(&mut self, filter: &KeyFilter, accessible: Vec<(Selection, u32)>, mut equal: Vec<String>) {
        let mut accessible = accessible.into_iter();
        if let [narrow] = self.narrow.as_slice() {
            self.walks.push(narrow.clone());
        } else if self.narrow.is_empty() {
            if let Some((selection, number)) = accessible.next() {
                self.walks = selection.walks(number);
                self.walked.push(selection.is_accessible(number));
            } else if filter.used.is_none() && filter.unused_since.is_none() {
                // Without statistics SQLite would choose any index: it gets the choice of one.
                let first = if equal.is_empty() { Vec::new() } else { vec![equal.remove(0)] };
                self.walked.extend(first.iter().map(|condition| self.dialect.unindexed(condition)));
                self.walks.push(Walk::of_keys("", first));
            } else {
                // By the last uses, combined with their conditions.
                self.walks.push(Walk { table: "key_uses u".to_owned(), id: "u.key_id", conditions: Vec::new() });
            }
        }
        self.cheap.extend(equal.iter().map(|condition| self.dialect.unindexed(condition)));
        self.cheap.extend(accessible.map(|(selection, number)| selection.is_accessible(number)));
    }

    fn add_uses(&mut self, filter: &KeyFilter) {
        let used = filter.used.map(|used| if used { "> 0" } else { "= 0" }.to_owned());
        let mut bounds = Vec::from_iter(used);
        if let Some(since) = filter.unused_since {
            let bound = format!("< {}", self.bind(since));
            self.finders.push(format!("SELECT u.key_id AS id FROM key_uses u WHERE u.last_used_at {bound}"));
            bounds.push(bound);
        }
        for bound in bounds {
            let condition =
                format!("coalesce((SELECT u.last_used_at FROM key_uses u WHERE u.key_id = k.id), 0) {bound}");
            let Some(walk) = self.walks.first_mut().filter(|walk| walk.id == "u.key_id") else {
                self.costly.push(condition);
                continue;
            };
            self.walked.push(condition);
            let last = format!("u.last_used_at {bound}");
            // That a time is before another one has no index in the order of the list.
            walk.conditions.push(if bound.starts_with('<') { self.dialect.unindexed(&last) } else { last });
        }
    }

    fn add_text(&mut self, filter: &KeyFilter) {
        if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
            let text = text.to_lowercase();
            let exact = self.bind(&text);
            self.costly.push(self.dialect.contains("k.search", &exact));
            if text.chars().count() >= INDEXED_CHARS {
                let search = self.bind(self.dialect.search(&text));
                self.text_finder = Some(self.dialect.keys_matching(&search));
            }
        }
    }

    fn begin_after(&mut self, after: Option<&str>) {
        let Some(after) = after else { return };
        let after = self.bind(after);
        for walk in self.walks.iter_mut().chain(&mut self.narrow) {
            walk.conditions.push(format!("{} < {after}", walk.id));
        }
        self.after = Some(after);
    }

    /// Returns all conditions on `k`, whichever way it was found.
    fn all_conditions(&self) -> String {
        let after = self.after.iter().map(|after| format!("k.id < {after}"));
        let conditions = [&self.cheap, &self.walked, &self.costly].into_iter().flatten().cloned();
        conditions.chain(after).collect::<Vec<_>>().join(" AND ")
    }

    /// Returns the ids on the page, by walking to the end.
    pub(super) fn walk(&self, limit: usize) -> String {
        let all = self.walks.is_empty().then(|| self.intersection(None));
        let statement = |walk: &Walk| walk.statement("", &[&self.cheap, &self.costly], limit);
        let walks = self.walks.iter().chain(&all).map(statement);
        let parts: Vec<_> = walks.enumerate().map(|(n, walk)| format!("SELECT id FROM ({walk}) AS w{n}")).collect();
        format!("SELECT id, '' AS horizon FROM ({}) AS w ORDER BY id DESC LIMIT {limit}", parts.join(" UNION ALL "))
    }

    /// Returns a walk along the intersection of the narrow conditions: the newest `most`, or all.
    fn intersection(&self, most: Option<usize>) -> Walk {
        let ids: Vec<_> = self.narrow.iter().map(Walk::ids).collect();
        let limit = most.map(|most| format!(" LIMIT {most}")).unwrap_or_default();
        Walk { table: format!("({}{limit}) AS n", self.dialect.intersection(&ids)), id: "n.id", conditions: Vec::new() }
    }

    /// Returns the ids on the page, among the newest `most` of each walk. `horizon` is the last id that is certain, or
    /// empty if there are no more.
    pub(super) fn window(&self, most: usize, limit: usize) -> String {
        let hit = |conditions: &[String]| {
            // A CASE stops at the first condition that does not hold.
            format!(", CASE WHEN {} THEN TRUE ELSE FALSE END AS hit", conditions.join(" AND "))
        };
        let walks: Vec<_> = if self.walks.is_empty() {
            let hit = hit(&[self.cheap.as_slice(), &self.costly].concat());
            vec![self.intersection(Some(most)).statement(&hit, &[], most)]
        } else {
            let hit = hit(&self.costly);
            self.walks.iter().map(|walk| walk.statement(&hit, &[&self.cheap], most)).collect()
        };
        let (mut windows, mut horizons, mut all) = (Vec::new(), Vec::new(), Vec::new());
        for (n, walk) in walks.iter().enumerate() {
            windows.push(format!("w{n} AS MATERIALIZED ({walk})"));
            horizons.push(format!("SELECT CASE WHEN count(*) >= {most} THEN min(id) END AS last FROM w{n}"));
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

    /// Returns the ids on the page, if `finder` finds at most `few`; then `horizon` is empty.
    pub(super) fn few(&self, finder: &str, few: usize, limit: usize) -> String {
        let found = format!(
            "SELECT k.id AS id, '' AS horizon FROM g CROSS JOIN keys k \
             WHERE (SELECT h.horizon FROM h) = '' AND k.id = g.id AND {}",
            self.all_conditions()
        );
        format!(
            "WITH g AS MATERIALIZED (SELECT f.id AS id FROM ({finder}) AS f LIMIT {}), \
             h AS MATERIALIZED (SELECT CASE WHEN count(*) > {few} THEN 'more' ELSE '' END AS horizon FROM g) {}",
            few + 1,
            with_horizon(&found, limit)
        )
    }

    /// Returns the ids on the page among the newest `most` that `finder` finds. `horizon` is the last id checked, or
    /// empty if there are no more.
    pub(super) fn newest(&self, finder: &str, most: usize, limit: usize) -> String {
        let after = self.after.as_ref().map(|after| format!(" WHERE f.id < {after}")).unwrap_or_default();
        let found = format!(
            "SELECT k.id AS id, horizon FROM g CROSS JOIN keys k CROSS JOIN h WHERE k.id = g.id AND {}",
            self.all_conditions()
        );
        format!(
            "WITH g AS MATERIALIZED (SELECT f.id AS id FROM ({finder}) AS f{after} ORDER BY f.id DESC LIMIT {most}), \
             h AS MATERIALIZED (SELECT CASE WHEN count(*) >= {most} THEN min(id) ELSE '' END AS horizon FROM g) {}",
            with_horizon(&found, limit)
        )
    }

    /// Returns the ids on the page, by checking all that `finder` finds.
    pub(super) fn all_found(&self, finder: &str, limit: usize) -> String {
        format!(
            "WITH g AS MATERIALIZED ({finder}) SELECT k.id AS id, '' AS horizon FROM g CROSS JOIN keys k \
             WHERE k.id = g.id AND {} ORDER BY k.id DESC LIMIT {limit}",
            self.all_conditions()
        )
    }
}

/// Returns conditions on `k` that a column is true or false, ordered by how few keys they probably leave.
fn flag_conditions(filter: &KeyFilter, all_stores: Option<bool>, all_methods: Option<bool>) -> Vec<String> {
    [
        // A revoked key is never active.
        ("k.usable", filter.active.filter(|active| !active && filter.revoked != Some(true))),
        ("k.all_methods", all_methods),
        ("k.all_stores", all_stores),
        ("k.usable", filter.active.filter(|active| *active)),
        ("k.revoked", filter.revoked.filter(|revoked| !revoked)),
    ]
    .into_iter()
    .filter_map(|(column, wanted)| wanted.map(|wanted| format!("{column} = {}", if wanted { "TRUE" } else { "FALSE" })))
    .collect()
}

/// Returns a statement of the newest ids that `found` finds, and of the horizon `h` even if it finds none.
fn with_horizon(found: &str, limit: usize) -> String {
    format!(
        "SELECT id, horizon FROM (SELECT '' AS id, horizon FROM h UNION ALL {found}) AS f ORDER BY id DESC LIMIT {}",
        limit + 1
    )
}
