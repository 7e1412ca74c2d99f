//! Changing a key. A change that takes access away first shows which past calls it would have refused; if two people
//! change a key at once, the second sees the first's change, and neither loses input.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::choices::{Group, blocks, platforms};
use super::conflict::{self, Conflict};
use super::form::{KeyForm, fields, reword};
use super::reach::sentence;
use super::show::key;
use super::used::{CHARTED, Narrowing, narrowing};
use crate::console::Console;
use crate::console::answer::{Answer, go, page_with};
use crate::console::failure::Failure;
use crate::console::form::Errors;
use crate::console::hex::hex;
use crate::console::layout::Page;
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::posted::Posted;
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::key::Key;
use crate::model::operator::Permission;
use crate::model::token::Digest;
use crate::registry::{self, Error, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "keys/edit.html")]
struct EditPage {
    page: Page,
    id: String,
    etag: String,
    name: String,
    form: KeyForm,
    errors: Errors,
    platforms: Vec<Group>,
    blocks: Vec<Group>,
    reach: String,
    why: String,
    revoked: bool,
    narrowing: Option<Narrowing>,
    /// Fingerprint of the narrowing that was shown: saved only if it is still the same.
    seen: String,
    conflict: Option<Conflict>,
}

/// Content next to the form.
#[derive(Default)]
struct Beside {
    errors: Errors,
    why: String,
    narrowing: Option<Narrowing>,
    seen: String,
    conflict: Option<Conflict>,
}

/// Shows the form.
pub(super) async fn form(State(console): State<Console>, session: Session, Path(id): Path<String>) -> Answer {
    session.need(Permission::Edit)?;
    let key = key(&console, &id).await?;
    let form = KeyForm::of(&key.spec);
    show(&console, &session, StatusCode::OK, &key, form, Beside::default()).await
}

/// Saves it, or shows the form again with errors, a conflict or a narrowing.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let session = &posted.session;
    session.need(Permission::Edit)?;
    let current = key(&console, &id).await?;
    let form = KeyForm::read(&posted.fields);
    let why = posted.fields.trimmed("why");
    let mut beside = Beside { why: why.clone(), ..Beside::default() };
    let etag = posted.fields.text("etag");
    if etag != registry::etag(current.row_revision) {
        return stale(&console, session, &current, form, etag, beside).await;
    }
    if posted.fields.has("show") {
        return show(&console, session, StatusCode::OK, &current, form, beside).await;
    }
    let draft = form.draft(&mut beside.errors);
    if beside.errors.is_empty() && current.revoked.is_none() {
        let usage = console.used(&current, CHARTED, console.authority.now()).await?;
        let seen = fingerprint(&form);
        // A change that refuses no known call needs no confirmation.
        if let Some(narrowing) = narrowing(&current, &form, &usage)
            && posted.fields.text("seen") != seen
            && !narrowing.is_harmless()
        {
            let beside = Beside { narrowing: Some(narrowing), seen, ..beside };
            return show(&console, session, StatusCode::OK, &current, form, beside).await;
        }
    }
    let mask = fields(current.revoked.is_some()).into_iter().map(str::to_owned).collect();
    let update = Update { id: id.clone(), draft, mask, etag: etag.to_owned() };
    let options = WriteOptions { comment: why, replica_wait: None };
    if !beside.errors.is_empty() {
        beside.errors.extend(&console.registry.check_key_update(&update, &options));
        reword(&mut beside.errors);
        return show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &current, form, beside).await;
    }
    match console.registry.update_key(&session.caller, &update, &options).await {
        Ok((_, written)) => Ok(go(&console.done(&paths::key(&id), "saved", &written).await)),
        Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => {
            beside.errors = Errors::of(&violations);
            reword(&mut beside.errors);
            show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &current, form, beside).await
        }
        // Changed between our reading and our writing.
        Err(Error::Stale(_)) => {
            let current = key(&console, &id).await?;
            stale(&console, session, &current, form, etag, beside).await
        }
        Err(error) => Err(error.into()),
    }
}

/// Shows the conflict if the key was changed since the form was rendered.
async fn stale(
    console: &Console,
    session: &Session,
    current: &Key,
    form: KeyForm,
    etag: &str,
    beside: Beside,
) -> Answer {
    let (form, conflict) = conflict::merge(console, current, form, etag).await?;
    let beside = Beside { conflict: Some(conflict), ..beside };
    show(console, session, StatusCode::CONFLICT, current, form, beside).await
}

async fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    key: &Key,
    form: KeyForm,
    beside: Beside,
) -> Result<axum::response::Response, Failure> {
    let platforms = platforms(&console.all_stores().await?, &form);
    let blocks = blocks(&console.all_methods().await?, &form);
    let reach = sentence(&form, &platforms, &blocks);
    let page = Page::new(console, session, Place::Keys, ENGLISH.key_edit.title).with_scripts(&["key-form.js"]);
    let Beside { errors, why, narrowing, seen, conflict } = beside;
    let (id, etag, name) = (key.id.to_string(), registry::etag(key.row_revision), key.spec.name.clone());
    let revoked = key.revoked.is_some();
    let template = EditPage {
        page,
        id,
        etag,
        name,
        form,
        errors,
        platforms,
        blocks,
        reach,
        why,
        revoked,
        narrowing,
        seen,
        conflict,
    };
    page_with(status, &template)
}

/// Renders the access in a form as a text to compare.
fn fingerprint(form: &KeyForm) -> String {
    let text = format!("{:?} {:?}", form.store_choice(), form.method_choice());
    hex(&Digest::of(text.as_bytes()).as_bytes()[..8])
}
