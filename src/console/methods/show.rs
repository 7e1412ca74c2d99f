//! The page of a method: its fields, editable with permission, its history, and its retirement.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{FIELDS, draft, reword};
use crate::console::{
    Console, DisplayTime as _, ENGLISH, FieldErrors, Form, FormFields, FormPost, History, Notice, PageError,
    PageLayout, PageResult, Section, Session, found, paths, render, render_with,
};
use crate::model::operator::Permission;
use crate::model::reference::Method;
use crate::registry::{Error, SubjectRef, Update, WriteOptions};

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
    may_edit: bool,
}

impl MethodPage {
    async fn load(console: &Console, session: &Session, identity: &str) -> Result<Self, PageError> {
        let method = found(console.registry.method(identity).await)?;
        let identity = method.identity.to_string();
        Ok(Self {
            page: PageLayout::new(session, Section::Methods, identity.clone()),
            form: Form::from_image(&FIELDS, &method.image()),
            titles: console.block_titles().await?,
            keys: paths::with_query(paths::KEYS, &[("method", &identity)]),
            history: console.history("method", &identity).await?,
            may_edit: session.may(Permission::Edit),
            method,
        })
    }
}

pub(super) async fn page(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    let mut shown = MethodPage::load(&console, &session, query.text("method")).await?;
    shown.page.notice = Notice::from_query(&query, console.authority.now());
    render(&shown)
}

/// Saves it, or shows the page again with errors or a conflict.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
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
    reword(&mut form);
    let shown = MethodPage::load(&console, session, &id).await?;
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &MethodPage { form, ..shown })
}

/// Retires the method. Keys that selected it lose access to it; no key gains any.
pub(super) async fn retire(State(console): State<Console>, post: FormPost) -> PageResult {
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
