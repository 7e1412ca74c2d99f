//! Every statement, written once for both engines, so that both give the same answers. An engine is a
//! [`Driver`](driver::Driver): it runs statements in sessions. [`Dialect`](dialect::Dialect) has the few differences.
//!
//! ```text
//! SqlStorage ── link(purpose) ──▶ Link ── named statements, measured ──▶ Session of postgres or sqlite
//!      └── begin() ──▶ Write (a Link that took a revision)
//! ```

mod changes;
mod codec;
mod conditions;
mod contents;
pub(super) mod dialect;
pub(super) mod driver;
mod follow;
mod grants;
mod key_row;
mod keys;
mod link;
mod list_keys;
mod lost;
mod methods;
mod operators;
mod replicas;
mod requests;
mod select;
mod sessions;
mod stores;
mod usage;
pub(super) mod value;
mod write;
mod write_keys;

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;

use self::driver::{Driver, Purpose};
use self::link::Shared;
use self::write::Write;
use super::options::Options;
use super::{
    ChangeFilter, Contents, Deployment, Engine, Found, GrantRead, GrantsRead, KeyFilter, LostChange, MethodFilter,
    OperatorFilter, Poll, Replica, ReplicaReport, Result, Session, Snapshot, SnapshotSink, Storage, StoreFilter,
    Transaction, UsageAdd, UsageCount, UsagePeriod,
};
use crate::model::change::{Actor, Change, Cursor, Revision};
use crate::model::id::{KeyId, OperatorId, ReplicaId};
use crate::model::key::Key;
use crate::model::marks::Mark;
use crate::model::operator::Operator;
use crate::model::page::{Page, PageRequest};
use crate::model::pattern::MethodIdentity;
use crate::model::reference::Method;
use crate::model::store::{Store, StoreCode};
use crate::model::time::Timestamp;
use crate::model::token::Digest;

/// How often a write that is in conflict with another is begun.
const ATTEMPTS: u32 = 3;

/// Storage in an SQL database.
#[derive(Debug)]
pub(super) struct SqlStorage {
    shared: Arc<Shared>,
}

impl SqlStorage {
    /// Storage in the database that `driver` reaches.
    pub(super) fn new(driver: Arc<dyn Driver>, options: &Options) -> Self {
        let shared = Shared { driver, clock: Arc::clone(&options.clock), observer: Arc::clone(&options.observer) };
        Self { shared: Arc::new(shared) }
    }
}

#[async_trait]
impl Storage for SqlStorage {
    fn engine(&self) -> Engine {
        self.shared.driver.engine()
    }

