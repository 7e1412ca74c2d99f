//! The form of a method, and the registry's types built from it.

use std::collections::BTreeSet;

use crate::console::{Console, ENGLISH, Field, Form, PageError};
use crate::model::method::StoreUse;
use crate::registry::{Choice, MethodDraft};

pub(super) const FIELDS: [Field; 8] = [
    Field::Line("method"),
    Field::Line("block"),
    Field::Line("summary"),
    Field::Line("description"),
    Field::Line("store_use"),
    Field::Lines("store_places"),
    Field::Line("scope"),
    Field::Line("position"),
];

/// Returns the registry's fields that the form has, next to which it shows their errors.
pub(super) fn form_fields() -> Vec<String> {
    let fields = FIELDS.iter().map(|field| format!("method.{}", field.name()));
    fields.chain(["options.comment".to_owned(), "sure".to_owned()]).collect()
}

/// Builds the draft for the registry. Input that can't be parsed is an error of the form.
pub(super) fn draft(form: &mut Form) -> MethodDraft {
    let position = match form.text("position") {
        "" => Ok(0),
        position => position.parse(),
    };
    if position.is_err() {
        form.errors.add("method.position", ENGLISH.methods.no_number);
    }
    MethodDraft {
        method: form.text("method").to_owned(),
        block: form.text("block").to_owned(),
        summary: form.text("summary").to_owned(),
        description: form.text("description").to_owned(),
        store_use: form.text("store_use").parse().map_or(Choice::Unset, Choice::Is),
        store_places: form.lines("store_places").map(str::to_owned).collect(),
        scope: form.text("scope").to_owned(),
        position: position.unwrap_or(0),
    }
}

/// Replaces the contract's terms in the registry's errors by those of the form.
pub(super) fn reword(form: &mut Form) {
    form.errors.reword("method.store_use", ENGLISH.methods.choose_use);
}

/// Returns the options of the field for the use of stores: the value sent, the name shown.
pub(super) fn uses() -> [(&'static str, &'static str); 4] {
    StoreUse::ALL.map(|store_use| (store_use.as_str(), use_name(store_use)))
}

/// Returns the name of a use for people.
pub(super) const fn use_name(store_use: StoreUse) -> &'static str {
    let t = &ENGLISH.methods;
    match store_use {
        StoreUse::None => t.use_none,
        StoreUse::Shared => t.use_shared,
        StoreUse::Optional => t.use_optional,
        StoreUse::Required => t.use_required,
    }
}

impl Console {
    /// Returns the titles of the existing blocks.
    pub(super) async fn block_titles(&self) -> Result<Vec<String>, PageError> {
        let titles: BTreeSet<String> = self.all_methods().await?.iter().map(|method| method.block.clone()).collect();
        Ok(titles.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::FormFields;

    #[test]
    fn a_form_says_what_its_method_says() {
        let image = serde_json::json!({
            "method": "GET /a/{x}", "block": "A", "summary": "s", "description": "", "store_use": "optional",
            "store_places": ["query:site", "path:x"], "scope": null, "position": 7,
        });
        let mut form = Form::from_image(&FIELDS, &image);
        let draft_of_form = draft(&mut form);
        assert_eq!((draft_of_form.position, draft_of_form.scope.as_str()), (7, ""));
        assert_eq!(draft_of_form.store_places, ["query:site", "path:x"]);
        assert_eq!(draft_of_form.store_use, Choice::Is(StoreUse::Optional));
        assert!(form.errors.is_empty());
        let mut form = Form::read(&FIELDS, &FormFields::parse(b"position=first"));
        draft(&mut form);
        assert_eq!(form.errors.at("method.position").len(), 1);
    }
}
