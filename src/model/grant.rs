//! Grants: a secret and its key, compiled for deciding.

use std::net::IpAddr;

use ipnet::IpNet;

use super::book::MethodNumber;
use super::change::Revision;
use super::id::{KeyId, SecretId};
use super::store::StoreNumber;
use super::time::Timestamp;

/// A secret and its key, compiled for deciding. Stores and methods are held by their numbers, which are never given to
/// others: what was deleted stays in the lists and opens nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The key.
    pub key: KeyId,
    /// The secret presented.
    pub secret: SecretId,
    /// The key's name, for whoever introspects it.
    pub name: Box<str>,
    /// How the key stands.
    pub standing: Standing,
    /// From when on the key is good.
    pub not_before: Option<Timestamp>,
    /// Until when the key is good.
    pub expires: Option<Timestamp>,
    /// Until when this secret is good, if it ends before the key.
    pub secret_expires: Option<Timestamp>,
    /// Networks that calls must come from; empty: from anywhere.
    pub networks: Box<[IpNet]>,
    /// The stores it opens.
    pub stores: Members<StoreNumber>,
    /// The methods it opens.
    pub methods: Members<MethodNumber>,
    /// The revision of the last change of the key or its secrets.
    pub row_revision: Revision,
}

/// How a key stands, apart from time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Standing {
    /// It is switched on.
    Active,
    /// It is switched off.
    Inactive,
    /// It, or the secret presented, was revoked.
    Revoked,
    /// It was deleted: to callers it is unknown.
    Deleted,
}

/// How much of a set a grant opens, by numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Members<N> {
    /// Everything, and also what is added later.
    All,
    /// Exactly these, ascending and each once.
    Selected(Box<[N]>),
}

impl<N: Ord + Copy> Members<N> {
    /// Exactly `numbers`, in any order.
    pub fn selected(mut numbers: Vec<N>) -> Self {
        numbers.sort_unstable();
        numbers.dedup();
        Self::Selected(numbers.into())
    }

    /// Whether it is everything.
    pub const fn is_all(&self) -> bool {
        matches!(self, Self::All)
    }

    /// Whether it opens `number`.
    pub fn contains(&self, number: N) -> bool {
        match self {
            Self::All => true,
            Self::Selected(numbers) => numbers.binary_search(&number).is_ok(),
        }
    }
}

impl Grant {
    /// Whether a call from `address` is within the grant's networks. An unknown address is within none.
    pub fn admits(&self, address: Option<IpAddr>) -> bool {
        if self.networks.is_empty() {
            return true;
        }
        // An IPv4 client that reached a dual-stack socket is the same client.
        address.is_some_and(|address| {
            let address = address.to_canonical();
            self.networks.iter().any(|network| network.contains(&address))
        })
    }
}
