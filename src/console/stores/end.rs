//! Switching a store on and off, and deleting it, after a confirmation of the consequences.

use axum::extract::{Path, State};
use http::StatusCode;

use super::show::{Beside, show};
use crate::console::answer::{Answer, go};
use crate::console::failure::Failure;
use crate::console::form::Errors;
use crate::console::posted::Posted;
use crate::console::switch::{self, Switch};
use crate::console::texts::ENGLISH;
use crate::console::{Console, paths};
use crate::model::id::KeyId;
use crate::registry::{DeleteStore, Error, Precondition, StoreDraft, SubjectRef, Update, WriteOptions};

/// Applies the form's value unless the store changed since the form was rendered, and returns to the sender's page.
pub(super) async fn switch(State(console): State<Console>, Path(code): Path<String>, posted: Posted) -> Answer {
    let fields = &posted.fields;
    let update = Update {
        id: code.clone(),
        draft: StoreDraft { active: Some(switch::wanted(fields)?), ..StoreDraft::default() },
        mask: vec!["active".to_owned()],
        etag: fields.text("etag").to_owned(),
    };
    let switched = console.registry.update_store(&posted.session.caller, &update, &WriteOptions::default()).await;
    let switch = Switch {
        page: &paths::store(&code),
        place: &format!("store-{code}"),
        what: if update.draft.active == Some(true) { "store_on" } else { "store_off" },
        changed_meanwhile: ENGLISH.stores.changed_meanwhile,
    };
    switch.answer(&console, fields, switched).await
}

/// Deletes it. If keys would be left with one store, to which they then bind, requires confirmation first.
pub(super) async fn delete(State(console): State<Console>, Path(code): Path<String>, posted: Posted) -> Answer {
    let (session, fields) = (&posted.session, &posted.fields);
    session.need(crate::model::operator::Permission::Edit)?;
    if fields.text("sure") != "yes" {
        let mut errors = Errors::none();
        errors.add("sure", ENGLISH.common.sure_first);
        let beside = Beside { errors, ..Beside::default() };
        return show(&console, session, StatusCode::UNPROCESSABLE_ENTITY, &code, beside).await;
    }
    let request = DeleteStore {
        store: SubjectRef { id: code.clone(), etag: fields.text("etag").to_owned() },
        allow_rebinding: fields.text("allow_rebinding") == "yes",
    };
    match console.registry.delete_store(&session.caller, &request, &WriteOptions::default()).await {
        Ok((_, written)) => Ok(go(&console.done(paths::STORES, "store_deleted", &written).await)),
        Err(Error::Precondition(Precondition::WouldRebind { keys })) => {
            let beside = Beside { rebinding: named(&console, &keys).await?, ..Beside::default() };
            show(&console, session, StatusCode::CONFLICT, &code, beside).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn named(console: &Console, keys: &[KeyId]) -> Result<Vec<(String, String)>, Failure> {
    let mut named = Vec::new();
    for id in keys.iter().map(ToString::to_string) {
        let name = console.registry.key(&id).await.map_or_else(|_| id.clone(), |key| key.spec.name);
        named.push((id, name));
    }
    Ok(named)
}
