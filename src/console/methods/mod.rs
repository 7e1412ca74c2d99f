//! Integration › Reference book: the list, adding a method, and the page of each; importing a book.

mod import;
mod preview;

use std::collections::BTreeSet;

use askama::Template;
use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use http::StatusCode;

use super::{
    Console, ENGLISH, Field, FieldErrors, Filters, Form, FormFields, FormPost, History, ListPage, Notice, PageError,
    PageLayout, PageResult, Session, found, paths, render, render_with,
};
use crate::model::method::StoreUse;
use crate::model::operator::Permission;
use crate::model::reference::Method;
use crate::registry::{Choice, Error, ListMethods, MethodDraft, SubjectRef, Update, WriteOptions};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::METHODS, get(list))
        .route("/integration/methods/new", get(add_form).post(add))
        .route("/integration/methods/import", get(import::form).post(import::submit))
        .route(paths::METHOD, get(show).post(update))
        .route("/integration/method/retire", post(retire))
}

/// Methods per page: a book of the usual size fits on one.
const SIZE: i32 = 250;

#[derive(Debug, Template)]
#[template(path = "methods/list.html")]
struct MethodsPage {
    page: PageLayout,
    list: ListPage<Block>,
}

/// A block, or the part of it on this page.
#[derive(Debug)]
struct Block {
    title: String,
    /// The address of the list with only this block.
    alone: String,
    rows: Vec<Method>,
}

async fn list(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    let filters = Filters::read(paths::METHODS, &["text", "block"], &query);
    let request = ListMethods { page: filters.page(SIZE), block: filters.owned("block"), text: filters.owned("text") };
    let list = ListPage::new(filters, console.registry.methods(&request).await, blocks)?;
    let page = PageLayout::new(&session, paths::METHODS, ENGLISH.nav.methods);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&query, console.authority.now()));
    render_with(list.status(), &MethodsPage { page, list })
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

#[derive(Debug, Template)]
#[template(path = "methods/add.html")]
struct AddMethodPage {
    page: PageLayout,
    form: Form,
    /// Titles of blocks to choose from.
    titles: Vec<String>,
}

async fn add_form(State(console): State<Console>, session: Session) -> PageResult {
    session.require(Permission::Edit)?;
    show_add_form(&console, &session, StatusCode::OK, Form::default()).await
}

/// Saves it, or shows the form again with the errors.
async fn add(State(console): State<Console>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let mut form = Form::read(&FIELDS, &post.fields);
    let draft = draft(&mut form);
    if form.errors.is_empty() {
        match console.registry.create_method(&session.caller, &draft, &form.options()).await {
            Ok((method, written)) => {
                return Ok(console.redirect(&paths::method(&method.identity), "method_added", &written).await);
            }
            Err(error) => form.errors.extend_from(error)?,
        }
    }
    form.errors.reword("method.store_use", ENGLISH.methods.choose_use);
    show_add_form(&console, session, StatusCode::UNPROCESSABLE_ENTITY, form).await
}

async fn show_add_form(console: &Console, session: &Session, status: StatusCode, form: Form) -> PageResult {
    let titles = console.block_titles().await?;
    let page = PageLayout::new(session, paths::METHODS, ENGLISH.methods.add);
    render_with(status, &AddMethodPage { page, form, titles })
}

#[derive(Debug, Template)]
#[template(path = "methods/show.html")]
struct MethodPage {
    page: PageLayout,
    method: Method,
    form: Form,
    /// Titles of blocks to choose from.
    titles: Vec<String>,
    /// Address of the list of the keys with access to it.
    keys: String,
    history: History,
}

impl MethodPage {
    async fn load(console: &Console, session: &Session, identity: &str) -> Result<Self, PageError> {
        let method = found(console.registry.method(identity).await)?;
        let identity = method.identity.to_string();
        Ok(Self {
            page: PageLayout::new(session, paths::METHODS, identity.clone()),
            form: Form::from_image(&FIELDS, &method.image()),
            titles: console.block_titles().await?,
            keys: paths::with_query(paths::KEYS, &[("method", &identity)]),
            history: console.history("method", &identity).await?,
            method,
        })
    }
}

async fn show(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    let mut shown = MethodPage::load(&console, &session, query.text("method")).await?;
    shown.page.notice = Notice::from_query(&query, console.authority.now());
    render(&shown)
}

