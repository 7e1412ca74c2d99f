//! Importing keys that were issued elsewhere: all of them, or none.

use std::collections::{BTreeSet, HashMap};

use crate::model::change::{Action, SubjectKind};
use crate::model::id::{KeyId, SecretId};
use crate::model::key::{Key, KeySpec, Secret, TokenOrigin};
use crate::model::operator::Permission::Edit;
use crate::model::token::{Digest, HINT_CHARS, Token};
use crate::model::violations::Violations;
use crate::registry::error::{Error, Result, TakenValue};
use crate::registry::input::{KeyDraft, TokenText, WriteOptions};
use crate::registry::validate;
use crate::registry::write::Write;
use crate::registry::{Caller, Done, Registry};
use crate::storage::{NewKey, NewSecret};

use super::check;

const MAX_KEYS: usize = 100_000;

/// A request to import keys.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportKeys {
    /// The keys, 1..=100 000.
    pub keys: Vec<ImportedKey>,
    /// Checks everything and writes nothing.
    pub dry_run: bool,
}

/// A key to import.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportedKey {
    /// The requested fields.
    pub key: KeyDraft,
    /// Its token or digest.
    pub secret: ImportSecret,
    /// The last characters of the token, at most 4, only together with a digest.
    pub hint: String,
}

/// The token of an imported key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum ImportSecret {
    /// Nothing, which is refused.
    #[default]
    None,
    /// The token.
    Token(TokenText),
    /// Its SHA-256, as 64 hexadecimal digits.
    Sha256(TokenText),
}

struct CheckedKey {
    key: KeySpec,
    digest: Digest,
    hint: String,
    origin: TokenOrigin,
    /// The name of the field that contained the digest.
    field: &'static str,
}

impl Registry {
    /// Imports keys; returns their ids in the order given, none on a dry run.
    pub async fn import_keys(&self, caller: &Caller, request: &ImportKeys, options: &WriteOptions) -> Done<Vec<KeyId>> {
        let check = |violations: &mut Violations| Some((check_all(violations, &request.keys), request.dry_run));
        self.write((caller, Edit), options, check, import).await
    }
}

fn check_all(violations: &mut Violations, keys: &[ImportedKey]) -> Vec<CheckedKey> {
    if keys.is_empty() {
        violations.add("keys", "must have at least one entry");
    }
    if !validate::bounded(violations, "keys", keys.len(), MAX_KEYS) {
        return Vec::new();
    }
    let mut checked = Vec::with_capacity(keys.len());
    let mut seen: HashMap<Digest, usize> = HashMap::with_capacity(keys.len());
    for (at, imported) in keys.iter().enumerate() {
        let Some(one) = violations.within(format_args!("keys[{at}]"), |violations| check_one(violations, imported))
        else {
            continue;
        };
        let first = *seen.entry(one.digest).or_insert(at);
        if first != at {
            violations
                .add(format_args!("keys[{at}].{}", one.field), format_args!("is the same token as in keys[{first}]"));
        }
        checked.push(one);
    }
    checked
}

fn check_one(violations: &mut Violations, imported: &ImportedKey) -> Option<CheckedKey> {
    let key = violations.within("key", |violations| check::key(violations, &imported.key));
    match &imported.secret {
        ImportSecret::None => {
            violations.add("token", "is required, unless sha256 is set");
            None
        }
        ImportSecret::Token(text) => {
            if !imported.hint.is_empty() {
                violations.add("hint", "must be empty if the token is set: the hint is taken from the token");
            }
            let token = Token::parse(&text.0).map_err(|error| violations.add("token", error)).ok()?;
            let origin = if token.is_issued() { TokenOrigin::Issued } else { TokenOrigin::Supplied };
            Some(CheckedKey { key, digest: token.digest(), hint: token.hint(), origin, field: "token" })
        }
        ImportSecret::Sha256(text) => {
            let hint = &imported.hint;
            if hint.len() > HINT_CHARS || !hint.bytes().all(|byte| byte.is_ascii_graphic()) {
                violations.add("hint", format_args!("must be at most {HINT_CHARS} printable ASCII characters"));
            }
            let digest = Digest::from_hex(&text.0);
            if digest.is_none() {
                violations.add("sha256", "must be 64 hexadecimal digits");
            }
            let (hint, origin) = (hint.clone(), TokenOrigin::Supplied);
            Some(CheckedKey { key, digest: digest?, hint, origin, field: "sha256" })
        }
    }
}

