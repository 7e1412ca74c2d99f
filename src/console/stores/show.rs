//! The page of a store: its fields, editable with permission, and its history.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;

use super::form::{FORM_FIELDS, StoreForm, kind_name, kinds, mask};
use crate::console::Console;
use crate::console::concurrent_edit::{self, ConcurrentEdit};
use crate::console::error::PageError;
use crate::console::form::{FieldErrors, FormFields};
use crate::console::form_post::FormPost;
use crate::console::history::HistoryEntry;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::notice::Notice;
use crate::console::paths;
use crate::console::render::{PageResult, redirect, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::console::time::DisplayTime;
use crate::model::operator::Permission;
use crate::model::store::Store;
use crate::registry::{self, Error, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "stores/show.html")]
struct StorePage {
    page: PageLayout,
    store: Store,
    kind: &'static str,
    etag: String,
    form: StoreForm,
    kinds: Vec<(&'static str, &'static str)>,
    new: bool,
    why: String,
    errors: FieldErrors,
    concurrent_edit: Option<ConcurrentEdit>,
    /// Ids and names of keys that deleting it would bind to their one remaining store.
    rebinding: Vec<(String, String)>,
    created: DisplayTime,
    updated: DisplayTime,
    history: Vec<HistoryEntry>,
    older: bool,
    /// Address of its complete history.
    full_history: String,
    may_edit: bool,
}

/// Content next to the store's fields.
#[derive(Default)]
pub(super) struct StoreFormState {
    pub(super) form: Option<StoreForm>,
    pub(super) why: String,
    pub(super) errors: FieldErrors,
    pub(super) concurrent_edit: Option<ConcurrentEdit>,
    pub(super) rebinding: Vec<(String, String)>,
    pub(super) notice: Option<Notice>,
}

/// Shows the page.
pub(super) async fn page(
    State(console): State<Console>,
    session: Session,
    Path(code): Path<String>,
    RawQuery(query): RawQuery,
) -> PageResult {
    let query = FormFields::parse(query.unwrap_or_default().as_bytes());
    let state =
        StoreFormState { notice: Notice::from_query(&query, console.authority.now()), ..StoreFormState::default() };
    show(&console, &session, StatusCode::OK, &code, state).await
}

/// Saves it, or shows the page again with errors or a conflict.
pub(super) async fn submit(State(console): State<Console>, Path(code): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let form = StoreForm::read(&post.fields);
    let why = post.fields.trimmed("why");
    let etag = post.fields.text("etag");
    let update = Update { id: code.clone(), draft: form.draft(), mask: mask(), etag: etag.to_owned() };
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    let state = StoreFormState { form: Some(form), why, ..StoreFormState::default() };
    match console.registry.update_store(&session.caller, &update, &options).await {
        Ok((_, written)) => Ok(redirect(&console.path_with_notice(&paths::store(&code), "saved", &written).await)),
        Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => {
            let mut errors = FieldErrors::from_violations(&violations);
            errors.reword("store.kind", ENGLISH.stores.choose_kind);
            show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &code, StoreFormState { errors, ..state }).await
        }
        Err(Error::Stale(_)) => {
            let state = merge_current(&console, &code, etag, state).await?;
            show(&console, session, StatusCode::CONFLICT, &code, state).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Merges the form with a change that somebody else made since it was rendered.
async fn merge_current(
    console: &Console,
    code: &str,
    etag: &str,
    state: StoreFormState,
) -> Result<StoreFormState, PageError> {
    let store = store(console, code).await?;
    let changes = console.changes_since("store", code, etag).await?;
    let mut form = state.form.unwrap_or_default();
    if let Some(base) = concurrent_edit::base_image(&changes) {
        concurrent_edit::merge_fields(
            form.editable_fields(),
            StoreForm::from_image(base).editable_fields(),
            StoreForm::from_store(&store).editable_fields(),
        );
    }
    let concurrent_edit = ConcurrentEdit::new(changes, &store.image());
    Ok(StoreFormState { form: Some(form), concurrent_edit: Some(concurrent_edit), ..state })
}

/// Shows the page with this content.
pub(super) async fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    code: &str,
    state: StoreFormState,
) -> PageResult {
    let store = store(console, code).await?;
    let (history, older) = console.history("store", code).await?;
    let page = PageLayout::new(console, session, Section::Stores, store.name.clone()).with_notice(state.notice);
    let template = StorePage {
        page,
        kind: kind_name(store.kind),
        etag: registry::etag(store.row_revision),
        form: state.form.unwrap_or_else(|| StoreForm::from_store(&store)),
        kinds: kinds(),
        new: false,
        why: state.why,
        errors: state.errors,
        concurrent_edit: state.concurrent_edit,
        rebinding: state.rebinding,
        created: DisplayTime(store.created),
        updated: DisplayTime(store.updated),
        history,
        older,
        full_history: paths::subject_changes("store", code),
        may_edit: session.may(Permission::Edit),
        store,
    };
    render_with(status, &template)
}

/// Returns the store of an address; an invalid code is a page that does not exist.
async fn store(console: &Console, code: &str) -> Result<Store, PageError> {
    match console.registry.store(code).await {
        Err(Error::Invalid(_)) => Err(PageError::NotFound),
        result => Ok(result?),
    }
}
