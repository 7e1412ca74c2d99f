//! The reference book, block by block.

use askama::Template;
use axum::extract::{RawQuery, State};
use http::StatusCode;

use super::form::use_name;
use super::{LIST, address};
use crate::console::Console;
use crate::console::answer::{Answer, page_with};
use crate::console::form::{Errors, Fields};
use crate::console::layout::{Page, Place};
use crate::console::lists::{self, listed};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::model::reference::Method;
use crate::registry::{ListMethods, PageInput};

/// Methods of a page: a book of a usual size stands on one.
const SIZE: i32 = 250;

#[derive(Debug, Template)]
#[template(path = "methods/list.html")]
struct ListPage {
    page: Page,
    text: String,
    block: String,
    errors: Errors,
    blocks: Vec<Block>,
    /// Whether anything is left out.
    narrow: bool,
    /// Addresses of the first and of the next page; empty: this is it, there is none.
    first: String,
    next: String,
    may_edit: bool,
}

/// A block, or the part of it that this page has.
#[derive(Debug)]
struct Block {
    title: String,
    /// The address of the list with it alone.
    alone: String,
    rows: Vec<Row>,
}

/// A method in the list.
#[derive(Debug)]
struct Row {
    identity: String,
    page: String,
    summary: String,
    description: String,
    store_use: &'static str,
}

/// The page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> Answer {
    let fields = Fields::parse(query.unwrap_or_default().as_bytes());
    let (text, block, from) = (fields.trimmed("text"), fields.trimmed("block"), fields.trimmed("page"));
    let list =
        ListMethods { page: PageInput { size: SIZE, token: from.clone() }, block: block.clone(), text: text.clone() };
    let (listed, errors) = listed(console.registry.methods(&list).await)?;
    let at = |page: &str| lists::address(LIST, &[("text", &text), ("block", &block), ("page", page)]);
    let template = ListPage {
        page: Page::new(&console, &session, Place::Methods, ENGLISH.methods.title)
            .with_scripts(&["list.js"])
            .with_done(fields.text("done")),
        errors,
        narrow: !text.is_empty() || !block.is_empty() || !from.is_empty(),
        first: if from.is_empty() { String::new() } else { at("") },
        next: if listed.next.is_empty() { String::new() } else { at(&listed.next) },
        blocks: blocks(listed.items),
        may_edit: session.may(Permission::Edit),
        text,
        block,
    };
    let status = if template.errors.is_empty() { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    page_with(status, &template)
}

/// Methods that follow each other in a block, under its title.
fn blocks(methods: Vec<Method>) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    for method in methods {
        if blocks.last().is_none_or(|block| block.title != method.block) {
            let alone = lists::address(LIST, &[("block", &method.block)]);
            blocks.push(Block { title: method.block.clone(), alone, rows: Vec::new() });
        }
        let identity = method.identity.to_string();
        let row = Row {
            page: address(&identity),
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
