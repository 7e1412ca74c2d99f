//! The page of a store: its fields, editable with permission, and its history.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;

use super::form::{SHOWN, StoreForm, kind_name, kinds, mask};
use crate::console::Console;
use crate::console::answer::{Answer, go, page_with};
use crate::console::done::Notice;
use crate::console::failure::Failure;
use crate::console::form::{Errors, Fields};
use crate::console::layout::Page;
use crate::console::meanwhile::{self, Meanwhile};
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::posted::Posted;
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::console::time::Moment;
use crate::console::trail::Entry;
use crate::model::operator::Permission;
use crate::model::store::Store;
use crate::registry::{self, Error, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "stores/show.html")]
struct StorePage {
    page: Page,
    store: Store,
    kind: &'static str,
    etag: String,
    form: StoreForm,
    kinds: Vec<(&'static str, &'static str)>,
    new: bool,
    why: String,
    errors: Errors,
    meanwhile: Option<Meanwhile>,
    /// Ids and names of keys that deleting it would bind to their one remaining store.
    rebinding: Vec<(String, String)>,
    created: Moment,
    updated: Moment,
    history: Vec<Entry>,
    older: bool,
    /// Address of its complete history.
    trail: String,
    may_edit: bool,
}

/// Content next to the store's fields.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) form: Option<StoreForm>,
    pub(super) why: String,
    pub(super) errors: Errors,
    pub(super) meanwhile: Option<Meanwhile>,
    pub(super) rebinding: Vec<(String, String)>,
    pub(super) notice: Option<Notice>,
}

/// Shows the page.
pub(super) async fn page(
    State(console): State<Console>,
    session: Session,
    Path(code): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let beside = Beside { notice: Notice::read(&query, console.authority.now()), ..Beside::default() };
    show(&console, &session, StatusCode::OK, &code, beside).await
}

/// Saves it, or shows the page again with errors or a conflict.
pub(super) async fn submit(State(console): State<Console>, Path(code): Path<String>, posted: Posted) -> Answer {
    let session = &posted.session;
    session.need(Permission::Edit)?;
    let form = StoreForm::read(&posted.fields);
    let why = posted.fields.trimmed("why");
    let etag = posted.fields.text("etag");
    let update = Update { id: code.clone(), draft: form.draft(), mask: mask(), etag: etag.to_owned() };
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    let beside = Beside { form: Some(form), why, ..Beside::default() };
    match console.registry.update_store(&session.caller, &update, &options).await {
        Ok((_, written)) => Ok(go(&console.done(&paths::store(&code), "saved", &written).await)),
        Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => {
            let mut errors = Errors::of(&violations);
            errors.reword("store.kind", ENGLISH.stores.choose_kind);
            show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &code, Beside { errors, ..beside }).await
        }
        Err(Error::Stale(_)) => {
            let beside = merged(&console, &code, etag, beside).await?;
            show(&console, session, StatusCode::CONFLICT, &code, beside).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Merges the form with a change that somebody else made since it was rendered.
async fn merged(console: &Console, code: &str, etag: &str, beside: Beside) -> Result<Beside, Failure> {
    let store = store(console, code).await?;
    let changes = console.changes_since("store", code, etag).await?;
    let mut form = beside.form.unwrap_or_default();
    if let Some(base) = meanwhile::base(&changes) {
        meanwhile::lay(form.parts(), StoreForm::of_image(base).parts(), StoreForm::of(&store).parts());
    }
    let meanwhile = Meanwhile::of(changes, &store.image());
    Ok(Beside { form: Some(form), meanwhile: Some(meanwhile), ..beside })
}

/// Shows the page with this content.
pub(super) async fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    code: &str,
    beside: Beside,
) -> Answer {
    let store = store(console, code).await?;
    let (history, older) = console.history("store", code).await?;
    let page = Page::new(console, session, Place::Stores, store.name.clone()).with_notice(beside.notice);
    let template = StorePage {
        page,
        kind: kind_name(store.kind),
        etag: registry::etag(store.row_revision),
        form: beside.form.unwrap_or_else(|| StoreForm::of(&store)),
        kinds: kinds(),
        new: false,
        why: beside.why,
        errors: beside.errors,
        meanwhile: beside.meanwhile,
        rebinding: beside.rebinding,
        created: Moment(store.created),
        updated: Moment(store.updated),
        history,
        older,
        trail: paths::trail("store", code),
        may_edit: session.may(Permission::Edit),
        store,
    };
    page_with(status, &template)
}

/// Returns the store of an address; an invalid code is a page that does not exist.
async fn store(console: &Console, code: &str) -> Result<Store, Failure> {
    match console.registry.store(code).await {
        Err(Error::Invalid(_)) => Err(Failure::NotFound),
        answer => Ok(answer?),
    }
}
