//! Making connections where storage was opened: a connection is driven by the threads that made it, and those of a caller
//! may be busy.

use deadpool_postgres::Connect;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::{Client, Config, Error};
use tokio_util::task::AbortOnDropHandle;

use super::tls::Tls;

/// Makes connections on one runtime, whatever thread needs them.
pub(super) struct Connector {
    tls: Tls,
    runtime: Handle,
}

impl Connector {
    /// Makes connections on the current runtime.
    pub(super) fn here(tls: &Tls) -> Self {
        Self { tls: tls.clone(), runtime: Handle::current() }
    }
}

impl Connect for Connector {
    fn connect(&self, config: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), Error>> {
        let (config, tls) = (config.clone(), self.tls.clone());
        let connecting = self.runtime.spawn(async move { config.connect(tls).await });
        // Who gives up waiting gives up the connection.
        let connecting = AbortOnDropHandle::new(connecting);
        async move {
            match connecting.await {
                Ok(made) => {
                    let (client, connection) = made?;
                    let driven = self.runtime.spawn(async move {
                        if let Err(error) = connection.await {
                            tracing::debug!(error = %error, "a connection to the database broke");
                        }
                    });
                    Ok((client, driven))
                }
                // The runtime ends, and with it everything that waits on it.
                Err(_) => std::future::pending().await,
            }
        }
        .boxed()
    }
}
