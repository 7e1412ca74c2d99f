//! Adding a method to the reference book.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{FIELDS, draft, reword};
use crate::console::{Console, ENGLISH, Form, FormPost, PageLayout, PageResult, Section, Session, paths, render_with};
use crate::model::operator::Permission;

#[derive(Debug, Template)]
#[template(path = "methods/add.html")]
struct AddMethodPage {
    page: PageLayout,
    form: Form,
    /// Titles of blocks to choose from.
    titles: Vec<String>,
}

pub(super) async fn form(State(console): State<Console>, session: Session) -> PageResult {
    session.require(Permission::Edit)?;
    show(&console, &session, StatusCode::OK, Form::default()).await
}

/// Saves it, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
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
    reword(&mut form);
    show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, form).await
}

async fn show(console: &Console, session: &Session, status: StatusCode, form: Form) -> PageResult {
    let titles = console.block_titles().await?;
    let page = PageLayout::new(session, Section::Methods, ENGLISH.methods.add);
    render_with(status, &AddMethodPage { page, form, titles })
}
