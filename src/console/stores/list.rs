//! The list of stores.

use askama::Template;
use axum::extract::{RawQuery, State};
use http::StatusCode;

use super::form::{KINDS, kind_name, kinds};
use super::{LIST, address};
use crate::console::Console;
use crate::console::answer::{Answer, page_with};
use crate::console::form::{Errors, Fields};
use crate::console::layout::{Page, Place};
use crate::console::lists::{self, listed};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::model::store::Store;
use crate::registry::{self, Choice, ListStores, PageInput};

/// Hosts that a row names; the others are counted.
const NAMED: usize = 2;

#[derive(Debug, Template)]
#[template(path = "stores/list.html")]
struct ListPage {
    page: Page,
    filters: Filters,
    errors: Errors,
    kinds: Vec<(&'static str, &'static str)>,
    rows: Vec<Row>,
    /// Addresses of the first and of the next page; empty: this is it, there is none.
    first: String,
    next: String,
    may_edit: bool,
}

/// A store in the list.
#[derive(Debug)]
struct Row {
    code: String,
    name: String,
    page: String,
    kind: &'static str,
    platform: String,
    hosts: Vec<String>,
    more: usize,
    active: bool,
    etag: String,
}

/// What the list is narrowed by.
#[derive(Debug, Default)]
struct Filters {
    text: String,
    activity: String,
    kind: String,
    platform: String,
    page: String,
}

/// The page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> Answer {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let filters = Filters::read(&fields);
    let (listed, errors) = listed(console.registry.stores(&filters.list()).await)?;
    let page = Page::new(&console, &session, Place::Stores, ENGLISH.stores.title);
    let page = page.with_scripts(&["list.js"]).with_done(fields.text("done"));
    let template = ListPage {
        page,
        errors,
        kinds: kinds(),
        rows: listed.items.into_iter().map(Row::from).collect(),
        first: if filters.page.is_empty() { String::new() } else { filters.address("") },
        next: if listed.next.is_empty() { String::new() } else { filters.address(&listed.next) },
        may_edit: session.may(Permission::Edit),
        filters,
    };
    let status = if template.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page_with(status, &template)
}

impl Filters {
    fn read(fields: &Fields) -> Self {
        Self {
            text: fields.trimmed("text"),
            activity: fields.trimmed("activity"),
            kind: fields.trimmed("kind"),
            platform: fields.trimmed("platform"),
            page: fields.trimmed("page"),
        }
    }

    fn address(&self, page: &str) -> String {
        let pairs = [
            ("text", &*self.text),
            ("activity", &*self.activity),
            ("kind", &*self.kind),
            ("platform", &*self.platform),
            ("page", page),
        ];
        lists::address(LIST, &pairs)
    }

    /// The address of this very page.
    fn here(&self) -> String {
        self.address(&self.page)
    }

    /// Whether anything is left out.
    fn narrow(&self) -> bool {
        self.address("") != LIST || !self.page.is_empty()
    }

    fn list(&self) -> ListStores {
        ListStores {
            page: PageInput { size: 0, token: self.page.clone() },
            active: match &*self.activity {
                "on" => Some(true),
                "off" => Some(false),
                _ => None,
            },
            platform: Some(self.platform.clone()).filter(|platform| !platform.is_empty()),
            kind: KINDS
                .into_iter()
                .find(|(name, _)| *name == self.kind)
                .map_or(Choice::Unset, |(_, kind)| Choice::Is(kind)),
            text: self.text.clone(),
        }
    }
}

impl From<Store> for Row {
    fn from(store: Store) -> Self {
        let code = store.code.as_str().to_owned();
        Self {
            page: address(&code),
            code,
            kind: kind_name(store.kind),
            more: store.hosts.len().saturating_sub(NAMED),
            hosts: store.hosts.into_iter().take(NAMED).collect(),
            name: store.name,
            platform: store.platform,
            active: store.active,
            etag: registry::etag(store.row_revision),
        }
    }
}
