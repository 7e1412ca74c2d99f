//! The form of a key, for adding and editing: the input as typed, and the registry's types built from it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use crate::console::{ENGLISH, Field, FieldErrors, Form, FormFields, diff};
use crate::model::key::Access;
use crate::registry::{AccessKind, Choice, KeyDraft, TokenText, key_fields};

/// The fields that are one text each.
const TEXTS: [Field; 8] = [
    Field::Line("name"),
    Field::Line("owner"),
    Field::Line("contact"),
    Field::Line("comment"),
    Field::Lines("labels"),
    Field::Time("not_before"),
    Field::Time("expires"),
    Field::Lines("networks"),
];

/// Returns the fields in the form of a key, `revoked` or not: it is switched on and off elsewhere.
pub(super) fn fields(revoked: bool) -> impl Iterator<Item = &'static str> {
    key_fields(revoked).filter(|field| *field != "active")
}

/// Returns the fields next to which the form shows violations.
pub(super) fn form_fields() -> Vec<String> {
    fields(false).map(|field| format!("key.{field}")).chain(["token".to_owned()]).collect()
}

#[derive(Debug, Clone, Default)]
pub(super) struct KeyForm {
    pub(super) token: TokenText,
    pub(super) texts: Form,
    pub(super) stores: AccessInput,
    pub(super) methods: AccessInput,
}

/// The access to stores or to methods.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AccessInput {
    /// `all`, `selected`, or empty while neither is chosen.
    pub(super) kind: String,
    pub(super) members: BTreeSet<String>,
}

impl AccessInput {
    fn from_image(image: Option<&Value>) -> Self {
        match diff::members(image.unwrap_or(&Value::Null)) {
            None => Self { kind: "all".to_owned(), members: BTreeSet::new() },
            Some(members) => Self { kind: "selected".to_owned(), members: members.into_iter().collect() },
        }
    }

    /// Returns the access; `None` while nothing is chosen. Ticks count only if "selected" is chosen: ticks under "all"
    /// are left over.
    pub(super) fn choice(&self) -> Option<Access<String>> {
        match &*self.kind {
            "all" => Some(Access::All),
            "selected" => Some(Access::Selected(self.members.iter().cloned().collect())),
            _ => None,
        }
    }

    pub(super) fn includes(&self, member: &str) -> bool {
        self.kind == "all" || self.kind == "selected" && self.members.contains(member)
    }

    fn split(&self) -> (Choice<AccessKind>, Vec<String>) {
        match self.choice() {
            None => (Choice::Unset, Vec::new()),
            Some(Access::All) => (Choice::Is(AccessKind::All), Vec::new()),
            Some(Access::Selected(members)) => (Choice::Is(AccessKind::Selected), members),
        }
    }
}

impl KeyForm {
    /// Reads the form that was sent.
    pub(super) fn read(fields: &FormFields) -> Self {
        Self {
            token: TokenText(fields.trimmed("token")),
            texts: Form::read(&TEXTS, fields),
            stores: AccessInput { kind: fields.trimmed("store_access"), members: fields.all("stores") },
            methods: AccessInput { kind: fields.trimmed("method_access"), members: fields.all("methods") },
        }
    }

    /// Builds the form of an existing key from its image in the audit trail.
    pub(super) fn from_image(image: &Value) -> Self {
        Self {
            token: TokenText::default(),
            texts: Form::from_image(&TEXTS, image),
            stores: AccessInput::from_image(image.get("stores")),
            methods: AccessInput::from_image(image.get("methods")),
        }
    }

    /// Builds the draft for the registry. Input that can't be parsed is an error of the form.
    pub(super) fn draft(&mut self) -> KeyDraft {
        let (store_access, stores) = self.stores.split();
        let (method_access, methods) = self.methods.split();
        let texts = &mut self.texts;
        KeyDraft {
            active: None,
            store_access,
            stores,
            method_access,
            methods,
            not_before: texts.parse_time("not_before", "key.not_before"),
            expires: texts.parse_time("expires", "key.expire_time"),
            labels: labels(texts),
            name: texts.text("name").to_owned(),
            owner: texts.text("owner").to_owned(),
            contact: texts.text("contact").to_owned(),
            comment: texts.text("comment").to_owned(),
            networks: texts.lines("networks").map(str::to_owned).collect(),
        }
    }
}

/// Replaces the contract's terms in the registry's errors by those of the form.
pub(super) fn reword(errors: &mut FieldErrors) {
    errors.reword("key.store_access", ENGLISH.key_form.choose_one);
    errors.reword("key.method_access", ENGLISH.key_form.choose_one);
}

fn labels(form: &mut Form) -> BTreeMap<String, String> {
    let pair = |line: &str| {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        (name.trim().to_owned(), value.trim().to_owned())
    };
    let pairs: Vec<_> = form.lines("labels").map(pair).collect();
    let count = pairs.len();
    let labels: BTreeMap<_, _> = pairs.into_iter().collect();
    for _ in labels.len()..count {
        form.errors.add("key.labels", ENGLISH.key_form.label_twice);
    }
    labels
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(query: &str) -> KeyForm {
        KeyForm::read(&FormFields::parse(query.as_bytes()))
    }

    #[test]
    fn nothing_chosen_is_told_apart_from_nothing_ticked() {
        assert_eq!(form("stores=a").draft().store_access, Choice::Unset);
        let draft = form("store_access=selected").draft();
        assert_eq!((draft.store_access, draft.stores.len()), (Choice::Is(AccessKind::Selected), 0));
    }

    #[test]
    fn ticks_under_all_do_not_count() {
        let draft = form("store_access=all&stores=a&method_access=all&methods=b").draft();
        assert!(draft.stores.is_empty() && draft.methods.is_empty());
        assert_eq!(form("store_access=all&stores=a").stores.members.len(), 1, "and are shown again all the same");
    }

    #[test]
    fn labels_and_networks_stand_line_by_line() {
        let draft = form("labels=team%3D+shop%0A%0Atier%3D1%3D2&networks=+10.0.0.0%2F8+%0A").draft();
        assert_eq!(
            draft.labels.into_iter().collect::<Vec<_>>(),
            [("team".into(), "shop".into()), ("tier".into(), "1=2".into())]
        );
        assert_eq!(draft.networks, ["10.0.0.0/8"]);
        let mut form = form("labels=a%3D1%0Aa%3D2");
        form.draft();
        assert_eq!(form.texts.errors.at("key.labels").len(), 1);
    }

    #[test]
    fn a_token_in_a_form_is_not_printed() {
        assert!(!format!("{:?}", form("token=secret&name=n")).contains("secret"));
    }
}
