//! The list of keys.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::State;

use super::filters;
use crate::console::texts::keys::methods_of;
use crate::console::{
    Console, DisplayTime as _, ENGLISH, FormFields, ListPage, Notice, PageLayout, PageResult, Section, Session,
    render_with,
};
use crate::model::decision::Reason;
use crate::model::key::Key;
use crate::model::marks::DecisionTime;
use crate::model::operator::Permission;
use crate::model::reference::Method;
use crate::model::store::Store;

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
    may_edit: bool,
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
    let (filters, request) = filters::read(&query, now);
    let (stores, methods) = (console.all_stores().await?, console.all_methods().await?);
    let names: HashMap<&str, &str> = stores.iter().map(|store| (store.code.as_str(), &*store.name)).collect();
    let row = |key: Key| {
        let moment = console.authority.decision_time(key.row_revision);
        KeyRow::new(key, &names, methods.len(), moment)
    };
    let found = console.registry.keys(&request).await;
    let list = ListPage::new(filters, found, |keys| keys.into_iter().map(row).collect())?;
    let page = PageLayout::new(&session, Section::Keys, ENGLISH.nav.keys);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&query, now));
    let status = list.status();
    let may_edit = session.may(Permission::Edit);
    render_with(status, &KeysPage { page, list, stores, methods, may_edit })
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
