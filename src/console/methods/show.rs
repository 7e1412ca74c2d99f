//! The page of a method: its fields, editable with permission, its history, and its retirement.

use askama::Template;
use axum::extract::{RawQuery, State};
use http::StatusCode;

use super::form::{FORM_FIELDS, MethodForm, mask, reword, use_name, uses};
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
use crate::model::operator::Permission;
use crate::model::reference::Method;
use crate::registry::{self, Error, SubjectRef, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "methods/show.html")]
struct MethodPage {
    page: PageLayout,
    identity: String,
    method: Method,
    store_use: &'static str,
    etag: String,
    form: MethodForm,
    uses: Vec<(&'static str, &'static str)>,
    titles: Vec<String>,
    new: bool,
    why: String,
    errors: FieldErrors,
    concurrent_edit: Option<ConcurrentEdit>,
    /// Address of the list of the keys with access to it.
    keys: String,
    history: Vec<HistoryEntry>,
    older: bool,
    /// Address of its complete history.
    full_history: String,
    may_edit: bool,
}

/// Content next to the method's fields.
#[derive(Default)]
struct MethodFormState {
    form: Option<MethodForm>,
    why: String,
    errors: FieldErrors,
    concurrent_edit: Option<ConcurrentEdit>,
    notice: Option<Notice>,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> PageResult {
    let query = FormFields::parse(query.unwrap_or_default().as_bytes());
    let state =
        MethodFormState { notice: Notice::from_query(&query, console.authority.now()), ..MethodFormState::default() };
    show(&console, &session, StatusCode::OK, query.text("method"), state).await
}

/// Saves it, or shows the page again with errors or a conflict.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let form = MethodForm::read(&post.fields);
    let why = post.fields.trimmed("why");
    let (identity, etag) = (form.method.clone(), post.fields.text("etag"));
    let mut errors = FieldErrors::none();
    let draft = form.draft(&mut errors);
    let mut update = Update { id: identity.clone(), draft, mask: mask(), etag: etag.to_owned() };
    if form.position == method(&console, &identity).await?.position.to_string() {
        // 0 would move it to the end.
        update.mask.retain(|field| field != "position");
    }
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    let mut state = MethodFormState { form: Some(form), why, errors, ..MethodFormState::default() };
    if state.errors.is_empty() {
        match console.registry.update_method(&session.caller, &update, &options).await {
            Ok((_, written)) => {
                return Ok(redirect(&console.path_with_notice(&paths::method(&identity), "saved", &written).await));
            }
            Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => state.errors.extend(&violations),
            Err(Error::Stale(_)) => {
                let state = merge_current(&console, &identity, etag, state).await?;
                return show(&console, session, StatusCode::CONFLICT, &identity, state).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    reword(&mut state.errors);
    show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &identity, state).await
}

/// Retires the method. Keys that selected it lose access to it; no key gains any.
pub(super) async fn retire(State(console): State<Console>, post: FormPost) -> PageResult {
    let (session, fields) = (&post.session, &post.fields);
    session.require(Permission::Edit)?;
    let identity = fields.trimmed("method");
    if fields.text("sure") != "yes" {
        let mut errors = FieldErrors::none();
        errors.add("sure", ENGLISH.common.sure_first);
        let state = MethodFormState { errors, ..MethodFormState::default() };
        return show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &identity, state).await;
    }
    let named = SubjectRef { id: identity, etag: fields.text("etag").to_owned() };
    let (_, written) = console.registry.delete_method(&session.caller, &named, &WriteOptions::default()).await?;
    Ok(redirect(&console.path_with_notice(paths::METHODS, "method_retired", &written).await))
}

/// Merges the form with a change that somebody else made since it was rendered.
async fn merge_current(
    console: &Console,
    identity: &str,
    etag: &str,
    state: MethodFormState,
) -> Result<MethodFormState, PageError> {
    let method = method(console, identity).await?;
    let changes = console.changes_since("method", identity, etag).await?;
    let mut form = state.form.unwrap_or_default();
    if let Some(base) = concurrent_edit::base_image(&changes) {
        concurrent_edit::merge_fields(
            form.editable_fields(),
            MethodForm::from_image(base).editable_fields(),
            MethodForm::from_method(&method).editable_fields(),
        );
    }
    let concurrent_edit = ConcurrentEdit::new(changes, &method.image());
    Ok(MethodFormState { form: Some(form), concurrent_edit: Some(concurrent_edit), ..state })
}

async fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    identity: &str,
    state: MethodFormState,
) -> PageResult {
    let method = method(console, identity).await?;
    let identity = method.identity.to_string();
    let (history, older) = console.history("method", &identity).await?;
    let template = MethodPage {
        page: PageLayout::new(console, session, Section::Methods, identity.clone()).with_notice(state.notice),
        store_use: use_name(method.store_use),
        etag: registry::etag(method.row_revision),
        form: state.form.unwrap_or_else(|| MethodForm::from_method(&method)),
        uses: uses(),
        titles: console.block_titles().await?,
        new: false,
        why: state.why,
        errors: state.errors,
        concurrent_edit: state.concurrent_edit,
        keys: paths::with_query(paths::KEYS, &[("method", &identity)]),
        history,
        older,
        full_history: paths::subject_changes("method", &identity),
        may_edit: session.may(Permission::Edit),
        method,
        identity,
    };
    render_with(status, &template)
}

/// Returns the method of an address; an invalid identity is a page that does not exist.
async fn method(console: &Console, identity: &str) -> Result<Method, PageError> {
    match console.registry.method(identity).await {
        Err(Error::Invalid(_)) => Err(PageError::NotFound),
        result => Ok(result?),
    }
}
