//! Keys and their secrets, as they are managed.

use std::collections::BTreeMap;

use ipnet::IpNet;

use super::change::Revision;
use super::decision::{Reasons, key_status};
use super::grant::Standing;
use super::id::{KeyId, SecretId};
use super::marks::Moment;
use super::time::Timestamp;

/// Most stores that a key may select.
pub const MAX_STORES: usize = 10_000;
/// Most methods that a key may select.
pub const MAX_METHODS: usize = 5_000;
/// Most networks that a key may be limited to.
pub const MAX_NETWORKS: usize = 100;
/// Most labels that a key may carry.
pub const MAX_LABELS: usize = 50;

/// How much of a set a key opens, and which members when not all.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Access<T> {
    /// Everything, and also what is added later.
    All,
    /// Exactly these, sorted and each once; empty opens nothing.
    Selected(Vec<T>),
}

/// What people set of a key, parsed and within the rules.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
// Images in the audit trail that were written before a field existed lack it.
#[serde(default)]
pub struct KeySpec {
    /// For people, 1..=200 characters.
    pub name: String,
    /// Who is responsible for it, at most 200 characters.
    pub owner: String,
    /// The owner's e-mail address, at most 254 characters; empty: none.
    pub contact: String,
    /// A note, at most 2 000 characters.
    pub comment: String,
    /// Whether it is switched on.
    pub active: bool,
    /// The stores it opens, by code; deleted ones are left out.
    pub stores: Access<String>,
    /// The methods it opens, by identity; retired ones are left out.
    pub methods: Access<String>,
    /// From when on it is valid; `None`: no lower bound.
    pub not_before: Option<Timestamp>,
    /// Until when it is valid; `None`: no upper bound.
    pub expires: Option<Timestamp>,
    /// Networks that calls must come from; empty: from anywhere.
    pub networks: Vec<IpNet>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
}

/// A key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Its identity.
    pub id: KeyId,
    /// What people set of it.
    pub spec: KeySpec,
    /// When and why it was revoked.
    pub revoked: Option<Revocation>,
    /// Its live secrets, the newest first: at most two, and none once it is revoked.
    pub secrets: Vec<Secret>,
    /// When it was made.
    pub created: Timestamp,
    /// When it or its secrets were last changed.
    pub updated: Timestamp,
    /// When it was last allowed something, within about a minute.
    pub last_used: Option<Timestamp>,
    /// The revision of the last change of it or its secrets.
    pub row_revision: Revision,
}

/// When and why a key was revoked.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Revocation {
    /// When.
    pub at: Timestamp,
    /// Why, 1..=500 characters.
    pub reason: String,
}

/// One token of a key, without the token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Secret {
    /// Its identity.
    pub id: SecretId,
    /// The last characters of the token.
    pub hint: String,
    /// Where the token came from.
    pub origin: Origin,
    /// When it was made.
    pub created: Timestamp,
    /// When it ends, if before the key.
    pub expires: Option<Timestamp>,
    /// When it was last presented and allowed something, within about a minute.
    pub last_used: Option<Timestamp>,
}

/// Where a token came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// It has the form that Latchkey issues.
    Issued,
    /// It was brought along, in a form of its own.
    Supplied,
}

impl<T> Access<T> {
    /// Whether it is everything.
    pub const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// The members selected; none when it is everything.
    pub fn selected(&self) -> &[T] {
        match self {
            Self::All => &[],
            Self::Selected(members) => members,
        }
    }
}

impl<T: Ord> Access<T> {
    /// Sorts the members selected.
    pub fn sort(&mut self) {
        if let Self::Selected(members) = self {
            members.sort_unstable();
        }
    }
}

impl Key {
    /// Whether `secret` counts as live at `now`: it has no end of its own, or one still to come.
    pub fn live_secrets(&self, now: impl Into<Moment>) -> impl Iterator<Item = &Secret> {
        let moment = now.into();
        self.secrets.iter().filter(move |secret| !secret.expires.is_some_and(|expires| moment.is_past(expires)))
    }

    /// How it stands, leaving time aside.
    pub const fn standing(&self) -> Standing {
        match (&self.revoked, self.spec.active) {
            (Some(_), _) => Standing::Revoked,
            (None, true) => Standing::Active,
            (None, false) => Standing::Inactive,
        }
    }

    /// What makes it unusable at `now`, by the rule that decides requests; no reason: it is valid.
    pub fn status(&self, now: impl Into<Moment>) -> Reasons {
        key_status(self.standing(), self.spec.not_before, self.spec.expires, now.into())
    }

    /// The key as the audit trail keeps it: everything that is managed, neither token nor digest, no last use.
    pub fn image(&self) -> serde_json::Value {
        let secrets: Vec<_> = self
            .secrets
            .iter()
            .map(|secret| {
                serde_json::json!({
                    "id": secret.id, "hint": secret.hint, "origin": secret.origin,
                    "created": secret.created, "expires": secret.expires,
                })
            })
            .collect();
        let mut image = serde_json::json!(self.spec);
        for (field, value) in [
            ("id", serde_json::json!(self.id)),
            ("revoked", serde_json::json!(self.revoked)),
            ("secrets", secrets.into()),
            ("created", serde_json::json!(self.created)),
        ] {
            image[field] = value;
        }
        image
    }
}

impl KeySpec {
    /// The lists in byte order, as storage returns them.
    #[must_use]
    pub fn sorted(mut self) -> Self {
        self.stores.sort();
        self.methods.sort();
        self
    }
}

impl Default for KeySpec {
    /// A key that opens nothing.
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
