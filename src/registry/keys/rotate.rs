//! Giving a key a second token, and the first an expiry.

use std::time::Duration;

use crate::model::change::{Action, SubjectKind};
use crate::model::id::KeyId;
use crate::model::key::Key;
use crate::model::operator::Permission;
use crate::model::violations::Violations;
use crate::registry::error::{Precondition, Result};
use crate::registry::input::{RawDuration, SubjectRef, TokenText, WriteOptions};
use crate::registry::validate;
use crate::registry::write::{Write, check_etag, work};
use crate::registry::{Caller, Registry, Written};

use super::create::token_taken;
use super::{KeyWithToken, NewToken, existing, record_change};

/// The longest overlap of two tokens.
const MAX_OVERLAP: Duration = Duration::from_hours(366 * 24);
/// The most live tokens of a key.
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
    pub async fn rotate_key(
        &self,
        caller: &Caller,
        request: &RotateKey,
        options: &WriteOptions,
    ) -> Result<(KeyWithToken, Written)> {
        let mut violations = Violations::new();
        let id = validate::parse::<KeyId>(&mut violations, "id", &request.key.id);
        if request.overlap.is_none() {
            violations.add("overlap", "is required; 0 s revokes the current token immediately");
        }
        let overlap =
            request.overlap.and_then(|overlap| validate::duration(&mut violations, "overlap", overlap, MAX_OVERLAP));
        let new_token = NewToken::new(&mut violations, &request.token, &*self.random);
        let options = validate::options(&mut violations, options);
        let (Some(id), Some(overlap), Some(new_token), true) = (id, overlap, new_token, violations.is_empty()) else {
            return Err(violations.into());
        };
        let etag = request.key.etag.clone();
        let work = work(move |write| Box::pin(rotate(write, id, etag, overlap, new_token)));
        self.write("rotate key", caller, Permission::Edit, options, work).await
    }
}

async fn rotate(
    write: &mut Write,
    id: KeyId,
    etag: String,
    overlap: Duration,
    new_token: NewToken,
) -> Result<KeyWithToken> {
    let before = existing(write, id).await?;
    if let Some((secret, owner)) = write.tx.secret_by_digest(&new_token.digest).await? {
        // Its newest token, and not its initial one: an earlier call of this request has rotated it.
        let newest = before.secrets.first().filter(|newest| newest.id == secret && newest.created > before.created);
        return match newest {
            Some(_) if owner == id => Ok(KeyWithToken { key: before, token: Some(new_token.token) }),
            _ => Err(token_taken()),
        };
    }
    check_etag(&etag, SubjectKind::Key, before.row_revision)?;
    if before.revoked.is_some() {
        return Err(Precondition::KeyRevoked.into());
    }
    let now = write.now();
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
    let key: Key = record_change(write, Action::Rotate, Some(&before), id).await?;
    Ok(KeyWithToken { key, token: Some(new_token.token) })
}
