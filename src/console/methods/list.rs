//! The reference book, block by block.

use askama::Template;
use axum::extract::State;

use crate::console::{
    Console, ENGLISH, Filters, FormFields, ListPage, Notice, PageLayout, PageResult, Section, Session, paths,
    render_with,
};
use crate::model::operator::Permission;
use crate::model::reference::Method;
use crate::registry::ListMethods;

/// Methods per page: a book of the usual size fits on one.
const SIZE: i32 = 250;

#[derive(Debug, Template)]
#[template(path = "methods/list.html")]
struct MethodsPage {
    page: PageLayout,
    list: ListPage<Block>,
    may_edit: bool,
}

/// A block, or the part of it on this page.
#[derive(Debug)]
struct Block {
    title: String,
    /// The address of the list with only this block.
    alone: String,
    rows: Vec<Method>,
}

pub(super) async fn page(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    let filters = Filters::read(paths::METHODS, &["text", "block"], &query);
    let request = ListMethods { page: filters.page(SIZE), block: filters.owned("block"), text: filters.owned("text") };
    let list = ListPage::new(filters, console.registry.methods(&request).await, blocks)?;
    let page = PageLayout::new(&session, Section::Methods, ENGLISH.nav.methods);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&query, console.authority.now()));
    render_with(list.status(), &MethodsPage { page, list, may_edit: session.may(Permission::Edit) })
}

/// Groups methods that follow each other in a block under its title.
fn blocks(methods: Vec<Method>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for method in methods {
        match blocks.last_mut() {
            Some(block) if block.title == method.block => block.rows.push(method),
            _ => {
                let alone = paths::with_query(paths::METHODS, &[("block", &method.block)]);
                blocks.push(Block { title: method.block.clone(), alone, rows: vec![method] });
            }
        }
    }
    blocks
}
