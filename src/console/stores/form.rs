//! The form of a store: the input as typed, and the registry's types built from it.

use serde_json::Value;

use crate::console::form::FormFields;
use crate::console::texts::ENGLISH;
use crate::model::store::{Store, StoreKind};
use crate::registry::{Choice, StoreDraft};

/// The registry's fields that the form has, next to which it shows their errors.
pub(super) const FORM_FIELDS: [&str; 7] =
    ["store.code", "store.name", "store.kind", "store.platform", "store.hosts", "options.comment", "sure"];

/// The kinds, with their names in forms and the audit trail.
pub(super) const KINDS: [(&str, StoreKind); 3] =
    [("site", StoreKind::Site), ("landing_page", StoreKind::LandingPage), ("online_store", StoreKind::OnlineStore)];

/// The contents of the form.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct StoreForm {
    pub(super) code: String,
    pub(super) name: String,
    pub(super) kind: String,
    pub(super) platform: String,
    pub(super) hosts: String,
}

impl StoreForm {
    /// Reads the form that was sent.
    pub(super) fn read(fields: &FormFields) -> Self {
        Self {
            code: fields.trimmed("code"),
            name: fields.trimmed("name"),
            kind: fields.trimmed("kind"),
            platform: fields.trimmed("platform"),
            hosts: fields.text("hosts").to_owned(),
        }
    }

    /// Builds the form of an existing store.
    pub(super) fn from_store(store: &Store) -> Self {
        Self::from_image(&store.image())
    }

    /// Builds the form from an image of the audit trail.
    pub(super) fn from_image(image: &Value) -> Self {
        let text = |field: &str| image.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
        let hosts = image.get("hosts").and_then(Value::as_array);
        let hosts = hosts.into_iter().flatten().filter_map(Value::as_str);
        Self {
            code: text("code"),
            name: text("name"),
            kind: text("kind"),
            platform: text("platform"),
            hosts: hosts.collect::<Vec<_>>().join("\n"),
        }
    }

    /// Returns the editable fields, to be merged with somebody else's change.
    pub(super) fn editable_fields(&mut self) -> [&mut String; 4] {
        [&mut self.name, &mut self.kind, &mut self.platform, &mut self.hosts]
    }

    /// Builds the draft for the registry.
    pub(super) fn draft(&self) -> StoreDraft {
        let kind = KINDS.into_iter().find(|(name, _)| *name == self.kind);
        StoreDraft {
            code: self.code.clone(),
            name: self.name.clone(),
            kind: kind.map_or(Choice::Unset, |(_, kind)| Choice::Is(kind)),
            platform: self.platform.clone(),
            hosts: self.hosts.split_whitespace().map(str::to_owned).collect(),
            active: None,
        }
    }
}

/// Returns the registry's names of the form's fields, for the mask of an update.
pub(super) fn mask() -> Vec<String> {
    ["name", "kind", "platform", "hosts"].map(str::to_owned).to_vec()
}

/// Returns the options of the field for kinds: the value sent, the name shown.
pub(super) fn kinds() -> Vec<(&'static str, &'static str)> {
    KINDS.into_iter().map(|(name, kind)| (name, kind_name(kind))).collect()
}

/// Returns the name of a kind for people.
pub(super) const fn kind_name(kind: StoreKind) -> &'static str {
    let t = &ENGLISH.stores;
    match kind {
        StoreKind::Site => t.kind_site,
        StoreKind::LandingPage => t.kind_landing_page,
        StoreKind::OnlineStore => t.kind_online_store,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_its_store_says() {
        let image = serde_json::json!({"code": "de", "name": "Shop", "kind": "landing_page", "platform": "", "hosts": ["a.test", "b.test"]});
        let form = StoreForm::from_image(&image);
        let draft = form.draft();
        assert_eq!(draft.kind, Choice::Is(StoreKind::LandingPage));
        assert_eq!(draft.hosts, ["a.test", "b.test"]);
        let sent = StoreForm::read(&FormFields::parse(b"code=de&name=+Shop+&kind=landing_page&hosts=a.test%0Ab.test"));
        assert_eq!(sent, form);
        assert_eq!(StoreForm::default().draft().kind, Choice::Unset, "no kind is chosen for anybody");
    }
}
