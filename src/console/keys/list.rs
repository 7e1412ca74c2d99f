//! The list of keys. Its filters are in the address, so that they survive reload, Back and a message to a colleague.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use askama::Template;
use axum::extract::State;

use crate::console::texts::keys::methods_of;
use crate::console::{
    Console, ENGLISH, Filters, FormFields, ListPage, Notice, PageLayout, PageResult, Session, paths, render_with,
};
use crate::model::decision::Reason;
use crate::model::key::Key;
use crate::model::marks::DecisionTime;
use crate::model::reference::Method;
use crate::model::store::Store;
use crate::model::time::Timestamp;
use crate::registry::{AccessKind, Choice, ListKeys};

const DAY: Duration = Duration::from_hours(24);
/// Stores that a row names; the others are counted.
const MAX_NAMED: usize = 2;

#[derive(Debug, Template)]
#[template(path = "keys/list.html")]
struct KeysPage {
    page: PageLayout,
    list: ListPage<KeyRow>,
    /// For the fields in which a store or a method is typed.
    stores: Arc<[Store]>,
    methods: Arc<[Method]>,
}

#[derive(Debug)]
struct KeyRow {
    /// Codes and names of the first stores, and how many more there are.
    stores: Vec<(String, String)>,
    more: usize,
    hints: Vec<String>,
    methods: String,
    expired: bool,
    key: Key,
}

pub(super) async fn page(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    let now = console.authority.now();
    let (filters, request) = filters(&query, now);
    let (stores, methods) = (console.all_stores().await?, console.all_methods().await?);
    let names: HashMap<&str, &str> = stores.iter().map(|store| (store.code.as_str(), &*store.name)).collect();
    let row = |key: Key| {
        let moment = console.authority.decision_time(key.row_revision);
        KeyRow::new(key, &names, methods.len(), moment)
    };
    let found = console.registry.keys(&request).await;
    let list = ListPage::new(filters, found, |keys| keys.into_iter().map(row).collect())?;
    let page = PageLayout::new(&session, paths::KEYS, ENGLISH.nav.keys);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&query, now));
    render_with(list.status(), &KeysPage { page, list, stores, methods })
}

/// Reads the filters from an address that was opened at `now`, and builds the request to the registry.
fn filters(query: &FormFields, now: Timestamp) -> (Filters, ListKeys) {
    let names = ["text", "activity", "access", "store", "method", "owner", "life"];
    let mut filters = Filters::read(paths::KEYS, &names, query);
    // When the first page was rendered: relative times must not move from page to page.
    let at = query.text("at").parse().ok().filter(|_| !filters.page(0).token.is_empty());
    let at = at.map_or(now, Timestamp::from_micros);
    filters.shared = Some(("at", at.as_micros().to_string()));
    let (active, revoked) = match filters.get("activity") {
        "on" => (Some(true), None),
        "off" => (Some(false), Some(false)),
        "revoked" => (None, Some(true)),
        _ => (None, None),
    };
    let store_access = match filters.get("access") {
        "all" => Choice::Is(AccessKind::All),
        "selected" => Choice::Is(AccessKind::Selected),
        _ => Choice::Unset,
    };
    let mut list = ListKeys {
        page: filters.page(0),
        active,
        revoked,
        store_access,
        store: filters.owned("store"),
        method: filters.owned("method"),
        text: filters.owned("text"),
        owner: filters.owned("owner"),
        ..ListKeys::default()
    };
    match filters.get("life") {
        "expiring" => list.expire_before = Some(at.plus(30 * DAY).into()),
        "expired" => list.expire_before = Some(at.into()),
        "never" => list.used = Some(false),
        "unused" => list.unused_since = Some(at.minus(90 * DAY).into()),
        _ => {}
    }
    (filters, list)
}

impl KeyRow {
    fn new(key: Key, names: &HashMap<&str, &str>, methods: usize, moment: DecisionTime) -> Self {
        let first = |code: &String| (code.clone(), names.get(&**code).map_or("", |name| name).to_owned());
        let selected = key.spec.stores.selected();
        Self {
            stores: selected.iter().take(MAX_NAMED).map(first).collect(),
            more: selected.len().saturating_sub(MAX_NAMED),
            hints: key.live_secrets(moment).map(|secret| secret.hint.clone()).collect(),
            methods: match key.spec.methods.selected() {
                _ if key.spec.methods.is_all() => ENGLISH.keys.all_methods.to_owned(),
                [] => ENGLISH.keys.no_methods.to_owned(),
                selected => methods_of(selected.len(), methods),
            },
            expired: key.status(moment).contains(Reason::KeyExpired),
            key,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_from_now_stays_from_page_to_page() {
        let read = |query: &str, now| filters(&FormFields::parse(query.as_bytes()), Timestamp::from_micros(now));
        let (first, request) = read("life=unused", 7_000_000);
        let at = first.shared.unwrap().1;
        let (_, second) = read(&format!("life=unused&at={at}&page=r1"), 9_000_000);
        assert_eq!(second.unused_since, request.unused_since);
        let (_, again) = read(&format!("life=unused&at={at}"), 9_000_000);
        assert_ne!(again.unused_since, request.unused_since, "the first page begins now");
    }
}
