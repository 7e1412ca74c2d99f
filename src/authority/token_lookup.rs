//! The result of looking up a token.

use std::sync::Arc;

use super::coherence::{CachedGrant, State};
use crate::model::change::Revision;
use crate::model::decision::Reason;
use crate::model::token;

/// The result of looking up a token: its grant, or the reason why there is none.
pub(super) enum TokenLookup {
    Grant(Arc<State>, Arc<CachedGrant>),
    Nothing(Reason, Revision),
}

/// Returns the reason to refuse a token by its format alone.
pub(super) fn check_format(token: &str) -> Option<Reason> {
    if token.is_empty() {
        return Some(Reason::KeyMissing);
    }
    token::check_key_token(token.as_bytes()).is_err().then_some(Reason::KeyMalformed)
}
