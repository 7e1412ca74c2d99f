//! Pools of connections.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use tokio_postgres::Client;
use tokio_util::task::AbortOnDropHandle;

use super::hosts::{Hosts, Made, Origin, Unreachable};
use crate::storage::{Error, Result};

/// The longest wait for a free connection.
const WAIT: Duration = Duration::from_secs(2);

/// A pool of connections.
pub(super) type Pool = managed::Pool<Manager>;
/// A connection borrowed from a pool.
pub(super) type Object = managed::Object<Manager>;
/// Why a pool returned no connection.
pub(super) type PoolError = managed::PoolError<Unreachable>;

/// The factory of a pool's connections.
pub(super) struct Manager(Hosts);

/// A connection, which closes when it is dropped.
pub(super) struct Connected {
    client: Client,
    origin: Origin,
    _driver: AbortOnDropHandle<()>,
}

/// Creates a pool of at most `size` connections.
pub(super) fn pool(hosts: &Hosts, size: usize) -> Result<Pool> {
    Pool::builder(Manager(hosts.clone()))
        .max_size(size.max(1))
        .wait_timeout(Some(WAIT))
        // Connecting has its own limits, one for each host.
        .create_timeout(None)
        .recycle_timeout(Some(WAIT))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| Error::Failed { what: "creating a connection pool".to_owned(), source: Box::new(error) })
}

impl managed::Manager for Manager {
    type Type = Connected;
    type Error = Unreachable;

    async fn create(&self) -> std::result::Result<Connected, Unreachable> {
        let Made { client, driver, origin } = self.0.connect().await?;
        let driver = self.0.runtime().spawn(async move {
            if let Err(error) = driver.await {
                let cause = crate::telemetry::outage::causes(&error);
                tracing::debug!(cause, "connection to the database lost");
            }
        });
        Ok(Connected { client, origin, _driver: AbortOnDropHandle::new(driver) })
    }

    async fn recycle(&self, connected: &mut Connected, _: &Metrics) -> RecycleResult<Unreachable> {
        // The socket shows whether a connection is alive; a query would cost every call a round trip.
        if connected.client.is_closed() {
            Err(RecycleError::message("the connection broke"))
        } else if connected.origin.is_usable() {
            Ok(())
        } else {
            Err(RecycleError::message("its host is no longer in use"))
        }
    }
}

impl Connected {
    /// Returns the origin of the connection.
    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }
}

impl Deref for Connected {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for Connected {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}
