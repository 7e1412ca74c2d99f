//! Giving a key a second token, and the first an expiry.

use std::time::Duration;

use crate::model::change::{Action, SubjectKind};
use crate::model::id::KeyId;
use crate::model::key::Secret;
use crate::model::operator::Permission::Edit;
use crate::model::violations::Violations;
use crate::registry::error::{Precondition, Result};
use crate::registry::input::{RawDuration, SubjectRef, TokenText, WriteOptions};
use crate::registry::validate;
use crate::registry::write::{Write, check_etag};
use crate::registry::{Caller, Done, Registry};

use super::create::token_taken;
use super::{KeyWithToken, NewToken, existing, record_change};

const MAX_OVERLAP: Duration = Duration::from_hours(366 * 24);
const MAX_LIVE: usize = 2;

/// A request for a second token of a key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RotateKey {
    /// The key.
    pub key: SubjectRef,
    /// How long the current token keeps working, 0 s to 366 days; required.
    pub overlap: Option<RawDuration>,
    /// The new token, if the caller generated one.
    pub token: TokenText,
}

impl Registry {
    /// Gives a key a second token and expires the current one after the overlap.
    pub async fn rotate_key(&self, caller: &Caller, request: &RotateKey, options: &WriteOptions) -> Done<KeyWithToken> {
        let check = |violations: &mut Violations| {
            let id = validate::parse(violations, "id", &request.key.id);
            if request.overlap.is_none() {
                violations.add("overlap", "is required; 0 s revokes the current token immediately");
            }
            let overlap =
                request.overlap.and_then(|overlap| validate::duration(violations, "overlap", overlap, MAX_OVERLAP));
            let new_token = NewToken::new(violations, &request.token, &*self.random);
            Some((id?, request.key.etag.clone(), overlap?, new_token?))
        };
        self.write((caller, Edit), options, check, rotate).await
    }
}

async fn rotate(
    write: &mut Write,
    (id, etag, overlap, new_token): (KeyId, String, Duration, NewToken),
) -> Result<KeyWithToken> {
    let before = existing(write, id).await?;
    if let Some((secret, owner)) = write.tx.secret_by_digest(&new_token.digest).await? {
        // Its newest token, and not its initial one: an earlier call of this request has rotated it.
        let is_rotated = |newest: &Secret| newest.id == secret && newest.created > before.created;
        if owner == id && before.secrets.first().is_some_and(is_rotated) {
            return Ok(KeyWithToken { key: before, token: Some(new_token.token) });
        }
        return Err(token_taken());
    }
    check_etag(&etag, SubjectKind::Key, before.row_revision)?;
    if before.revoked.is_some() {
        return Err(Precondition::KeyRevoked.into());
    }
    let now = write.tx.now();
    if before.live_secrets(now).count() >= MAX_LIVE {
        return Err(Precondition::TwoLiveSecrets.into());
    }
    for secret in &before.secrets {
        let over = secret.expires.is_some_and(|expires| expires <= now);
        if over || overlap.is_zero() {
            write.tx.end_secret(secret.id).await?;
        } else {
            // A token that expires sooner because of an earlier rotation gets no more time from this one.
            let end = now.plus(overlap);
            let end = secret.expires.map_or(end, |expires| expires.min(end));
            write.tx.expire_secret(secret.id, Some(end)).await?;
        }
    }
    let secret = new_token.secret(write);
    write.tx.insert_secret(id, &secret).await?;
    let key = record_change(write, Action::Rotate, Some(&before), id).await?;
    Ok(KeyWithToken { key, token: Some(new_token.token) })
}
