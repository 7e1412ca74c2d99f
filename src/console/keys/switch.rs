//! Switching a key on and off, in the list and on its page.

use axum::extract::{Path, State};

use crate::console::form_post::FormPost;
use crate::console::render::PageResult;
use crate::console::switch::{self, Switch};
use crate::console::texts::ENGLISH;
use crate::console::{Console, paths};
use crate::registry::{KeyDraft, Update, WriteOptions};

/// Applies the form's value unless the key changed since the form was rendered, and returns to the sender's page.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, post: FormPost) -> PageResult {
    let fields = &post.fields;
    let update = Update {
        id: id.clone(),
        draft: KeyDraft { active: Some(switch::parse_active(fields)?), ..KeyDraft::default() },
        mask: vec!["active".to_owned()],
        etag: fields.text("etag").to_owned(),
    };
    let switched = console.registry.update_key(&post.session.caller, &update, &WriteOptions::default()).await;
    let switch = Switch {
        page: paths::KEYS,
        fragment: &id,
        action: if update.draft.active == Some(true) { "key_on" } else { "key_off" },
        changed_meanwhile: ENGLISH.keys.changed_meanwhile,
    };
    switch.respond(&console, fields, switched).await
}
