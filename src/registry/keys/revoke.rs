//! Revoking tokens and keys. All of it is final, and repeating it is not an error.

use crate::model::change::{Action, SubjectKind};
use crate::model::id::{KeyId, SecretId};
use crate::model::key::{Key, Revocation};
use crate::model::operator::Permission::Edit;
use crate::model::violations::Violations;
use crate::registry::error::{Error, ResourceKind, Result};
use crate::registry::input::{SubjectRef, WriteOptions};
use crate::registry::validate::{self, Lines};
use crate::registry::write::{Write, check_etag};
use crate::registry::{Caller, Done, Registry, Written};

use super::{existing, record_change};

impl Registry {
    /// Revokes one token of a key immediately.
    pub async fn revoke_secret(&self, caller: &Caller, secret_id: &str, options: &WriteOptions) -> Done<Key> {
        let check = |violations: &mut Violations| validate::parse(violations, "secret_id", secret_id);
        self.write((caller, Edit), options, check, revoke_secret).await
    }

    /// Revokes a key immediately. It remains readable.
    pub async fn revoke_key(
        &self,
        caller: &Caller,
        key: &SubjectRef,
        reason: &str,
        options: &WriteOptions,
    ) -> Done<Key> {
        let check = |violations: &mut Violations| {
            let id = validate::parse(violations, "id", &key.id);
            validate::text(violations, "reason", reason, (1, 500), Lines::Several);
            Some((id?, key.etag.clone(), reason.to_owned()))
        };
        self.write((caller, Edit), options, check, revoke_key).await
    }

    /// Removes a key from the lists. Its tokens cannot be used again.
    pub async fn delete_key(&self, caller: &Caller, key: &SubjectRef, options: &WriteOptions) -> Result<Written> {
        let check = |violations: &mut Violations| Some((validate::parse(violations, "id", &key.id)?, key.etag.clone()));
        let ((), written) = self.write((caller, Edit), options, check, delete_key).await?;
        Ok(written)
    }
}

async fn revoke_secret(write: &mut Write, id: SecretId) -> Result<Key> {
    let missing = || Error::not_found(ResourceKind::Secret, id);
    let key = write.tx.key_of_secret(id).await?.ok_or_else(missing)?;
    let before = write.tx.key(key).await?.ok_or_else(missing)?;
    if !before.secrets.iter().any(|secret| secret.id == id) {
        return Ok(before);
    }
    write.tx.end_secret(id).await?;
    record_change(write, Action::RevokeSecret, Some(&before), key).await
}

async fn revoke_key(write: &mut Write, (id, etag, reason): (KeyId, String, String)) -> Result<Key> {
    let before = existing(write, id).await?;
    // Before the etag: the retry of a revocation whose response was lost has the etag of the state before it.
    if before.revoked.is_some() {
        return Ok(before);
    }
    check_etag(&etag, SubjectKind::Key, before.row_revision)?;
    let revoked = Revocation { at: write.tx.now(), reason };
    write.tx.update_key(id, &before.spec, Some(&revoked)).await?;
    for secret in &before.secrets {
        write.tx.end_secret(secret.id).await?;
    }
    record_change(write, Action::Revoke, Some(&before), id).await
}

async fn delete_key(write: &mut Write, (id, etag): (KeyId, String)) -> Result<()> {
    let before = existing(write, id).await?;
    check_etag(&etag, SubjectKind::Key, before.row_revision)?;
    write.tx.delete_key(id).await?;
    write.record(Action::Delete, SubjectKind::Key, &id, Some(before.image()), None);
    Ok(())
}
