//! The list of keys.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};

use super::filters::KeyFilters;
use crate::console::Console;
use crate::console::form::FormFields;
use crate::console::layout::PageLayout;
use crate::console::lists::ListPage;
use crate::console::nav::Section;
use crate::console::notice::Notice;
use crate::console::render::{PageResult, render_with};
use crate::console::session::Session;
use crate::console::texts::keys as texts;
use crate::console::time::DisplayTime;
use crate::model::decision::Reason;
use crate::model::key::Key;
use crate::model::marks::DecisionTime;
use crate::model::operator::Permission;
use crate::model::reference::Method;
use crate::model::store::Store;
use crate::registry;

/// Stores that a row names; the others are counted.
const MAX_NAMED: usize = 2;

#[derive(Debug, Template)]
#[template(path = "keys/list.html")]
struct KeysPage {
    page: PageLayout,
    list: ListPage<KeyFilters, KeyRow>,
    /// For the fields in which a store or a method is typed.
    stores: Arc<[Store]>,
    methods: Arc<[Method]>,
    may_edit: bool,
}

/// A key in the list.
#[derive(Debug)]
struct KeyRow {
    id: String,
    name: String,
    owner: String,
    hints: Vec<String>,
    active: bool,
    revoked: bool,
    etag: String,
    stores: StoreSummary,
    methods: String,
    expires: Option<DisplayTime>,
    expired: bool,
    used: Option<DisplayTime>,
}

/// The stores of a key, abbreviated.
#[derive(Debug)]
struct StoreSummary {
    all: bool,
    /// Codes and names of the first.
    first: Vec<(String, String)>,
    /// How many more; empty if there are none.
    more: String,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> PageResult {
    let now = console.authority.now();
    let fields = FormFields::parse(query.unwrap_or_default().as_bytes());
    let filters = KeyFilters::read(&fields, now);
    let (stores, methods) = (console.all_stores().await?, console.all_methods().await?);
    let names: HashMap<&str, &str> = stores.iter().map(|store| (store.code.as_str(), &*store.name)).collect();
    let row = |key: &Key| KeyRow::new(key, &names, methods.len(), console.authority.decision_time(key.row_revision));
    let (found, from) = (console.registry.keys(&filters.request()).await, filters.page.clone());
    let list = ListPage::new(filters, from, found, |keys| keys.iter().map(row).collect())?;
    let page = PageLayout::new(&console, &session, Section::Keys, crate::console::texts::ENGLISH.keys.title);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&fields, now));
    let status = list.status();
    let may_edit = session.may(Permission::Edit);
    render_with(status, &KeysPage { page, list, stores, methods, may_edit })
}

impl KeyRow {
    fn new(key: &Key, names: &HashMap<&str, &str>, methods: usize, moment: DecisionTime) -> Self {
        let texts = &crate::console::texts::ENGLISH.keys;
        let selected = key.spec.stores.selected();
        let first = selected.iter().take(MAX_NAMED);
        Self {
            id: key.id.to_string(),
            name: key.spec.name.clone(),
            owner: key.spec.owner.clone(),
            hints: key.live_secrets(moment).map(|secret| secret.hint.clone()).collect(),
            active: key.spec.active,
            revoked: key.revoked.is_some(),
            etag: registry::etag(key.row_revision),
            stores: StoreSummary {
                all: key.spec.stores.is_all(),
                first: first
                    .map(|code| (code.clone(), names.get(&**code).map_or("", |name| name).to_owned()))
                    .collect(),
                more: selected
                    .len()
                    .checked_sub(MAX_NAMED)
                    .filter(|more| *more > 0)
                    .map(texts::more)
                    .unwrap_or_default(),
            },
            methods: match key.spec.methods.selected() {
                _ if key.spec.methods.is_all() => texts.all_methods.to_owned(),
                [] => texts.no_methods.to_owned(),
                selected => texts::methods_of(selected.len(), methods),
            },
            expires: key.spec.expires.map(DisplayTime),
            expired: key.status(moment).contains(Reason::KeyExpired),
            used: key.last_used.map(DisplayTime),
        }
    }
}