    async fn snapshot(&self, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot> {
        follow::snapshot(&mut self.shared.link(Purpose::Follow).await?, sink).await
    }

    async fn poll(&self, cursor: Cursor, limit: usize) -> Result<Poll> {
        follow::poll(&mut self.shared.link(Purpose::Follow).await?, cursor, limit).await
    }

    async fn contents(&self, since: Cursor) -> Result<Contents> {
        contents::read(&mut self.shared.link(Purpose::Measure).await?, since).await
    }

    async fn digests(&self, parts: Option<&BTreeSet<u16>>, sink: &mut (dyn SnapshotSink + Send)) -> Result<Cursor> {
        contents::digests(&mut self.shared.link(Purpose::Measure).await?, parts, sink).await
    }

    async fn grants(&self, digests: &[Digest]) -> Result<GrantsRead> {
        contents::grants(&mut self.shared.link(Purpose::Measure).await?, digests).await
    }

    async fn woken(&self) {
        self.shared.driver.woken().await;
    }

    async fn renew(&self, report: &ReplicaReport, nonce: u64) -> Result<Timestamp> {
        replicas::renew(self.shared.link(Purpose::Heartbeat).await?, report, nonce).await
    }

    async fn replicas(&self) -> Result<(Vec<Replica>, Revision)> {
        replicas::list(&mut self.shared.link(Purpose::Read).await?).await
    }

    async fn report_lost(&self, changes: &[LostChange]) -> Result<()> {
        lost::report(self.shared.link(Purpose::Report).await?, changes).await
    }

    async fn lost_changes(&self) -> Result<Vec<LostChange>> {
        lost::list(&mut self.shared.link(Purpose::Read).await?).await
    }

    async fn deployment(&self) -> Result<Deployment> {
        lost::deployment(&mut self.shared.link(Purpose::Read).await?).await
    }

    async fn mark_replaced(&self, deployment: &str) -> Result<()> {
        self.shared.driver.mark_replaced(deployment).await
    }

    async fn forget_replica(&self, replica: ReplicaId) -> Result<()> {
        replicas::forget(self.shared.link(Purpose::Report).await?, replica).await
    }

    async fn remove_replicas(&self, replicas: &[(ReplicaId, Timestamp)]) -> Result<()> {
        replicas::remove(self.shared.link(Purpose::Report).await?, replicas).await
    }

    async fn mark(&self, mark: Mark) -> Result<()> {
        replicas::mark(self.shared.link(Purpose::Report).await?, mark).await
    }

    async fn grant(&self, digest: &Digest) -> Result<GrantRead> {
        grants::read(&mut self.shared.link(Purpose::Grant).await?, digest).await
    }

    async fn head(&self) -> Result<Cursor> {
        follow::cursor(&mut self.shared.link(Purpose::Read).await?).await
    }

    async fn key(&self, id: KeyId) -> Result<Option<Key>> {
        keys::get(&mut self.shared.link(Purpose::Read).await?, id).await
    }

    async fn keys(&self, filter: &KeyFilter, page: &PageRequest) -> Result<Page<Key>> {
        list_keys::list(&mut self.shared.link(Purpose::Read).await?, filter, page).await
    }

    async fn find(&self, digest: &Digest) -> Result<Option<Found>> {
        keys::find(&mut self.shared.link(Purpose::Read).await?, digest).await
    }

    async fn store(&self, code: &StoreCode) -> Result<Option<Store>> {
        stores::get(&mut self.shared.link(Purpose::Read).await?, code).await
    }

    async fn stores(&self, filter: &StoreFilter, page: &PageRequest) -> Result<Page<Store>> {
        stores::list(&mut self.shared.link(Purpose::Read).await?, filter, page).await
    }

    async fn method(&self, identity: &MethodIdentity) -> Result<Option<Method>> {
        methods::get(&mut self.shared.link(Purpose::Read).await?, identity).await
    }

    async fn methods(&self, filter: &MethodFilter, page: &PageRequest) -> Result<Page<Method>> {
        methods::list(&mut self.shared.link(Purpose::Read).await?, filter, page).await
    }

    async fn operator(&self, id: OperatorId) -> Result<Option<Operator>> {
        operators::get(&mut self.shared.link(Purpose::Read).await?, id).await
    }

    async fn operators(&self, filter: &OperatorFilter, page: &PageRequest) -> Result<Page<Operator>> {
        operators::list(&mut self.shared.link(Purpose::Read).await?, filter, page).await
    }

    async fn changes(&self, filter: &ChangeFilter, page: &PageRequest) -> Result<Page<Change>> {
        changes::list(&mut self.shared.link(Purpose::Read).await?, filter, page).await
    }

    async fn session(&self, digest: &Digest) -> Result<Option<Session>> {
        sessions::get(&mut self.shared.link(Purpose::Read).await?, digest).await
    }

    async fn touch_session(&self, digest: &Digest, at: Timestamp) -> Result<()> {
        sessions::touch(self.shared.link(Purpose::Report).await?, digest, at).await
    }

    async fn add_usage(&self, counts: &[UsageAdd]) -> Result<()> {
        usage::add(self.shared.link(Purpose::Report).await?, counts).await
    }

    async fn usage(
        &self,
        key: KeyId,
        start: Timestamp,
        end: Timestamp,
        period: UsagePeriod,
        limit: usize,
    ) -> Result<Vec<UsageCount>> {
        usage::list(&mut self.shared.link(Purpose::Read).await?, key, (start, end), period, limit).await
    }

    async fn sweep(&self, now: Timestamp) -> Result<()> {
        usage::sweep(self.shared.link(Purpose::Report).await?, now).await
    }

    async fn begin(&self, nonce: u64, actor: &Actor, comment: &str) -> Result<Box<dyn Transaction>> {
        let mut attempt = 1;
        loop {
            let link = self.shared.link(Purpose::Write).await?;
            match Write::begin(link, nonce, actor, comment).await {
                Ok(write) => return Ok(Box::new(write)),
                // Nothing was done yet, so that doing it again is the same.
                Err(error) if attempt < ATTEMPTS && self.shared.driver.is_conflict(&error) => attempt += 1,
                Err(error) => return Err(error),
            }
        }
    }
}
