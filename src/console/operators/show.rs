//! The page of an operator: its fields, editable, and its history.

use askama::Template;
use axum::extract::{Path, RawQuery, State};
use http::StatusCode;

use super::form::{OperatorForm, SHOWN, meaning, roles};
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
use crate::console::time::Moment;
use crate::console::trail::Entry;
use crate::model::operator::{Operator, Permission};
use crate::registry::{self, Error, Precondition, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "operators/show.html")]
struct OperatorPage {
    page: Page,
    id: String,
    operator: Operator,
    role: &'static str,
    etag: String,
    form: OperatorForm,
    roles: Vec<(&'static str, &'static str)>,
    why: String,
    errors: Errors,
    meanwhile: Option<Meanwhile>,
    created: Moment,
    updated: Moment,
    expires: Option<Moment>,
    revoked: Option<Moment>,
    /// Address of all changes that it made.
    deeds: String,
    history: Vec<Entry>,
    older: bool,
    /// Address of its complete history.
    trail: String,
    own: bool,
}

/// Content next to the operator's fields.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) form: Option<OperatorForm>,
    pub(super) why: String,
    pub(super) errors: Errors,
    pub(super) meanwhile: Option<Meanwhile>,
    pub(super) notice: Option<Notice>,
}

/// Shows the page.
pub(super) async fn page(
    State(console): State<Console>,
    session: Session,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
) -> Answer {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let beside = Beside { notice: Notice::read(&query, console.authority.now()), ..Beside::default() };
    show(&console, &session, StatusCode::OK, &id, beside).await
}

/// Saves it, or shows the page again with errors or a conflict.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let session = &posted.session;
    session.need(Permission::Administer)?;
    let form = OperatorForm::read(&posted.fields);
    let why = posted.fields.trimmed("why");
    let etag = posted.fields.text("etag");
    let mut errors = Errors::none();
    let draft = form.draft(&mut errors);
    let mask = ["name", "role", "expire_time"].map(str::to_owned).to_vec();
    let update = Update { id: id.clone(), draft, mask, etag: etag.to_owned() };
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    let mut beside = Beside { form: Some(form), why, errors, ..Beside::default() };
    if beside.errors.is_empty() {
        match console.registry.update_operator(&session.caller, &update, &options).await {
            Ok((_, written)) => return Ok(go(&console.done(&paths::operator(&id), "saved", &written).await)),
            Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => beside.errors.extend(&violations),
            Err(Error::Precondition(state @ Precondition::LastAdmin)) => {
                beside.errors.add("operator.role", &state.to_string());
            }
            Err(Error::Stale(_)) => {
                let beside = merged(&console, &id, etag, beside).await?;
                return show(&console, session, StatusCode::CONFLICT, &id, beside).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &id, beside).await
}

/// Merges the form with a change that somebody else made since it was rendered.
async fn merged(console: &Console, id: &str, etag: &str, beside: Beside) -> Result<Beside, Failure> {
    let operator = operator(console, id).await?;
    let mut changes = console.changes_since("operator", id, etag).await?;
    // Sign-ins and sign-outs are recorded as changes without differences.
    changes.retain(|change| change.before != change.after);
    let mut form = beside.form.unwrap_or_default();
    if let Some(base) = meanwhile::base(&changes) {
        meanwhile::lay(form.parts(), OperatorForm::of_image(base).parts(), OperatorForm::of(&operator).parts());
    }
    let meanwhile = Meanwhile::of(changes, &operator.image());
    Ok(Beside { form: Some(form), meanwhile: Some(meanwhile), ..beside })
}

/// Shows the page with this content.
pub(super) async fn show(console: &Console, session: &Session, status: StatusCode, id: &str, beside: Beside) -> Answer {
    session.need(Permission::Administer)?;
    let operator = operator(console, id).await?;
    let (history, older) = console.history("operator", id).await?;
    let template = OperatorPage {
        page: Page::new(console, session, Place::Operators, operator.name.clone()).with_notice(beside.notice),
        id: id.to_owned(),
        role: meaning(operator.role),
        etag: registry::etag(operator.row_revision),
        form: beside.form.unwrap_or_else(|| OperatorForm::of(&operator)),
        roles: roles(),
        why: beside.why,
        errors: beside.errors,
        meanwhile: beside.meanwhile,
        created: Moment(operator.created),
        updated: Moment(operator.updated),
        expires: operator.expires.map(Moment),
        revoked: operator.revoked.map(Moment),
        deeds: paths::deeds(id),
        history,
        older,
        trail: paths::trail("operator", id),
        own: operator.id == session.caller.id,
        operator,
    };
    page_with(status, &template)
}

/// Returns the operator of an address; an invalid id is a page that does not exist.
async fn operator(console: &Console, id: &str) -> Result<Operator, Failure> {
    match console.registry.operator(id).await {
        Err(Error::Invalid(_)) => Err(Failure::NotFound),
        answer => Ok(answer?),
    }
}
