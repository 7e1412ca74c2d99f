//! Switching a key on and off, in the list and on its page.

use axum::extract::{Path, State};
use http::StatusCode;

use crate::console::Console;
use crate::console::answer::{Answer, go, is_local};
use crate::console::failure::Failure;
use crate::console::form::Posted;
use crate::console::texts::ENGLISH;
use crate::registry::{Error, KeyDraft, Update, WriteOptions};

use super::LIST;

/// Sets what the form says, if the key is still as the form's maker saw it, and goes back to where it was sent from.
pub(super) async fn submit(State(console): State<Console>, Path(id): Path<String>, posted: Posted) -> Answer {
    let fields = &posted.fields;
    let active = match fields.text("active") {
        "true" => true,
        "false" => false,
        _ => return Err(Failure::BadAddress(String::new())),
    };
    let update = Update {
        id: id.clone(),
        draft: KeyDraft { active: Some(active), ..KeyDraft::default() },
        mask: vec!["active".to_owned()],
        etag: fields.text("etag").to_owned(),
    };
    match console.registry.update_key(&posted.session.caller, &update, &WriteOptions::default()).await {
        Ok(_) => {
            let back = fields.text("back");
            let back = if is_local(back) { back } else { LIST };
            Ok(go(&format!("{back}#{id}")))
        }
        Err(Error::Stale(_)) => Err(Failure::Refused(StatusCode::CONFLICT, ENGLISH.keys.changed_meanwhile.to_owned())),
        Err(error) => Err(error.into()),
    }
}
