//! The page of an operator: its fields, editable, and its history.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;

use super::form::{FORM_FIELDS, OperatorForm, role_description, roles};
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
use crate::console::time::DisplayTime;
use crate::model::operator::{Operator, Permission};
use crate::registry::{self, Error, Precondition, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "operators/show.html")]
struct OperatorPage {
    page: PageLayout,
    id: String,
    operator: Operator,
    role: &'static str,
    etag: String,
    form: OperatorForm,
    roles: Vec<(&'static str, &'static str)>,
    why: String,
    errors: FieldErrors,
    concurrent_edit: Option<ConcurrentEdit>,
    created: DisplayTime,
    updated: DisplayTime,
    expires: Option<DisplayTime>,
    revoked: Option<DisplayTime>,
    /// Address of all changes that it made.
    changes_made: String,
    history: Vec<HistoryEntry>,
    older: bool,
    /// Address of its complete history.
    full_history: String,
    own: bool,
}

/// Content next to the operator's fields.
#[derive(Default)]
pub(super) struct OperatorFormState {
    pub(super) form: Option<OperatorForm>,
    pub(super) why: String,
    pub(super) errors: FieldErrors,
    pub(super) concurrent_edit: Option<ConcurrentEdit>,
    pub(super) notice: Option<Notice>,
}

/// Shows the page.
pub(super) async fn page(
    State(console): State<Console>,
    session: Session,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> PageResult {
    let query = FormFields::parse(query.unwrap_or_default().as_bytes());
    let state = OperatorFormState {
        notice: Notice::from_query(&query, console.authority.now()),
        ..OperatorFormState::default()
    };
    show(&console, &session, StatusCode::OK, &id, state).await
}

/// Saves it, or shows the page again with errors or a conflict.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Administer)?;
    let form = OperatorForm::read(&post.fields);
    let why = post.fields.trimmed("why");
    let etag = post.fields.text("etag");
    let mut errors = FieldErrors::none();
    let draft = form.draft(&mut errors);
    let mask = ["name", "role", "expire_time"].map(str::to_owned).to_vec();
    let update = Update { id: id.clone(), draft, mask, etag: etag.to_owned() };
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    let mut state = OperatorFormState { form: Some(form), why, errors, ..OperatorFormState::default() };
    if state.errors.is_empty() {
        match console.registry.update_operator(&session.caller, &update, &options).await {
            Ok((_, written)) => {
                return Ok(redirect(&console.path_with_notice(&paths::operator(&id), "saved", &written).await));
            }
            Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => state.errors.extend(&violations),
            Err(Error::Precondition(violated @ Precondition::LastAdmin)) => {
                state.errors.add("operator.role", &violated.to_string());
            }
            Err(Error::Stale(_)) => {
                let state = merge_current(&console, &id, etag, state).await?;
                return show(&console, session, StatusCode::CONFLICT, &id, state).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &id, state).await
}

/// Merges the form with a change that somebody else made since it was rendered.
async fn merge_current(
    console: &Console,
    id: &str,
    etag: &str,
    state: OperatorFormState,
) -> Result<OperatorFormState, PageError> {
    let operator = operator(console, id).await?;
    let mut changes = console.changes_since("operator", id, etag).await?;
    // Sign-ins and sign-outs are recorded as changes without differences.
    changes.retain(|change| change.before != change.after);
    let mut form = state.form.unwrap_or_default();
    if let Some(base) = concurrent_edit::base_image(&changes) {
        concurrent_edit::merge_fields(
            form.editable_fields(),
            OperatorForm::from_image(base).editable_fields(),
            OperatorForm::from_operator(&operator).editable_fields(),
        );
    }
    let concurrent_edit = ConcurrentEdit::new(changes, &operator.image());
    Ok(OperatorFormState { form: Some(form), concurrent_edit: Some(concurrent_edit), ..state })
}

/// Shows the page with this content.
pub(super) async fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    id: &str,
    state: OperatorFormState,
) -> PageResult {
    session.require(Permission::Administer)?;
    let operator = operator(console, id).await?;
    let (history, older) = console.history("operator", id).await?;
    let template = OperatorPage {
        page: PageLayout::new(console, session, Section::Operators, operator.name.clone()).with_notice(state.notice),
        id: id.to_owned(),
        role: role_description(operator.role),
        etag: registry::etag(operator.row_revision),
        form: state.form.unwrap_or_else(|| OperatorForm::from_operator(&operator)),
        roles: roles(),
        why: state.why,
        errors: state.errors,
        concurrent_edit: state.concurrent_edit,
        created: DisplayTime(operator.created),
        updated: DisplayTime(operator.updated),
        expires: operator.expires.map(DisplayTime),
        revoked: operator.revoked.map(DisplayTime),
        changes_made: paths::actor_changes(id),
        history,
        older,
        full_history: paths::subject_changes("operator", id),
        own: operator.id == session.caller.id,
        operator,
    };
    render_with(status, &template)
}

/// Returns the operator of an address; an invalid id is a page that does not exist.
async fn operator(console: &Console, id: &str) -> Result<Operator, PageError> {
    match console.registry.operator(id).await {
        Err(Error::Invalid(_)) => Err(PageError::NotFound),
        result => Ok(result?),
    }
}
