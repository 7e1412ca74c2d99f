//! Checks a key by itself, before the rest of a request is read.

use std::net::IpAddr;

use super::Authority;
use super::token_lookup::{TokenLookup, check_format};
use super::undecided::Undecided;
use crate::model::decision::{Reasons, check_key};
use crate::model::token::Digest;

impl Authority {
    /// Returns what is wrong with the key of `token` for a call from `client`, whatever the method, without waiting;
    /// `None` if there is no immediate decision. Counts nothing.
    pub fn check_key_now(&self, token: &str, client: Option<IpAddr>) -> Option<Reasons> {
        let guard = self.inner.state.load();
        let state = guard.as_ref()?;
        let now = self.inner.freshness.proven_now()?;
        if let Some(reason) = check_format(token) {
            return Some(Reasons::only(reason));
        }
        let cached = self.usable_now(&Digest::of(token.as_bytes()), state)?;
        Some(check_key(&cached.grant, client, self.inner.freshness.decision_time(now, cached.grant.row_revision)))
    }

    /// Returns what is wrong with the key of `token` for a call from `client`, whatever the method. Counts nothing.
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn check_key(&self, token: &str, client: Option<IpAddr>) -> Result<Reasons, Undecided> {
        Ok(match self.find(token, None).await? {
            TokenLookup::Grant(_, cached) => {
                check_key(&cached.grant, client, self.decision_time(cached.grant.row_revision))
            }
            TokenLookup::Nothing(reason, _) => Reasons::only(reason),
        })
    }
}
