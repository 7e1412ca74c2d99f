//! Finding the grant of a token that is not in memory: a bounded loop of look-up, read and check.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::coalescer::WaiterKind;
use super::coherence::{CachedGrant, State, Usability};
use super::history::RevisionStatus;
use super::inner::Inner;
use super::read::LoadResult;
use super::undecided::Undecided;
use crate::model::change::{Cursor, Revision};
use crate::model::decision::Reason;
use crate::model::token::{self, Digest};

/// Rounds of reading and checking before a call ends without a decision.
const MAX_ROUNDS: usize = 8;

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

impl Inner {
    /// Finds the grant of a token and a World to check it against, both true at that World's revision.
    pub(super) async fn find(
        self: &Arc<Self>,
        token: &str,
        min_revision: Option<Cursor>,
    ) -> Result<TokenLookup, Undecided> {
        let mut found = self.find_grant(token, min_revision).await;
        // The grants of keys in use are removed moments before their successors can be read.
        if matches!(found, Err(Undecided::Loading)) && self.wait_replaced().await {
            found = self.find_grant(token, min_revision).await;
        }
        let found = found.map_err(|undecided| match undecided {
            // Storage may well respond, but what it returns is not of the history that the known state is of.
            Undecided::Storage | Undecided::Incomplete | Undecided::Changing
                if self.diverged.load(Ordering::Acquire) =>
            {
                Undecided::Loading
            }
            undecided => undecided,
        });
        match &found {
            Ok(TokenLookup::Grant(..)) => self.outages.calls.succeeded(),
            // Known without storage, or caused by the caller.
            Ok(TokenLookup::Nothing(..)) | Err(Undecided::ForeignRevision) => {}
            Err(undecided) => self.outages.calls.failed(undecided),
        }
        found
    }

    async fn find_grant(self: &Arc<Self>, token: &str, min_revision: Option<Cursor>) -> Result<TokenLookup, Undecided> {
        if let Some(reason) = check_format(token) {
            // Needs no state; but a revision that may be lost is not named.
            let revision = self.ready_state().map_or(Revision::default(), |state| state.world.revision());
            return Ok(TokenLookup::Nothing(reason, revision));
        }
        let digest = Digest::of(token.as_bytes());
        let mut polled = false;
        for _ in 0..MAX_ROUNDS {
            // The state first: everything applied together with a World is visible before the World.
            let state = self.ready_state()?;
            if !self.has_applied(min_revision, &state) {
                self.catch_up(min_revision).await?;
                continue;
            }
            if let Some(grant) = self.grants.get(&digest) {
                match grant.usability(&state) {
                    Usability::Usable => {
                        self.metrics.cache_hits.inc();
                        return Ok(TokenLookup::Grant(state, grant));
                    }
                    Usability::Ahead => {
                        self.wait_for_revision(grant.head()).await?;
                        continue;
                    }
                    Usability::Behind => {}
                }
            } else if !self.fingerprints.load().contains(&digest) {
                if polled {
                    return Ok(TokenLookup::Nothing(Reason::KeyUnknown, state.world.revision()));
                }
                self.wait_for_poll(WaiterKind::UnknownKey).await?;
                polled = true;
                continue;
            }
            if self.diverged.load(Ordering::Acquire) {
                // Storage may be in the middle of a restore: what a read returned now could not be used.
                return Err(Undecided::Loading);
            }
            match self.load(digest).await? {
                LoadResult::Grant(grant) => {
                    // Everything may have changed during the read, and the grant may belong to a diverged history.
                    let state = self.ready_state()?;
                    match grant.usability(&state) {
                        Usability::Usable if !self.has_applied(min_revision, &state) => {}
                        Usability::Usable => return Ok(TokenLookup::Grant(state, grant)),
                        Usability::Ahead => self.wait_for_revision(grant.head()).await?,
                        Usability::Behind => {}
                    }
                }
                LoadResult::Nothing { head, epoch }
                    if epoch == state.epoch.number && head.revision >= state.world.revision() =>
                {
                    self.wait_for_revision(head.revision).await?;
                    // In the same history, a digest absent now was absent at every revision since the call began.
                    let state = self.ready_state()?;
                    if state.epoch.number == epoch && state.epoch.has(head) {
                        // Writes never remove secrets. Only a comparison may conclude that this one is gone: storage
                        // may be in the middle of a restore that has not reached it yet.
                        if self.fingerprints.load().contains(&digest) && !self.drift.is_absent(&digest) {
                            return Err(Undecided::Incomplete);
                        }
                        return Ok(TokenLookup::Nothing(Reason::KeyUnknown, head.revision));
                    }
                }
                LoadResult::Nothing { .. } => {}
            }
        }
        Err(Undecided::Changing)
    }

