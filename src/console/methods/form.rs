//! The form of a method: the input as typed, and the registry's types built from it.

use serde_json::Value;

use crate::console::form::{FieldErrors, FormFields};
use crate::console::texts::ENGLISH;
use crate::model::method::StoreUse;
use crate::model::reference::Method;
use crate::registry::{Choice, MethodDraft};

/// The registry's fields that the form has, next to which it shows their errors.
pub(super) const FORM_FIELDS: [&str; 10] = [
    "method.method",
    "method.block",
    "method.summary",
    "method.description",
    "method.store_use",
    "method.store_places",
    "method.scope",
    "method.position",
    "options.comment",
    "sure",
];

/// The contents of the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct MethodForm {
    pub(super) method: String,
    pub(super) block: String,
    pub(super) summary: String,
    pub(super) description: String,
    pub(super) store_use: String,
    pub(super) store_places: String,
    pub(super) scope: String,
    pub(super) position: String,
}

impl MethodForm {
    /// Reads the form that was sent.
    pub(super) fn read(fields: &FormFields) -> Self {
        Self {
            method: fields.trimmed("method"),
            block: fields.trimmed("block"),
            summary: fields.trimmed("summary"),
            description: fields.trimmed("description"),
            store_use: fields.trimmed("store_use"),
            store_places: fields.text("store_places").to_owned(),
            scope: fields.trimmed("scope"),
            position: fields.trimmed("position"),
        }
    }

    /// Builds the form of an existing method.
    pub(super) fn from_method(method: &Method) -> Self {
        Self::from_image(&method.image())
    }

    /// Builds the form from an image of the audit trail.
    pub(super) fn from_image(image: &Value) -> Self {
        let text = |field: &str| image.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let places = image.get("store_places").and_then(Value::as_array);
        let places = places.into_iter().flatten().filter_map(Value::as_str);
        Self {
            method: text("method"),
            block: text("block"),
            summary: text("summary"),
            description: text("description"),
            store_use: text("store_use"),
            store_places: places.collect::<Vec<_>>().join("\n"),
            scope: text("scope"),
            position: image.get("position").map(ToString::to_string).unwrap_or_default(),
        }
    }

    /// Returns the editable fields, to be merged with somebody else's change.
    pub(super) fn editable_fields(&mut self) -> [&mut String; 7] {
        [
            &mut self.block,
            &mut self.summary,
            &mut self.description,
            &mut self.store_use,
            &mut self.store_places,
            &mut self.scope,
            &mut self.position,
        ]
    }

    /// Builds the draft for the registry. Input that can't be parsed is added to `errors`.
    pub(super) fn draft(&self, errors: &mut FieldErrors) -> MethodDraft {
        let position = if self.position.is_empty() { Ok(0) } else { self.position.parse() };
        if position.is_err() {
            errors.add("method.position", ENGLISH.methods.no_number);
        }
        let lines = self.store_places.lines().map(str::trim).filter(|line| !line.is_empty());
        MethodDraft {
            method: self.method.clone(),
            block: self.block.clone(),
            summary: self.summary.clone(),
            description: self.description.clone(),
            store_use: self.store_use.parse().map_or(Choice::Unset, Choice::Is),
            store_places: lines.map(str::to_owned).collect(),
            scope: self.scope.clone(),
            position: position.unwrap_or(0),
        }
    }
}

/// Returns the registry's names of the form's fields, for the mask of an update.
pub(super) fn mask() -> Vec<String> {
    ["block", "summary", "description", "store_use", "store_places", "scope", "position"].map(str::to_owned).to_vec()
}

/// Replaces the contract's terms in the registry's errors by those of the form.
pub(super) fn reword(errors: &mut FieldErrors) {
    errors.reword("method.store_use", ENGLISH.methods.choose_use);
}

/// Returns the options of the field for the use of stores: the value sent, the name shown.
pub(super) fn uses() -> Vec<(&'static str, &'static str)> {
    StoreUse::ALL.map(|store_use| (store_use.as_str(), use_name(store_use))).to_vec()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_its_method_says() {
        let image = serde_json::json!({
            "method": "GET /a/{x}", "block": "A", "summary": "s", "description": "", "store_use": "optional",
            "store_places": ["query:site", "path:x"], "scope": null, "position": 7,
        });
        let form = MethodForm::from_image(&image);
        let mut errors = FieldErrors::none();
        let draft = form.draft(&mut errors);
        assert_eq!((draft.position, draft.scope.as_str()), (7, ""));
        assert_eq!(draft.store_places, ["query:site", "path:x"]);
        assert_eq!(draft.store_use, Choice::Is(StoreUse::Optional));
        assert!(errors.is_empty());
        MethodForm { position: "first".to_owned(), ..form }.draft(&mut errors);
        assert_eq!(errors.at("method.position").len(), 1);
    }
}
