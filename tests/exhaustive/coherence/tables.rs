//! A small data set: three keys, two stores, two methods; and every kind of change of them. The oracle rebuilds its
//! state from the changes written to the audit trail.

use std::collections::BTreeMap;

use latchkey::model::book::MethodNumber;
use latchkey::model::change::{Cursor, Revision};
use latchkey::model::grant::{Grant, NumberSet, Standing};
use latchkey::model::id::{KeyId, SecretId};
use latchkey::model::method::StoreUse;
use latchkey::model::reference::Method;
use latchkey::model::store::{Store, StoreKind, StoreNumber};
use latchkey::model::time::Timestamp;
use latchkey::model::token::{Digest, Token};
use serde_json::{Value, json};

use helpers::oracle::Change;
use helpers::random::Random;

pub(crate) const KEYS: usize = 3;
/// Maximum number of tokens of a key.
pub(crate) const SECRETS: usize = 3;
const STORES: [&str; 2] = ["a", "b"];
const METHODS: [&str; 2] = ["GET /x", "GET /y"];

/// A key at some revision.
#[derive(Debug, Clone, PartialEq)]
struct Key {
    active: bool,
    revoked: bool,
    deleted: bool,
    all_stores: bool,
    stores: Vec<u32>,
    methods: Option<Vec<u32>>,
    expires: Option<Timestamp>,
    /// For each secret created so far, whether it is live.
    secrets: Vec<bool>,
    row_revision: Revision,
}

/// Everything that is managed, at one revision.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    pub(crate) cursor: Cursor,
    keys: BTreeMap<usize, Key>,
    pub(crate) stores: Vec<Store>,
    pub(crate) methods: Vec<Method>,
    numbers: u32,
}

/// Tables that a restore brings late.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct DelayedTables {
    pub(crate) secrets: bool,
    pub(crate) stores: bool,
    pub(crate) methods: bool,
}

/// A committed write.
#[derive(Debug, Clone)]
pub(crate) struct Committed {
    pub(crate) tables: Tables,
    /// Kind, id and action of the changed objects.
    pub(crate) subjects: Vec<(&'static str, String, &'static str)>,
    /// Numbers of the changed keys.
    pub(crate) keys: Vec<usize>,
    pub(crate) changes: Vec<Change>,
    /// Whether there are more subjects than a poll lists one by one.
    pub(crate) huge: bool,
}

/// A change to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Action {
    /// Creates the key if it does not exist, else switches it on or off.
    Switch(usize),
    Revoke(usize),
    Delete(usize),
    /// Grants access to all stores or one.
    Stores(usize),
    /// Grants access to all methods or one.
    Methods(usize),
    /// Ends its live secrets; generates another.
    Rotate(usize),
    /// Ends its newest secret.
    EndSecret(usize),
    /// Sets its expiry to soon.
    Expire(usize),
    /// Sets its expiry to half a minute from now.
    ExpireLater(usize),
    /// Creates the store, or switches it on or off.
    Store(usize),
    DeleteStore(usize),
    /// Creates the method, or retires it.
    Method(usize),
    /// A change that only a later version knows.
    Unknown,
}

pub(crate) fn key_id(key: usize) -> KeyId {
    KeyId::new(Timestamp::EPOCH, [u8::try_from(key).expect("small"); 10])
}

pub(crate) fn secret_id(key: usize, secret: usize) -> SecretId {
    SecretId::new(Timestamp::EPOCH, [u8::try_from(key * SECRETS + secret).expect("small"); 10])
}

pub(crate) fn token(key: usize, secret: usize) -> Token {
    Token::issue([u8::try_from(1 + key * SECRETS + secret).expect("small"); 32])
}

impl Action {
    /// Draws an action: mostly about keys.
    pub(crate) fn random(random: &mut Random) -> Self {
        let key = random.below(KEYS);
        match random.below(22) {
            0..=4 => Self::Switch(key),
            5 => Self::Revoke(key),
            6 => Self::Delete(key),
            7..=9 => Self::Stores(key),
            10..=12 => Self::Methods(key),
            13..=14 => Self::Rotate(key),
            15 => Self::EndSecret(key),
            16 => Self::Expire(key),
            17..=18 => Self::Store(random.below(STORES.len())),
            19 => Self::DeleteStore(random.below(STORES.len())),
            20 => Self::Method(random.below(METHODS.len())),
            _ => Self::Unknown,
        }
    }
}

impl Tables {
    /// Returns empty storage.
    pub(crate) fn empty() -> Self {
        Self { cursor: Cursor::default(), keys: BTreeMap::new(), stores: Vec::new(), methods: Vec::new(), numbers: 0 }
    }

