//! The reference book, block by block.

use askama::Template;
use axum::extract::{RawQuery, State};

use super::form::use_name;
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
use crate::model::reference::Method;
use crate::registry::{ListMethods, PageInput};

/// Methods per page: a book of the usual size fits on one.
const SIZE: i32 = 250;

#[derive(Debug, Template)]
#[template(path = "methods/list.html")]
struct MethodsPage {
    page: PageLayout,
    list: ListPage<MethodFilters, Block>,
    may_edit: bool,
}

/// The filters of the book.
#[derive(Debug)]
struct MethodFilters {
    text: String,
    block: String,
}

impl lists::ListFilters for MethodFilters {
    const PATH: &'static str = paths::METHODS;

    fn pairs(&self) -> Vec<(&'static str, &str)> {
        vec![("text", &*self.text), ("block", &*self.block)]
    }
}

/// A block, or the part of it on this page.
#[derive(Debug)]
struct Block {
    title: String,
    /// The address of the list with only this block.
    alone: String,
    rows: Vec<MethodRow>,
}

/// A method in the list.
#[derive(Debug)]
struct MethodRow {
    identity: String,
    page: String,
    summary: String,
    description: String,
    store_use: &'static str,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> PageResult {
    let fields = FormFields::parse(query.unwrap_or_default().as_bytes());
    let filters = MethodFilters { text: fields.trimmed("text"), block: fields.trimmed("block") };
    let from = fields.trimmed("page");
    let request = ListMethods {
        page: PageInput { size: SIZE, token: from.clone() },
        block: filters.block.clone(),
        text: filters.text.clone(),
    };
    let list = ListPage::new(filters, from, console.registry.methods(&request).await, blocks)?;
    let page = PageLayout::new(&console, &session, Section::Methods, ENGLISH.methods.title);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&fields, console.authority.now()));
    render_with(list.status(), &MethodsPage { page, list, may_edit: session.may(Permission::Edit) })
}

/// Groups methods that follow each other in a block under its title.
fn blocks(methods: Vec<Method>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for method in methods {
        if blocks.last().is_none_or(|block| block.title != method.block) {
            let alone = paths::with_query(paths::METHODS, &[("block", &method.block)]);
            blocks.push(Block { title: method.block.clone(), alone, rows: Vec::new() });
        }
        let identity = method.identity.to_string();
        let row = MethodRow {
            page: paths::method(&identity),
            identity,
            summary: method.summary,
            description: method.description,
            store_use: use_name(method.store_use),
        };
        if let Some(block) = blocks.last_mut() {
            block.rows.push(row);
        }
    }
    blocks
}
