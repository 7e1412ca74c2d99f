//! What comes of judging a request.

use std::borrow::Cow;
use std::sync::Arc;

use crate::model::id::KeyId;

/// What comes of judging a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It may go on, with these changes.
    Allow(Allow),
    /// It is refused with this response.
    Refuse(Respond),
    /// Latchkey itself answers it with this response.
    Answer(Respond),
}

/// How a request goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Allow {
    /// Headers to set, whatever the client sent under these names.
    pub set_headers: Vec<(&'static str, String)>,
    /// Names of headers of the client to take out, as it wrote them. None of them is set.
    pub remove_headers: Vec<String>,
    /// Names of query parameters to take out, exactly as on the wire.
    pub remove_parameters: Vec<String>,
    /// Query parameters to add, both parts written as they belong on the wire. The request has none of these names.
    pub set_parameters: Vec<(String, String)>,
    /// What may be logged.
    pub facts: Facts,
}

/// A response to the client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Respond {
    /// The HTTP status; never 5xx.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(&'static str, String)>,
    /// The body.
    pub body: String,
    /// What may be logged.
    pub facts: Facts,
}

/// What may be told to proxies' logs: no token, nothing that the client wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The profile that judged.
    pub profile: Arc<str>,
    /// `ALLOWED`, `ANSWERED`, the first check that failed, or `REQUEST_AMBIGUOUS`.
    pub reason: &'static str,
    /// What kind of fault the request has, such as `REPEATED`; empty if it has none.
    pub fault: &'static str,
    /// The key, if one was found.
    pub key: Option<KeyId>,
    /// The method of the reference book.
    pub method: Option<String>,
    /// The store that the call is for.
    pub store: Option<String>,
    /// `all`, `listed` or `large`.
    pub scope: Option<&'static str>,
    /// The revision judged by; 0 if none was needed.
    pub revision: u64,
}

impl Outcome {
    /// What may be logged.
    pub const fn facts(&self) -> &Facts {
        match self {
            Self::Allow(allow) => &allow.facts,
            Self::Refuse(respond) | Self::Answer(respond) => &respond.facts,
        }
    }
}

impl Allow {
    /// The target that must go upstream: `target` without the parameters to take out, and with those to add.
    pub fn target<'a>(&self, target: &'a [u8]) -> Cow<'a, [u8]> {
        if self.remove_parameters.is_empty() && self.set_parameters.is_empty() {
            return Cow::Borrowed(target);
        }
        let at = target.iter().position(|byte| *byte == b'?');
        let (path, query) = at.map_or((target, &[][..]), |at| (&target[..at], &target[at + 1..]));
        let name = |pair: &[u8]| pair.split(|byte| *byte == b'=').next().unwrap_or_default().to_vec();
        let kept = query
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .filter(|pair| !self.remove_parameters.iter().any(|removed| *removed.as_bytes() == name(pair)))
            .map(<[u8]>::to_vec);
        let added = self.set_parameters.iter().map(|(name, value)| format!("{name}={value}").into_bytes());
        let mut whole = path.to_vec();
        for (at, pair) in kept.chain(added).enumerate() {
            whole.push(if at == 0 { b'?' } else { b'&' });
            whole.extend(pair);
        }
        Cow::Owned(whole)
    }
}
