//! PostgreSQL, or what speaks like it: the engine for replicas, and for outgrowing one machine.
//!
//! Nothing here needs state of a session beyond one transaction, so that a pooler in transaction mode may stand between:
//! statements are sent unnamed, settings are made with `SET LOCAL`, no advisory locks. Waking followers by NOTIFY is
//! used only where a probe found that it arrives.

mod config;
mod connect;
mod errors;
mod lasting;
mod listener;
mod migrate;
mod session;
mod tls;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime};

use self::config::Settings;
use self::connect::Connector;
use self::listener::Listener;
use self::session::PostgresSession;
use self::tls::{Tls, connector};
use super::options::{Options, SchemaState};
use super::sql::dialect::Dialect;
use super::sql::driver::{Driver, Purpose, Session};
use super::{Engine, Error, Result};

/// Longest wait for a connection that is free.
const WAIT: Duration = Duration::from_secs(2);
/// Longest time to make a connection, all hosts together.
const CONNECT: Duration = Duration::from_secs(5);

/// The engine.
pub(super) struct Postgres {
    writes: Pool,
    reports: Pool,
    reads: Pool,
    grants: Pool,
    follower: Pool,
    measurer: Pool,
    listener: Listener,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

/// Whether `url` can be read; if not, why, without a word of a password.
pub(super) fn check_url(url: &str) -> std::result::Result<(), String> {
    Settings::parse(url).map(drop)
}

fn settings(url: &str) -> Result<Settings> {
    Settings::parse(url)
        .map_err(|error| Error::Unusable { sentence: format!("the database URL cannot be read: {error}") })
}

fn pool(settings: &Settings, tls: &Tls, size: usize) -> Result<Pool> {
    let manager = Manager::from_connect(
        settings.config.clone(),
        Connector::here(tls),
        // Whether a connection lives is seen from its socket; asking would cost every call a round trip.
        ManagerConfig { recycling_method: RecyclingMethod::Fast },
    );
    Pool::builder(manager)
        .max_size(size.max(1))
        .wait_timeout(Some(WAIT))
        .create_timeout(Some(CONNECT))
        .recycle_timeout(Some(WAIT))
        .runtime(Runtime::Tokio1)
        .build()
        .map_err(|error| Error::Failed { what: "making a pool of connections".to_owned(), source: Box::new(error) })
}

impl Postgres {
    /// Reaches the server, and brings the tables up if `options` say so.
    pub(super) async fn open(url: &str, options: &Options) -> Result<Self> {
        let settings = settings(url)?;
        let tls = connector(&settings)?;
        let reports = pool(&settings, &tls, options.report_connections)?;
        migrate::bring_up(&pool(&settings, &tls, 2)?, &settings, options.migrate).await?;
        lasting::check(&reports).await;
        let listener = Listener::start(&settings, &tls, reports.clone(), &options.tasks);
        Ok(Self {
            writes: pool(&settings, &tls, options.write_connections)?,
            reads: pool(&settings, &tls, options.read_connections)?,
            grants: pool(&settings, &tls, options.grant_connections)?,
            follower: pool(&settings, &tls, 1)?,
            measurer: pool(&settings, &tls, 1)?,
            reports,
            listener,
        })
    }
}

/// How the tables of the database stand to this version.
pub(super) async fn schema(url: &str) -> Result<SchemaState> {
    let settings = settings(url)?;
    let pool = pool(&settings, &connector(&settings)?, 1)?;
    let client = migrate::connect(&pool, &settings).await?;
    migrate::state(&client).await
}

/// Brings the database's tables up to this version.
pub(super) async fn migrate(url: &str) -> Result<()> {
    let settings = settings(url)?;
    migrate::bring_up(&pool(&settings, &connector(&settings)?, 2)?, &settings, true).await
}

#[async_trait]
impl Driver for Postgres {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn dialect(&self) -> Dialect {
        Dialect::Postgres
    }

    async fn session(&self, purpose: Purpose) -> Result<Box<dyn Session>> {
        let (pool, begin) = match purpose {
            Purpose::Measure => {
                let client = self.measurer.get().await.map_err(errors::of_pool)?;
                return Ok(Box::new(PostgresSession::measuring(client)));
            }
            Purpose::Write => (&self.writes, session::BEGIN_WRITE),
            Purpose::Report => (&self.reports, session::BEGIN_WRITE),
            Purpose::Read => (&self.reads, session::BEGIN_READ),
            Purpose::Grant => (&self.grants, ""),
            Purpose::Follow => (&self.follower, session::BEGIN_READ),
        };
        let client = pool.get().await.map_err(errors::of_pool)?;
        let commit = if purpose == Purpose::Write && self.listener.works() {
            session::NOTIFY_AND_COMMIT
        } else {
            session::COMMIT
        };
        Ok(Box::new(PostgresSession::new(client, begin, commit)))
    }

    fn is_conflict(&self, error: &Error) -> bool {
        errors::is_conflict(error)
    }

    async fn woken(&self) {
        self.listener.woken().await;
    }
}
