//! The kinds of changes that end the access of a token.

use latchkey::proto::v1 as proto;
use proto::{Key, Written};
use tonic::Status;

use super::ledger::Ledger;
use crate::calls::{Client, METHODS, STORES, selected};

/// A kind of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
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
pub const KINDS: [Kind; 8] = [
    Kind::Revoke,
    Kind::Disable,
    Kind::NarrowMethods,
    Kind::Delete,
    Kind::Expire,
    Kind::Rotate,
    Kind::RevokeSecret,
    Kind::StoreOff,
];

/// A key that a change will end.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The key.
    pub key: Key,
    /// Its token.
    pub token: String,
    /// The change that ends it.
    pub kind: Kind,
}

impl Subject {
    /// Creates a key that `kind` will end, and adds it to the ledger. `name` must be unique.
    ///
    /// # Errors
    ///
    /// The server did not confirm the creation.
    pub async fn make(client: &Client, ledger: &Ledger, kind: Kind, name: &str) -> Result<Self, Status> {
        let store = if kind == Kind::StoreOff {
            // A separate store: switching it off affects no other key.
            client.create_store(name).await?.code
        } else {
            STORES[0].to_owned()
        };
        let key = Key { comment: format!("{kind:?}"), ..selected(name, &[&store], &METHODS[1..2]) };
        let (key, token) = make(client, ledger, key).await?;
        Ok(Self { key, token, kind })
    }

    /// Creates a key with [`Subject::make`] and calls every server with it once, so that all have it cached.
    ///
    /// # Panics
    ///
    /// When it cannot be created or is not allowed.
    pub async fn make_known(fleet: &super::Fleet, through: usize, kind: Kind, name: &str) -> Self {
        let made = Self::make(&fleet.members[through].client, &fleet.ledger, kind, name).await;
        let subject = made.expect("a key is made");
        for member in &fleet.members {
            let decision = fleet.ledger.ask(&member.client, &member.replica, &subject.token).await;
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
        ledger.ending(&self.token);
        let id = self.key.id.clone();
        let written = match self.kind {
            Kind::Revoke => {
                let request = proto::RevokeKeyRequest { id, reason: "a test".to_owned(), ..Default::default() };
                client.keys().revoke_key(request).await?.into_inner().written
            }
            Kind::Disable => update(client, Key { id, active: Some(false), ..Default::default() }, "active").await?,
            Kind::NarrowMethods => {
                let methods = vec![METHODS[0].to_owned()];
                let access = proto::Access::Selected.into();
                update(client, Key { id, methods, method_access: access, ..Default::default() }, "methods").await?
            }
            Kind::Delete => {
                let request = proto::DeleteKeyRequest { id, ..Default::default() };
                client.keys().delete_key(request).await?.into_inner().written
            }
            Kind::Expire => {
                let passed = prost_types::Timestamp { seconds: 1_000_000_000, nanos: 0 };
                update(client, Key { id, expire_time: Some(passed), ..Default::default() }, "expire_time").await?
            }
            Kind::Rotate => {
                let overlap = Some(prost_types::Duration::default());
                let request = proto::RotateKeyRequest { id, overlap, ..Default::default() };
                let answer = client.keys().rotate_key(request).await?.into_inner();
                ledger.made(answer.key.as_ref(), &answer.token, answer.written.as_ref());
                answer.written
            }
            Kind::RevokeSecret => {
                let secret_id = self.key.secrets[0].id.clone();
                let request = proto::RevokeSecretRequest { secret_id, ..Default::default() };
                client.keys().revoke_secret(request).await?.into_inner().written
            }
            Kind::StoreOff => {
                let store =
                    proto::Store { code: self.key.stores[0].clone(), active: Some(false), ..Default::default() };
                let update_mask = Some(prost_types::FieldMask { paths: vec!["active".to_owned()] });
                let request = proto::UpdateStoreRequest { store: Some(store), update_mask, ..Default::default() };
                client.stores().update_store(request).await?.into_inner().written
            }
        };
        let written = written.expect("a write tells what it came to");
        ledger.ended(&self.token, &written);
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
pub async fn make(client: &Client, ledger: &Ledger, key: Key) -> Result<(Key, String), Status> {
    let request = proto::CreateKeyRequest { key: Some(key), ..Default::default() };
    let answer = client.keys().create_key(request).await?.into_inner();
    ledger.made(answer.key.as_ref(), &answer.token, answer.written.as_ref());
    Ok((answer.key.expect("an answer has a key"), answer.token))
}

async fn update(client: &Client, key: Key, field: &str) -> Result<Option<Written>, Status> {
    let update_mask = Some(prost_types::FieldMask { paths: vec![field.to_owned()] });
    let request = proto::UpdateKeyRequest { key: Some(key), update_mask, options: None };
    Ok(client.keys().update_key(request).await?.into_inner().written)
}
