//! Faults: reasons to refuse a request before its key is checked, because services may read it in different ways, or
//! because it could not be inspected completely.

use thiserror::Error;

/// What is wrong with a request. The messages go to the key's holder and name parts of the request, never values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    #[error("the header {0} overrides the path or method of the request; send the intended request directly")]
    Override(String),
    #[error("the parameter {0} overrides the method of the request; send the intended request directly")]
    OverrideParameter(String),
    #[error("the {found} can be mistaken for {expected}; write {expected}")]
    Spelling { found: String, expected: String },
    #[error("the header authorization has something before the bearer token; send only `Bearer` and the key")]
    Authorization,
    #[error("the {0} occurs more than once")]
    Repeated(String),
    #[error(
        "the header connection would remove {0} from the request; it may only contain close, keep-alive, upgrade or te"
    )]
    HopByHop(String),
    #[error("the host must be a name or an address, optionally followed by a colon and a port number")]
    Host,
    #[error("the request contains two different keys")]
    KeysDiffer,
    #[error("the parameter {0}, which holds the key, must be text")]
    KeyNotText(String),
    #[error("the {0} and a parent of it both occur")]
    Overlapping(String),
    #[error("the {0} has more than {1} parameters; send fewer")]
    TooMany(&'static str, usize),
    #[error("the {0} has a value that cannot be decoded")]
    Undecodable(String),
    #[error("the parameter {name} must be {value}")]
    Fixed { name: String, value: String },
    #[error("{0} contains ambiguous JSON")]
    Json(String),
    #[error("{0} must contain the code of a store")]
    NotACode(String),
    #[error("the request names more than {} stores; split it", super::locations::MAX_STORES)]
    TooManyStores,
    #[error("the cookie {found} can be mistaken for the parameter {expected}; remove it")]
    Cookie { found: String, expected: String },
    #[error("the {0} would change the prototype of JavaScript objects; remove it")]
    Inherits(String),
    #[error("the body is {0}, so it could name a store or another method unseen; this key requires a readable body")]
    BodyNotInspected(&'static str),
    #[error(
        "services interpret a body of this content-type in different ways, so it could name a store or another method \
         unseen; send application/x-www-form-urlencoded, multipart/form-data or application/json, with no parameters \
         other than boundary and charset=utf-8, or a file as application/octet-stream"
    )]
    ContentType,
    #[error("the multipart body is ambiguous: {0}")]
    Multipart(&'static str),
    #[error(
        "the request contains bytes that the proxy cannot forward together with the headers or parameters it must add"
    )]
    NotSendable,
}

/// The kinds of faults: labels for metrics and logs.
pub(crate) const KINDS: [&str; 17] = [
    "OVERRIDE",
    "COOKIE",
    "INHERITS",
    "SPELLING",
    "REPEATED",
    "HOP_BY_HOP",
    "HOST",
    "KEYS_DIFFER",
    "TOO_MANY",
    "UNDECODABLE",
    "FIXED",
    "JSON",
    "NOT_A_CODE",
    "BODY_UNSEEN",
    "CONTENT_TYPE",
    "MULTIPART",
    NOT_SENDABLE,
];

/// The kind of a request that the proxy could not forward as it was decided about: no fault of the request by itself.
pub(crate) const NOT_SENDABLE: &str = "NOT_SENDABLE";

impl Fault {
    /// Returns the kind, one of [`KINDS`].
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Override(_) | Self::OverrideParameter(_) => "OVERRIDE",
            Self::Authorization | Self::Spelling { .. } => "SPELLING",
            Self::Repeated(_) | Self::Overlapping(_) => "REPEATED",
            Self::HopByHop(_) => "HOP_BY_HOP",
            Self::Host => "HOST",
            Self::KeysDiffer | Self::KeyNotText(_) => "KEYS_DIFFER",
            Self::TooMany(..) | Self::TooManyStores => "TOO_MANY",
            Self::Cookie { .. } => "COOKIE",
            Self::Inherits(_) => "INHERITS",
            Self::Undecodable(_) => "UNDECODABLE",
            Self::Fixed { .. } => "FIXED",
            Self::Json(_) => "JSON",
            Self::NotACode(_) => "NOT_A_CODE",
            Self::BodyNotInspected(_) => "BODY_UNSEEN",
            Self::ContentType => "CONTENT_TYPE",
            Self::Multipart(_) => "MULTIPART",
            Self::NotSendable => NOT_SENDABLE,
        }
    }
}
