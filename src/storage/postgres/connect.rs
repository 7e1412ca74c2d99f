//! Pools of connections.

use std::sync::Arc;
use std::time::Duration;

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use tokio_postgres::Client;
use tokio_util::task::AbortOnDropHandle;

use super::errors::Unreachable;
use super::hosts::{ConnectionOrigin, Hosts, NewConnection};
use crate::storage::{Error, Result};

const POOL_TIMEOUT: Duration = Duration::from_secs(2);

pub(super) type ConnectionPool = managed::Pool<Manager>;
pub(super) type PooledConnection = managed::Object<Manager>;

pub(super) struct Manager(Arc<Hosts>);

/// A connection, which closes when it is dropped.
pub(super) struct ClientConnection {
    pub(super) client: Client,
    pub(super) origin: ConnectionOrigin,
    _driver: AbortOnDropHandle<()>,
}

pub(super) fn pool(hosts: &Arc<Hosts>, size: usize) -> Result<ConnectionPool> {
    ConnectionPool::builder(Manager(Arc::clone(hosts)))
        .max_size(size.max(1))
        .wait_timeout(Some(POOL_TIMEOUT))
        // Connecting has its own limits, one for each host.
        .create_timeout(None)
        .recycle_timeout(Some(POOL_TIMEOUT))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| Error::failed("creating a connection pool", error))
}

impl managed::Manager for Manager {
    type Type = ClientConnection;
    type Error = Unreachable;

    async fn create(&self) -> std::result::Result<ClientConnection, Unreachable> {
        let NewConnection { client, driver, origin } = self.0.connect().await?;
        let driver = self.0.runtime.spawn(async move {
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
