//! Keys and their secrets, as managed.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::change::Revision;
use super::decision::{Reasons, key_status};
use super::grant::Standing;
use super::id::{KeyId, SecretId};
use super::marks::DecisionTime;
use super::time::Timestamp;

/// The most stores that a key may select.
pub const MAX_STORES: usize = 10_000;
/// The most methods that a key may select.
pub const MAX_METHODS: usize = 5_000;
/// The most networks that a key may be limited to.
pub const MAX_NETWORKS: usize = 100;
/// The most labels that a key may have.
pub const MAX_LABELS: usize = 50;

/// The part of a set that a key has access to, and the members if it is not all.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access<T> {
    /// Everything, including members added later.
    All,
    /// Exactly these, sorted and without duplicates; empty grants access to nothing.
    Selected(Vec<T>),
}

/// The user-defined fields of a key, parsed and validated.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
// Images in the audit trail that predate a field lack it.
#[serde(default)]
pub struct KeySpec {
    /// The display name, 1..=200 characters.
    pub name: String,
    /// The person or team responsible for it, at most 200 characters.
    pub owner: String,
    /// The owner's e-mail address, at most 254 characters; empty: none.
    pub contact: String,
    /// A note, at most 2 000 characters.
    pub comment: String,
    /// Whether it is switched on.
    pub active: bool,
    /// The stores it has access to, by code; deleted ones are omitted.
    pub stores: Access<String>,
    /// The methods it has access to, by identity; retired ones are omitted.
    pub methods: Access<String>,
    /// When it becomes valid; `None`: no lower bound.
    pub not_before: Option<Timestamp>,
    /// When it expires; `None`: no upper bound.
    pub expires: Option<Timestamp>,
    /// Networks that calls must come from; empty: from anywhere.
    pub networks: Vec<IpNet>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A key. Serialized as recorded in the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Key {
    /// Its identity.
    pub id: KeyId,
    /// The user-defined fields.
    #[serde(flatten)]
    pub spec: KeySpec,
    /// When and why it was revoked.
    pub revoked: Option<Revocation>,
    /// Its live secrets, the newest first: at most two, and none after revocation.
    pub secrets: Vec<Secret>,
    /// When it was created.
    pub created: Timestamp,
    /// When it or its secrets were last changed.
    #[serde(skip)]
    pub updated: Timestamp,
    /// When a call with it was last allowed, accurate to about a minute.
    #[serde(skip)]
    pub last_used: Option<Timestamp>,
    /// The revision of the last change of it or its secrets.
    #[serde(skip)]
    pub row_revision: Revision,
}

/// When and why a key was revoked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Revocation {
    /// The time of the revocation.
    pub at: Timestamp,
    /// The reason, 1..=500 characters.
    pub reason: String,
}

/// One token of a key, without the token.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Secret {
    /// Its identity.
    pub id: SecretId,
    /// The last characters of the token.
    pub hint: String,
    /// The origin of the token.
    pub origin: TokenOrigin,
    /// When it was created.
    pub created: Timestamp,
    /// When it expires, if before the key.
    pub expires: Option<Timestamp>,
    /// When a call with it was last allowed, accurate to about a minute.
    #[serde(skip)]
    pub last_used: Option<Timestamp>,
}

/// The origin of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenOrigin {
    /// It has the form that Latchkey issues.
    Issued,
    /// It was imported, in another form.
    Supplied,
}

impl<T> Access<T> {
    /// Returns whether this is everything.
    pub const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Returns the selected members; empty if this is everything.
    pub fn selected(&self) -> &[T] {
        match self {
            Self::All => &[],
            Self::Selected(members) => members,
        }
    }
}

impl<T: Ord> Access<T> {
    /// Sorts the selected members.
    pub fn sort(&mut self) {
        if let Self::Selected(members) = self {
            members.sort_unstable();
        }
    }
}

impl Key {
    /// Returns the secrets that are live at `now`: without an expiry of their own, or with one in the future.
    pub fn live_secrets(&self, now: impl Into<DecisionTime>) -> impl Iterator<Item = &Secret> {
        let moment = now.into();
        self.secrets.iter().filter(move |secret| !secret.expires.is_some_and(|expires| moment.is_past(expires)))
    }

    /// Returns the state of the key, apart from time.
    pub const fn standing(&self) -> Standing {
        match (&self.revoked, self.spec.active) {
            (Some(_), _) => Standing::Revoked,
            (None, true) => Standing::Active,
            (None, false) => Standing::Inactive,
        }
    }

    /// Returns the reasons why it is unusable at `now`, by the rule that decides requests; no reason means it is valid.
    pub fn status(&self, now: impl Into<DecisionTime>) -> Reasons {
        key_status(self.standing(), self.spec.not_before, self.spec.expires, now.into())
    }

    /// Returns the key as recorded in the audit trail: everything that is managed, without token, digest or last use.
    pub fn image(&self) -> serde_json::Value {
        serde_json::json!(self)
    }
}

impl KeySpec {
    /// Sorts the lists in byte order, as storage returns them.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.stores.sort();
        self.methods.sort();
        self
    }
}

impl Default for KeySpec {
    /// Returns a key without access to anything.
    fn default() -> Self {
        Self {
            name: String::new(),
            owner: String::new(),
            contact: String::new(),
            comment: String::new(),
            active: true,
            stores: Access::Selected(Vec::new()),
            methods: Access::Selected(Vec::new()),
            not_before: None,
            expires: None,
            networks: Vec::new(),
            labels: BTreeMap::new(),
        }
    }
}
