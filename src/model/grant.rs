//! Grants: a secret and its key, compiled for decisions.

use std::net::IpAddr;

use ipnet::IpNet;

use super::book::MethodNumber;
use super::change::Revision;
use super::id::{KeyId, SecretId};
use super::store::StoreNumber;
use super::time::Timestamp;

/// A secret and its key, compiled for decisions. It refers to stores and methods by number. Numbers are never reused: a
/// deleted one stays in the lists and grants access to nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The key.
    pub key: KeyId,
    /// The secret presented.
    pub secret: SecretId,
    /// The key's name, for introspection.
    pub name: Box<str>,
    /// The state of the key.
    pub standing: Standing,
    /// When the key becomes valid.
    pub not_before: Option<Timestamp>,
    /// When the key expires.
    pub expires: Option<Timestamp>,
    /// When this secret expires, if before the key.
    pub secret_expires: Option<Timestamp>,
    /// Networks that calls must come from; empty: from anywhere.
    pub networks: Box<[IpNet]>,
    /// The stores it has access to.
    pub stores: NumberSet<StoreNumber>,
    /// The methods it has access to.
    pub methods: NumberSet<MethodNumber>,
    /// The revision of the last change of the key or its secrets.
    pub row_revision: Revision,
}

/// The state of a key, apart from time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// Switched on.
    Active,
    /// Switched off.
    Inactive,
    /// The key, or the secret presented, was revoked.
    Revoked,
    /// Deleted: unknown to callers.
    Deleted,
}

/// The part of a set that a grant has access to, by numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NumberSet<N> {
    /// Everything, including members added later.
    All,
    /// Exactly these, ascending and without duplicates.
    Selected(Box<[N]>),
}

impl<N: Ord + Copy> NumberSet<N> {
    /// Selects exactly `numbers`, in any order.
    pub fn selected(mut numbers: Vec<N>) -> Self {
        numbers.sort_unstable();
        numbers.dedup();
        Self::Selected(numbers.into())
    }

    /// Returns whether this is everything.
    pub const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Returns whether `number` is included.
    pub fn contains(&self, number: N) -> bool {
        match self {
            Self::All => true,
            Self::Selected(numbers) => numbers.binary_search(&number).is_ok(),
        }
    }
}

impl Grant {
    /// Creates a grant with access to everything at any time.
    #[cfg(test)]
    pub(crate) fn to_everything() -> Self {
        Self {
            key: KeyId::new(Timestamp::EPOCH, [1; 10]),
            secret: SecretId::new(Timestamp::EPOCH, [2; 10]),
            name: "key".into(),
            standing: Standing::Active,
            not_before: None,
            expires: None,
            secret_expires: None,
            networks: Box::default(),
            stores: NumberSet::All,
            methods: NumberSet::All,
            row_revision: Revision(1),
        }
    }

    /// Returns whether `address` is within the grant's networks. An unknown address is within none.
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        if self.networks.is_empty() {
            return true;
        }
        // An IPv4 client on a dual-stack socket is the same client.
        address.is_some_and(|address| {
            let address = address.to_canonical();
            self.networks.iter().any(|network| network.contains(&address))
        })
    }
}
