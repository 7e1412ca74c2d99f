//! Changing what a key says of itself.

use crate::model::change::{Action, SubjectKind};
use crate::model::id::KeyId;
use crate::model::key::Key;
use crate::model::operator::Permission;
use crate::registry::error::{Precondition, Result};
use crate::registry::input::{KeyDraft, Update, WriteOptions};
use crate::registry::validate::{self, Mask};
use crate::registry::violations::Violations;
use crate::registry::write::{Write, check_etag, work};
use crate::registry::{Caller, Registry, Written};
use crate::storage::KeyRow;

use super::check::{self, AccessChange};
use super::{existing, finish};

/// The fields that can be changed.
const FIELDS: [&str; 12] = [
    "name",
    "owner",
    "comment",
    "active",
    "store_access",
    "stores",
    "method_access",
    "methods",
    "not_before",
    "expire_time",
    "networks",
    "labels",
];
/// The fields that can still be changed once a key is revoked: notes for whoever looks at it later.
const FIELDS_OF_REVOKED: [&str; 4] = ["name", "owner", "comment", "labels"];

/// A checked change.
struct Change {
    id: KeyId,
    etag: String,
    mask: Mask,
    /// The masked fields of it are checked.
    draft: KeyDraft,
    stores: AccessChange,
    methods: AccessChange,
}

impl Registry {
    /// What [`Registry::update_key`] would find wrong with the fields of an update by themselves, without asking storage.
    pub fn check_key_update(&self, update: &Update<KeyDraft>, options: &WriteOptions) -> Violations {
        let mut violations = Violations::new();
        check_change(&mut violations, update);
        validate::options(&mut violations, options);
        violations
    }

    /// Changes the fields of a key that the mask names.
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

fn check_change(violations: &mut Violations, update: &Update<KeyDraft>) -> Option<Change> {
    let mask = validate::mask(violations, &update.mask, &FIELDS);
    let draft = &update.draft;
    violations.within("key", |violations| {
        let id = validate::parsed::<KeyId>(violations, "id", &update.id);
        if mask.has("name") {
            check::name(violations, &draft.name);
        }
        if mask.has("owner") {
            check::owner(violations, &draft.owner);
        }
        if mask.has("comment") {
            check::comment(violations, &draft.comment);
        }
        if mask.has("active") && draft.active.is_none() {
            violations.add("active", "is required: true or false");
        }
        if mask.has("stores") {
            check::stores(violations, &draft.stores);
        }
        if mask.has("methods") {
            check::methods(violations, &draft.methods);
        }
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
        // Checked for their own sake here; what they are is read again when they are set.
        patch(violations, &mask, draft, None);
        Some(Change { id: id?, etag: update.etag.clone(), mask, draft: draft.clone(), stores, methods })
    })
}

/// Sets the masked fields that have a form of their own, on `key` if there is one; says what is wrong with them.
fn patch(violations: &mut Violations, mask: &Mask, draft: &KeyDraft, key: Option<&mut Key>) {
    let begin = mask.has("not_before").then(|| validate::time(violations, "not_before", draft.not_before));
    let end = mask.has("expire_time").then(|| validate::time(violations, "expire_time", draft.expires));
    let networks = mask.has("networks").then(|| check::networks(violations, &draft.networks));
    let labels = mask.has("labels").then(|| check::labels(violations, &draft.labels));
    let Some(key) = key else {
        if let (Some(begin), Some(end)) = (begin, end) {
            check::validity(violations, begin, end);
        }
        return;
    };
    key.not_before = begin.unwrap_or(key.not_before);
    key.expires = end.unwrap_or(key.expires);
    if begin.is_some() || end.is_some() {
        check::validity(violations, key.not_before, key.expires);
    }
    if let Some(networks) = networks {
        key.networks = networks;
    }
    if let Some(labels) = labels {
        key.labels = labels;
    }
}

async fn apply(write: &mut Write, change: Change) -> Result<Key> {
    let before = existing(write, change.id).await?;
    check_etag(&change.etag, SubjectKind::Key, before.row_revision)?;
    if before.revoked.is_some() && !change.mask.only(&FIELDS_OF_REVOKED) {
        return Err(Precondition::KeyRevoked.into());
    }
    let mut violations = Violations::new();
    let after = violations.within("key", |violations| changed(violations, &change, &before));
    let mut stores = None;
    if after.stores != before.stores {
        let given = if after.stores.is_all() { &[] } else { change.stores.given() };
        stores = Some(check::store_numbers(write, &mut violations, "key.stores", given).await?);
    }
    let mut methods = None;
    if after.methods != before.methods {
        let given = if after.methods.is_all() { &[] } else { change.methods.given() };
        methods = Some(check::method_numbers(write, &mut violations, "key.methods", given).await?);
    }
    if !violations.is_empty() {
        return Err(violations.into());
    }
    if after == before {
        return Ok(before);
    }
    write.tx.update_key(&KeyRow::of(&after)).await?;
    if let Some(stores) = stores {
        write.tx.set_key_stores(before.id, &stores).await?;
    }
    if let Some(methods) = methods {
        write.tx.set_key_methods(before.id, &methods).await?;
    }
    finish(write, Action::Update, Some(&before), before.id).await
}

/// The key as it becomes.
fn changed(violations: &mut Violations, change: &Change, before: &Key) -> Key {
    let (mask, draft) = (&change.mask, &change.draft);
    let mut key = before.clone();
    if mask.has("name") {
        key.name.clone_from(&draft.name);
    }
    if mask.has("owner") {
        key.owner.clone_from(&draft.owner);
    }
    if mask.has("comment") {
        key.comment.clone_from(&draft.comment);
    }
    if mask.has("active") {
        key.active = draft.active.unwrap_or(key.active);
    }
    key.stores = change.stores.apply(violations, &before.stores);
    key.methods = change.methods.apply(violations, &before.methods);
    patch(violations, mask, draft, Some(&mut key));
    key
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

    fn told(update: &Update<KeyDraft>) -> Vec<String> {
        let mut violations = Violations::new();
        check_change(&mut violations, update);
        violations.told().iter().map(|violation| violation.field.clone()).collect()
    }

    #[test]
    fn only_masked_fields_are_looked_at() {
        let draft = KeyDraft { stores: vec!["-bad".to_owned()], ..KeyDraft::default() };
        assert!(told(&update(&["owner"], draft)).is_empty());
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
            told(&update(&FIELDS, draft)),
            [
                "key.name",
                "key.owner",
                "key.comment",
                "key.active",
                "key.methods[0]",
                "key.stores",
                "key.method_access",
                "key.not_before",
                "key.networks[0]",
                "key.labels[X]",
            ]
        );
    }

    #[test]
    fn the_server_s_own_fields_cannot_be_changed() {
        let mask = ["id", "secrets", "revoke_time", "create_time", "etag", "*"];
        assert_eq!(told(&update(&mask, KeyDraft::default())).len(), mask.len());
    }
}
