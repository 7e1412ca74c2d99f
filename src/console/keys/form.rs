//! The form of a key, for adding and editing: the input as typed, and the registry's types built from it.

use std::collections::{BTreeMap, BTreeSet};

use crate::console::form::{FieldErrors, FormFields};
use crate::console::texts::ENGLISH;
use crate::console::time::{self, TimeInput};
use crate::model::key::{Access, KeySpec};
use crate::model::time::Timestamp;
use crate::registry::{AccessKind, Choice, KeyDraft, key_fields};

/// Returns the fields in the form of a key, `revoked` or not: it is switched on and off elsewhere.
pub(super) fn fields(revoked: bool) -> Vec<&'static str> {
    key_fields(revoked).filter(|field| *field != "active").collect()
}

/// Returns the fields next to which the form shows violations.
pub(super) fn form_fields() -> Vec<String> {
    fields(false).into_iter().map(|field| format!("key.{field}")).chain(["token".to_owned()]).collect()
}

/// The contents of the form.
#[derive(Clone, Default, PartialEq, Eq)]
pub(super) struct KeyForm {
    pub(super) token: String,
    pub(super) name: String,
    pub(super) owner: String,
    pub(super) contact: String,
    pub(super) comment: String,
    pub(super) labels: String,
    /// `all`, `selected`, or empty while neither is chosen.
    pub(super) store_access: String,
    pub(super) stores: BTreeSet<String>,
    /// As `store_access`.
    pub(super) method_access: String,
    pub(super) methods: BTreeSet<String>,
    pub(super) not_before: String,
    pub(super) expires: String,
    pub(super) networks: String,
}

impl std::fmt::Debug for KeyForm {
    /// Omits the token.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyForm").field("name", &self.name).finish_non_exhaustive()
    }
}

impl KeyForm {
    /// Reads the form that was sent.
    pub(super) fn read(fields: &FormFields) -> Self {
        Self {
            token: fields.trimmed("token"),
            name: fields.trimmed("name"),
            owner: fields.trimmed("owner"),
            contact: fields.trimmed("contact"),
            comment: fields.trimmed("comment"),
            labels: fields.text("labels").to_owned(),
            store_access: fields.trimmed("store_access"),
            stores: fields.all("stores").into_iter().collect(),
            method_access: fields.trimmed("method_access"),
            methods: fields.all("methods").into_iter().collect(),
            not_before: fields.trimmed("not_before"),
            expires: fields.trimmed("expires"),
            networks: fields.text("networks").to_owned(),
        }
    }

    /// Builds the form of an existing key.
    pub(super) fn from_spec(key: &KeySpec) -> Self {
        let access = |all: bool| if all { "all" } else { "selected" }.to_owned();
        let lines = |lines: Vec<String>| lines.join("\n");
        Self {
            token: String::new(),
            name: key.name.clone(),
            owner: key.owner.clone(),
            contact: key.contact.clone(),
            comment: key.comment.clone(),
            labels: lines(key.labels.iter().map(|(name, value)| format!("{name}={value}")).collect()),
            store_access: access(key.stores.is_all()),
            stores: key.stores.selected().iter().cloned().collect(),
            method_access: access(key.methods.is_all()),
            methods: key.methods.selected().iter().cloned().collect(),
            not_before: key.not_before.map(time::format_input).unwrap_or_default(),
            expires: key.expires.map(time::format_input).unwrap_or_default(),
            networks: lines(key.networks.iter().map(ToString::to_string).collect()),
        }
    }

