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

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use async_trait::async_trait;
use tokio_postgres::error::SqlState;
use tokio_util::sync::DropGuard;

pub(super) use self::config::UrlSettings;
use self::connect::{ConnectionPool, pool};
use self::hosts::Hosts;
use self::listener::Notifications;
use self::session::PostgresSession;
use self::tls::connector;
use super::options::{Options, SchemaState};
use super::sql::dialect::SqlDialect;
use super::sql::driver::{Driver, Purpose, SqlSession};
use super::{Error, Result};

/// The longest wait until an empty database is marked.
const MARKING: Duration = Duration::from_secs(3);

pub(super) struct Postgres {
    writes: ConnectionPool,
    reports: ConnectionPool,
    reads: ConnectionPool,
    grants: ConnectionPool,
    follower: ConnectionPool,
    measurer: ConnectionPool,
    notifications: Arc<Notifications>,
    /// Stops listening when it is dropped.
    _listening: DropGuard,
}

fn hosts(url: &str, options: &Options) -> Result<(UrlSettings, Arc<Hosts>)> {
    let settings =
        UrlSettings::parse(url).map_err(|error| Error::unusable(format!("the database URL is invalid: {error}")))?;
    let hosts = Hosts::new(&settings, connector(&settings)?, &options.clock);
    Ok((settings, hosts))
}

impl Postgres {
    pub(super) async fn open(url: &str, options: &Options) -> Result<Self> {
        let (settings, hosts) = hosts(url, options)?;
        let reports = pool(&hosts, options.report_connections)?;
        migrate::migrate_if_needed(&pool(&hosts, 2)?, &settings, options.migrate, options).await?;
        durability::warn(&reports, &settings).await;
        let (notifications, listening) = listener::start(&hosts, reports.clone(), options);
        Ok(Self {
            writes: pool(&hosts, options.write_connections)?,
            reads: pool(&hosts, options.read_connections)?,
            grants: pool(&hosts, options.grant_connections)?,
            follower: pool(&hosts, 1)?,
            measurer: pool(&hosts, 1)?,
            reports,
            notifications,
            _listening: listening,
        })
    }
}

pub(super) async fn schema(url: &str, options: &Options) -> Result<SchemaState> {
    let (settings, hosts) = hosts(url, options)?;
    migrate::state(&migrate::connect(&pool(&hosts, 1)?, &settings).await?.client).await
}

pub(super) async fn warnings(url: &str, options: &Options) -> Result<Vec<String>> {
    let (settings, hosts) = hosts(url, options)?;
    let connection = migrate::connect(&pool(&hosts, 1)?, &settings).await?;
    Ok(durability::replication_warning(&connection.client, &settings, true).await?.into_iter().collect())
}

pub(super) async fn migrate(url: &str, options: &Options) -> Result<()> {
    let (settings, hosts) = hosts(url, options)?;
    migrate::migrate_if_needed(&pool(&hosts, 2)?, &settings, true, options).await
}

#[async_trait]
impl Driver for Postgres {
    fn dialect(&self) -> SqlDialect {
        SqlDialect::Postgres
    }

    async fn session(&self, purpose: Purpose) -> Result<Box<dyn SqlSession>> {
        let (pool, begin) = match purpose {
            Purpose::Write => (&self.writes, Some(session::BEGIN_WRITE)),
            Purpose::Report | Purpose::Heartbeat => (&self.reports, Some(session::BEGIN_WRITE)),
            Purpose::Read => (&self.reads, Some(session::BEGIN_READ)),
            Purpose::Grant => (&self.grants, None),
            Purpose::Follow => (&self.follower, Some(session::BEGIN_READ)),
            Purpose::Measure => (&self.measurer, Some(session::BEGIN_MEASURE)),
        };
        let connection = match pool.get().await {
            // Perhaps the database has no spare connection; then the follower lends its own, between two polls.
            Err(error) if purpose == Purpose::Heartbeat => self.follower.get().await.map_err(|_| error),
            connection => connection,
        };
        let notify = purpose == Purpose::Write && self.notifications.working.load(Ordering::Relaxed);
        let commit = if notify { session::NOTIFY_AND_COMMIT } else { session::COMMIT };
        let measure = purpose == Purpose::Measure;
        let timeout = if measure { session::MEASURE_TIMEOUT } else { session::RESPONSE_TIMEOUT };
        let connection = Some(connection.map_err(errors::translate_pool)?);
        let (open, busy, read_only) = (false, false, false);
        Ok(Box::new(PostgresSession { connection, begin, commit, open, timeout, busy, read_only }))
    }

    fn is_conflict(&self, error: &Error) -> bool {
        let Error::Unavailable { source: Some(source), .. } = error else { return false };
        let code = source.downcast_ref::<tokio_postgres::Error>().and_then(tokio_postgres::Error::code);
        code.is_some_and(|code| [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED].contains(code))
    }

    async fn mark_replaced(&self, deployment: &str) -> Result<()> {
        let connection = self.reports.get().await.map_err(errors::translate_pool)?;
        let marking = replaced::mark(&connection.client, deployment);
        migrate::with_timeout("marking an empty database", MARKING, marking).await
    }

    async fn notified(&self) {
        self.notifications.notify.notified().await;
    }
}
