//! Switching a key on and off, in the list and on its page.

use axum::extract::{Path, State};

use crate::console::answer::Answer;
use crate::console::posted::Posted;
use crate::console::switch::{self, Switch};
use crate::console::texts::ENGLISH;
use crate::console::{Console, paths};
use crate::registry::{KeyDraft, Update, WriteOptions};

/// Applies the form's value unless the key changed since the form was rendered, and returns to the sender's page.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let fields = &posted.fields;
    let update = Update {
        id: id.clone(),
        draft: KeyDraft { active: Some(switch::wanted(fields)?), ..KeyDraft::default() },
        mask: vec!["active".to_owned()],
        etag: fields.text("etag").to_owned(),
    };
    let switched = console.registry.update_key(&posted.session.caller, &update, &WriteOptions::default()).await;
    let switch = Switch {
        page: paths::KEYS,
        place: &id,
        what: if update.draft.active == Some(true) { "key_on" } else { "key_off" },
        changed_meanwhile: ENGLISH.keys.changed_meanwhile,
    };
    switch.answer(&console, fields, switched).await
}