    /// Returns the fields that are one text each, by their names in the audit trail.
    pub(super) fn text_fields(&mut self) -> [(&'static str, &mut String); 8] {
        [
            ("name", &mut self.name),
            ("owner", &mut self.owner),
            ("contact", &mut self.contact),
            ("comment", &mut self.comment),
            ("labels", &mut self.labels),
            ("not_before", &mut self.not_before),
            ("expires", &mut self.expires),
            ("networks", &mut self.networks),
        ]
    }

    /// Returns the access to stores; `None` while nothing is chosen. Ticks count only if "selected" is chosen: ticks
    /// under "all" are left over.
    pub(super) fn store_choice(&self) -> Option<Access<String>> {
        choice(&self.store_access, &self.stores)
    }

    /// Returns the access to methods.
    pub(super) fn method_choice(&self) -> Option<Access<String>> {
        choice(&self.method_access, &self.methods)
    }

    /// Returns whether the chosen stores include this one.
    pub(super) fn includes_store(&self, code: &str) -> bool {
        self.store_access == "all" || self.store_access == "selected" && self.stores.contains(code)
    }

    /// Returns whether the chosen methods include this one.
    pub(super) fn includes_method(&self, identity: &str) -> bool {
        self.method_access == "all" || self.method_access == "selected" && self.methods.contains(identity)
    }

    /// Builds the draft for the registry. Input that can't be parsed is added to `errors`.
    pub(super) fn draft(&self, errors: &mut FieldErrors) -> KeyDraft {
        let (store_access, stores) = split_access(self.store_choice());
        let (method_access, methods) = split_access(self.method_choice());
        KeyDraft {
            name: self.name.clone(),
            owner: self.owner.clone(),
            contact: self.contact.clone(),
            comment: self.comment.clone(),
            active: None,
            store_access,
            stores,
            method_access,
            methods,
            not_before: parse_time(&self.not_before, "key.not_before", errors).map(Into::into),
            expires: parse_time(&self.expires, "key.expire_time", errors).map(Into::into),
            networks: lines(&self.networks).map(str::to_owned).collect(),
            labels: labels(&self.labels, errors),
        }
    }
}

/// Replaces the contract's terms in the registry's errors by those of the form.
pub(super) fn reword(errors: &mut FieldErrors) {
    errors.reword("key.store_access", ENGLISH.key_form.choose_one);
    errors.reword("key.method_access", ENGLISH.key_form.choose_one);
}

fn choice(access: &str, members: &BTreeSet<String>) -> Option<Access<String>> {
    match access {
        "all" => Some(Access::All),
        "selected" => Some(Access::Selected(members.iter().cloned().collect())),
        _ => None,
    }
}

fn split_access(access: Option<Access<String>>) -> (Choice<AccessKind>, Vec<String>) {
    match access {
        None => (Choice::Unset, Vec::new()),
        Some(Access::All) => (Choice::Is(AccessKind::All), Vec::new()),
        Some(Access::Selected(members)) => (Choice::Is(AccessKind::Selected), members),
    }
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty())
}

fn parse_time(text: &str, field: &str, errors: &mut FieldErrors) -> Option<Timestamp> {
    let read = time::parse_input(text);
    if let TimeInput::Invalid = read {
        errors.add(field, ENGLISH.common.no_time);
    }
    read.time()
}

fn labels(text: &str, errors: &mut FieldErrors) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    for line in lines(text) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        if labels.insert(name.trim().to_owned(), value.trim().to_owned()).is_some() {
            errors.add("key.labels", ENGLISH.key_form.label_twice);
        }
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
        let mut errors = FieldErrors::none();
        assert_eq!(form("stores=a").draft(&mut errors).store_access, Choice::Unset);
        let draft = form("store_access=selected").draft(&mut errors);
        assert_eq!((draft.store_access, draft.stores.len()), (Choice::Is(AccessKind::Selected), 0));
    }

    #[test]
    fn ticks_under_all_do_not_count() {
        let draft = form("store_access=all&stores=a&method_access=all&methods=b").draft(&mut FieldErrors::none());
        assert!(draft.stores.is_empty() && draft.methods.is_empty());
        assert_eq!(form("store_access=all&stores=a").stores.len(), 1, "and are shown again all the same");
    }

    #[test]
    fn labels_and_networks_stand_line_by_line() {
        let mut errors = FieldErrors::none();
        let draft = form("labels=team%3D+shop%0A%0Atier%3D1%3D2&networks=+10.0.0.0%2F8+%0A").draft(&mut errors);
        assert_eq!(
            draft.labels.into_iter().collect::<Vec<_>>(),
            [("team".into(), "shop".into()), ("tier".into(), "1=2".into())]
        );
        assert_eq!(draft.networks, ["10.0.0.0/8"]);
        form("labels=a%3D1%0Aa%3D2").draft(&mut errors);
        assert_eq!(errors.at("key.labels").len(), 1);
    }

    #[test]
    fn a_token_in_a_form_is_not_printed() {
        assert!(!format!("{:?}", form("token=secret&name=n")).contains("secret"));
    }
}
