//! Why calls are refused.

/// Why a call is refused, in the order that the checks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Reason {
    /// No token was presented.
    KeyMissing,
    /// The token cannot be one.
    KeyMalformed,
    /// No key has this token.
    KeyUnknown,
    /// The key or this token of it was revoked.
    KeyRevoked,
    /// The key is switched off.
    KeyInactive,
    /// The key's validity has not begun.
    KeyNotYetValid,
    /// The key's validity is over.
    KeyExpired,
    /// This token's overlap after a rotation is over.
    SecretExpired,
    /// The client's address is outside the key's networks, or unknown.
    NetworkDenied,
    /// No method was named.
    MethodRequired,
    /// The path can be read in more than one way.
    PathAmbiguous,
    /// The reference book has no such method, and the key is not open enough for calls outside it.
    MethodUnknown,
    /// The key does not open this method.
    MethodDenied,
    /// A store must be named.
    StoreRequired,
    /// A store named does not exist.
    StoreUnknown,
    /// A store named is switched off.
    StoreInactive,
    /// The key does not open a store named.
    StoreDenied,
    /// The key is for certain stores, and none of them exists and is active: it opens nothing that is about stores.
    NoStoreOpen,
    /// Behind a gateway: the key is for certain stores, and the method reads no store, so that nothing keeps the call
    /// within them.
    MethodReadsNoStore,
}

/// Every reason, in the order that the checks are made.
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
    /// The reason as metrics and people write it.
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
    /// The set of one reason.
    pub const fn only(reason: Reason) -> Self {
        Self(1 << reason as u8)
    }

    /// Adds a reason.
    pub const fn add(&mut self, reason: Reason) {
        self.0 |= 1 << reason as u8;
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether `reason` is among them.
    pub const fn contains(self, reason: Reason) -> bool {
        self.0 & (1 << reason as u8) != 0
    }

    /// The first, in the order that the checks are made.
    pub fn first(self) -> Option<Reason> {
        self.iter().next()
    }

    /// All, in the order that the checks are made.
    pub fn iter(self) -> impl Iterator<Item = Reason> {
        REASONS.into_iter().filter(move |reason| self.contains(*reason))
    }
}
