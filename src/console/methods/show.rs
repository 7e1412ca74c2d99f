//! The page of a method: its fields, editable with permission, its history, and its retirement.

use askama::Template;
use axum::extract::{RawQuery, State};
use http::StatusCode;

use super::form::{MethodForm, SHOWN, mask, reword, use_name, uses};
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
use crate::console::trail::Entry;
use crate::model::operator::Permission;
use crate::model::reference::Method;
use crate::registry::{self, Error, SubjectRef, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "methods/show.html")]
struct MethodPage {
    page: Page,
    identity: String,
    method: Method,
    store_use: &'static str,
    etag: String,
    form: MethodForm,
    uses: Vec<(&'static str, &'static str)>,
    titles: Vec<String>,
    new: bool,
    why: String,
    errors: Errors,
    meanwhile: Option<Meanwhile>,
    /// Address of the list of the keys with access to it.
    keys: String,
    history: Vec<Entry>,
    older: bool,
    /// Address of its complete history.
    trail: String,
    may_edit: bool,
}

/// Content next to the method's fields.
#[derive(Default)]
struct Beside {
    form: Option<MethodForm>,
    why: String,
    errors: Errors,
    meanwhile: Option<Meanwhile>,
    notice: Option<Notice>,
}

/// Shows the page.
pub(super) async fn page(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> Answer {
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let beside = Beside { notice: Notice::read(&query, console.authority.now()), ..Beside::default() };
    show(&console, &session, StatusCode::OK, query.text("method"), beside).await
}

/// Saves it, or shows the page again with errors or a conflict.
pub(super) async fn submit(State(console): State<Console>, posted: Posted) -> Answer {
    let session = &posted.session;
    session.need(Permission::Edit)?;
    let form = MethodForm::read(&posted.fields);
    let why = posted.fields.trimmed("why");
    let (identity, etag) = (form.method.clone(), posted.fields.text("etag"));
    let mut errors = Errors::none();
    let draft = form.draft(&mut errors);
    let mut update = Update { id: identity.clone(), draft, mask: mask(), etag: etag.to_owned() };
    if form.position == method(&console, &identity).await?.position.to_string() {
        // 0 would move it to the end.
        update.mask.retain(|field| field != "position");
    }
    let options = WriteOptions { comment: why.clone(), replica_wait: None };
    let mut beside = Beside { form: Some(form), why, errors, ..Beside::default() };
    if beside.errors.is_empty() {
        match console.registry.update_method(&session.caller, &update, &options).await {
            Ok((_, written)) => return Ok(go(&console.done(&paths::method(&identity), "saved", &written).await)),
            Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => beside.errors.extend(&violations),
            Err(Error::Stale(_)) => {
                let beside = merged(&console, &identity, etag, beside).await?;
                return show(&console, session, StatusCode::CONFLICT, &identity, beside).await;
            }
            Err(error) => return Err(error.into()),
        }
    }
    reword(&mut beside.errors);
    show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &identity, beside).await
}

/// Retires the method. Keys that selected it lose access to it; no key gains any.
pub(super) async fn retire(State(console): State<Console>, posted: Posted) -> Answer {
    let (session, fields) = (&posted.session, &posted.fields);
    session.need(Permission::Edit)?;
    let identity = fields.trimmed("method");
    if fields.text("sure") != "yes" {
        let mut errors = Errors::none();
        errors.add("sure", ENGLISH.common.sure_first);
        let beside = Beside { errors, ..Beside::default() };
        return show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &identity, beside).await;
    }
    let named = SubjectRef { id: identity, etag: fields.text("etag").to_owned() };
    let (_, written) = console.registry.delete_method(&session.caller, &named, &WriteOptions::default()).await?;
    Ok(go(&console.done(paths::METHODS, "method_retired", &written).await))
}

/// Merges the form with a change that somebody else made since it was rendered.
async fn merged(console: &Console, identity: &str, etag: &str, beside: Beside) -> Result<Beside, Failure> {
    let method = method(console, identity).await?;
    let changes = console.changes_since("method", identity, etag).await?;
    let mut form = beside.form.unwrap_or_default();
    if let Some(base) = meanwhile::base(&changes) {
        meanwhile::lay(form.parts(), MethodForm::of_image(base).parts(), MethodForm::of(&method).parts());
    }
    let meanwhile = Meanwhile::of(changes, &method.image());
    Ok(Beside { form: Some(form), meanwhile: Some(meanwhile), ..beside })
}

async fn show(console: &Console, session: &Session, status: StatusCode, identity: &str, beside: Beside) -> Answer {
    let method = method(console, identity).await?;
    let identity = method.identity.to_string();
    let (history, older) = console.history("method", &identity).await?;
    let template = MethodPage {
        page: Page::new(console, session, Place::Methods, identity.clone()).with_notice(beside.notice),
        store_use: use_name(method.store_use),
        etag: registry::etag(method.row_revision),
        form: beside.form.unwrap_or_else(|| MethodForm::of(&method)),
        uses: uses(),
        titles: console.block_titles().await?,
        new: false,
        why: beside.why,
        errors: beside.errors,
        meanwhile: beside.meanwhile,
        keys: paths::with_query(paths::KEYS, &[("method", &identity)]),
        history,
        older,
        trail: paths::trail("method", &identity),
        may_edit: session.may(Permission::Edit),
        method,
        identity,
    };
    page_with(status, &template)
}

/// Returns the method of an address; an invalid identity is a page that does not exist.
async fn method(console: &Console, identity: &str) -> Result<Method, Failure> {
    match console.registry.method(identity).await {
        Err(Error::Invalid(_)) => Err(Failure::NotFound),
        answer => Ok(answer?),
    }
}
