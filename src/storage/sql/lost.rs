//! Lost changes, and the identity of the database.

use std::time::Duration;

use super::Storage;
use super::connection::Connection;
use super::driver::{Insert, Purpose};
use super::value::json;
use crate::model::time::Timestamp;
use crate::storage::{Deployment, LostChange, Result};

/// How long lost changes are kept.
pub(super) const RETENTION: Duration = Duration::from_hours(35 * 24);

static INSERT: Insert = Insert::new(
    "insert_lost_changes",
    "lost_changes",
    &["revision", "nonce", "subject_kind", "subject_id", "action", "detail", "reported_by", "noticed_at"],
    "ON CONFLICT DO NOTHING",
);

/// Records lost changes.
pub(super) async fn report(mut connection: Connection, changes: &[LostChange]) -> Result<()> {
    let rows = changes.iter().map(|change| {
        vec![
            change.cursor.revision.into(),
            change.cursor.nonce.cast_signed().into(),
            change.kind.as_str().into(),
            change.subject.as_str().into(),
            change.action.as_str().into(),
            json(&change.detail),
            change.reported_by.to_string().into(),
            change.noticed.into(),
        ]
    });
    let rows = rows.collect();
    connection.insert(&INSERT, rows).await?;
    connection.commit("commit_lost_changes").await
}

impl Storage {
    /// Returns the changes that were lost within the last 35 days, the newest revision first, at most 1 000.
    pub async fn lost_changes(&self) -> Result<Vec<LostChange>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let sql = "SELECT revision, nonce, subject_kind, subject_id, action, detail, reported_by, noticed_at \
                   FROM lost_changes ORDER BY revision DESC, nonce, subject_kind, subject_id LIMIT 1000";
        let rows = connection.rows("lost_changes", sql, Vec::new()).await?;
        let read = rows.into_iter().map(|row| {
            let mut reader = row.read("lost_changes");
            Ok(LostChange {
                cursor: reader.cursor()?,
                kind: reader.text("subject_kind")?,
                subject: reader.text("subject_id")?,
                action: reader.text("action")?,
                detail: reader.json("detail")?,
                reported_by: reader.parsed("reported_by")?,
                noticed: reader.time("noticed_at")?,
            })
        });
        read.collect()
    }
}

/// Deletes lost changes after their retention time.
pub(super) async fn delete_expired(connection: &mut Connection, now: Timestamp) -> Result<()> {
    let sql = "DELETE FROM lost_changes WHERE noticed_at < $1";
    connection.execute("sweep_lost_changes", sql, vec![now.minus(RETENTION).into()]).await.map(drop)
}

/// Returns the identity of the database.
pub(super) async fn deployment(connection: &mut Connection) -> Result<Deployment> {
    let mut deployment = Deployment::default();
    let sql = "SELECT key, value, NOT EXISTS (SELECT 1 FROM keys) FROM meta";
    for row in connection.rows("deployment", sql, Vec::new()).await? {
        let mut reader = row.read("meta");
        let (key, value) = (reader.text("key")?, reader.text("value")?);
        deployment.empty = reader.bool("empty")?;
        match key.as_str() {
            "deployment" => deployment.id = Some(value),
            "replaces" => deployment.replaces = value.split(',').map(str::to_owned).collect(),
            _ => {}
        }
    }
    Ok(deployment)
}
