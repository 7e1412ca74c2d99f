//! The latest revision, the history that leads to it, and the identity of the database.

use super::connection::Connection;
use super::value::SqlRow;
use crate::model::change::{Cursor, Revision};
use crate::model::marks::Marks;
use crate::model::time::Timestamp;
use crate::storage::{Deployment, Error, Result};

/// Reads the latest revision, storage's clock, and its marks.
pub(super) async fn head(connection: &mut Connection, name: &'static str) -> Result<(Cursor, Timestamp, Marks)> {
    let sql = sql!("SELECT value, nonce, " NOW ", " STANDBY ", (SELECT marks FROM clock) FROM revision");
    let mut row = connection.one(name, sql, params![], "revision").await?;
    let head = row.cursor()?;
    let now = row.get::<Option<_>>("now")?.unwrap_or_else(|| connection.local_time());
    refuse_standby(&mut row)?;
    Ok((head, now, row.get::<Option<_>>("marks")?.unwrap_or_default()))
}

/// Reads `STANDBY`.
pub(super) fn refuse_standby(row: &mut SqlRow) -> Result<()> {
    if row.get("standby")? {
        return Err(Error::unavailable("the server is a standby and may be behind its primary"));
    }
    Ok(())
}

pub(super) async fn revisions_after(
    connection: &mut Connection,
    name: &'static str,
    revision: Revision,
) -> Result<Vec<Cursor>> {
    let sql = "SELECT revision, nonce FROM changes WHERE revision > $1 AND ordinal = 0 ORDER BY revision";
    connection.rows(name, sql, params![revision], "changes").await?.iter_mut().map(SqlRow::cursor).collect()
}

pub(super) async fn is_in_history(connection: &mut Connection, cursor: Cursor, head: Cursor) -> Result<bool> {
    if cursor.revision >= head.revision {
        return Ok(false);
    }
    if cursor.revision == Revision(0) {
        return Ok(cursor.nonce == 0);
    }
    let sql = "SELECT nonce FROM changes WHERE revision = $1 AND ordinal = 0";
    let nonces: Vec<i64> = connection.column("cursor", sql, params![cursor.revision], ("changes", "nonce")).await?;
    Ok(nonces.first().is_some_and(|nonce| nonce.cast_unsigned() == cursor.nonce))
}

pub(super) async fn deployment(connection: &mut Connection) -> Result<Deployment> {
    let mut deployment = Deployment::default();
    let sql = "SELECT key, value, NOT EXISTS (SELECT 1 FROM keys) FROM meta";
    for mut row in connection.rows("deployment", sql, params![], "meta").await? {
        let (key, value): (String, String) = (row.get("key")?, row.get("value")?);
        deployment.empty = row.get("empty")?;
        match key.as_str() {
            "deployment" => deployment.id = Some(value),
            "replaces" => deployment.replaces = value.split(',').map(str::to_owned).collect(),
            _ => {}
        }
    }
    Ok(deployment)
}
