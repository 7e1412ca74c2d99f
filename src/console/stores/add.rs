//! Connecting a store.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{FORM_FIELDS, StoreForm, kinds};
use crate::console::Console;
use crate::console::form::FieldErrors;
use crate::console::form_post::FormPost;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::paths;
use crate::console::render::{PageResult, redirect, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::registry::{Error, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "stores/add.html")]
struct AddStorePage {
    page: PageLayout,
    form: StoreForm,
    errors: FieldErrors,
    kinds: Vec<(&'static str, &'static str)>,
    /// Whether the code can be edited, which is only possible until the store exists.
    new: bool,
    why: String,
}

/// Shows the form.
pub(super) async fn form(State(console): State<Console>, session: Session) -> PageResult {
    session.require(Permission::Edit)?;
    show(&console, &session, StatusCode::OK, StoreForm::default(), FieldErrors::none(), String::new())
}

/// Saves it, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    post.session.require(Permission::Edit)?;
    let form = StoreForm::read(&post.fields);
    let why = post.fields.trimmed("why");
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    match console.registry.create_store(&post.session.caller, &form.draft(), &options).await {
        Ok((store, written)) => {
            Ok(redirect(&console.path_with_notice(&paths::store(store.code.as_str()), "store_added", &written).await))
        }
        Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => {
            let mut errors = FieldErrors::from_violations(&violations);
            errors.reword("store.kind", ENGLISH.stores.choose_kind);
            show(&console, &post.session, StatusCode::UNPROCESSABLE_ENTITY, form, errors, why)
        }
        Err(error) => Err(error.into()),
    }
}

fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    form: StoreForm,
    errors: FieldErrors,
    why: String,
) -> PageResult {
    let page = PageLayout::new(console, session, Section::Stores, ENGLISH.stores.add_title);
    render_with(status, &AddStorePage { page, form, errors, kinds: kinds(), new: true, why })
}
