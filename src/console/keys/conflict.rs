//! Conflicting changes of a key by two people: what the first changed, and the second's form merged with it.

use super::form::KeyForm;
use crate::console::edit::{ConcurrentEdit, base_image};
use crate::console::{Console, PageError};
use crate::model::key::Key;

/// The changes of the first.
#[derive(Debug)]
pub(super) struct Conflict {
    pub(super) edit: ConcurrentEdit,
    /// The fields that both changed, each with the first's value.
    pub(super) both: Vec<(&'static str, String)>,
}

/// Merges the form of a user who began at `etag` into the current key: a field that they left unchanged takes the
/// current value; one that they changed keeps theirs. Their base is the image before the first change since then.
pub(super) async fn merge(
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
