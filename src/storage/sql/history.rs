//! The latest revision, and the history that leads to it.

use super::connection::Connection;
use crate::model::change::{Cursor, Revision};
use crate::model::marks::Marks;
use crate::model::time::Timestamp;
use crate::storage::{Error, RECENT_REVISIONS, Result};

/// Reads the latest revision, storage's clock, and its marks.
pub(super) async fn head(connection: &mut Connection, name: &'static str) -> Result<(Cursor, Timestamp, Marks)> {
    let sql = sql!("SELECT value, nonce, " NOW ", " STANDBY ", (SELECT marks FROM clock) FROM revision");
    let row = connection.one(name, sql, Vec::new()).await?;
    let mut reader = row.read("revision");
    let head = reader.cursor()?;
    let now = reader.opt_time("now")?.unwrap_or_else(|| connection.local_time());
    if reader.bool("standby")? {
        return Err(Error::unavailable("the server is a standby and may be behind its primary"));
    }
    let marks = reader.opt_json("marks")?.unwrap_or_default();
    Ok((head, now, marks))
}

/// Reads the last revisions up to `head`.
pub(super) async fn recent_revisions(connection: &mut Connection, head: Cursor) -> Result<Vec<Cursor>> {
    let sql = "SELECT revision, nonce FROM changes WHERE revision > $1 AND ordinal = 0 ORDER BY revision";
    let before = Revision(head.revision.0.saturating_sub(RECENT_REVISIONS));
    let rows = connection.rows("lineage", sql, vec![before.into()]).await?;
    rows.into_iter().map(|row| row.read("changes").cursor()).collect()
}

/// Returns whether `cursor` is part of the history of `head`.
pub(super) async fn is_in_history(connection: &mut Connection, cursor: Cursor, head: Cursor) -> Result<bool> {
    if cursor.revision >= head.revision {
        return Ok(false);
    }
    if cursor.revision == Revision(0) {
        return Ok(cursor.nonce == 0);
    }
    let sql = "SELECT nonce FROM changes WHERE revision = $1 AND ordinal = 0";
    let row = connection.row("cursor", sql, vec![cursor.revision.into()]).await?;
    Ok(match row {
        Some(row) => row.read("changes").int("nonce")?.cast_unsigned() == cursor.nonce,
        None => false,
    })
}
