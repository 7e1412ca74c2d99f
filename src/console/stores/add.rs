//! Connecting a store.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::form::{SHOWN, StoreForm, kinds};
use crate::console::Console;
use crate::console::answer::{Answer, go, page_with};
use crate::console::form::Errors;
use crate::console::layout::Page;
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::posted::Posted;
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::registry::{Error, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "stores/add.html")]
struct AddPage {
    page: Page,
    form: StoreForm,
    errors: Errors,
    kinds: Vec<(&'static str, &'static str)>,
    /// Whether the code can be edited, which is only possible until the store exists.
    new: bool,
    why: String,
}

/// Shows the form.
pub(super) async fn form(State(console): State<Console>, session: Session) -> Answer {
    session.need(Permission::Edit)?;
    show(&console, &session, StatusCode::OK, StoreForm::default(), Errors::none(), String::new())
}

/// Saves it, or shows the form again with the errors.
pub(super) async fn submit(State(console): State<Console>, posted: Posted) -> Answer {
    posted.session.need(Permission::Edit)?;
    let form = StoreForm::read(&posted.fields);
    let why = posted.fields.trimmed("why");
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    match console.registry.create_store(&posted.session.caller, &form.draft(), &options).await {
        Ok((store, written)) => {
            Ok(go(&console.done(&paths::store(store.code.as_str()), "store_added", &written).await))
        }
        Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => {
            let mut errors = Errors::of(&violations);
            errors.reword("store.kind", ENGLISH.stores.choose_kind);
            show(&console, &posted.session, StatusCode::UNPROCESSABLE_ENTITY, form, errors, why)
        }
        Err(error) => Err(error.into()),
    }
}

fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    form: StoreForm,
    errors: Errors,
    why: String,
) -> Answer {
    let page = Page::new(console, session, Place::Stores, ENGLISH.stores.add_title);
    page_with(status, &AddPage { page, form, errors, kinds: kinds(), new: true, why })
}
