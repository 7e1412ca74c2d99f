//! Reasons to refuse calls.

use super::super::text::named;

named! {
    /// The reason to refuse a call, in the order of the checks, by its name in metrics and for people.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
    #[repr(u8)]
    pub enum Reason {
        /// No token was presented.
        KeyMissing = "KEY_MISSING",
        /// The token is malformed.
        KeyMalformed = "KEY_MALFORMED",
        /// No key has this token.
        KeyUnknown = "KEY_UNKNOWN",
        /// The key or this token was revoked.
        KeyRevoked = "KEY_REVOKED",
        /// The key is switched off.
        KeyInactive = "KEY_INACTIVE",
        /// The key's validity has not started.
        KeyNotYetValid = "KEY_NOT_YET_VALID",
        /// The key's validity has ended.
        KeyExpired = "KEY_EXPIRED",
        /// This token's overlap after a rotation has ended.
        SecretExpired = "SECRET_EXPIRED",
        /// The client's address is outside the key's networks, or unknown.
        NetworkDenied = "NETWORK_DENIED",
        /// No method was named.
        MethodRequired = "METHOD_REQUIRED",
        /// The path is ambiguous.
        PathAmbiguous = "PATH_AMBIGUOUS",
        /// The reference book has no such method, and the key's access is too narrow for calls outside it.
        MethodUnknown = "METHOD_UNKNOWN",
        /// The key has no access to this method.
        MethodDenied = "METHOD_DENIED",
        /// The call must name a store.
        StoreRequired = "STORE_REQUIRED",
        /// A named store does not exist.
        StoreUnknown = "STORE_UNKNOWN",
        /// A named store is switched off.
        StoreInactive = "STORE_INACTIVE",
        /// The key has no access to a named store.
        StoreDenied = "STORE_DENIED",
        /// The key selects certain stores, none of which exists and is active: it has no access to anything about
        /// stores.
        NoStoreOpen = "NO_STORE_OPEN",
        /// Behind a gateway: the key selects certain stores, and the method reads no store, so nothing confines the
        /// call to them.
        MethodReadsNoStore = "METHOD_READS_NO_STORE",
    }
}

/// A set of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Reasons(u32);

impl Reasons {
    /// Returns the set of one reason.
    pub const fn only(reason: Reason) -> Self {
        Self(1 << reason as u8)
    }

    /// Adds a reason.
    pub const fn add(&mut self, reason: Reason) {
        self.0 |= 1 << reason as u8;
    }

    /// Returns whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns whether `reason` is in the set.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & (1 << reason as u8) != 0
    }

    /// Returns the first reason, in the order of the checks.
    pub fn first(self) -> Option<Reason> {
        self.iter().next()
    }

    /// Returns all reasons, in the order of the checks.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        Reason::ALL.into_iter().filter(move |reason| self.contains(*reason))
    }
}
