//! The list of stores.

use askama::Template;
use axum::extract::State;

use super::form::parse_kind;
use crate::console::{
    Console, ENGLISH, Filters, FormFields, ListPage, Notice, PageLayout, PageResult, Section, Session, paths,
    render_with,
};
use crate::model::operator::Permission;
use crate::model::store::Store;
use crate::registry::ListStores;

#[derive(Debug, Template)]
#[template(path = "stores/list.html")]
struct StoresPage {
    page: PageLayout,
    list: ListPage<Store>,
    may_edit: bool,
}

pub(super) async fn page(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    let filters = Filters::read(paths::STORES, &["text", "activity", "kind", "platform"], &query);
    let request = ListStores {
        page: filters.page(0),
        active: match filters.get("activity") {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        },
        platform: Some(filters.owned("platform")).filter(|platform| !platform.is_empty()),
        kind: parse_kind(filters.get("kind")),
        text: filters.owned("text"),
    };
    let list = ListPage::new(filters, console.registry.stores(&request).await, |stores| stores)?;
    let page = PageLayout::new(&session, Section::Stores, ENGLISH.nav.stores);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&query, console.authority.now()));
    render_with(list.status(), &StoresPage { page, list, may_edit: session.may(Permission::Edit) })
}
