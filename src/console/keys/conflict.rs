//! Conflicting changes of a key by two people: what the first changed, and the second's form merged with it.

use std::collections::BTreeSet;

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

    // Kind and list of an access belong together.
    if (&form.store_access, &form.stores) == (&base.store_access, &base.stores) {
        (form.store_access, form.stores) = (theirs.store_access.clone(), theirs.stores.clone());
    } else if form.store_choice() != theirs.store_choice() {
        both.push(("stores", describe_access(&theirs.store_access, &theirs.stores)));
    }
    if (&form.method_access, &form.methods) == (&base.method_access, &base.methods) {
        (form.method_access, form.methods) = (theirs.method_access.clone(), theirs.methods.clone());
    } else if form.method_choice() != theirs.method_choice() {
        both.push(("methods", describe_access(&theirs.method_access, &theirs.methods)));
    }
    both.retain(|(field, _)| edit.differences.iter().any(|difference| difference.field == *field));
    Ok((form, Conflict { edit, both }))
}

fn describe_access(access: &str, members: &BTreeSet<String>) -> String {
    if access == "all" { access.to_owned() } else { members.iter().cloned().collect::<Vec<_>>().join(", ") }
}
