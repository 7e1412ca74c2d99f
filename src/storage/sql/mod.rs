//! All statements, written once for both engines, so that both return the same. An engine is a
//! [`Driver`](driver::Driver): it runs statements in sessions. [`dialect`] contains the few differences.
//!
//! ```text
//! Storage ── connect(purpose) ──▶ Connection ── named statements, measured ──▶ SqlSession of postgres or sqlite
//!    └── begin() ──▶ Transaction (a Connection that took a revision)
//! ```

#[macro_use]
pub(super) mod dialect;
#[macro_use]
pub(super) mod value;
mod changes;
mod codec;
mod conditions;
mod connection;
mod contents;
pub(super) mod driver;
mod follow;
mod grants;
mod history;
mod key_row;
mod keys;
mod list_keys;
mod methods;
mod operators;
mod replicas;
mod select;
mod stores;
mod transaction;
mod usage;
mod write_keys;

use std::collections::BTreeSet;

use async_trait::async_trait;

pub use self::connection::Storage;
use self::driver::Purpose;
pub use self::transaction::Transaction;
use super::{
    Deployment, Feed, GrantRead, GrantsRead, LostChange, Poll, Replica, ReplicaReport, Result, Snapshot, SnapshotSink,
    StorageContents, UsageIncrement,
};
use crate::model::change::{Cursor, Revision};
use crate::model::id::ReplicaId;
use crate::model::marks::Mark;
use crate::model::time::Timestamp;
use crate::model::token::Digest;

impl Storage {
    /// Returns the identity of the database.
    pub async fn deployment(&self) -> Result<Deployment> {
        history::deployment(&mut self.connect(Purpose::Read).await?).await
    }

    /// Returns the latest revision and its nonce.
    pub async fn head(&self) -> Result<Cursor> {
        Ok(history::head(&mut self.connect(Purpose::Read).await?, "head").await?.0)
    }
}

#[async_trait]
impl Feed for Storage {
    fn is_shared(&self) -> bool {
        self.is_shared
    }

    async fn snapshot(&self, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot> {
        follow::snapshot(&mut self.connect(Purpose::Follow).await?, sink).await
    }

    async fn poll(&self, cursor: Cursor, limit: usize) -> Result<Poll> {
        follow::poll(&mut self.connect(Purpose::Follow).await?, cursor, limit).await
    }

    async fn notified(&self) {
        self.driver.notified().await;
    }

    async fn grant(&self, digest: &Digest) -> Result<GrantRead> {
        grants::read(&mut self.connect(Purpose::Grant).await?, digest).await
    }

    async fn contents(&self, since: Cursor) -> Result<StorageContents> {
        contents::read(&mut self.connect(Purpose::Measure).await?, since).await
    }

    async fn digests(&self, parts: Option<&BTreeSet<u16>>, sink: &mut (dyn SnapshotSink + Send)) -> Result<Cursor> {
        contents::digests(&mut self.connect(Purpose::Measure).await?, parts, sink).await
    }

    async fn grants(&self, digests: &[Digest]) -> Result<GrantsRead> {
        contents::grants(&mut self.connect(Purpose::Measure).await?, digests).await
    }

    async fn heartbeat(&self, report: &ReplicaReport, nonce: u64) -> Result<Timestamp> {
        replicas::heartbeat(self.connect(Purpose::Heartbeat).await?, report, nonce).await
    }

    async fn replicas(&self) -> Result<(Vec<Replica>, Revision)> {
        replicas::list(&mut self.connect(Purpose::Read).await?).await
    }

    async fn end_replica(&self, replica: ReplicaId) -> Result<()> {
        replicas::end(self.connect(Purpose::Report).await?, replica).await
    }

    async fn remove_replicas(&self, replicas: &[(ReplicaId, Timestamp)]) -> Result<()> {
        replicas::remove(self.connect(Purpose::Report).await?, replicas).await
    }

    async fn add_mark(&self, mark: Mark) -> Result<()> {
        replicas::add_mark(self.connect(Purpose::Report).await?, mark).await
    }

    async fn report_lost(&self, changes: &[LostChange]) -> Result<()> {
        changes::report_lost(self.connect(Purpose::Report).await?, changes).await
    }

    async fn mark_replaced(&self, deployment: &str) -> Result<()> {
        self.driver.mark_replaced(deployment).await
    }

    async fn add_usage(&self, counts: &[UsageIncrement]) -> Result<()> {
        usage::add(self.connect(Purpose::Report).await?, counts).await
    }

    async fn delete_expired(&self, now: Timestamp) -> Result<()> {
        usage::delete_expired(self.connect(Purpose::Report).await?, now).await
    }
}
