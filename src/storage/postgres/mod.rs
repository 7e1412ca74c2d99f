//! PostgreSQL or a compatible engine: for replicas, and for outgrowing one machine.
//!
//! Nothing here needs session state beyond one transaction, so that a pooler in transaction mode may be in between:
//! statements are sent unnamed, settings are made with `SET LOCAL`, no advisory locks. NOTIFY wakes followers only if a
//! probe found that it works.

mod config;
mod connect;
mod durability;
mod errors;
mod hosts;
mod listener;
mod migrate;
mod replaced;
mod session;
mod tls;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;

use self::config::UrlSettings;
pub(super) use self::config::check_url;
use self::connect::{ConnectionPool, pool};
use self::hosts::Hosts;
use self::listener::Listener;
use self::session::PostgresSession;
use self::tls::connector;
use super::options::{Options, SchemaState};
use super::sql::dialect::SqlDialect;
use super::sql::driver::{Driver, Purpose, SqlSession};
use super::{Error, Result};

/// The longest wait until an empty database is marked.
const MARKING: Duration = Duration::from_secs(3);

/// The engine.
pub(super) struct Postgres {
    writes: ConnectionPool,
    reports: ConnectionPool,
    reads: ConnectionPool,
    grants: ConnectionPool,
    follower: ConnectionPool,
    measurer: ConnectionPool,
    listener: Listener,
}

impl fmt::Debug for Postgres {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Postgres")
    }
}

fn settings(url: &str) -> Result<UrlSettings> {
    UrlSettings::parse(url)
        .map_err(|error| Error::Unusable { sentence: format!("the database URL is invalid: {error}") })
}

impl Postgres {
    /// Connects to the server, and migrates the tables if `options` allow it.
    pub(super) async fn open(url: &str, options: &Options) -> Result<Self> {
        let settings = settings(url)?;
        let hosts = Hosts::new(&settings, &connector(&settings)?, &options.clock);
        let reports = pool(&hosts, options.report_connections)?;
        migrate::migrate_if_needed(&pool(&hosts, 2)?, &settings, options.migrate, options).await?;
        durability::warn(&reports, &settings).await;
        let listener = Listener::start(&hosts, reports.clone(), options);
        Ok(Self {
            writes: pool(&hosts, options.write_connections)?,
            reads: pool(&hosts, options.read_connections)?,
            grants: pool(&hosts, options.grant_connections)?,
            follower: pool(&hosts, 1)?,
            measurer: pool(&hosts, 1)?,
            reports,
            listener,
        })
    }
}

/// Returns the state of the database's tables relative to this version.
pub(super) async fn schema(url: &str, options: &Options) -> Result<SchemaState> {
    let settings = settings(url)?;
    let pool = pool(&Hosts::new(&settings, &connector(&settings)?, &options.clock), 1)?;
    let client = migrate::connect(&pool, &settings).await?;
    migrate::state(&client).await
}

/// Returns warnings about the server's settings.
pub(super) async fn warnings(url: &str, options: &Options) -> Result<Vec<String>> {
    let settings = settings(url)?;
    let pool = pool(&Hosts::new(&settings, &connector(&settings)?, &options.clock), 1)?;
    let client = migrate::connect(&pool, &settings).await?;
    Ok(durability::replication_warning(&client, &settings, true).await?.into_iter().collect())
}

/// Migrates the database's tables to this version.
pub(super) async fn migrate(url: &str, options: &Options) -> Result<()> {
    let settings = settings(url)?;
    let hosts = Hosts::new(&settings, &connector(&settings)?, &options.clock);
    migrate::migrate_if_needed(&pool(&hosts, 2)?, &settings, true, options).await
}

#[async_trait]
impl Driver for Postgres {
    fn dialect(&self) -> SqlDialect {
        SqlDialect::Postgres
    }

    async fn session(&self, purpose: Purpose) -> Result<Box<dyn SqlSession>> {
        let (pool, begin) = match purpose {
            Purpose::Measure => {
                let client = self.measurer.get().await.map_err(errors::translate_pool)?;
                return Ok(Box::new(PostgresSession::measuring(client)));
            }
            Purpose::Write => (&self.writes, session::BEGIN_WRITE),
            Purpose::Report | Purpose::Heartbeat => (&self.reports, session::BEGIN_WRITE),
            Purpose::Read => (&self.reads, session::BEGIN_READ),
            Purpose::Grant => (&self.grants, ""),
            Purpose::Follow => (&self.follower, session::BEGIN_READ),
        };
        let client = match pool.get().await {
            Ok(client) => client,
            // Perhaps the database has no spare connection; then the follower lends its own, between two polls.
            Err(error) if purpose == Purpose::Heartbeat => match self.follower.get().await {
                Ok(client) => client,
                Err(_) => return Err(errors::translate_pool(error)),
            },
            Err(error) => return Err(errors::translate_pool(error)),
        };
        let commit = if purpose == Purpose::Write && self.listener.is_working() {
            session::NOTIFY_AND_COMMIT
        } else {
            session::COMMIT
        };
        Ok(Box::new(PostgresSession::new(client, begin, commit)))
    }

    fn is_conflict(&self, error: &Error) -> bool {
        errors::is_conflict(error)
    }

    async fn mark_replaced(&self, deployment: &str) -> Result<()> {
        let client = self.reports.get().await.map_err(errors::translate_pool)?;
        migrate::with_timeout("marking an empty database", MARKING, replaced::mark(&client, deployment)).await
    }

    async fn notified(&self) {
        self.listener.notified().await;
    }
}
