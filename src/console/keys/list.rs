//! The list of keys.

use std::collections::HashMap;
use std::sync::Arc;

use askama::Template;
use axum::extract::{RawQuery, State};

use super::filters::Filters;
use crate::console::Console;
use crate::console::answer::{Answer, page_with};
use crate::console::done::Notice;
use crate::console::form::Fields;
use crate::console::layout::Page;
use crate::console::lists::ListPage;
use crate::console::nav::Place;
use crate::console::session::Session;
use crate::console::texts::keys as texts;
use crate::console::time::Moment;
use crate::model::decision::Reason;
use crate::model::key::Key;
use crate::model::marks::DecisionTime;
use crate::model::operator::Permission;
use crate::model::reference::Method;
use crate::model::store::Store;
use crate::registry;

/// Stores that a row names; the others are counted.
const NAMED: usize = 2;

#[derive(Debug, Template)]
#[template(path = "keys/list.html")]
struct KeysPage {
    page: Page,
    list: ListPage<Filters, Row>,
    /// For the fields in which a store or a method is typed.
    stores: Arc<[Store]>,
    methods: Arc<[Method]>,
    may_edit: bool,
}

/// A key in the list.
#[derive(Debug)]
struct Row {
    id: String,
    name: String,
    owner: String,
    hints: Vec<String>,
    active: bool,
    revoked: bool,
    etag: String,
    stores: Named,
    methods: String,
    expires: Option<Moment>,
    expired: bool,
    used: Option<Moment>,
}

/// The stores of a key, abbreviated.
#[derive(Debug)]
struct Named {
    all: bool,
    /// Codes and names of the first.
    first: Vec<(String, String)>,
    /// How many more; empty if there are none.
    more: String,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> Answer {
    let now = console.authority.now();
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let filters = Filters::read(&fields, now);
    let (stores, methods) = (console.all_stores().await?, console.all_methods().await?);
    let names: HashMap<&str, &str> = stores.iter().map(|store| (store.code.as_str(), &*store.name)).collect();
    let row = |key: &Key| Row::new(key, &names, methods.len(), console.authority.decision_time(key.row_revision));
    let (found, from) = (console.registry.keys(&filters.list()).await, filters.page.clone());
    let list = ListPage::new(filters, from, found, |keys| keys.iter().map(row).collect())?;
    let page = Page::new(&console, &session, Place::Keys, crate::console::texts::ENGLISH.keys.title);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::read(&fields, now));
    let status = list.status();
    let may_edit = session.may(Permission::Edit);
    page_with(status, &KeysPage { page, list, stores, methods, may_edit })
}

impl Row {
    fn new(key: &Key, names: &HashMap<&str, &str>, methods: usize, moment: DecisionTime) -> Self {
        let texts = &crate::console::texts::ENGLISH.keys;
        let selected = key.spec.stores.selected();
        let first = selected.iter().take(NAMED);
        Self {
            id: key.id.to_string(),
            name: key.spec.name.clone(),
            owner: key.spec.owner.clone(),
            hints: key.live_secrets(moment).map(|secret| secret.hint.clone()).collect(),
            active: key.spec.active,
            revoked: key.revoked.is_some(),
            etag: registry::etag(key.row_revision),
            stores: Named {
                all: key.spec.stores.is_all(),
                first: first
                    .map(|code| (code.clone(), names.get(&**code).map_or("", |name| name).to_owned()))
                    .collect(),
                more: selected.len().checked_sub(NAMED).filter(|more| *more > 0).map(texts::more).unwrap_or_default(),
            },
            methods: match key.spec.methods.selected() {
                _ if key.spec.methods.is_all() => texts.all_methods.to_owned(),
                [] => texts.no_methods.to_owned(),
                selected => texts::methods_of(selected.len(), methods),
            },
            expires: key.spec.expires.map(Moment),
            expired: key.status(moment).contains(Reason::KeyExpired),
            used: key.last_used.map(Moment),
        }
    }
}
