//! Finding the grant of a token that is not in memory: a bounded loop of look-up, read and check.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::coherence::{State, Usability};
use super::found::{Found, look_at};
use super::gate::{NoPoll, Waits};
use super::history::Known;
use super::inner::Inner;
use super::loads::{Loaded, NoLoad};
use super::undecided::Undecided;
use crate::model::change::{Cursor, Revision};
use crate::model::decision::Reason;
use crate::model::token::Digest;

/// Rounds of reading and checking before a call ends without a decision.
const MAX_ROUNDS: usize = 8;

impl Inner {
    /// Finds the grant of a token and a World to judge it by, both true at that World's revision.
    pub(super) async fn find(self: &Arc<Self>, token: &str, min_revision: Option<Cursor>) -> Result<Found, Undecided> {
        let found = self.look_for(token, min_revision).await.map_err(|undecided| match undecided {
            // Storage may well respond, but what it returns is not of the history that the known state is of.
            Undecided::Storage | Undecided::Incomplete | Undecided::Changing
                if self.diverged.load(Ordering::Acquire) =>
            {
                Undecided::Loading
            }
            undecided => undecided,
        });
        self.outages.waited(&found);
        found
    }

    async fn look_for(self: &Arc<Self>, token: &str, min_revision: Option<Cursor>) -> Result<Found, Undecided> {
        if let Some(reason) = look_at(token) {
            // Needs no state; but a revision that may be lost is not named.
            let revision = self.ready_state().map_or(Revision::default(), |state| state.world.revision());
            return Ok(Found::Nothing(reason, revision));
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
                        return Ok(Found::Grant(state, grant));
                    }
                    Usability::Ahead => {
                        self.follow_to(grant.head()).await?;
                        continue;
                    }
                    Usability::Behind => {}
                }
            } else if !self.fingerprints.load().contains(&digest) {
                if polled {
                    return Ok(Found::Nothing(Reason::KeyUnknown, state.world.revision()));
                }
                self.pass_gate(Waits::UnknownKey).await?;
                polled = true;
                continue;
            }
            if self.diverged.load(Ordering::Acquire) {
                // Storage may be in the middle of a restore.
                return Err(Undecided::Loading);
            }
            match self.load(digest).await.map_err(Undecided::from)? {
                Loaded::Grant(grant) => {
                    // Everything may have changed during the read, and the grant may belong to a diverged history.
                    let state = self.ready_state()?;
                    match grant.usability(&state) {
                        Usability::Usable if !self.has_applied(min_revision, &state) => {}
                        Usability::Usable => return Ok(Found::Grant(state, grant)),
                        Usability::Ahead => self.follow_to(grant.head()).await?,
                        Usability::Behind => {}
                    }
                }
                Loaded::Nothing { head, epoch }
                    if epoch == state.epoch.number && head.revision >= state.world.revision() =>
                {
                    self.follow_to(head.revision).await?;
                    // In the same history, a digest absent now was absent at every revision since the call began.
                    let state = self.ready_state()?;
                    if state.epoch.number == epoch && state.epoch.has(head) {
                        // Writes never remove secrets. Only a comparison may conclude that this one is gone: storage
                        // may be in the middle of a restore that has not reached it yet.
                        if self.fingerprints.load().contains(&digest) && !self.drift.is_absent(&digest) {
                            return Err(Undecided::Incomplete);
                        }
                        return Ok(Found::Nothing(Reason::KeyUnknown, head.revision));
                    }
                }
                Loaded::Nothing { .. } | Loaded::Failed => {}
            }
        }
        Err(Undecided::Changing)
    }

    /// Returns the state if it is loaded and proven fresh.
    pub(super) fn ready_state(&self) -> Result<Arc<State>, Undecided> {
        let state = self.state.load_full().ok_or(Undecided::Loading)?;
        if self.freshness.is_proven() {
            return Ok(state);
        }
        Err(match self.freshness.unreported() {
            _ if self.diverged.load(Ordering::Acquire) => Undecided::Loading,
            Some(silent) => Undecided::Unreported { seconds: silent.as_secs(), because: self.outages.unreported() },
            None => Undecided::Stale,
        })
    }

    /// Returns whether `state` may be taken to include `min_revision`. The revision applied by now may be newer.
    pub(super) fn has_applied(&self, min_revision: Option<Cursor>, state: &State) -> bool {
        min_revision.is_none_or(|cursor| {
            let known = || self.history.read().knows(cursor) == Known::Applied;
            // It may be a revision of the history that is still to be loaded, or one that is lost.
            cursor.revision <= state.world.revision() && !self.diverged.load(Ordering::Acquire) && known()
        })
    }

    /// Waits until `min_revision` is applied.
    async fn catch_up(&self, min_revision: Option<Cursor>) -> Result<(), Undecided> {
        let Some(cursor) = min_revision else {
            return Ok(());
        };
        if self.diverged.load(Ordering::Acquire) {
            return Err(Undecided::Loading);
        }
        let knows = || self.history.read().knows(cursor);
        if knows() == Known::Ahead {
            self.pass_gate(Waits::Known).await?;
        }
        // A revision ahead of the latest one, read after the call began, is as foreign as one that never existed.
        if knows() == Known::Applied { Ok(()) } else { Err(Undecided::ForeignRevision) }
    }

    /// Waits until `revision` is applied, or for a poll that is sent from now on.
    async fn follow_to(&self, revision: Revision) -> Result<(), Undecided> {
        let mut applied = self.applied.subscribe();
        if *applied.borrow_and_update() >= revision {
            return Ok(());
        }
        self.gate.nudge();
        tokio::select! {
            biased;
            _ = applied.wait_for(|applied| *applied >= revision) => Ok(()),
            passed = self.pass_gate(Waits::Known) => passed,
        }
    }

    /// Waits for a poll that is sent from now on.
    pub(super) async fn pass_gate(&self, what: Waits) -> Result<(), Undecided> {
        if !self.freshness.is_polling() {
            return Err(Undecided::Storage);
        }
        self.gate.pass(what).await.map_err(|no_poll| match no_poll {
            NoPoll::Crowded => Undecided::Crowded,
            NoPoll::Failed => Undecided::Storage,
        })
    }
}

impl From<NoLoad> for Undecided {
    fn from(no_load: NoLoad) -> Self {
        match no_load {
            NoLoad::Crowded => Self::Crowded,
            NoLoad::Failed => Self::Storage,
        }
    }
}
