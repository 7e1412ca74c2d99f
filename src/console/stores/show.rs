//! The page of a store: its fields, editable with permission, its history, and switching it on and off and deleting it.

use askama::Template;
use axum::extract::{Path, State};
use http::StatusCode;

use super::form::{FIELDS, FORM_FIELDS, draft};
use crate::console::switch::{self, Switch};
use crate::console::{
    Console, DisplayTime as _, ENGLISH, FieldErrors, Form, FormFields, FormPost, History, Notice, PageError,
    PageLayout, PageResult, Section, Session, found, paths, render, render_with,
};
use crate::model::id::KeyId;
use crate::model::operator::Permission;
use crate::model::store::Store;
use crate::registry::{DeleteStore, Error, Precondition, StoreDraft, SubjectRef, Update, WriteOptions};

#[derive(Debug, Template)]
#[template(path = "stores/show.html")]
struct StorePage {
    page: PageLayout,
    store: Store,
    form: Form,
    /// Ids and names of keys that deleting it would bind to their one remaining store.
    rebinding: Vec<(String, String)>,
    history: History,
    may_edit: bool,
}

impl StorePage {
    async fn load(console: &Console, session: &Session, code: &str) -> Result<Self, PageError> {
        let store = found(console.registry.store(code).await)?;
        Ok(Self {
            page: PageLayout::new(session, Section::Stores, store.name.clone()),
            form: Form::from_image(&FIELDS, &store.image()),
            rebinding: Vec::new(),
            history: console.history("store", code).await?,
            may_edit: session.may(Permission::Edit),
            store,
        })
    }
}

pub(super) async fn page(
    State(console): State<Console>,
    session: Session,
    Path(code): Path<String>,
    query: FormFields,
) -> PageResult {
    let mut shown = StorePage::load(&console, &session, &code).await?;
    shown.page.notice = Notice::from_query(&query, console.authority.now());
    render(&shown)
}

/// Saves it, or shows the page again with errors or a conflict.
pub(super) async fn submit(State(console): State<Console>, Path(code): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let mut form = Form::read(&FIELDS, &post.fields);
    let etag = post.fields.text("etag");
    let mask = FIELDS.iter().map(|field| field.name().to_owned()).filter(|name| name != "code").collect();
    let update = Update { id: code.clone(), draft: draft(&form), mask, etag: etag.to_owned() };
    match console.registry.update_store(&session.caller, &update, &form.options()).await {
        Ok((_, written)) => Ok(console.redirect(&paths::store(&code), "saved", &written).await),
        Err(Error::Stale(_)) => {
            let mut shown = StorePage::load(&console, session, &code).await?;
            shown.form = console.merge(form, ("store", &code), etag, &shown.store.image()).await?;
            render_with(StatusCode::CONFLICT, &shown)
        }
        Err(error) => {
            form.errors.extend_from(error)?;
            form.errors.reword("store.kind", ENGLISH.stores.choose_kind);
            let shown = StorePage::load(&console, session, &code).await?;
            render_with(StatusCode::UNPROCESSABLE_ENTITY, &StorePage { form, ..shown })
        }
    }
}

/// Applies the form's value unless the store changed since the form was rendered, and returns to the sender's page.
pub(super) async fn switch(State(console): State<Console>, Path(code): Path<String>, post: FormPost) -> PageResult {
    let fields = &post.fields;
    let active = switch::parse_active(fields)?;
    let update = Update {
        id: code.clone(),
        draft: StoreDraft { active: Some(active), ..StoreDraft::default() },
        mask: vec!["active".to_owned()],
        etag: fields.text("etag").to_owned(),
    };
    let switched = console.registry.update_store(&post.session.caller, &update, &WriteOptions::default()).await;
    let switch = Switch {
        page: &paths::store(&code),
        fragment: &format!("store-{code}"),
        action: if active { "store_on" } else { "store_off" },
        changed_meanwhile: ENGLISH.stores.changed_meanwhile,
    };
    switch.respond(&console, fields, switched).await
}

/// Deletes it. If keys would be left with one store, to which they then bind, requires confirmation first.
pub(super) async fn delete(State(console): State<Console>, Path(code): Path<String>, post: FormPost) -> PageResult {
    let (session, fields) = (&post.session, &post.fields);
    session.require(Permission::Edit)?;
    if fields.text("sure") != "yes" {
        let mut shown = StorePage::load(&console, session, &code).await?;
        shown.form.errors = FieldErrors::one("sure", ENGLISH.common.sure_first);
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let request = DeleteStore {
        store: SubjectRef { id: code.clone(), etag: fields.text("etag").to_owned() },
        allow_rebinding: fields.text("allow_rebinding") == "yes",
    };
    match console.registry.delete_store(&session.caller, &request, &WriteOptions::default()).await {
        Ok((_, written)) => Ok(console.redirect(paths::STORES, "store_deleted", &written).await),
        Err(Error::Precondition(Precondition::WouldRebind { keys })) => {
            let mut shown = StorePage::load(&console, session, &code).await?;
            shown.rebinding = key_names(&console, &keys).await;
            render_with(StatusCode::CONFLICT, &shown)
        }
        Err(error) => Err(error.into()),
    }
}

async fn key_names(console: &Console, keys: &[KeyId]) -> Vec<(String, String)> {
    let mut named = Vec::new();
    for id in keys.iter().map(ToString::to_string) {
        let name = console.registry.key(&id).await.map_or_else(|_| id.clone(), |key| key.spec.name);
        named.push((id, name));
    }
    named
}
