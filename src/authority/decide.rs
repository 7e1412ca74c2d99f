//! Decides calls: at once from memory, or after waiting for storage.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::Authority;
use super::coherence::{CachedGrant, State, Usability};
use super::find::{TokenLookup, check_format};
use super::inner::Inner;
use super::undecided::Undecided;
use super::usage::UsageCounts;
use crate::model::change::Cursor;
use crate::model::decision::{Decision, Reason, Reasons, Request, check_key, decide};
use crate::model::time::Timestamp;
use crate::model::token::Digest;

/// A request to decide.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The token, as presented.
    pub token: &'a str,
    /// The call to decide on.
    pub request: Request<'a>,
    /// The oldest revision that the decision may be based on.
    pub min_revision: Option<Cursor>,
}

impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("request", &self.request).finish_non_exhaustive()
    }
}

impl Authority {
    /// Decides without waiting if everything needed is in memory; returns `None` otherwise.
    pub fn decide_now<R>(&self, query: &Query<'_>, answer: impl FnOnce(&Decision<'_>) -> R) -> Option<R> {
        let inner = &*self.inner;
        let guard = inner.state.load();
        let state = guard.as_ref()?;
        let now = inner.freshness.proven_now()?;
        if !inner.has_applied(query.min_revision, state) {
            return None;
        }
        if let Some(reason) = check_format(query.token) {
            let decision = Decision::without_key(reason, state.world.revision());
            return Some(inner.conclude(self.usage_counts(), &decision, None, answer));
        }
        let cached = self.usable_now(&Digest::of(query.token.as_bytes()), state)?;
        inner.metrics.cache_hits.inc();
        let moment = inner.freshness.decision_time(now, cached.grant.row_revision);
        let decision = decide(&cached.grant, &state.world, &query.request, moment);
        Some(inner.conclude(self.usage_counts(), &decision, Some(now), answer))
    }

    /// Decides a query, waiting for storage if necessary.
    ///
    /// # Errors
    /// No decision was possible.
    pub async fn decide<R: Send>(
        &self,
        query: &Query<'_>,
        answer: impl FnOnce(&Decision<'_>) -> R + Send,
    ) -> Result<R, Undecided> {
        let began = self.inner.freshness.tick();
        let found = self.find(query.token, query.min_revision).await;
        let waited = Duration::from_micros(self.inner.freshness.tick().saturating_sub(began));
        self.inner.metrics.waited.observe(waited.as_secs_f64());
        match found {
            Ok(TokenLookup::Grant(state, cached)) => {
                let now = self.inner.freshness.now();
                let moment = self.inner.freshness.decision_time(now, cached.grant.row_revision);
                let decision = decide(&cached.grant, &state.world, &query.request, moment);
                Ok(self.inner.conclude(self.usage_counts(), &decision, Some(now), answer))
            }
            Ok(TokenLookup::Nothing(reason, revision)) => {
                self.inner.metrics.count_decision(Some(reason));
                Ok(answer(&Decision::without_key(reason, revision)))
            }
            Err(undecided) => {
                self.inner.metrics.undecided.inc();
                Err(undecided)
            }
        }
    }

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

    /// Returns the grant of a digest if it is cached and usable.
    fn usable_now(&self, digest: &Digest, state: &State) -> Option<Arc<CachedGrant>> {
        self.inner.grants.get(digest).filter(|grant| grant.usability(state) == Usability::Usable)
    }

    /// Finds the grant of a token, waiting if necessary. Limits how many calls of one decision thread wait for reads. Calls
    /// with unknown tokens wait for polls instead and are limited by the poll coalescer, so they never use up the
    /// permits of valid keys.
    pub(super) async fn find(&self, token: &str, min_revision: Option<Cursor>) -> Result<TokenLookup, Undecided> {
        let listed =
            || check_format(token).is_none() && self.inner.fingerprints.load().contains(&Digest::of(token.as_bytes()));
        let _permit = match &self.worker {
            Some(worker) if listed() => Some(worker.waiting.try_acquire().map_err(|_| Undecided::Overloaded)?),
            _ => None,
        };
        self.inner.find(token, min_revision).await
    }

    fn usage_counts(&self) -> &UsageCounts {
        self.worker.as_ref().map_or(&self.inner.usage, |worker| &worker.usage)
    }
}

impl Inner {
    /// Counts a decision and returns the result of `answer`.
    fn conclude<R>(
        &self,
        counts: &UsageCounts,
        decision: &Decision<'_>,
        now: Option<Timestamp>,
        answer: impl FnOnce(&Decision<'_>) -> R,
    ) -> R {
        self.metrics.count_decision(decision.failed.first());
        // Never the requested method itself: a query string may contain a token.
        tracing::trace!(
            key = decision.key.map(|(key, _)| tracing::field::display(key)),
            reason = decision.failed.first().map_or("ALLOWED", Reason::as_str),
            revision = decision.revision.0,
            "decided"
        );
        if let Some(now) = now.filter(|_| self.settings.usage)
            && !counts.count(decision, now)
        {
            self.metrics.usage_lost.inc();
        }
        answer(decision)
    }
}