    /// Returns the state if it is loaded and proven fresh.
    pub(super) fn ready_state(&self) -> Result<Arc<State>, Undecided> {
        let state = self.state.load_full().ok_or(Undecided::Loading)?;
        if self.freshness.proven_now().is_some() {
            return Ok(state);
        }
        Err(match self.freshness.overdue_heartbeat() {
            _ if self.diverged.load(Ordering::Acquire) => Undecided::Loading,
            Some(overdue) => {
                Undecided::NoHeartbeat { seconds: overdue.as_secs(), because: self.outages.heartbeat_error() }
            }
            None => Undecided::Stale,
        })
    }

    /// Returns whether `state` may be taken to include `min_revision`. The revision applied by now may be newer.
    pub(super) fn has_applied(&self, min_revision: Option<Cursor>, state: &State) -> bool {
        min_revision.is_none_or(|cursor| {
            let known = || self.history.read().status(cursor) == RevisionStatus::Applied;
            // It may be a revision of the history that is still to be loaded, or one that is lost.
            cursor.revision <= state.world.revision() && !self.diverged.load(Ordering::Acquire) && known()
        })
    }

    async fn catch_up(&self, min_revision: Option<Cursor>) -> Result<(), Undecided> {
        let Some(cursor) = min_revision else {
            return Ok(());
        };
        if self.diverged.load(Ordering::Acquire) {
            return Err(Undecided::Loading);
        }
        let status = || self.history.read().status(cursor);
        if status() == RevisionStatus::Ahead {
            self.wait_for_poll(WaiterKind::Known).await?;
        }
        // A revision ahead of the latest one, read after the call began, is as foreign as one that never existed.
        if status() == RevisionStatus::Applied { Ok(()) } else { Err(Undecided::ForeignRevision) }
    }

    /// Waits for the end of a reload that is replacing the state. Returns whether the state can be used now.
    async fn wait_replaced(&self) -> bool {
        let mut applied = self.applied.subscribe();
        if self.replacing.load(Ordering::Acquire) {
            // Fails only at the end of the process.
            let _ = applied.changed().await;
        }
        self.ready_state().is_ok() && !self.diverged.load(Ordering::Acquire)
    }

    /// Waits until `revision` is applied, or for a poll that is sent from now on.
    async fn wait_for_revision(&self, revision: Revision) -> Result<(), Undecided> {
        let mut applied = self.applied.subscribe();
        if *applied.borrow_and_update() >= revision {
            return Ok(());
        }
        self.coalescer.nudged.notify_one();
        tokio::select! {
            biased;
            _ = applied.wait_for(|applied| *applied >= revision) => Ok(()),
            passed = self.wait_for_poll(WaiterKind::Known) => passed,
        }
    }

    /// Waits for a poll that is sent from now on.
    pub(super) async fn wait_for_poll(&self, kind: WaiterKind) -> Result<(), Undecided> {
        if !self.freshness.is_polling() {
            return Err(Undecided::Storage);
        }
        self.coalescer.wait(kind).await
    }
}