/// Saves it, or shows the page again with errors or a conflict.
async fn update(State(console): State<Console>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let mut form = Form::read(&FIELDS, &post.fields);
    let (id, etag) = (form.text("method").to_owned(), post.fields.text("etag"));
    let draft = draft(&mut form);
    let mut mask: Vec<_> = FIELDS.iter().map(|field| field.name().to_owned()).filter(|name| name != "method").collect();
    if form.text("position") == found(console.registry.method(&id).await)?.position.to_string() {
        // 0 would move it to the end.
        mask.retain(|field| field != "position");
    }
    if form.errors.is_empty() {
        let update = Update { id: id.clone(), draft, mask, etag: etag.to_owned() };
        match console.registry.update_method(&session.caller, &update, &form.options()).await {
            Ok((_, written)) => return Ok(console.redirect(&paths::method(&id), "saved", &written).await),
            Err(Error::Stale(_)) => {
                let mut shown = MethodPage::load(&console, session, &id).await?;
                shown.form = console.merge(form, ("method", &id), etag, &shown.method.image()).await?;
                return render_with(StatusCode::CONFLICT, &shown);
            }
            Err(error) => form.errors.extend_from(error)?,
        }
    }
    form.errors.reword("method.store_use", ENGLISH.methods.choose_use);
    let shown = MethodPage::load(&console, session, &id).await?;
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &MethodPage { form, ..shown })
}

/// Retires the method. Keys that selected it lose access to it; no key gains any.
async fn retire(State(console): State<Console>, post: FormPost) -> PageResult {
    let (session, fields) = (&post.session, &post.fields);
    session.require(Permission::Edit)?;
    let identity = fields.trimmed("method");
    if fields.text("sure") != "yes" {
        let mut shown = MethodPage::load(&console, session, &identity).await?;
        shown.form.errors = FieldErrors::one("sure", ENGLISH.common.sure_first);
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let named = SubjectRef { id: identity, etag: fields.text("etag").to_owned() };
    let (_, written) = console.registry.delete_method(&session.caller, &named, &WriteOptions::default()).await?;
    Ok(console.redirect(paths::METHODS, "method_retired", &written).await)
}

const FIELDS: [Field; 8] = [
    Field::Line("method"),
    Field::Line("block"),
    Field::Line("summary"),
    Field::Line("description"),
    Field::Line("store_use"),
    Field::Lines("store_places"),
    Field::Line("scope"),
    Field::Line("position"),
];

/// Returns the registry's fields that the form has, next to which it shows their errors.
pub(super) fn form_fields() -> Vec<String> {
    let fields = FIELDS.iter().map(|field| format!("method.{}", field.name()));
    fields.chain(["options.comment".to_owned(), "sure".to_owned()]).collect()
}

/// Builds the draft for the registry. Input that can't be parsed is an error of the form.
fn draft(form: &mut Form) -> MethodDraft {
    let position = match form.text("position") {
        "" => Ok(0),
        position => position.parse(),
    };
    if position.is_err() {
        form.errors.add("method.position", ENGLISH.methods.no_number);
    }
    MethodDraft {
        method: form.text("method").to_owned(),
        block: form.text("block").to_owned(),
        summary: form.text("summary").to_owned(),
        description: form.text("description").to_owned(),
        store_use: form.text("store_use").parse().map_or(Choice::Unset, Choice::Is),
        store_places: form.lines("store_places").map(str::to_owned).collect(),
        scope: form.text("scope").to_owned(),
        position: position.unwrap_or(0),
    }
}

/// Returns the options of the field for the use of stores: the value sent, the name shown.
pub(super) fn uses() -> [(&'static str, &'static str); 4] {
    StoreUse::ALL.map(|store_use| (store_use.as_str(), use_name(store_use)))
}

/// Returns the name of a use for people.
pub(super) const fn use_name(store_use: StoreUse) -> &'static str {
    let t = &ENGLISH.methods;
    match store_use {
        StoreUse::None => t.use_none,
        StoreUse::Shared => t.use_shared,
        StoreUse::Optional => t.use_optional,
        StoreUse::Required => t.use_required,
    }
}

impl Console {
    /// Returns the titles of the existing blocks.
    async fn block_titles(&self) -> Result<Vec<String>, PageError> {
        let titles: BTreeSet<String> = self.all_methods().await?.iter().map(|method| method.block.clone()).collect();
        Ok(titles.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_its_method_says() {
        let image = serde_json::json!({
            "method": "GET /a/{x}", "block": "A", "summary": "s", "description": "", "store_use": "optional",
            "store_places": ["query:site", "path:x"], "scope": null, "position": 7,
        });
        let mut form = Form::from_image(&FIELDS, &image);
        let draft_of_form = draft(&mut form);
        assert_eq!((draft_of_form.position, draft_of_form.scope.as_str()), (7, ""));
        assert_eq!(draft_of_form.store_places, ["query:site", "path:x"]);
        assert_eq!(draft_of_form.store_use, Choice::Is(StoreUse::Optional));
        assert!(form.errors.is_empty());
        let mut form = Form::read(&FIELDS, &FormFields::parse(b"position=first"));
        draft(&mut form);
        assert_eq!(form.errors.at("method.position").len(), 1);
    }
}
