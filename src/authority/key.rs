//! Judging a key by itself, before the rest of a request is read.

use std::net::IpAddr;

use super::Authority;
use super::found::{Found, look_at};
use super::undecided::Undecided;
use crate::model::decision::{Reasons, judge_key};
use crate::model::token::Digest;

impl Authority {
    /// Returns what is wrong with the key of `token` for a call from `client`, whatever the method, without waiting;
    /// `None` if there is no immediate decision. Counts nothing.
    pub fn judge_key_now(&self, token: &str, client: Option<IpAddr>) -> Option<Reasons> {
        let guard = self.inner.state.load();
        let state = guard.as_ref()?;
        let now = self.inner.freshness.proven_now()?;
        if let Some(reason) = look_at(token) {
            return Some(Reasons::only(reason));
        }
        let cached = self.usable_now(&Digest::of(token.as_bytes()), state)?;
        Some(judge_key(&cached.grant, client, self.inner.freshness.moment(now, cached.grant.row_revision)))
    }

    /// Returns what is wrong with the key of `token` for a call from `client`, whatever the method. Counts nothing.
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn judge_key(&self, token: &str, client: Option<IpAddr>) -> Result<Reasons, Undecided> {
        Ok(match self.find(token, None).await? {
            Found::Grant(_, cached) => judge_key(&cached.grant, client, self.moment(cached.grant.row_revision)),
            Found::Nothing(reason, _) => Reasons::only(reason),
        })
    }
}