    /// Returns the last number of a store or method.
    pub(crate) fn last_number(&self) -> u32 {
        self.numbers
    }

    /// Returns the tables without those that a restore has not brought yet, which have numbers up to `through`.
    pub(crate) fn without(&self, late: DelayedTables, through: u32) -> Self {
        let mut tables = self.clone();
        if late.secrets {
            tables.keys.values_mut().for_each(|key| key.secrets.clear());
        }
        if late.stores {
            tables.stores.retain(|store| store.number.0 > through);
        }
        if late.methods {
            tables.methods.retain(|method| method.number.0 > through);
        }
        tables
    }

    /// Switches a key on or off, like a manual write to the database: no revision, no change.
    pub(crate) fn tamper(&mut self, key: usize) {
        let key = self.keys.get_mut(&key).expect("there is such a key");
        key.active = !key.active;
    }

    /// Returns the grant of a token, if it belongs to any secret, past or present.
    pub(crate) fn grant(&self, digest: &Digest) -> Option<Grant> {
        for (number, key) in &self.keys {
            for (secret, live) in key.secrets.iter().enumerate() {
                if token(*number, secret).digest() == *digest {
                    return Some(key.grant(*number, secret, *live));
                }
            }
        }
        None
    }

    /// Returns the digests of all secrets that these keys ever had.
    pub(crate) fn digests(&self, keys: impl Fn(usize) -> bool) -> Vec<Digest> {
        let of_key = |(number, key): (&usize, &Key)| {
            let number = *number;
            (0..key.secrets.len()).map(move |secret| token(number, secret).digest())
        };
        self.keys.iter().filter(|(number, _)| keys(**number)).flat_map(of_key).collect()
    }

    /// Makes a change at the next revision; returns `None` if there is nothing to change.
    pub(crate) fn commit(&self, nonce: u64, now: Timestamp, action: Action, huge: bool) -> Option<Committed> {
        let mut tables = self.clone();
        tables.cursor = Cursor { revision: self.cursor.revision.next(), nonce };
        let (kind, subject, key, after) = match action {
            Action::Store(at) => ("store", STORES[at].to_owned(), None, Some(tables.switch_store(at))),
            Action::DeleteStore(at) => {
                tables.stores.remove(self.stores.iter().position(|store| store.code.as_str() == STORES[at])?);
                ("store", STORES[at].to_owned(), None, None)
            }
            Action::Method(at) => ("method", METHODS[at].to_owned(), None, tables.switch_method(at)),
            Action::Unknown => ("wish", "of a later version".to_owned(), None, Some(json!({}))),
            Action::Switch(key)
            | Action::Revoke(key)
            | Action::Delete(key)
            | Action::Stores(key)
            | Action::Methods(key)
            | Action::Rotate(key)
            | Action::EndSecret(key)
            | Action::Expire(key)
            | Action::ExpireLater(key) => {
                let image = tables.change_key(key, action, now)?;
                ("key", key_id(key).to_string(), Some(key), image)
            }
        };
        let act = if matches!(action, Action::Delete(_) | Action::DeleteStore(_)) { "delete" } else { "update" };
        let revision = tables.cursor.revision.0;
        let change = Change { revision, ordinal: 0, kind: kind.to_owned(), subject: subject.clone(), after };
        Some(Committed {
            tables,
            subjects: vec![(kind, subject, act)],
            keys: key.into_iter().collect(),
            changes: vec![change],
            huge,
        })
    }

    fn number(&mut self) -> u32 {
        self.numbers += 1;
        self.numbers
    }

    fn switch_store(&mut self, at: usize) -> Value {
        let revision = self.cursor.revision;
        if let Some(store) = self.stores.iter_mut().find(|store| store.code.as_str() == STORES[at]) {
            store.active = !store.active;
            store.row_revision = revision;
            return store.image();
        }
        let store = Store {
            number: StoreNumber(self.number()),
            code: STORES[at].parse().expect("a code"),
            name: STORES[at].to_owned(),
            kind: StoreKind::Site,
            platform: String::new(),
            hosts: Vec::new(),
            active: true,
            created: Timestamp::EPOCH,
            updated: Timestamp::EPOCH,
            row_revision: revision,
        };
        let image = store.image();
        self.stores.push(store);
        image
    }

