//! The durability of commits: a warning at the start if the server's settings put it at risk.

use std::time::Duration;

use tokio_postgres::Client;

use super::config::UrlSettings;
use super::connect::ConnectionPool;
use super::errors::{translate, translate_pool};
use super::migrate::with_timeout;
use crate::storage::Result;

/// The longest wait for the server's settings.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(5);
/// If one of them is off, acknowledged commits can be lost in a crash.
const SETTINGS: &str = "SELECT name FROM pg_settings WHERE setting = 'off' \
                        AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name";

/// Whether commits are acknowledged before a standby has them, and the number of standbys that follow.
const STANDBYS: &str = "SELECT current_setting('synchronous_standby_names') = '' \
                        OR current_setting('synchronous_commit') IN ('off', 'local'), \
                        (SELECT count(*) FROM pg_stat_replication)";
const SERVERS: &str =
    "SELECT count(*) FROM replicas WHERE reported_at > extract(epoch FROM now()) * 1000000 - 120000000";

/// Warns that a failover may lose acknowledged commits, if there is a host to fail over to. With `servers`, several
/// recently active servers of ours also count as a reason to check.
pub(super) async fn replication_warning(
    client: &Client,
    settings: &UrlSettings,
    servers: bool,
) -> Result<Option<String>> {
    let what = "reading the replication settings";
    let read = async {
        let failed = |error| translate(what, error);
        let row = client.query_typed_one(STANDBYS, &[]).await.map_err(failed)?;
        let (off, standbys): (bool, i64) = (row.try_get(0).map_err(failed)?, row.try_get(1).map_err(failed)?);
        let several = servers && {
            // Before the tables exist nothing reports.
            let row = client.query_typed_one(SERVERS, &[]).await.ok();
            row.and_then(|row| row.try_get::<_, i64>(0).ok()).is_some_and(|servers| servers > 1)
        };
        let hosts = settings.config.get_hosts().len() > 1;
        Ok((off && (standbys > 0 || hosts || several)).then(|| {
            "synchronous replication is off: a failover to a standby can lose acknowledged changes, so that revoked \
             keys work again; set synchronous_standby_names, and set synchronous_commit to on"
                .to_owned()
        }))
    };
    with_timeout(what, RESPONSE_TIMEOUT, read).await
}

/// Warns of settings that put acknowledged writes at risk. They are not refused: a test or trial database may need
/// them, and other PostgreSQL-compatible engines have no such settings.
pub(super) async fn warn(pool: &ConnectionPool, settings: &UrlSettings) {
    let warning = async {
        let connection = pool.get().await.map_err(translate_pool)?;
        replication_warning(&connection.client, settings, false).await
    };
    match warning.await {
        Ok(Some(warning)) => tracing::warn!("{warning}"),
        Ok(None) => {}
        Err(error) => tracing::debug!(error = %error, "the replication settings of the database cannot be read"),
    }
    let what = "reading the server settings";
    let failed = |error| translate(what, error);
    let unsafe_settings = async {
        let connection = pool.get().await.map_err(translate_pool)?;
        let rows = connection.client.query_typed(SETTINGS, &[]).await.map_err(failed)?;
        rows.iter().map(|row| row.try_get::<_, String>(0).map_err(failed)).collect::<Result<Vec<_>>>()
    };
    match with_timeout(what, RESPONSE_TIMEOUT, unsafe_settings).await {
        Ok(settings) => {
            for setting in settings {
                tracing::warn!(
                    setting,
                    "the database can lose acknowledged writes if it crashes: turn this setting on"
                );
            }
        }
        Err(error) => tracing::debug!(error = %error, "the durability settings of the database cannot be read"),
    }
}
