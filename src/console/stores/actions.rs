//! Switching a store on and off, and deleting it, after a confirmation of the consequences.

use axum::extract::{Path, State};
use http::StatusCode;

use super::show::{StoreFormState, show};
use crate::console::error::PageError;
use crate::console::form::FieldErrors;
use crate::console::form_post::FormPost;
use crate::console::render::{PageResult, redirect};
use crate::console::switch::{self, Switch};
use crate::console::texts::ENGLISH;
use crate::console::{Console, paths};
use crate::model::id::KeyId;
use crate::registry::{DeleteStore, Error, Precondition, StoreDraft, SubjectRef, Update, WriteOptions};

/// Applies the form's value unless the store changed since the form was rendered, and returns to the sender's page.
pub(super) async fn switch(State(console): State<Console>, Path(code): Path<String>, post: FormPost) -> PageResult {
    let fields = &post.fields;
    let update = Update {
        id: code.clone(),
        draft: StoreDraft { active: Some(switch::parse_active(fields)?), ..StoreDraft::default() },
        mask: vec!["active".to_owned()],
        etag: fields.text("etag").to_owned(),
    };
    let switched = console.registry.update_store(&post.session.caller, &update, &WriteOptions::default()).await;
    let switch = Switch {
        page: &paths::store(&code),
        fragment: &format!("store-{code}"),
        action: if update.draft.active == Some(true) { "store_on" } else { "store_off" },
        changed_meanwhile: ENGLISH.stores.changed_meanwhile,
    };
    switch.respond(&console, fields, switched).await
}

/// Deletes it. If keys would be left with one store, to which they then bind, requires confirmation first.
pub(super) async fn delete(State(console): State<Console>, Path(code): Path<String>, post: FormPost) -> PageResult {
    let (session, fields) = (&post.session, &post.fields);
    session.require(crate::model::operator::Permission::Edit)?;
    if fields.text("sure") != "yes" {
        let mut errors = FieldErrors::none();
        errors.add("sure", ENGLISH.common.sure_first);
        let state = StoreFormState { errors, ..StoreFormState::default() };
        return show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &code, state).await;
    }
    let request = DeleteStore {
        store: SubjectRef { id: code.clone(), etag: fields.text("etag").to_owned() },
        allow_rebinding: fields.text("allow_rebinding") == "yes",
    };
    match console.registry.delete_store(&session.caller, &request, &WriteOptions::default()).await {
        Ok((_, written)) => Ok(redirect(&console.path_with_notice(paths::STORES, "store_deleted", &written).await)),
        Err(Error::Precondition(Precondition::WouldRebind { keys })) => {
            let state = StoreFormState { rebinding: key_names(&console, &keys).await?, ..StoreFormState::default() };
            show(&console, session, StatusCode::CONFLICT, &code, state).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn key_names(console: &Console, keys: &[KeyId]) -> Result<Vec<(String, String)>, PageError> {
    let mut named = Vec::new();
    for id in keys.iter().map(ToString::to_string) {
        let name = console.registry.key(&id).await.map_or_else(|_| id.clone(), |key| key.spec.name);
        named.push((id, name));
    }
    Ok(named)
}
