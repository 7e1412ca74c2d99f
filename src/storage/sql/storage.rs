//! Storage: connects for each purpose, and begins writes.

use std::sync::Arc;

use super::connection::{Connection, Connector};
use super::driver::{Driver, Purpose};
use super::transaction::Transaction;
use crate::model::change::Actor;
use crate::storage::Result;
use crate::storage::options::Options;

/// The number of attempts for a write that conflicts with another.
const ATTEMPTS: u32 = 3;

/// A database with keys, stores, methods, operators and their audit trail.
///
/// Every method that reads does so in one consistent snapshot of one revision. A method that finds nothing returns
/// `None`; only writes name the missing record. Text is ordered and compared by its bytes.
#[derive(Debug)]
pub struct Storage {
    pub(super) connector: Arc<Connector>,
    pub(super) is_shared: bool,
}

impl Storage {
    /// Creates storage on the database of `driver`.
    pub(in crate::storage) fn new(driver: Arc<dyn Driver>, options: &Options) -> Self {
        let connector =
            Connector { driver, clock: Arc::clone(&options.clock), observer: Arc::clone(&options.observer) };
        Self { connector: Arc::new(connector), is_shared: options.url.is_shared() }
    }

    /// Waits for a connection and begins a session on it.
    pub(super) async fn connect(&self, purpose: Purpose) -> Result<Connection> {
        self.connector.connect(purpose).await
    }

    /// Begins a write: the first statement takes the next revision and with it the exclusive right to write; others
    /// wait, at most 3 s. Nothing is visible before `commit`; dropping it undoes it.
    pub async fn begin(&self, nonce: u64, actor: &Actor, comment: &str) -> Result<Transaction> {
        let mut attempt = 1;
        loop {
            let connection = self.connect(Purpose::Write).await?;
            match Transaction::begin(connection, nonce, actor, comment).await {
                // Nothing was done yet, so a retry is safe.
                Err(error) if attempt < ATTEMPTS && self.connector.driver.is_conflict(&error) => attempt += 1,
                begun => return begun,
            }
        }
    }
}
