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
use super::select::Select;
use super::value::SqlValue;
use crate::storage::KeyFilter;

/// The length of the shortest text that an index finds, in characters.
const INDEXED_CHARS: usize = 3;

/// A filter's store or method in the database.
#[derive(Debug, Clone, Copy)]
pub(super) enum NumberFilter {
    /// No condition.
    Any,
    /// It does not exist: only keys with access to all pass.
    Missing,
    /// It exists and has this number.
    Number(u32),
}

/// A way to walk down the list.
#[derive(Debug, Clone)]
struct Walk {
    /// The tables to walk, including the table `k` of keys.
    from: String,
    /// The column with the id, which gives the order.
    id: &'static str,
    /// The conditions of this walk.
    conditions: Vec<String>,
}

impl Walk {
    fn of_keys(from: &str, conditions: Vec<String>) -> Self {
        Self { from: from.to_owned(), id: "k.id", conditions }
    }

    /// Returns a statement of its newest `limit` rows that match the rest, with more columns.
    fn statement(&self, columns: &str, rest: &[&Vec<String>], limit: usize) -> String {
        let conditions: Vec<_> =
            self.conditions.iter().chain(rest.iter().copied().flatten()).map(String::as_str).collect();
        let wanted = if conditions.is_empty() { "TRUE".to_owned() } else { conditions.join(" AND ") };
        let (id, from) = (self.id, &self.from);
        format!("SELECT {id} AS id{columns} FROM {from} WHERE {wanted} ORDER BY {id} DESC LIMIT {limit}")
    }
}

/// A condition that leaves few keys.
#[derive(Debug)]
struct NarrowCondition {
    /// The walk for this condition alone.
    walk: Walk,
    /// A statement of the ids by its index alone, for an intersection with others.
    ids: String,
}

impl NarrowCondition {
    /// Restricts keys by `condition` on `k`, along `index`.
    fn of_keys(index: &str, condition: &str) -> Self {
        let keys = format!("keys k{index}");
        let conditions = vec!["k.deleted_revision IS NULL".to_owned(), condition.to_owned()];
        Self {
            ids: format!("SELECT k.id AS id FROM {keys} WHERE {}", conditions.join(" AND ")),
            walk: Walk::of_keys(&keys, conditions),
        }
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
    fn selected(&self, number: u32) -> NarrowCondition {
        let chosen = format!("s.{} = {number}", self.number);
        NarrowCondition {
            walk: Walk {
                from: format!("{} s CROSS JOIN keys k", self.table),
                id: "s.key_id",
                conditions: vec!["k.id = s.key_id".to_owned(), chosen.clone()],
            },
            ids: format!("SELECT s.key_id AS id FROM {} s WHERE {chosen}", self.table),
        }
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
        let mut selected = self.selected(number).walk;
        selected.conditions.push(format!("{} = FALSE", self.all));
        vec![Walk::of_keys("keys k", vec![format!("{} = TRUE", self.all)]), selected]
    }
}

/// The simplified filter of one side: access to all or not, and a number that must be accessible.
#[derive(Debug, Clone, Copy)]
struct AccessFilter {
    all: Option<bool>,
    number: Option<u32>,
}

impl AccessFilter {
    /// Returns `None` if no key can match.
    fn new(all: Option<bool>, number: NumberFilter) -> Option<Self> {
        match (number, all) {
            (NumberFilter::Any, all) => Some(Self { all, number: None }),
            (NumberFilter::Missing, Some(false)) => None,
            (NumberFilter::Missing, _) | (NumberFilter::Number(_), Some(true)) => {
                Some(Self { all: Some(true), number: None })
            }
            (NumberFilter::Number(number), all) => Some(Self { all, number: Some(number) }),
        }
    }
}

/// A filter as conditions.
#[derive(Debug)]
pub(super) struct Conditions {
    dialect: SqlDialect,
    select: Select,
    /// The walks to merge; if empty, the intersection of the narrow conditions is walked.
    walks: Vec<Walk>,
    narrow: Vec<NarrowCondition>,
    /// Conditions on `k` that hold for all walked rows.
    walked: Vec<String>,
    /// Other conditions on `k` that are cheap to check.
    cheap: Vec<String>,
    /// Other conditions on `k`.
    costly: Vec<String>,
    /// Statements that find the ids that match one condition, by an index in another order.
    finders: Vec<String>,
    /// Whether the last finder finds a text.
    finds_text: bool,
    /// The parameter with the last id of the previous page.
    after: Option<String>,
}

impl Conditions {
    /// Returns `None` if no key can match.
    pub(super) fn new(
        dialect: SqlDialect,
        filter: &KeyFilter,
        (store, method): (NumberFilter, NumberFilter),
        after: Option<&str>,
    ) -> Option<Self> {
        // A revoked key is not active.
        if filter.active == Some(true) && filter.revoked == Some(true) {
            return None;
        }
        let (stores, methods) =
            (AccessFilter::new(filter.all_stores, store)?, AccessFilter::new(filter.all_methods, method)?);
        let mut conditions = Self {
            dialect,
            select: Select::new(dialect),
            walks: Vec::new(),
            narrow: Vec::new(),
            walked: Vec::new(),
            cheap: vec!["k.deleted_revision IS NULL".to_owned()],
            costly: Vec::new(),
            finders: Vec::new(),
            finds_text: false,
            after: None,
        };
        conditions.add_narrow(filter);
        let mut accessible = Vec::new();
        for (selection, access) in [(STORES, stores), (METHODS, methods)] {
            match access.number {
                Some(number) if access.all == Some(false) => {
                    conditions.narrow.push(selection.selected(number));
                    conditions.walked.push(selection.is_selected(number));
                }
                Some(number) => accessible.push((selection, number)),
                None => {}
            }
        }
        let equal = flag_conditions(filter, stores.all, methods.all);
        conditions.choose_walks(filter, accessible, equal);
        conditions.add_uses(filter);
        conditions.add_text(filter);
        conditions.begin_after(after);
        Some(conditions)
    }

