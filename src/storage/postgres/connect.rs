//! Pools of connections.

use std::ops::{Deref, DerefMut};
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use tokio_postgres::Client;
use tokio_util::task::AbortOnDropHandle;

use super::hosts::{ConnectionOrigin, Hosts, NewConnection, Unreachable};
use crate::storage::{Error, Result};

/// The longest wait for a free connection.
const POOL_TIMEOUT: Duration = Duration::from_secs(2);

/// A pool of connections.
pub(super) type ConnectionPool = managed::Pool<Manager>;
/// A connection borrowed from a pool.
pub(super) type PooledConnection = managed::Object<Manager>;
/// Why a pool returned no connection.
pub(super) type PoolError = managed::PoolError<Unreachable>;

/// The factory of a pool's connections.
pub(super) struct Manager(Hosts);

/// A connection, which closes when it is dropped.
pub(super) struct ClientConnection {
    client: Client,
    origin: ConnectionOrigin,
    _driver: AbortOnDropHandle<()>,
}

/// Creates a pool of at most `size` connections.
pub(super) fn pool(hosts: &Hosts, size: usize) -> Result<ConnectionPool> {
    ConnectionPool::builder(Manager(hosts.clone()))
        .max_size(size.max(1))
        .wait_timeout(Some(POOL_TIMEOUT))
        // Connecting has its own limits, one for each host.
        .create_timeout(None)
        .recycle_timeout(Some(POOL_TIMEOUT))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| Error::Failed { what: "creating a connection pool".to_owned(), source: Box::new(error) })
}

impl managed::Manager for Manager {
    type Type = ClientConnection;
    type Error = Unreachable;

    async fn create(&self) -> std::result::Result<ClientConnection, Unreachable> {
        let NewConnection { client, driver, origin } = self.0.connect().await?;
        let driver = self.0.runtime().spawn(async move {
            if let Err(error) = driver.await {
                let cause = crate::telemetry::outage::causes(&error);
                tracing::debug!(cause, "connection to the database lost");
            }
        });
        Ok(ClientConnection { client, origin, _driver: AbortOnDropHandle::new(driver) })
    }

    async fn recycle(&self, connection: &mut ClientConnection, _: &Metrics) -> RecycleResult<Unreachable> {
        // The socket shows whether a connection is alive; a query would cost every call a round trip.
        if connection.client.is_closed() {
            Err(RecycleError::message("the connection broke"))
        } else if connection.origin.is_usable() {
            Ok(())
        } else {
            Err(RecycleError::message("its host is no longer in use"))
        }
    }
}

impl ClientConnection {
    /// Returns the origin of the connection.
    pub(super) const fn origin(&self) -> &ConnectionOrigin {
        &self.origin
    }
}

impl Deref for ClientConnection {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl DerefMut for ClientConnection {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.client
    }
}
