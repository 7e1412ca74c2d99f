//! Changing the user-defined fields of a key.

use crate::model::change::{Action, SubjectKind};
use crate::model::id::KeyId;
use crate::model::key::{Key, KeySpec};
use crate::model::operator::Permission;
use crate::model::violations::Violations;
use crate::registry::error::{Precondition, Result};
use crate::registry::input::{KeyDraft, Update, WriteOptions};
use crate::registry::validate::{self, Mask};
use crate::registry::write::{Write, check_etag, work};
use crate::registry::{Caller, Registry, Written};

use super::check::{self, AccessChange};
use super::fields::{FIELDS, Field};
use super::{existing, record_change};

/// A checked change.
struct KeyChange {
    id: KeyId,
    etag: String,
    mask: Mask,
    /// Its masked fields are checked.
    draft: KeyDraft,
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
    pub async fn update_key(
        &self,
        caller: &Caller,
        update: &Update<KeyDraft>,
        options: &WriteOptions,
    ) -> Result<(Key, Written)> {
        let mut violations = Violations::new();
        let change = check_change(&mut violations, update);
        let options = validate::options(&mut violations, options);
        let Some(change) = change.filter(|_| violations.is_empty()) else { return Err(violations.into()) };
        let work = work(move |write| Box::pin(apply(write, change)));
        self.write("update key", caller, Permission::Edit, options, work).await
    }
}

fn check_change(violations: &mut Violations, update: &Update<KeyDraft>) -> Option<KeyChange> {
    let mask = validate::mask(violations, &update.mask, &FIELDS.each_ref().map(|field| field.name));
    let draft = &update.draft;
    violations.within("key", |violations| {
        let id = validate::parse::<KeyId>(violations, "id", &update.id);
        // Set in an empty spec here to be checked, and in the key itself by `changed`.
        let mut checked = KeySpec::default();
        set(violations, &mask, draft, &mut checked);
        let stores = AccessChange::new(
            violations,
            "stores",
            mask.has("store_access").then_some(("store_access", draft.store_access)),
            mask.has("stores").then_some(&draft.stores),
        );
        let methods = AccessChange::new(
            violations,
            "methods",
            mask.has("method_access").then_some(("method_access", draft.method_access)),
            mask.has("methods").then_some(&draft.methods),
        );
        Some(KeyChange { id: id?, etag: update.etag.clone(), mask, draft: draft.clone(), stores, methods })
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
    check_etag(&change.etag, SubjectKind::Key, before.row_revision)?;
    let is_locked = |field: &Field| !field.editable_if_revoked && change.mask.has(field.name);
    if before.revoked.is_some() && FIELDS.iter().any(is_locked) {
        return Err(Precondition::KeyRevoked.into());
    }
    let mut violations = Violations::new();
    let after = violations.within("key", |violations| changed(violations, &change, &before.spec));
    let mut stores = None;
    if after.stores != before.spec.stores {
        let given = if after.stores.is_all() { &[] } else { change.stores.given() };
        stores = Some(check::store_numbers(write, &mut violations, "key.stores", given).await?);
    }
    let mut methods = None;
    if after.methods != before.spec.methods {
        let given = if after.methods.is_all() { &[] } else { change.methods.given() };
        methods = Some(check::method_numbers(write, &mut violations, "key.methods", given).await?);
    }
    if !violations.is_empty() {
        return Err(violations.into());
    }
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

/// Returns the changed key.
fn changed(violations: &mut Violations, change: &KeyChange, before: &KeySpec) -> KeySpec {
    let mut spec = before.clone();
    set(violations, &change.mask, &change.draft, &mut spec);
    spec.stores = change.stores.apply(violations, &before.stores);
    spec.methods = change.methods.apply(violations, &before.methods);
    spec
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;
    use crate::registry::input::{AccessKind, Choice, RawTime};

    fn update(mask: &[&str], draft: KeyDraft) -> Update<KeyDraft> {
        let id = KeyId::new(Timestamp::EPOCH, [1; 10]).to_string();
        Update { id, draft, mask: mask.iter().map(|field| (*field).to_owned()).collect(), etag: String::new() }
    }

    fn violations_in(update: &Update<KeyDraft>) -> Vec<String> {
        let mut violations = Violations::new();
        check_change(&mut violations, update);
        violations.listed().iter().map(|violation| violation.field.clone()).collect()
    }

    #[test]
    fn only_masked_fields_are_looked_at() {
        let draft = KeyDraft { stores: vec!["-bad".to_owned()], ..KeyDraft::default() };
        assert!(violations_in(&update(&["owner"], draft)).is_empty());
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
            violations_in(&update(&FIELDS.each_ref().map(|field| field.name), draft)),
            [
                "key.name",
                "key.owner",
                "key.comment",
                "key.active",
                "key.methods[0]",
                "key.not_before",
                "key.networks[0]",
                "key.labels[X]",
                "key.stores",
                "key.method_access",
            ]
        );
    }

    #[test]
    fn the_server_s_own_fields_cannot_be_changed() {
        let mask = ["id", "secrets", "revoke_time", "create_time", "etag", "*"];
        assert_eq!(violations_in(&update(&mask, KeyDraft::default())).len(), mask.len());
    }
}
