//! The list of stores.

use askama::Template;
use axum::extract::{RawQuery, State};

use super::form::{KINDS, kind_name, kinds};
use crate::console::Console;
use crate::console::form::FormFields;
use crate::console::layout::PageLayout;
use crate::console::lists::{self, ListPage};
use crate::console::nav::Section;
use crate::console::notice::Notice;
use crate::console::paths;
use crate::console::render::{PageResult, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::model::store::Store;
use crate::registry::{self, Choice, ListStores, PageInput};

/// Hosts that a row names; the others are counted.
const MAX_NAMED: usize = 2;

#[derive(Debug, Template)]
#[template(path = "stores/list.html")]
struct StoresPage {
    page: PageLayout,
    list: ListPage<StoreFilters, StoreRow>,
    kinds: Vec<(&'static str, &'static str)>,
    may_edit: bool,
}

/// A store in the list.
#[derive(Debug)]
struct StoreRow {
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

/// The filters of the list.
#[derive(Debug, Default)]
struct StoreFilters {
    text: String,
    activity: String,
    kind: String,
    platform: String,
    page: String,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> PageResult {
    let fields = FormFields::parse(query.unwrap_or_default().as_bytes());
    let filters = StoreFilters::read(&fields);
    let (found, from) = (console.registry.stores(&filters.request()).await, filters.page.clone());
    let list = ListPage::new(filters, from, found, |stores| stores.into_iter().map(StoreRow::from).collect())?;
    let page = PageLayout::new(&console, &session, Section::Stores, ENGLISH.stores.title);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&fields, console.authority.now()));
    render_with(list.status(), &StoresPage { page, list, kinds: kinds(), may_edit: session.may(Permission::Edit) })
}

impl lists::ListFilters for StoreFilters {
    const PATH: &'static str = paths::STORES;

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        vec![("text", &*self.text), ("activity", &*self.activity), ("kind", &*self.kind), ("platform", &*self.platform)]
    }
}

impl StoreFilters {
    fn read(fields: &FormFields) -> Self {
        Self {
            text: fields.trimmed("text"),
            activity: fields.trimmed("activity"),
            kind: fields.trimmed("kind"),
            platform: fields.trimmed("platform"),
            page: fields.trimmed("page"),
        }
    }

    fn request(&self) -> ListStores {
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

impl From<Store> for StoreRow {
    fn from(store: Store) -> Self {
        let code = store.code.as_str().to_owned();
        Self {
            page: paths::store(&code),
            code,
            kind: kind_name(store.kind),
            more: store.hosts.len().saturating_sub(MAX_NAMED),
            hosts: store.hosts.into_iter().take(MAX_NAMED).collect(),
            name: store.name,
            platform: store.platform,
            active: store.active,
            etag: registry::etag(store.row_revision),
        }
    }
}
