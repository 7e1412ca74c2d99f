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
    #[error("the header {0} is given more than once")]
    RepeatedHeader(String),
    #[error("the header connection takes {0} away from the service behind; leave it out")]
    HopByHop(String),
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
    #[error("the body is {0}, and a store or key could be in it")]
    Unseen(&'static str),
    #[error("the content-type of the body is not one that is understood here, and a store or key could be in it")]
    ContentType,
    #[error("the multipart body can be read in more than one way: {0}")]
    Multipart(&'static str),
}