    /// Returns the parameters of every statement.
    pub(super) fn params(&self) -> Vec<SqlValue> {
        self.select.params.clone()
    }

    /// Returns whether matches may be far apart, so that windows are worthwhile.
    pub(super) const fn has_windows(&self) -> bool {
        self.finds_text || self.walks.is_empty()
    }

    /// Returns statements that find the matches of one condition, by an index in another order, and may well find few.
    pub(super) fn finders(&self) -> &[String] {
        // Several narrow conditions probably leave few keys already, found faster than a text.
        let without_text = self.finds_text && self.narrow.len() > 1;
        &self.finders[..self.finders.len() - usize::from(without_text)]
    }

    /// Returns the finder of a text.
    pub(super) fn text_finder(&self) -> Option<&String> {
        self.finders.last().filter(|_| self.finds_text)
    }

    /// Returns whether the walk is narrow.
    pub(super) const fn is_narrow(&self) -> bool {
        !self.narrow.is_empty()
    }

    fn add_narrow(&mut self, filter: &KeyFilter) {
        if let Some(owner) = &filter.owner {
            let condition = format!("k.owner = {}", self.select.bind(owner.as_str().into()));
            self.narrow.push(NarrowCondition::of_keys("", &condition));
            self.walked.push(self.dialect.unindexed(&condition));
        }
        if let Some(before) = filter.expire_before {
            let condition = format!("k.expires_at < {}", self.select.bind(before.into()));
            let ends = format!("k.expires_at IS NOT NULL AND {condition}");
            self.narrow.push(NarrowCondition::of_keys(&self.dialect.indexed_by("keys_ends"), &ends));
            self.walked.push(self.dialect.unindexed(&condition));
            self.finders.push(format!("SELECT k.id AS id FROM keys k WHERE k.deleted_revision IS NULL AND {ends}"));
        }
        if filter.revoked == Some(true) {
            self.narrow.push(NarrowCondition::of_keys("", "k.revoked = TRUE"));
            self.walked.push(self.dialect.unindexed("k.revoked = TRUE"));
        }
    }

