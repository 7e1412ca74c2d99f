//! The kinds of changes that end the access of a token.

use latchkey::proto::v1 as proto;
use proto::{Key, Written};
use tonic::Status;

use super::ledger::Ledger;
use crate::calls::{Client, METHODS, STORES, key_with_access};

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// The key is revoked.
    Revoke,
    /// The key is switched off.
    Disable,
    /// The key loses access to the method.
    NarrowMethods,
    /// The key is deleted.
    Delete,
    /// The key's expiry is set to a time in the past.
    Expire,
    /// The key is rotated, which ends this token.
    Rotate,
    /// The token is revoked.
    RevokeSecret,
    /// The key's only store is switched off.
    StoreOff,
}

/// All kinds.
pub const CHANGE_KINDS: [ChangeKind; 8] = [
    ChangeKind::Revoke,
    ChangeKind::Disable,
    ChangeKind::NarrowMethods,
    ChangeKind::Delete,
    ChangeKind::Expire,
    ChangeKind::Rotate,
    ChangeKind::RevokeSecret,
    ChangeKind::StoreOff,
];

/// A key that a change will end.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The key.
    pub key: Key,
    /// Its token.
    pub token: String,
    /// The change that ends it.
    pub kind: ChangeKind,
}

impl Subject {
    /// Creates a key that `kind` will end, and adds it to the ledger. `name` must be unique.
    ///
    /// # Errors
    ///
    /// The server did not confirm the creation.
    pub async fn create(client: &Client, ledger: &Ledger, kind: ChangeKind, name: &str) -> Result<Self, Status> {
        let store = if kind == ChangeKind::StoreOff {
            // A separate store: switching it off affects no other key.
            client.create_store(name).await?.code
        } else {
            STORES[0].to_owned()
        };
        let key = Key { comment: format!("{kind:?}"), ..key_with_access(name, &[&store], &METHODS[1..2]) };
        let (key, token) = create_key(client, ledger, key).await?;
        Ok(Self { key, token, kind })
    }

    /// Creates a key with [`Subject::create`] and calls every server with it once, so that all have it cached.
    ///
    /// # Panics
    ///
    /// When it cannot be created or is not allowed.
    pub async fn create_cached(fleet: &super::Fleet, through: usize, kind: ChangeKind, name: &str) -> Self {
        let made = Self::create(&fleet.members[through].client, &fleet.ledger, kind, name).await;
        let subject = made.expect("a key is made");
        for member in &fleet.members {
            let decision = fleet.ledger.authorize(&member.client, &member.replica, &subject.token).await;
            let decision = decision.expect("a call is decided");
            assert!(decision.allowed, "{decision:?}");
        }
        subject
    }

    /// Ends the key, and notes that in the ledger.
    ///
    /// # Errors
    ///
    /// The server did not confirm the change.
    ///
    /// # Panics
    ///
    /// When a response lacks a required field.
    pub async fn end(&self, client: &Client, ledger: &Ledger) -> Result<Written, Status> {
        ledger.end_requested(&self.token);
        let id = self.key.id.clone();
        let written = match self.kind {
            ChangeKind::Revoke => {
                let request = proto::RevokeKeyRequest { id, reason: "a test".to_owned(), ..Default::default() };
                client.keys().revoke_key(request).await?.into_inner().written
            }
            ChangeKind::Disable => {
                update(client, Key { id, active: Some(false), ..Default::default() }, "active").await?
            }
            ChangeKind::NarrowMethods => {
                let methods = vec![METHODS[0].to_owned()];
                let access = proto::Access::Selected.into();
                update(client, Key { id, methods, method_access: access, ..Default::default() }, "methods").await?
            }
            ChangeKind::Delete => {
                let request = proto::DeleteKeyRequest { id, ..Default::default() };
                client.keys().delete_key(request).await?.into_inner().written
            }
            ChangeKind::Expire => {
                let passed = prost_types::Timestamp { seconds: 1_000_000_000, nanos: 0 };
                update(client, Key { id, expire_time: Some(passed), ..Default::default() }, "expire_time").await?
            }
            ChangeKind::Rotate => {
                let overlap = Some(prost_types::Duration::default());
                let request = proto::RotateKeyRequest { id, overlap, ..Default::default() };
                let answer = client.keys().rotate_key(request).await?.into_inner();
                ledger.created(answer.key.as_ref(), &answer.token, answer.written.as_ref());
                answer.written
            }
            ChangeKind::RevokeSecret => {
                let secret_id = self.key.secrets[0].id.clone();
                let request = proto::RevokeSecretRequest { secret_id, ..Default::default() };
                client.keys().revoke_secret(request).await?.into_inner().written
            }
            ChangeKind::StoreOff => {
                let store =
                    proto::Store { code: self.key.stores[0].clone(), active: Some(false), ..Default::default() };
                let update_mask = Some(prost_types::FieldMask { paths: vec!["active".to_owned()] });
                let request = proto::UpdateStoreRequest { store: Some(store), update_mask, ..Default::default() };
                client.stores().update_store(request).await?.into_inner().written
            }
        };
        let written = written.expect("a write tells what it came to");
        ledger.end_acknowledged(&self.token, &written);
        Ok(written)
    }
}

/// Creates a key with access to what the ledger calls, and adds it to the ledger.
///
/// # Errors
///
/// The server did not confirm the creation.
///
/// # Panics
///
/// When the response lacks a required field.
pub async fn create_key(client: &Client, ledger: &Ledger, key: Key) -> Result<(Key, String), Status> {
    let request = proto::CreateKeyRequest { key: Some(key), ..Default::default() };
    let answer = client.keys().create_key(request).await?.into_inner();
    ledger.created(answer.key.as_ref(), &answer.token, answer.written.as_ref());
    Ok((answer.key.expect("an answer has a key"), answer.token))
}

async fn update(client: &Client, key: Key, field: &str) -> Result<Option<Written>, Status> {
    let update_mask = Some(prost_types::FieldMask { paths: vec![field.to_owned()] });
    let request = proto::UpdateKeyRequest { key: Some(key), update_mask, options: None };
    Ok(client.keys().update_key(request).await?.into_inner().written)
}
