//! Outcomes of requests.

use std::borrow::Cow;
use std::sync::Arc;

use super::request::split_once;
use crate::model::id::KeyId;

/// The outcome of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is allowed, with these changes.
    Allow(Allow),
    /// It is refused with this response.
    Refuse(ClientResponse),
    /// Latchkey itself answers it with this response.
    Answer(ClientResponse),
}

/// How to forward an allowed request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// Headers to set, whatever the client sent under these names.
    pub set_headers: Vec<(&'static str, String)>,
    /// Names of the client's headers to remove, as the client wrote them. None of them is set.
    pub remove_headers: Vec<String>,
    /// Names of query parameters to remove, exactly as on the wire.
    pub remove_parameters: Vec<String>,
    /// Query parameters to add, both parts encoded for the wire. The request has none of these names.
    pub set_parameters: Vec<(String, String)>,
    /// Facts for logs.
    pub facts: LogFacts,
}

/// A response to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientResponse {
    /// The HTTP status; never 5xx.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// Facts for logs.
    pub facts: LogFacts,
}

/// Facts that proxies may log: no token, nothing that the client wrote.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFacts {
    /// The profile used.
    pub profile: Arc<str>,
    /// `ALLOWED`, `ANSWERED`, the first check that failed, or `REQUEST_AMBIGUOUS`.
    pub reason: &'static str,
    /// The kind of fault, such as `REPEATED`; empty if there is none.
    pub fault: &'static str,
    /// The key, if one was found.
    pub key: Option<KeyId>,
    /// The method of the reference book.
    pub method: Option<String>,
    /// The store of the call.
    pub store: Option<String>,
    /// `all`, `listed` or `large`.
    pub scope: Option<&'static str>,
    /// The revision of the decision; 0 if none was needed.
    pub revision: u64,
}

impl Outcome {
    /// Returns the facts for logs.
    pub const fn facts(&self) -> &LogFacts {
        match self {
            Self::Allow(allow) => &allow.facts,
            Self::Refuse(reply) | Self::Answer(reply) => &reply.facts,
        }
    }
}

impl Allow {
    /// Returns the target that must go upstream: `target` without the parameters to remove, and with those to add.
    pub fn target<'a>(&self, target: &'a [u8]) -> Cow<'a, [u8]> {
        if self.remove_parameters.is_empty() && self.set_parameters.is_empty() {
            return Cow::Borrowed(target);
        }
        let (path, query) = split_once(target, b'?');
        let kept = query
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .filter(|pair| !self.remove_parameters.iter().any(|removed| removed.as_bytes() == split_once(pair, b'=').0))
            .map(<[u8]>::to_vec);
        let added = self.set_parameters.iter().map(|(name, value)| format!("{name}={value}").into_bytes());
        let mut changed = path.to_vec();
        for (at, pair) in kept.chain(added).enumerate() {
            changed.push(if at == 0 { b'?' } else { b'&' });
            changed.extend(pair);
        }
        Cow::Owned(changed)
    }
}
