//! Connecting a store.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{FIELDS, FORM_FIELDS, draft};
use crate::console::{Console, ENGLISH, Form, FormPost, PageLayout, PageResult, Section, Session, paths, render_with};
use crate::model::operator::Permission;

#[derive(Debug, Template)]
#[template(path = "stores/add.html")]
struct AddStorePage {
    page: PageLayout,
    form: Form,
}

pub(super) async fn form(session: Session) -> PageResult {
    session.require(Permission::Edit)?;
    show(&session, StatusCode::OK, Form::default())
}

/// Saves it, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    post.session.require(Permission::Edit)?;
    let mut form = Form::read(&FIELDS, &post.fields);
    match console.registry.create_store(&post.session.caller, &draft(&form), &form.options()).await {
        Ok((store, written)) => Ok(console.redirect(&paths::store(store.code.as_str()), "store_added", &written).await),
        Err(error) => {
            form.errors.extend_from(error)?;
            form.errors.reword("store.kind", ENGLISH.stores.choose_kind);
            show(&post.session, StatusCode::UNPROCESSABLE_ENTITY, form)
        }
    }
}

fn show(session: &Session, status: StatusCode, form: Form) -> PageResult {
    let page = PageLayout::new(session, Section::Stores, ENGLISH.stores.add_title);
    render_with(status, &AddStorePage { page, form })
}
