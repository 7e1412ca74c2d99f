//! Conflicting changes of a key by two people: what the first changed, and the second's form merged with it.

use serde::Deserialize as _;

use crate::console::Console;
use crate::console::diff::{FieldDifference, differences};
use crate::console::error::PageError;
use crate::console::time::DisplayTime;
use crate::model::key::{Key, KeySpec};

use super::form::KeyForm;

/// The changes of the first.
#[derive(Debug)]
pub(super) struct Conflict {
    /// Time, operator and reason, the oldest first.
    pub(super) changes: Vec<(DisplayTime, String, String)>,
    /// The fields changed by all of them together.
    pub(super) differences: Vec<FieldDifference>,
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
    let before = changes.first().and_then(|change| change.before.as_ref());
    let after = current.image();
    let mut differences = differences(before, Some(&after));
    differences.retain(|difference| !matches!(&*difference.field, "id" | "created"));
    let differs = |field: &str| differences.iter().any(|difference| difference.field == field);
    let mut theirs = KeyForm::from_spec(&current.spec);
    let mut base = before
        .and_then(|image| KeySpec::deserialize(image).ok())
        .map(|spec| KeyForm::from_spec(&spec))
        .unwrap_or_default();
    let mut both = Vec::new();

    for (((field, form), (_, base)), (_, theirs)) in
        form.text_fields().into_iter().zip(base.text_fields()).zip(theirs.text_fields())
    {
        if form == base {
            form.clone_from(theirs);
        } else if differs(field) && form != theirs {
            both.push((field, theirs.clone()));
        }
    }
    // Kind and list of an access belong together.
    if (&form.store_access, &form.stores) == (&base.store_access, &base.stores) {
        (form.store_access, form.stores) = (theirs.store_access.clone(), theirs.stores.clone());
    } else if differs("stores") && form.store_choice() != theirs.store_choice() {
        both.push(("stores", describe_access(&theirs.store_access, &theirs.stores)));
    }
    if (&form.method_access, &form.methods) == (&base.method_access, &base.methods) {
        (form.method_access, form.methods) = (theirs.method_access.clone(), theirs.methods.clone());
    } else if differs("methods") && form.method_choice() != theirs.method_choice() {
        both.push(("methods", describe_access(&theirs.method_access, &theirs.methods)));
    }
    let who = changes.into_iter().map(|change| (DisplayTime(change.at), change.actor_name, change.comment)).collect();
    Ok((form, Conflict { changes: who, differences, both }))
}

fn describe_access(access: &str, members: &std::collections::BTreeSet<String>) -> String {
    if access == "all" { access.to_owned() } else { members.iter().cloned().collect::<Vec<_>>().join(", ") }
}
