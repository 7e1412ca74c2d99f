//! Faults: why a request is refused before anybody asks what its key may do, because services may read it in different
//! ways, or because it could not be seen whole.

use thiserror::Error;

/// What is wrong with a request. The messages go to the key's holder and name parts of the request, never values.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum Fault {
    #[error("the header {0} asks for another path or method than the request's own; send the request that is meant")]
    Override(String),
    #[error("the parameter {0} asks for another method than the request's own; send the request that is meant")]
    OverrideParameter(String),
    #[error("the header {found} can be read as {expected}; write {expected}")]
    HeaderSpelling { found: String, expected: String },
    #[error("the header authorization holds a bearer token behind something else; send `Bearer` and the key alone")]
    Authorization,
    #[error("the header {0} is given more than once")]
    RepeatedHeader(String),
    #[error(
        "the header connection takes {0} away from the service behind; send only close, keep-alive, upgrade or te in it"
    )]
    HopByHop(String),
    #[error("the host must be a name or an address, followed by nothing but a colon and the number of a port")]
    Host,
    #[error("the key is given twice, and differently")]
    KeysDiffer,
    #[error("the {location} parameter {found} can be read as {expected}; write {expected}")]
    Spelling { location: &'static str, found: String, expected: String },
    #[error("the {location} parameter {name} is given more than once")]
    Repeated { location: &'static str, name: String },
    #[error("the {location} parameter {name} and one above it are both given")]
    Overlapping { location: &'static str, name: String },
    #[error("the {0} has too many parameters")]
    TooMany(&'static str),
    #[error("the {location} parameter {name} has a value that cannot be decoded")]
    Undecodable { location: &'static str, name: String },
    #[error("the parameter {name} may only be {value}")]
    Fixed { name: String, value: String },
    #[error("{0} holds JSON that cannot be read in only one way")]
    Json(String),
    #[error("{0} is where a store's code belongs, and holds something else")]
    NotACode(String),
    #[error("the request names more than {} stores; send it in parts", super::places::MAX_STORES)]
    TooManyStores,
    #[error("the cookie {found} can be read as the parameter {expected}; leave it out")]
    Cookie { found: String, expected: String },
    #[error("the {location} parameter {name} changes what objects of JavaScript inherit; leave it out")]
    Inherits { location: &'static str, name: String },
    #[error(
        "the body is {0}, and a store or another method could be named in it; this key needs a body that can be read"
    )]
    Unseen(&'static str),
    #[error(
        "services read a body of this content-type in different ways, and a store or another method could be named in \
         it; send application/x-www-form-urlencoded, multipart/form-data or application/json, each without parameters \
         but boundary and charset=utf-8, or a file as application/octet-stream"
    )]
    ContentType,
    #[error("the multipart body can be read in more than one way: {0}")]
    Multipart(&'static str),
    #[error("the request has bytes that the proxy could not send on together with what must be added to it")]
    NotSendable,
}

/// What kinds of faults there are: words for metrics and logs.
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

/// The kind of what a proxy could not send on as it was decided about: no fault of a request by itself.
pub(crate) const NOT_SENDABLE: &str = "NOT_SENDABLE";

impl Fault {
    /// Its kind, one of [`KINDS`].
    pub(crate) const fn kind(&self) -> &'static str {
        match self {
            Self::Override(_) | Self::OverrideParameter(_) => "OVERRIDE",
            Self::HeaderSpelling { .. } | Self::Authorization | Self::Spelling { .. } => "SPELLING",
            Self::RepeatedHeader(_) | Self::Repeated { .. } | Self::Overlapping { .. } => "REPEATED",
            Self::HopByHop(_) => "HOP_BY_HOP",
            Self::Host => "HOST",
            Self::KeysDiffer => "KEYS_DIFFER",
            Self::TooMany(_) | Self::TooManyStores => "TOO_MANY",
            Self::Cookie { .. } => "COOKIE",
            Self::Inherits { .. } => "INHERITS",
            Self::Undecodable { .. } => "UNDECODABLE",
            Self::Fixed { .. } => "FIXED",
            Self::Json(_) => "JSON",
            Self::NotACode(_) => "NOT_A_CODE",
            Self::Unseen(_) => "BODY_UNSEEN",
            Self::ContentType => "CONTENT_TYPE",
            Self::Multipart(_) => "MULTIPART",
            Self::NotSendable => NOT_SENDABLE,
        }
    }
}
