//! The page of an operator: its fields, editable, its history, and rotating its token and revoking it.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::add::show_token;
use super::form::{FIELDS, FORM_FIELDS, draft};
use crate::console::{
    Console, DisplayTime as _, ENGLISH, FieldErrors, Form, FormFields, FormPost, History, Notice, PageError,
    PageLayout, PageResult, Section, Session, found, paths, render, render_with,
};
use crate::model::operator::{Operator, Permission};
use crate::registry::{Error, Precondition, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "operators/show.html")]
struct OperatorPage {
    page: PageLayout,
    id: String,
    operator: Operator,
    form: Form,
    /// Address of all changes that it made.
    changes_made: String,
    history: History,
    own: bool,
}

impl OperatorPage {
    async fn load(console: &Console, session: &Session, id: &str) -> Result<Self, PageError> {
        session.require(Permission::Administer)?;
        let operator = found(console.registry.operator(id).await)?;
        Ok(Self {
            page: PageLayout::new(session, Section::Operators, operator.name.clone()),
            id: id.to_owned(),
            form: Form::from_image(&FIELDS, &operator.image()),
            changes_made: paths::actor_changes(id),
            history: console.history("operator", id).await?,
            own: operator.id == session.caller.id,
            operator,
        })
    }
}

pub(super) async fn page(
    State(console): State<Console>,
    session: Session,
    Path(id): Path<String>,
    query: FormFields,
) -> PageResult {
    let mut shown = OperatorPage::load(&console, &session, &id).await?;
    shown.page.notice = Notice::from_query(&query, console.authority.now());
    render(&shown)
}

/// Saves it, or shows the page again with errors or a conflict.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Administer)?;
    let mut form = Form::read(&FIELDS, &post.fields);
    let etag = post.fields.text("etag");
    let draft = draft(&mut form);
    if form.errors.is_empty() {
        let mask = ["name", "role", "expire_time"].map(str::to_owned).to_vec();
        let update = Update { id: id.clone(), draft, mask, etag: etag.to_owned() };
        match console.registry.update_operator(&session.caller, &update, &form.options()).await {
            Ok((_, written)) => return Ok(console.redirect(&paths::operator(&id), "saved", &written).await),
            Err(Error::Precondition(violated @ Precondition::LastAdmin)) => {
                form.errors.add("operator.role", &violated.to_string());
            }
            Err(Error::Stale(_)) => {
                let mut shown = OperatorPage::load(&console, session, &id).await?;
                shown.form = console.merge(form, ("operator", &id), etag, &shown.operator.image()).await?;
                return render_with(StatusCode::CONFLICT, &shown);
            }
            Err(error) => form.errors.extend_from(error)?,
        }
    }
    let shown = OperatorPage::load(&console, session, &id).await?;
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &OperatorPage { form, ..shown })
}

/// Rotates its token and shows the new one, once.
pub(super) async fn rotate(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    if post.fields.text("sure") != "yes" {
        return show_error(&console, session, &id, "sure_rotate", ENGLISH.common.sure_first).await;
    }
    let (issued, written) = console.registry.rotate_operator(&session.caller, &id, &WriteOptions::default()).await?;
    let notice = console.notice("operator_rotated", &written).await;
    show_token(session, ENGLISH.operators.rotated_title, notice, &issued)
}

/// Revokes it permanently.
pub(super) async fn revoke(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    if post.fields.text("sure") != "yes" {
        return show_error(&console, session, &id, "sure", ENGLISH.common.sure_first).await;
    }
    let options = WriteOptions { comment: post.fields.trimmed("reason"), replica_wait: None };
    match console.registry.revoke_operator(&session.caller, &id, &options).await {
        Ok((_, written)) => Ok(console.redirect(paths::OPERATORS, "operator_revoked", &written).await),
        Err(Error::Precondition(violated @ Precondition::LastAdmin)) => {
            show_error(&console, session, &id, "sure", &violated.to_string()).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_error(console: &Console, session: &Session, id: &str, field: &str, what: &str) -> PageResult {
    let mut shown = OperatorPage::load(console, session, id).await?;
    shown.form.errors = FieldErrors::one(field, what);
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}
