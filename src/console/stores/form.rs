//! The form of a store, and the registry's types built from it.

use crate::console::{ENGLISH, Field, Form};
use crate::model::store::StoreKind;
use crate::registry::{Choice, StoreDraft};

pub(super) const FIELDS: [Field; 5] =
    [Field::Line("code"), Field::Line("name"), Field::Line("kind"), Field::Line("platform"), Field::Lines("hosts")];

/// The registry's fields that the form has, next to which it shows their errors.
pub(super) const FORM_FIELDS: [&str; 7] =
    ["store.code", "store.name", "store.kind", "store.platform", "store.hosts", "options.comment", "sure"];

/// The kinds, with their names in forms and the audit trail.
const KINDS: [(&str, StoreKind); 3] =
    [("site", StoreKind::Site), ("landing_page", StoreKind::LandingPage), ("online_store", StoreKind::OnlineStore)];

pub(super) fn draft(form: &Form) -> StoreDraft {
    StoreDraft {
        code: form.text("code").to_owned(),
        name: form.text("name").to_owned(),
        kind: parse_kind(form.text("kind")),
        platform: form.text("platform").to_owned(),
        hosts: form.text("hosts").split_whitespace().map(str::to_owned).collect(),
        active: None,
    }
}

pub(super) fn parse_kind(name: &str) -> Choice<StoreKind> {
    KINDS.into_iter().find(|(known, _)| *known == name).map_or(Choice::Unset, |(_, kind)| Choice::Is(kind))
}

/// Returns the options of the field for kinds: the value sent, the name shown.
pub(super) fn kinds() -> [(&'static str, &'static str); 3] {
    KINDS.map(|(name, kind)| (name, kind_name(kind)))
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
    use crate::console::FormFields;

    #[test]
    fn a_form_says_what_its_store_says() {
        let image = serde_json::json!({"code": "de", "name": "Shop", "kind": "landing_page", "platform": "", "hosts": ["a.test", "b.test"]});
        let form = Form::from_image(&FIELDS, &image);
        let draft_of_form = draft(&form);
        assert_eq!(draft_of_form.kind, Choice::Is(StoreKind::LandingPage));
        assert_eq!(draft_of_form.hosts, ["a.test", "b.test"]);
        let sent = FormFields::parse(b"code=de&name=+Shop+&kind=landing_page&hosts=a.test%0Ab.test");
        assert_eq!(Form::read(&FIELDS, &sent), form);
        assert_eq!(draft(&Form::default()).kind, Choice::Unset, "no kind is chosen for anybody");
    }
}