    fn switch_method(&mut self, at: usize) -> Option<Value> {
        let revision = self.cursor.revision;
        let live = |method: &&mut Method| method.retired.is_none() && method.identity.to_string() == METHODS[at];
        if let Some(method) = self.methods.iter_mut().find(live) {
            method.retired = Some(revision);
            return None;
        }
        let method = Method {
            number: MethodNumber(self.number()),
            identity: METHODS[at].parse().expect("an identity"),
            block: "b".into(),
            summary: "s".into(),
            description: String::new(),
            store_use: if at == 0 { StoreUse::Optional } else { StoreUse::Required },
            store_places: Vec::new(),
            scope: None,
            position: 0,
            retired: None,
            created: Timestamp::EPOCH,
            updated: Timestamp::EPOCH,
            row_revision: revision,
        };
        let image = method.image();
        self.methods.push(method);
        Some(image)
    }

    /// Returns `None` if there is nothing to change; else the image after it, which is `None` if the key is gone.
    #[expect(clippy::option_option, reason = "no change is another thing than no image")]
    fn change_key(&mut self, number: usize, action: Action, now: Timestamp) -> Option<Option<Value>> {
        let store = self.stores.first().map(|store| store.number.0);
        let method = self.methods.iter().find(|method| method.retired.is_none()).map(|method| method.number.0);
        let revision = self.cursor.revision;
        let Some(key) = self.keys.get_mut(&number).filter(|key| !key.deleted) else {
            let fresh = action == Action::Switch(number) && !self.keys.contains_key(&number);
            let key = Key {
                active: true,
                revoked: false,
                deleted: false,
                all_stores: number == 0,
                stores: store.into_iter().collect(),
                methods: None,
                expires: None,
                secrets: vec![true],
                row_revision: revision,
            };
            return fresh.then(|| {
                self.keys.insert(number, key);
                Some(self.image(number))
            });
        };
        key.row_revision = revision;
        match action {
            _ if key.revoked && !matches!(action, Action::Delete(_)) => return None,
            Action::Switch(_) => key.active = !key.active,
            Action::Revoke(_) => {
                key.revoked = true;
                key.secrets.fill(false);
            }
            Action::Delete(_) => {
                key.deleted = true;
                key.secrets.fill(false);
                return Some(None);
            }
            Action::Stores(_) => {
                key.all_stores = !key.all_stores;
                key.stores = store.into_iter().collect();
            }
            Action::Methods(_) => key.methods = key.methods.is_none().then(|| method.into_iter().collect()),
            Action::Rotate(_) if key.secrets.len() == SECRETS => return None,
            Action::Rotate(_) => {
                key.secrets.fill(false);
                key.secrets.push(true);
            }
            Action::EndSecret(_) => *key.secrets.last_mut()? = false,
            Action::Expire(_) => key.expires = Some(now.plus(std::time::Duration::from_millis(700))),
            Action::ExpireLater(_) => key.expires = Some(now.plus(std::time::Duration::from_secs(30))),
            _ => return None,
        }
        Some(Some(self.image(number)))
    }

    fn image(&self, number: usize) -> Value {
        let key = &self.keys[&number];
        let selected = |all: bool, members: Vec<String>| if all { json!("all") } else { json!({"selected": members}) };
        let stores = self.stores.iter().filter(|store| key.stores.contains(&store.number.0));
        let methods = self.methods.iter().filter(|method| {
            method.retired.is_none() && key.methods.as_ref().is_some_and(|all| all.contains(&method.number.0))
        });
        let secrets: Vec<_> = (0..key.secrets.len())
            .filter(|secret| key.secrets[*secret])
            .map(|secret| json!({"id": secret_id(number, secret), "expires": null}))
            .collect();
        json!({
            "active": key.active, "revoked": key.revoked.then_some("yes"), "not_before": null, "expires": key.expires,
            "stores": selected(key.all_stores, stores.map(|store| store.code.to_string()).collect()),
            "methods": selected(key.methods.is_none(), methods.map(|method| method.identity.to_string()).collect()),
            "networks": [], "secrets": secrets,
        })
    }
}

impl Key {
    fn grant(&self, number: usize, secret: usize, live: bool) -> Grant {
        let standing = match self {
            Self { deleted: true, .. } => Standing::Deleted,
            Self { revoked: true, .. } => Standing::Revoked,
            _ if !live => Standing::Revoked,
            Self { active: true, .. } => Standing::Active,
            _ => Standing::Inactive,
        };
        Grant {
            key: key_id(number),
            secret: secret_id(number, secret),
            name: "key".into(),
            standing,
            not_before: None,
            expires: self.expires,
            secret_expires: None,
            networks: Box::default(),
            stores: if self.all_stores {
                NumberSet::All
            } else {
                NumberSet::selected(self.stores.iter().map(|number| StoreNumber(*number)).collect())
            },
            methods: self.methods.as_ref().map_or(NumberSet::All, |numbers| {
                NumberSet::selected(numbers.iter().map(|number| MethodNumber(*number)).collect())
            }),
            row_revision: self.row_revision,
        }
    }
}
