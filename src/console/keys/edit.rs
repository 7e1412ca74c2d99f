//! Changing a key. A change that takes access away first shows which past calls it would have refused; if two people
//! change a key at once, the second sees the first's change, and neither loses input.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::choices::Choices;
use super::form::{KeyForm, fields, reword};
use super::usage::{CHART_DAYS, Narrowing, narrowing};
use crate::console::edit::{ConcurrentEdit, base_image};
use crate::console::{
    Console, ENGLISH, FormPost, PageError, PageLayout, PageResult, Session, found, paths, render_with,
};
use crate::model::hex;
use crate::model::key::Key;
use crate::model::operator::Permission;
use crate::model::token::Digest;
use crate::registry::{self, Error, Update};

#[derive(Debug, Template)]
#[template(path = "keys/edit.html")]
struct EditKeyPage {
    page: PageLayout,
    key: Key,
    form: KeyForm,
    choices: Choices,
    narrowing: Option<Narrowing>,
    /// Fingerprint of the narrowing that was shown: saved only if it is still the same.
    fingerprint: String,
    conflict: Option<Conflict>,
}

/// What somebody else changed in the meantime.
#[derive(Debug)]
struct Conflict {
    edit: ConcurrentEdit,
    /// The fields that both changed, each with the other's value.
    both: Vec<(&'static str, String)>,
}

impl EditKeyPage {
    async fn new(console: &Console, session: &Session, key: Key, form: KeyForm) -> Result<Self, PageError> {
        let page = PageLayout::new(session, paths::KEYS, ENGLISH.key_edit.title);
        Ok(Self {
            page: page.with_scripts(&["key-form.js"]),
            key,
            choices: Choices::new(console, &form).await?,
            form,
            narrowing: None,
            fingerprint: String::new(),
            conflict: None,
        })
    }
}

pub(super) async fn form(State(console): State<Console>, session: Session, Path(id): Path<String>) -> PageResult {
    session.require(Permission::Edit)?;
    let key = found(console.registry.key(&id).await)?;
    let form = KeyForm::from_image(&key.image());
    render_with(StatusCode::OK, &EditKeyPage::new(&console, &session, key, form).await?)
}

/// Saves it, or shows the form again with errors, a conflict or a narrowing.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let current = found(console.registry.key(&id).await)?;
    let mut form = KeyForm::read(&post.fields);
    let etag = post.fields.text("etag");
    if etag != registry::etag(current.row_revision) {
        return stale(&console, session, current, form, etag).await;
    }
    if post.fields.has("show") {
        return render_with(StatusCode::OK, &EditKeyPage::new(&console, session, current, form).await?);
    }
    let draft = form.draft();
    if form.texts.errors.is_empty() && current.revoked.is_none() {
        let usage = console.usage(&current, CHART_DAYS, console.authority.now()).await?;
        let fingerprint = fingerprint(&form);
        // A change that refuses no known call needs no confirmation.
        if let Some(narrowing) = narrowing(&current, &form, &usage)
            && post.fields.text("seen") != fingerprint
            && !narrowing.is_harmless()
        {
            let shown = EditKeyPage::new(&console, session, current, form).await?;
            return render_with(StatusCode::OK, &EditKeyPage { narrowing: Some(narrowing), fingerprint, ..shown });
        }
    }
    let mask = fields(current.revoked.is_some()).map(str::to_owned).collect();
    let update = Update { id: id.clone(), draft, mask, etag: etag.to_owned() };
    let options = form.texts.options();
    if form.texts.errors.is_empty() {
        match console.registry.update_key(&session.caller, &update, &options).await {
            Ok((_, written)) => return Ok(console.redirect(&paths::key(&id), "saved", &written).await),
            // Changed between our reading and our writing.
            Err(Error::Stale(_)) => {
                let current = found(console.registry.key(&id).await)?;
                return stale(&console, session, current, form, etag).await;
            }
            Err(error) => form.texts.errors.extend_from(error)?,
        }
    } else {
        form.texts.errors.extend(&console.registry.check_key_update(&update, &options));
    }
    reword(&mut form.texts.errors);
    let shown = EditKeyPage::new(&console, session, current, form).await?;
    render_with(StatusCode::UNPROCESSABLE_ENTITY, &shown)
}

/// Shows the conflict if the key was changed since the form was rendered.
async fn stale(console: &Console, session: &Session, current: Key, form: KeyForm, etag: &str) -> PageResult {
    let (form, conflict) = merge(console, &current, form, etag).await?;
    let shown = EditKeyPage::new(console, session, current, form).await?;
    render_with(StatusCode::CONFLICT, &EditKeyPage { conflict: Some(conflict), ..shown })
}

/// Merges the form of a user who began at `etag` into the current key: a field that they left unchanged takes the
/// current value; one that they changed keeps theirs. Their base is the image before the first change since then.
async fn merge(
    console: &Console,
    current: &Key,
    mut form: KeyForm,
    etag: &str,
) -> Result<(KeyForm, Conflict), PageError> {
    let changes = console.changes_since("key", &current.id.to_string(), etag).await?;
    let theirs = KeyForm::from_image(&current.image());
    let base = base_image(&changes).map(KeyForm::from_image).unwrap_or_default();
    let edit = ConcurrentEdit::new(changes, &current.image());
    let mut both = form.texts.merge(&base.texts, &theirs.texts);

    let accesses = [
        ("stores", &mut form.stores, base.stores, theirs.stores),
        ("methods", &mut form.methods, base.methods, theirs.methods),
    ];
    // Kind and list of an access belong together.
    for (field, mine, base, theirs) in accesses {
        if *mine == base {
            *mine = theirs;
        } else if mine.choice() != theirs.choice() {
            let value = if theirs.kind == "all" { theirs.kind } else { Vec::from_iter(theirs.members).join(", ") };
            both.push((field, value));
        }
    }
    both.retain(|(field, _)| edit.differences.iter().any(|difference| difference.field == *field));
    Ok((form, Conflict { edit, both }))
}

/// Renders the access in a form as a text to compare.
fn fingerprint(form: &KeyForm) -> String {
    let text = format!("{:?} {:?}", form.stores.choice(), form.methods.choice());
    hex::encode(&Digest::of(text.as_bytes()).as_bytes()[..8])
}
