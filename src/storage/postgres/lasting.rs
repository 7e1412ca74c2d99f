//! Whether what the server commits lasts: a warning at the start when it is set up not to.

use std::time::Duration;

use super::connect::Pool;
use super::errors::{of_pool, translate};
use super::migrate::within;
use crate::storage::Result;

/// Longest wait for the server's settings.
const BOUND: Duration = Duration::from_secs(5);
/// Each of them off means that commits which were answered can be lost in a crash.
const SETTINGS: &str = "SELECT name FROM pg_settings WHERE setting = 'off' \
                        AND name IN ('fsync', 'full_page_writes', 'synchronous_commit') ORDER BY name";

/// Warns of settings under which writes that were answered can be lost. Not refused: a test's or a trial's database may
/// be meant so, and other engines that speak like PostgreSQL have no such settings.
pub(super) async fn check(pool: &Pool) {
    match within("reading settings of the server", BOUND, weak(pool)).await {
        Ok(settings) => {
            for setting in settings {
                tracing::warn!(
                    setting,
                    "the database is set up to lose writes that were answered, should it crash: turn this setting on"
                );
            }
        }
        Err(error) => tracing::debug!(error = %error, "the database does not tell how lasting its commits are"),
    }
}

async fn weak(pool: &Pool) -> Result<Vec<String>> {
    let client = pool.get().await.map_err(of_pool)?;
    let failed = |error| translate("reading settings of the server", error);
    let rows = client.query_typed(SETTINGS, &[]).await.map_err(failed)?;
    rows.iter().map(|row| row.try_get(0).map_err(failed)).collect()
}
