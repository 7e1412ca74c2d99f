//! Changing a key. A change that takes access away first shows which past calls it would have refused; if two people
//! change a key at once, the second sees the first's change, and neither loses input.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::choices::{ChoiceGroup, blocks, platforms};
use super::conflict::{self, Conflict};
use super::form::{KeyForm, fields, reword};
use super::reach::describe_reach;
use super::show::key;
use super::usage::{CHART_DAYS, Narrowing, narrowing};
use crate::console::Console;
use crate::console::error::PageError;
use crate::console::form::FieldErrors;
use crate::console::form_post::FormPost;
use crate::console::hex::hex;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::paths;
use crate::console::render::{PageResult, redirect, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::key::Key;
use crate::model::operator::Permission;
use crate::model::token::Digest;
use crate::registry::{self, Error, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "keys/edit.html")]
struct EditKeyPage {
    page: PageLayout,
    id: String,
    etag: String,
    name: String,
    form: KeyForm,
    errors: FieldErrors,
    platforms: Vec<ChoiceGroup>,
    blocks: Vec<ChoiceGroup>,
    reach: String,
    why: String,
    revoked: bool,
    narrowing: Option<Narrowing>,
    /// Fingerprint of the narrowing that was shown: saved only if it is still the same.
    fingerprint: String,
    conflict: Option<Conflict>,
}

/// Content next to the form.
#[derive(Default)]
struct KeyFormState {
    errors: FieldErrors,
    why: String,
    narrowing: Option<Narrowing>,
    fingerprint: String,
    conflict: Option<Conflict>,
}

/// Shows the form.
pub(super) async fn form(State(console): State<Console>, session: Session, Path(id): Path<String>) -> PageResult {
    session.require(Permission::Edit)?;
    let key = key(&console, &id).await?;
    let form = KeyForm::from_spec(&key.spec);
    show(&console, &session, StatusCode::OK, &key, form, KeyFormState::default()).await
}

/// Saves it, or shows the form again with errors, a conflict or a narrowing.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let current = key(&console, &id).await?;
    let form = KeyForm::read(&post.fields);
    let why = post.fields.trimmed("why");
    let mut state = KeyFormState { why: why.clone(), ..KeyFormState::default() };
    let etag = post.fields.text("etag");
    if etag != registry::etag(current.row_revision) {
        return stale(&console, session, &current, form, etag, state).await;
    }
    if post.fields.has("show") {
        return show(&console, session, StatusCode::OK, &current, form, state).await;
    }
    let draft = form.draft(&mut state.errors);
    if state.errors.is_empty() && current.revoked.is_none() {
        let usage = console.usage(&current, CHART_DAYS, console.authority.now()).await?;
        let fingerprint = fingerprint(&form);
        // A change that refuses no known call needs no confirmation.
        if let Some(narrowing) = narrowing(&current, &form, &usage)
            && post.fields.text("seen") != fingerprint
            && !narrowing.is_harmless()
        {
            let state = KeyFormState { narrowing: Some(narrowing), fingerprint, ..state };
            return show(&console, session, StatusCode::OK, &current, form, state).await;
        }
    }
    let mask = fields(current.revoked.is_some()).into_iter().map(str::to_owned).collect();
    let update = Update { id: id.clone(), draft, mask, etag: etag.to_owned() };
    let options = WriteOptions { comment: why, replica_wait: None };
    if !state.errors.is_empty() {
        state.errors.extend(&console.registry.check_key_update(&update, &options));
        reword(&mut state.errors);
        return show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &current, form, state).await;
    }
    match console.registry.update_key(&session.caller, &update, &options).await {
        Ok((_, written)) => Ok(redirect(&console.path_with_notice(&paths::key(&id), "saved", &written).await)),
        Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => {
            state.errors = FieldErrors::from_violations(&violations);
            reword(&mut state.errors);
            show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &current, form, state).await
        }
        // Changed between our reading and our writing.
        Err(Error::Stale(_)) => {
            let current = key(&console, &id).await?;
            stale(&console, session, &current, form, etag, state).await
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
    state: KeyFormState,
) -> PageResult {
    let (form, conflict) = conflict::merge(console, current, form, etag).await?;
    let state = KeyFormState { conflict: Some(conflict), ..state };
    show(console, session, StatusCode::CONFLICT, current, form, state).await
}

async fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    key: &Key,
    form: KeyForm,
    state: KeyFormState,
) -> Result<axum::response::Response, PageError> {
    let platforms = platforms(&console.all_stores().await?, &form);
    let blocks = blocks(&console.all_methods().await?, &form);
    let reach = describe_reach(&form, &platforms, &blocks);
    let page = PageLayout::new(console, session, Section::Keys, ENGLISH.key_edit.title).with_scripts(&["key-form.js"]);
    let KeyFormState { errors, why, narrowing, fingerprint, conflict } = state;
    let (id, etag, name) = (key.id.to_string(), registry::etag(key.row_revision), key.spec.name.clone());
    let revoked = key.revoked.is_some();
    let template = EditKeyPage {
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
        fingerprint,
        conflict,
    };
    render_with(status, &template)
}

/// Renders the access in a form as a text to compare.
fn fingerprint(form: &KeyForm) -> String {
    let text = format!("{:?} {:?}", form.store_choice(), form.method_choice());
    hex(&Digest::of(text.as_bytes()).as_bytes()[..8])
}
