//! Keys: issuing, changing, rotating, revoking, importing and listing them.

mod check;
mod create;
mod fields;
mod import;
mod read;
mod revoke;
mod rotate;
mod update;

use crate::model::change::{Action, SubjectKind};
use crate::model::id::{KeyId, SecretId};
use crate::model::key::{Key, TokenOrigin};
use crate::model::token::{Digest, Token};
use crate::model::violations::Violations;
use crate::random::Random;
use crate::storage::{self, NewSecret};

use super::error::{Error, ResourceKind, Result};
use super::input::TokenText;
use super::write::Write;

pub use self::create::CreateKey;
pub use self::fields::key_fields;
pub use self::import::{ImportKeys, ImportSecret, ImportedKey};
pub use self::read::ListKeys;
pub use self::rotate::RotateKey;

/// A key and its token, which is available only now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyWithToken {
    /// The key.
    pub key: Key,
    /// The token; `None` if a retry was recognised without it.
    pub token: Option<Token>,
}

/// A token for a new secret, hashed before the write begins.
struct NewToken {
    token: Token,
    digest: Digest,
    supplied: bool,
}

impl NewToken {
    /// Uses the token that the caller supplied, or generates one.
    fn new(violations: &mut Violations, text: &TokenText, random: &dyn Random) -> Option<Self> {
        let supplied = !text.0.is_empty();
        let token = if supplied {
            Token::parse(&text.0).map_err(|error| violations.add("token", error)).ok()?
        } else {
            Token::issue(random.bytes())
        };
        let digest = token.digest();
        Some(Self { token, digest, supplied })
    }

    fn secret(&self, write: &Write) -> NewSecret {
        let origin = if self.token.is_issued() { TokenOrigin::Issued } else { TokenOrigin::Supplied };
        NewSecret {
            id: SecretId::new(write.tx.now(), write.random.bytes()),
            digest: self.digest,
            hint: self.token.hint(),
            origin,
        }
    }
}

async fn existing(write: &mut Write, id: KeyId) -> Result<Key> {
    write.tx.key(id).await?.ok_or_else(|| Error::not_found(ResourceKind::Key, id))
}

async fn record_change(write: &mut Write, action: Action, before: Option<&Key>, id: KeyId) -> Result<Key> {
    let unreadable = || storage::Error::bug(format!("{id} cannot be read by the write that created it"));
    let after = write.tx.key(id).await?.ok_or_else(unreadable)?;
    write.record(action, SubjectKind::Key, &id, before.map(Key::image), Some(after.image()));
    Ok(after)
}
