//! Switching a key on and off, in the list and on its page.

use axum::extract::{Path, State};

use super::LIST;
use crate::console::answer::Answer;
use crate::console::form::Posted;
use crate::console::texts::ENGLISH;
use crate::console::{Console, switch};
use crate::registry::{KeyDraft, Update, WriteOptions};

/// Sets what the form says, if the key is still as the form's maker saw it, and goes back to where it was sent from.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let fields = &posted.fields;
    let update = Update {
        id: id.clone(),
        draft: KeyDraft { active: Some(switch::wanted(fields)?), ..KeyDraft::default() },
        mask: vec!["active".to_owned()],
        etag: fields.text("etag").to_owned(),
    };
    let switched = console.registry.update_key(&posted.session.caller, &update, &WriteOptions::default()).await;
    switch::answer(switched, fields, LIST, &id, ENGLISH.keys.changed_meanwhile)
}
