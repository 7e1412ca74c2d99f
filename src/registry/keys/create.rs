//! Issuing a key, and recognising a repeated request.

use crate::model::change::Action;
use crate::model::id::KeyId;
use crate::model::key::{Key, KeySpec};
use crate::model::operator::Permission::Edit;
use crate::model::token::Token;
use crate::model::violations::Violations;
use crate::registry::error::{Error, Result, TakenValue};
use crate::registry::input::{KeyDraft, TokenText, WriteOptions};
use crate::registry::validate;
use crate::registry::write::Write;
use crate::registry::{Caller, Done, Registry};
use crate::storage::NewKey;

use super::check;
use super::{KeyWithToken, NewToken, existing, record_change};

/// The longest request id, in characters.
const MAX_REQUEST_ID: usize = 64;

/// A request for a new key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CreateKey {
    /// The requested fields.
    pub key: KeyDraft,
    /// Its token, if the caller generated one.
    pub token: TokenText,
    /// Recognises a retry for a day: at most 64 of `[A-Za-z0-9._-]`; empty: every call creates a key.
    pub request_id: String,
}

impl Registry {
    /// Returns a token like those of [`Registry::create_key`]: for a form that shows it before saving.
    pub fn new_token(&self) -> Token {
        Token::issue(self.random.bytes())
    }

    /// Returns the violations that [`Registry::create_key`] would find in the request alone, without querying storage.
    pub fn check_new_key(&self, request: &CreateKey, options: &WriteOptions) -> Violations {
        let mut violations = Violations::new();
        self.checked_key(&mut violations, request);
        validate::options(&mut violations, options);
        violations
    }

    /// Issues a key and returns its token. A retry, recognised by the token or the request id, returns the key that was
    /// created first.
    pub async fn create_key(&self, caller: &Caller, request: &CreateKey, options: &WriteOptions) -> Done<KeyWithToken> {
        let check = |violations: &mut Violations| {
            let (spec, new_token) = self.checked_key(violations, request)?;
            Some((spec, new_token, caller.id.to_string(), request.request_id.clone()))
        };
        self.write((caller, Edit), options, check, create).await
    }

    fn checked_key(&self, violations: &mut Violations, request: &CreateKey) -> Option<(KeySpec, NewToken)> {
        let spec = violations.within("key", |violations| check::key(violations, &request.key));
        let new_token = NewToken::new(violations, &request.token, &*self.random);
        request_id(violations, &request.request_id);
        Some((spec, new_token?))
    }
}

fn request_id(violations: &mut Violations, id: &str) {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    if id.len() > MAX_REQUEST_ID || !id.bytes().all(is_allowed) {
        violations
            .add("request_id", format_args!("must have at most {MAX_REQUEST_ID} characters of A-Z a-z 0-9 . _ -"));
    }
}

async fn create(
    write: &mut Write,
    (spec, new_token, actor, request_id): (KeySpec, NewToken, String, String),
) -> Result<KeyWithToken> {
    if let Some(retried) = find_retried(write, &spec, &new_token, &actor, &request_id).await? {
        return Ok(retried);
    }
    let mut violations = Violations::new();
    let codes = spec.stores.selected();
    let stores = check::numbers(&mut violations, "store", codes, write.tx.store_numbers(codes)).await?;
    let identities = spec.methods.selected();
    let methods = check::numbers(&mut violations, "method", identities, write.tx.method_numbers(identities)).await?;
    validate::none(violations)?;
    let created = write.tx.now();
    let id = KeyId::new(created, write.random.bytes());
    let secret = new_token.secret(write);
    write.tx.insert_keys(&[NewKey { id, spec, stores, methods, secret, created, revoked: None }]).await?;
    if !request_id.is_empty() {
        write.tx.insert_request(&actor, &request_id, id).await?;
    }
    let key = record_change(write, Action::Create, None, id).await?;
    Ok(KeyWithToken { key, token: Some(new_token.token) })
}

/// Returns the key that an earlier call with the same request created, if this is a retry.
async fn find_retried(
    write: &mut Write,
    spec: &KeySpec,
    new_token: &NewToken,
    actor: &str,
    request_id: &str,
) -> Result<Option<KeyWithToken>> {
    let owner = write.tx.secret_by_digest(&new_token.digest).await?;
    let requested = if request_id.is_empty() { None } else { write.tx.key_by_request(actor, request_id).await? };
    if let Some((secret, id)) = owner {
        // The token proves that it is the same request: its holder may learn the key.
        let same = |key: &Key| {
            let newest = key.secrets.first();
            let first = newest.is_some_and(|newest| newest.id == secret && newest.created == key.created);
            first && key.spec == spec.clone().sorted() && requested.is_none_or(|requested| requested == id)
        };
        let key = write.tx.key(id).await?.filter(same).ok_or_else(token_taken)?;
        return Ok(Some(KeyWithToken { key, token: Some(new_token.token.clone()) }));
    }
    let Some(id) = requested else { return Ok(None) };
    if new_token.supplied {
        return Err(Error::taken(
            TakenValue::RequestId,
            "request_id",
            "was already used to create a key with another token; use each request id for one request only",
        ));
    }
    Ok(Some(KeyWithToken { key: existing(write, id).await?, token: None }))
}

/// Returns the error for a token that some key has or had.
pub(super) fn token_taken() -> Error {
    Error::taken(TakenValue::Token, "token", "already belongs, or belonged, to a key; generate another one")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::validate::tests::violations_in;

    #[test]
    fn request_ids_have_an_alphabet_and_a_bound() {
        let refused = |id: &str| !violations_in(|violations| request_id(violations, id)).is_empty();
        assert!(!refused("") && !refused("A-z_0.9") && !refused(&"x".repeat(64)));
        assert!(refused("a b") && refused("é") && refused(&"x".repeat(65)));
    }
}
