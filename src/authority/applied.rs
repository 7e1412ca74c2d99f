//! What is applied here: tables, revisions and time, and waiting for a revision.

use std::sync::Arc;
use std::time::Duration;

use super::Authority;
use super::coalescer::WaiterKind;
use super::history::{RevisionStatus, Subscription};
use super::undecided::Undecided;
use crate::model::change::{Cursor, Revision};
use crate::model::marks::DecisionTime;
use crate::model::time::Timestamp;
use crate::model::world::{MethodTable, StoreTable};

impl Authority {
    /// Waits until everything is loaded.
    pub async fn wait_loaded(&self) {
        let mut applied = self.inner.applied.subscribe();
        // The state is set before its revision is published.
        while self.inner.state.load().is_none() && applied.changed().await.is_ok() {}
    }

    /// Returns the current reference book and stores, if calls can be decided.
    pub fn tables(&self) -> Option<(Arc<MethodTable>, Arc<StoreTable>)> {
        let guard = self.inner.state.load();
        let world = &guard.as_ref()?.world;
        Some((Arc::clone(&world.methods), Arc::clone(&world.stores)))
    }

    /// Streams applied revisions, from after `after` or from now on; returns `None` if `after` is no longer remembered.
    pub fn subscribe(&self, after: Option<Cursor>) -> Option<Subscription> {
        self.inner.history.read().subscribe(after)
    }

    /// Waits until this exact revision, made by a committed write, is applied here. Returns whether that happened in
    /// time. The number alone would not do: storage may have been restored or failed over just before the write.
    pub async fn wait_applied_cursor(&self, cursor: Cursor, at_most: Duration) -> bool {
        let mut applied = self.inner.applied.subscribe();
        self.inner.coalescer.nudged.notify_one();
        let wait = async {
            loop {
                let is_applied = |_: &Revision| self.inner.history.read().status(cursor) == RevisionStatus::Applied;
                if applied.wait_for(is_applied).await.is_err() {
                    return false;
                }
                // Older than the remembered revisions: a poll shows whether the followed history contains it.
                if self.inner.history.read().remembers(cursor)
                    || self.inner.coalescer.wait(WaiterKind::Known).await.is_ok()
                {
                    return true;
                }
            }
        };
        tokio::time::timeout(at_most, wait).await.unwrap_or(false)
    }

    /// Waits until `revision` is applied here. Returns whether that happened in time.
    pub async fn wait_applied(&self, revision: Revision, at_most: Duration) -> bool {
        let mut applied = self.inner.applied.subscribe();
        self.inner.coalescer.nudged.notify_one();
        let wait = applied.wait_for(|applied| *applied >= revision);
        matches!(tokio::time::timeout(at_most, wait).await, Ok(Ok(_)))
    }

    /// Returns whether calls can be decided: everything is loaded and proven fresh.
    ///
    /// # Errors
    /// Why no call can be decided.
    pub fn readiness(&self) -> Result<(), Undecided> {
        self.inner.ready_state().map(drop)
    }

    /// Returns the applied revision; 0 before everything is loaded.
    pub fn revision(&self) -> Revision {
        self.inner.state.load().as_ref().map_or(Revision::default(), |state| state.world.revision())
    }

    /// Returns the time by storage's clock.
    pub fn now(&self) -> Timestamp {
        self.inner.freshness.now()
    }

    /// Returns the moment by which a row last changed at `row_revision` is judged now.
    pub fn decision_time(&self, row_revision: Revision) -> DecisionTime {
        let now = self.now();
        self.inner.freshness.decision_time(now, row_revision)
    }
}
