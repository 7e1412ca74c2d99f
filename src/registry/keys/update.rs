//! Changing the user-defined fields of a key.

use crate::model::change::{Action, SubjectKind};
use crate::model::id::KeyId;
use crate::model::key::{Key, KeySpec};
use crate::model::operator::Permission::Edit;
use crate::model::violations::Violations;
use crate::registry::error::{Precondition, Result};
use crate::registry::input::{KeyDraft, Update, WriteOptions};
use crate::registry::validate::{self, Mask};
use crate::registry::write::{Write, check_etag};
use crate::registry::{Caller, Done, Registry};

use super::check::{self, AccessChange};
use super::fields::{FIELDS, Field};
use super::{existing, record_change};

struct KeyChange {
    id: KeyId,
    mask: Mask,
    /// The masked fields of its draft are checked.
    update: Update<KeyDraft>,
    stores: AccessChange,
    methods: AccessChange,
}

impl Registry {
    /// Returns the violations that [`Registry::update_key`] would find in the update alone, without querying storage.
    pub fn check_key_update(&self, update: &Update<KeyDraft>, options: &WriteOptions) -> Violations {
        let mut violations = Violations::new();
        check_change(&mut violations, update);
        validate::options(&mut violations, options);
        violations
    }

    /// Changes the masked fields of a key.
    pub async fn update_key(&self, caller: &Caller, update: &Update<KeyDraft>, options: &WriteOptions) -> Done<Key> {
        let check = |violations: &mut Violations| check_change(violations, update);
        self.write((caller, Edit), options, check, apply).await
    }
}

fn check_change(violations: &mut Violations, update: &Update<KeyDraft>) -> Option<KeyChange> {
    let mask = validate::mask(violations, &update.mask, &FIELDS.each_ref().map(|field| field.name));
    let draft = &update.draft;
    violations.within("key", |violations| {
        let id = validate::parse::<KeyId>(violations, "id", &update.id);
        // Set in an empty spec here to be checked, and in the key itself by `apply`.
        let mut checked = KeySpec::default();
        set(violations, &mask, draft, &mut checked);
        let (kind, list) = (("store_access", draft.store_access), ("stores", &draft.stores[..]));
        let stores = AccessChange::new(violations, &mask, kind, list);
        let (kind, list) = (("method_access", draft.method_access), ("methods", &draft.methods[..]));
        let methods = AccessChange::new(violations, &mask, kind, list);
        Some(KeyChange { id: id?, mask, update: update.clone(), stores, methods })
    })
}

/// Sets the masked fields in `spec`, except its lists.
fn set(violations: &mut Violations, mask: &Mask, draft: &KeyDraft, spec: &mut KeySpec) {
    for field in FIELDS.iter().filter(|field| mask.has(field.name)) {
        (field.set)(violations, draft, spec);
    }
    if mask.has("not_before") || mask.has("expire_time") {
        check::validity(violations, spec);
    }
}

async fn apply(write: &mut Write, change: KeyChange) -> Result<Key> {
    let before = existing(write, change.id).await?;
    check_etag(&change.update.etag, SubjectKind::Key, before.row_revision)?;
    let is_locked = |field: &Field| !field.editable_if_revoked && change.mask.has(field.name);
    if before.revoked.is_some() && FIELDS.iter().any(is_locked) {
        return Err(Precondition::KeyRevoked.into());
    }
    let mut violations = Violations::new();
    let mut after = before.spec.clone();
    violations.within("key", |violations| {
        set(violations, &change.mask, &change.update.draft, &mut after);
        after.stores = change.stores.apply(violations, &before.spec.stores);
        after.methods = change.methods.apply(violations, &before.spec.methods);
    });
    let mut stores = None;
    if after.stores != before.spec.stores {
        let given = if after.stores.is_all() { &[] } else { change.stores.given() };
        stores = Some(check::numbers(&mut violations, "store", given, write.tx.store_numbers(given)).await?);
    }
    let mut methods = None;
    if after.methods != before.spec.methods {
        let given = if after.methods.is_all() { &[] } else { change.methods.given() };
        methods = Some(check::numbers(&mut violations, "method", given, write.tx.method_numbers(given)).await?);
    }
    validate::none(violations)?;
    if after == before.spec {
        return Ok(before);
    }
    write.tx.update_key(before.id, &after, before.revoked.as_ref()).await?;
    if let Some(stores) = stores {
        write.tx.set_key_stores(before.id, &stores).await?;
    }
    if let Some(methods) = methods {
        write.tx.set_key_methods(before.id, &methods).await?;
    }
    record_change(write, Action::Update, Some(&before), before.id).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;
    use crate::registry::input::{AccessKind, Choice, RawTime};
    use crate::registry::validate::tests::fields_in;

    fn update(mask: &[&str], draft: KeyDraft) -> Update<KeyDraft> {
        let id = KeyId::new(Timestamp::EPOCH, [1; 10]).to_string();
        Update { id, draft, mask: mask.iter().map(|field| (*field).to_owned()).collect(), etag: String::new() }
    }

    fn refused(mask: &[&str], draft: KeyDraft) -> Vec<String> {
        fields_in(|violations| check_change(violations, &update(mask, draft)))
    }

    #[test]
    fn only_masked_fields_are_looked_at() {
        let draft = KeyDraft { stores: vec!["-bad".to_owned()], ..KeyDraft::default() };
        assert!(refused(&["owner"], draft).is_empty());
    }

    #[test]
    fn every_masked_field_is_held_to_its_rules() {
        let draft = KeyDraft {
            owner: " x".to_owned(),
            comment: "\u{0}".to_owned(),
            store_access: Choice::Is(AccessKind::All),
            stores: vec!["main".to_owned()],
            methods: vec!["nonsense".to_owned()],
            not_before: Some(RawTime { seconds: 0, nanos: -1 }),
            networks: vec!["x".to_owned()],
            labels: [("X".to_owned(), String::new())].into(),
            ..KeyDraft::default()
        };
        assert_eq!(
            refused(&FIELDS.each_ref().map(|field| field.name), draft).join(" "),
            "key.name key.owner key.comment key.active key.methods[0] key.not_before key.networks[0] key.labels[X] \
             key.stores key.method_access"
        );
    }

    #[test]
    fn the_server_s_own_fields_cannot_be_changed() {
        let mask = ["id", "secrets", "revoke_time", "create_time", "etag", "*"];
        assert_eq!(refused(&mask, KeyDraft::default()).len(), mask.len());
    }
}
