//! The user-defined fields of a key, each once: its name in the contract, whether a revoked key may still change it,
//! and how it is checked and set. New keys, updates and their masks iterate over this list.

use crate::model::key::{KeySpec, MAX_METHODS, MAX_STORES};
use crate::model::pattern::MethodIdentity;
use crate::model::store::StoreCode;
use crate::model::violations::Violations;
use crate::registry::input::KeyDraft;
use crate::registry::validate::{self, Lines};

use super::check;

/// If unset in a new key, the key is switched on; required in an update.
pub(super) const ACTIVE: &str = "active";

/// A field of a key.
pub(super) struct Field {
    /// Its name in the contract.
    pub(super) name: &'static str,
    /// Whether it can still be changed after revocation: a note for later readers.
    pub(super) editable_if_revoked: bool,
    /// Checks the draft's value by itself and sets it.
    pub(super) set: fn(&mut Violations, &KeyDraft, &mut KeySpec),
}

const fn field(name: &'static str, set: fn(&mut Violations, &KeyDraft, &mut KeySpec)) -> Field {
    Field { name, editable_if_revoked: false, set }
}

const fn note(name: &'static str, set: fn(&mut Violations, &KeyDraft, &mut KeySpec)) -> Field {
    Field { name, editable_if_revoked: true, set }
}

/// All fields, in the contract's order. The meaning of a list depends on the kind of access (`check::AccessChange`).
pub(super) const FIELDS: [Field; 13] = [
    note("name", |violations, draft, spec| {
        validate::text(violations, "name", &draft.name, (1, 200), Lines::One);
        spec.name.clone_from(&draft.name);
    }),
    note("owner", |violations, draft, spec| {
        validate::text(violations, "owner", &draft.owner, (0, 200), Lines::One);
        spec.owner.clone_from(&draft.owner);
    }),
    note("contact", |violations, draft, spec| {
        contact(violations, &draft.contact);
        spec.contact.clone_from(&draft.contact);
    }),
    note("comment", |violations, draft, spec| {
        validate::text(violations, "comment", &draft.comment, (0, 2_000), Lines::Several);
        spec.comment.clone_from(&draft.comment);
    }),
    field(ACTIVE, |violations, draft, spec| match draft.active {
        Some(active) => spec.active = active,
        None => violations.add(ACTIVE, "is required: true or false"),
    }),
    field("store_access", |_, _, _| {}),
    field("stores", |violations, draft, _| {
        validate::list(violations, "store", &draft.stores, MAX_STORES, validate::parse::<StoreCode>);
    }),
    field("method_access", |_, _, _| {}),
    field("methods", |violations, draft, _| {
        validate::list(violations, "method", &draft.methods, MAX_METHODS, validate::parse::<MethodIdentity>);
    }),
    field("not_before", |violations, draft, spec| {
        spec.not_before = validate::time(violations, "not_before", draft.not_before);
    }),
    field("expire_time", |violations, draft, spec| {
        spec.expires = validate::time(violations, "expire_time", draft.expires);
    }),
    field("networks", |violations, draft, spec| spec.networks = check::networks(violations, &draft.networks)),
    note("labels", |violations, draft, spec| spec.labels = check::labels(violations, &draft.labels)),
];

/// Returns the contract's names of the fields that can be changed in a key, `revoked` or not.
pub fn key_fields(revoked: bool) -> impl Iterator<Item = &'static str> {
    FIELDS.iter().filter(move |field| field.editable_if_revoked || !revoked).map(|field| field.name)
}

/// Checks that it is empty or looks like an e-mail address: text without spaces on both sides of its only `@`. Only
/// sending mail would prove that the address works.
fn contact(violations: &mut Violations, contact: &str) {
    validate::text(violations, "contact", contact, (0, 254), Lines::One);
    let is_address = contact.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    let is_plain =
        !contact.contains(|c: char| c.is_whitespace() || "<>,;".contains(c)) && contact.matches('@').count() == 1;
    if !(contact.is_empty() || is_address && is_plain) {
        violations.add("contact", "is not a valid e-mail address; use one such as crm@partner.example");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::validate::tests::violations_in;

    #[test]
    fn the_error_names_the_fields_that_can_still_be_changed() {
        let fields = key_fields(true).collect::<Vec<_>>().join(", ").replace(", labels", " and labels");
        let error = crate::registry::error::Precondition::KeyRevoked.to_string();
        assert!(error.contains(&format!("only {fields} can")), "{error}");
    }

    #[test]
    fn a_contact_is_empty_or_one_address() {
        let refused = |text: &str| !violations_in(|violations| contact(violations, text)).is_empty();
        for good in ["", "crm@partner.example", "a.b+c@sub.partner.example", "почта@пример.рф"] {
            assert!(!refused(good), "{good}");
        }
        for bad in [
            "crm",
            "@partner.example",
            "crm@partner",
            "crm@.example",
            "crm@example.",
            "a@b@c.example",
            "a@b.example, c@d.example",
            "A <a@b.example>",
            "a b@c.example",
            "a@b.example\n",
        ] {
            assert!(refused(bad), "{bad:?}");
        }
        assert!(
            !refused(&format!("{}@b.example", "a".repeat(244))) && refused(&format!("{}@b.example", "a".repeat(245)))
        );
    }
}