async fn import(write: &mut Write, (checked, dry_run): (Vec<CheckedKey>, bool)) -> Result<Vec<KeyId>> {
    write.dry_run = dry_run;
    let mut violations = Violations::new();
    let stores = listed_names(&checked, |key| key.stores.selected());
    let stores = check::by_name(&stores, write.tx.store_numbers(&stores)).await?;
    let methods = listed_names(&checked, |key| key.methods.selected());
    let methods = check::by_name(&methods, write.tx.method_numbers(&methods)).await?;

    // Ids of the same time have no order. Sorted, they keep the given order in lists, and storage appends to its
    // indexes instead of writing all over them.
    let now = write.tx.now();
    let mut ids: Vec<KeyId> = checked.iter().map(|_| KeyId::new(now, write.random.bytes())).collect();
    let mut secret_ids: Vec<SecretId> = checked.iter().map(|_| SecretId::new(now, write.random.bytes())).collect();
    ids.sort_unstable();
    secret_ids.sort_unstable();

    let mut new = Vec::with_capacity(checked.len());
    for (at, ((one, id), secret_id)) in checked.iter().zip(&ids).zip(secret_ids).enumerate() {
        let (stores, methods) = violations.within(format_args!("keys[{at}]"), |violations| {
            (
                check::found(violations, "store", one.key.stores.selected(), &stores),
                check::found(violations, "method", one.key.methods.selected(), &methods),
            )
        });
        let secret = NewSecret { id: secret_id, digest: one.digest, hint: one.hint.clone(), origin: one.origin };
        let spec = one.key.clone();
        new.push(NewKey { id: *id, spec, stores, methods, secret, created: now, revoked: None });
    }
    let unknown = !violations.is_empty();
    let digests: Vec<Digest> = checked.iter().map(|one| one.digest).collect();
    for at in write.tx.find_taken_digests(&digests).await? {
        let field = checked.get(at).map_or("token", |one| one.field);
        violations.add(format_args!("keys[{at}].{field}"), "already belongs, or belonged, to a key");
    }
    if unknown {
        return Err(violations.into());
    }
    if !violations.is_empty() {
        return Err(Error::Taken { what: TakenValue::Token, violations });
    }
    if dry_run {
        return Ok(Vec::new());
    }
    write.tx.insert_keys(&new).await?;
    for new in new {
        // Reading back one by one would take minutes for a large import; storage returns the same from now on.
        let key = imported_key(write, new);
        write.record(Action::Import, SubjectKind::Key, &key.id, None, Some(key.image()));
    }
    Ok(ids)
}

/// Returns every name in some key's list, each once.
fn listed_names<'c>(checked: &'c [CheckedKey], list: impl Fn(&'c KeySpec) -> &'c [String]) -> Vec<String> {
    let names: BTreeSet<&String> = checked.iter().flat_map(|one| list(&one.key)).collect();
    names.into_iter().cloned().collect()
}

fn imported_key(write: &Write, new: NewKey) -> Key {
    let secret = Secret {
        id: new.secret.id,
        hint: new.secret.hint,
        origin: new.secret.origin,
        created: new.created,
        expires: None,
        last_used: None,
    };
    Key {
        id: new.id,
        spec: new.spec.sorted(),
        revoked: None,
        secrets: vec![secret],
        created: new.created,
        updated: new.created,
        last_used: None,
        row_revision: write.tx.revision(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::input::{AccessKind, Choice};
    use crate::registry::validate::tests::violations_in;

    fn key(secret: ImportSecret) -> ImportedKey {
        let access = Choice::Is(AccessKind::All);
        let key =
            KeyDraft { name: "old".to_owned(), store_access: access, method_access: access, ..KeyDraft::default() };
        ImportedKey { key, secret, hint: String::new() }
    }

    fn token(text: &str) -> ImportSecret {
        ImportSecret::Token(TokenText(text.to_owned()))
    }

    fn sha256(text: &str) -> ImportSecret {
        ImportSecret::Sha256(TokenText(text.to_owned()))
    }

    fn refused(keys: &[ImportedKey]) -> Vec<String> {
        violations_in(|violations| check_all(violations, keys))
    }

    #[test]
    fn every_bad_key_is_told_by_its_place() {
        let unnamed = ImportedKey { key: KeyDraft { name: String::new(), ..key(token("")).key }, ..key(sha256("zz")) };
        assert_eq!(
            refused(&[key(ImportSecret::None), key(token("short")), unnamed, key(token(&"a".repeat(40)))]),
            [
                "keys[0].token: is required, unless sha256 is set",
                "keys[1].token: the token has 5 characters; the minimum is 32",
                "keys[2].key.name: must not be empty",
                "keys[2].sha256: must be 64 hexadecimal digits",
            ]
        );
    }

    #[test]
    fn a_token_and_its_digest_are_the_same_token() {
        let digest = crate::model::hex::encode(Digest::of("a".repeat(40).as_bytes()).as_bytes());
        assert_eq!(
            refused(&[key(token(&"a".repeat(40))), key(sha256(&digest)), key(sha256(&digest.to_uppercase()))]),
            ["keys[1].sha256: is the same token as in keys[0]", "keys[2].sha256: is the same token as in keys[0]"]
        );
    }

    #[test]
    fn a_hint_stands_beside_a_digest_only() {
        let hinted = |secret, hint: &str| ImportedKey { hint: hint.to_owned(), ..key(secret) };
        let digest = "0".repeat(64);
        assert!(refused(&[hinted(sha256(&digest), "aB3-")]).is_empty());
        assert_eq!(
            refused(&[hinted(sha256(&digest), "12345")])[0],
            "keys[0].hint: must be at most 4 printable ASCII characters"
        );
        assert!(refused(&[hinted(token(&"a".repeat(40)), "aaaa")])[0].starts_with("keys[0].hint: must be empty"));
    }

    #[test]
    fn an_import_has_bounds() {
        assert_eq!(refused(&[]), ["keys: must have at least one entry"]);
        let many = vec![key(ImportSecret::None); MAX_KEYS + 1];
        assert_eq!(refused(&many), ["keys: has 100001 entries; the maximum is 100000"]);
    }
}
