//! Marks in a database that was emptied while servers ran on it: they prevent a starting server from mistaking it for a
//! first start.

use std::time::Duration;

use tokio_postgres::Client;
use tokio_postgres::types::Type;

use super::config::UrlSettings;
use super::errors::translate;
use super::migrate::is_true;
use crate::storage::options::Options;
use crate::storage::{Error, Result};

/// Time for running servers to notice that the database is empty: they check several times a second.
const NOTICE: Duration = Duration::from_millis(800);
const TABLE: &str = "CREATE TABLE IF NOT EXISTS latchkey_replaced (deployment text PRIMARY KEY)";

/// Leaves a mark that `deployment` was served from here, if the database is empty.
pub(super) async fn mark(client: &Client, deployment: &str) -> Result<()> {
    let failed = |error| translate("marking an empty database", error);
    if !is_empty(client).await? {
        return Ok(());
    }
    client.batch_execute(TABLE).await.map_err(failed)?;
    let sql = "INSERT INTO latchkey_replaced (deployment) VALUES ($1) ON CONFLICT DO NOTHING";
    client.execute_typed(sql, &[(&deployment, Type::TEXT)]).await.map(drop).map_err(failed)
}

/// Returns whether there are no tables, or no key was ever created.
async fn is_empty(client: &Client) -> Result<bool> {
    let what = "checking whether the database is empty";
    let untouched = is_true(client, what, "SELECT to_regclass('keys') IS NULL").await?;
    let meta = "SELECT to_regclass('meta') IS NULL";
    is_true(client, what, if untouched { meta } else { "SELECT NOT EXISTS (SELECT 1 FROM keys)" }).await
}

async fn marked(client: &Client) -> Result<Vec<String>> {
    let what = "checking for running servers";
    if !is_true(client, what, "SELECT to_regclass('latchkey_replaced') IS NOT NULL").await? {
        return Ok(Vec::new());
    }
    let failed = |error| translate(what, error);
    let rows = client.query_typed("SELECT deployment FROM latchkey_replaced ORDER BY deployment", &[]).await;
    rows.map_err(failed)?.iter().map(|row| row.try_get(0).map_err(failed)).collect()
}

/// Refuses to start with an empty database that replaced a served one.
pub(super) async fn check(client: &Client, settings: &UrlSettings, options: &Options) -> Result<()> {
    if options.start_over || cfg!(without_guard = "emptied") {
        return Ok(());
    }
    tokio::time::sleep(NOTICE).await;
    let (who, served) = (marked(client).await?, options.served.is_some());
    if who.is_empty() && !served {
        return Ok(());
    }
    let by = if who.is_empty() { "this server has used it before" } else { "running servers have used it" };
    Err(Error::unusable(format!(
        "the database on {} is empty, but {by}: restore its backup, or run `latchkey migrate --start-over` to start \
         with an empty one",
        settings.location()
    )))
}

/// Records which deployments this one replaces, as an administrator has confirmed, and removes the marks.
pub(super) async fn confirm(client: &Client, options: &Options) -> Result<()> {
    if !options.start_over {
        return Ok(());
    }
    let failed = |error| translate("confirming that the database starts empty", error);
    let mut replaced = marked(client).await?;
    replaced.extend(options.served.iter().filter(|served| !replaced.contains(served)).cloned().collect::<Vec<_>>());
    if replaced.is_empty() {
        return Ok(());
    }
    let sql = "INSERT INTO meta (key, value) VALUES ('replaces', $1) ON CONFLICT (key) DO UPDATE SET \
               value = meta.value || ',' || excluded.value";
    client.execute_typed(sql, &[(&replaced.join(","), Type::TEXT)]).await.map_err(failed)?;
    client.batch_execute("DROP TABLE IF EXISTS latchkey_replaced").await.map_err(failed)
}
