//! Reasons to refuse calls.

/// The reason to refuse a call, in the order of the checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// No token was presented.
    KeyMissing,
    /// The token is malformed.
    KeyMalformed,
    /// No key has this token.
    KeyUnknown,
    /// The key or this token was revoked.
    KeyRevoked,
    /// The key is switched off.
    KeyInactive,
    /// The key's validity has not started.
    KeyNotYetValid,
    /// The key's validity has ended.
    KeyExpired,
    /// This token's overlap after a rotation has ended.
    SecretExpired,
    /// The client's address is outside the key's networks, or unknown.
    NetworkDenied,
    /// No method was named.
    MethodRequired,
    /// The path is ambiguous.
    PathAmbiguous,
    /// The reference book has no such method, and the key's access is too narrow for calls outside it.
    MethodUnknown,
    /// The key has no access to this method.
    MethodDenied,
    /// The call must name a store.
    StoreRequired,
    /// A named store does not exist.
    StoreUnknown,
    /// A named store is switched off.
    StoreInactive,
    /// The key has no access to a named store.
    StoreDenied,
    /// The key selects certain stores, none of which exists and is active: it has no access to anything about stores.
    NoStoreOpen,
    /// Behind a gateway: the key selects certain stores, and the method reads no store, so nothing confines the call to
    /// them.
    MethodReadsNoStore,
}

/// Every reason, in the order of the checks.
pub const REASONS: [Reason; 19] = [
    Reason::KeyMissing,
    Reason::KeyMalformed,
    Reason::KeyUnknown,
    Reason::KeyRevoked,
    Reason::KeyInactive,
    Reason::KeyNotYetValid,
    Reason::KeyExpired,
    Reason::SecretExpired,
    Reason::NetworkDenied,
    Reason::MethodRequired,
    Reason::PathAmbiguous,
    Reason::MethodUnknown,
    Reason::MethodDenied,
    Reason::StoreRequired,
    Reason::StoreUnknown,
    Reason::StoreInactive,
    Reason::StoreDenied,
    Reason::NoStoreOpen,
    Reason::MethodReadsNoStore,
];

/// A set of reasons.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Reasons(u32);

// === impl Reason ===

impl Reason {
    /// Returns the reason as metrics and people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::KeyMissing => "KEY_MISSING",
            Self::KeyMalformed => "KEY_MALFORMED",
            Self::KeyUnknown => "KEY_UNKNOWN",
            Self::KeyRevoked => "KEY_REVOKED",
            Self::KeyInactive => "KEY_INACTIVE",
            Self::KeyNotYetValid => "KEY_NOT_YET_VALID",
            Self::KeyExpired => "KEY_EXPIRED",
            Self::SecretExpired => "SECRET_EXPIRED",
            Self::NetworkDenied => "NETWORK_DENIED",
            Self::MethodRequired => "METHOD_REQUIRED",
            Self::PathAmbiguous => "PATH_AMBIGUOUS",
            Self::MethodUnknown => "METHOD_UNKNOWN",
            Self::MethodDenied => "METHOD_DENIED",
            Self::StoreRequired => "STORE_REQUIRED",
            Self::StoreUnknown => "STORE_UNKNOWN",
            Self::StoreInactive => "STORE_INACTIVE",
            Self::StoreDenied => "STORE_DENIED",
            Self::NoStoreOpen => "NO_STORE_OPEN",
            Self::MethodReadsNoStore => "METHOD_READS_NO_STORE",
        }
    }
}

// === impl Reasons ===

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
        REASONS.into_iter().filter(move |reason| self.contains(*reason))
    }
}