    fn choose_walks(&mut self, filter: &KeyFilter, accessible: Vec<(Selection, u32)>, mut equal: Vec<String>) {
        let mut accessible = accessible.into_iter();
        if let [narrow] = self.narrow.as_slice() {
            self.walks.push(narrow.walk.clone());
        } else if self.narrow.is_empty() {
            if let Some((selection, number)) = accessible.next() {
                self.walks = selection.walks(number);
                self.walked.push(selection.is_accessible(number));
            } else if filter.used.is_none() && filter.unused_since.is_none() {
                // Without statistics SQLite would choose any index: it gets the choice of one.
                let first = if equal.is_empty() { Vec::new() } else { vec![equal.remove(0)] };
                self.walked.extend(first.iter().map(|condition| self.dialect.unindexed(condition)));
                self.walks.push(Walk::of_keys("keys k", first));
            } else {
                // By the last uses, combined with their conditions.
                let from = "key_uses u CROSS JOIN keys k".to_owned();
                self.walks.push(Walk { from, id: "u.key_id", conditions: vec!["k.id = u.key_id".to_owned()] });
            }
        }
        self.cheap.extend(equal.iter().map(|condition| self.dialect.unindexed(condition)));
        self.cheap.extend(accessible.map(|(selection, number)| selection.is_accessible(number)));
    }

    fn add_uses(&mut self, filter: &KeyFilter) {
        let mut bounds = Vec::new();
        if let Some(used) = filter.used {
            bounds.push(if used { "> 0" } else { "= 0" }.to_owned());
        }
        if let Some(since) = filter.unused_since {
            let bound = format!("< {}", self.select.bind(since.into()));
            self.finders.push(format!("SELECT u.key_id AS id FROM key_uses u WHERE u.last_used_at {bound}"));
            bounds.push(bound);
        }
        for bound in bounds {
            let condition =
                format!("coalesce((SELECT u.last_used_at FROM key_uses u WHERE u.key_id = k.id), 0) {bound}");
            match self.walks.first_mut().filter(|walk| walk.id == "u.key_id") {
                Some(walk) => {
                    // That a time is before another one has no index in the order of the list.
                    let use_index = !bound.starts_with('<');
                    let last = format!("u.last_used_at {bound}");
                    walk.conditions.push(if use_index { last } else { self.dialect.unindexed(&last) });
                    self.walked.push(condition);
                }
                None => self.costly.push(condition),
            }
        }
    }

    fn add_text(&mut self, filter: &KeyFilter) {
        if let Some(text) = filter.text.as_deref().filter(|text| !text.is_empty()) {
            let text = text.to_lowercase();
            let exact = self.select.bind(text.as_str().into());
            self.costly.push(self.dialect.contains("k.search", &exact));
            if text.chars().count() >= INDEXED_CHARS {
                let search = self.select.bind(self.dialect.search(&text));
                self.finders.push(self.dialect.keys_matching(&search));
                self.finds_text = true;
            }
        }
    }

    fn begin_after(&mut self, after: Option<&str>) {
        let Some(after) = after else { return };
        let after = self.select.bind(after.into());
        for walk in &mut self.walks {
            walk.conditions.push(format!("{} < {after}", walk.id));
        }
        for narrow in &mut self.narrow {
            narrow.ids = format!("{} AND {} < {after}", narrow.ids, narrow.walk.id);
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
        let ids: Vec<_> = self.narrow.iter().map(|narrow| narrow.ids.as_str()).collect();
        let limit = most.map(|most| format!(" LIMIT {most}")).unwrap_or_default();
        Walk {
            from: format!("({}{limit}) AS n CROSS JOIN keys k", self.dialect.intersection(&ids)),
            id: "n.id",
            conditions: vec!["k.id = n.id".to_owned()],
        }
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
