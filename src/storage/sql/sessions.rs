//! People who are signed in to the console.

use std::time::Duration;

use super::link::Link;
use super::operators;
use super::write::Write;
use crate::model::id::OperatorId;
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::storage::{Error, Result, Session};

/// How long sessions are remembered, so that who comes back to an old one can be told why it is over.
pub(super) const KEPT: Duration = Duration::from_hours(24);

/// The session with this token's digest, with its operator as it is now.
pub(super) async fn get(link: &mut Link, digest: &Digest) -> Result<Option<Session>> {
    let sql = "SELECT operator_id, operator_revision, created_at, seen_at FROM sessions WHERE digest = $1";
    let Some(row) = link.row("session", sql, vec![digest.into()]).await? else { return Ok(None) };
    let mut reader = row.read("sessions");
    let id: OperatorId = reader.parsed("operator_id")?;
    let operator_revision = reader.revision("operator_revision")?;
    let (created, seen) = (reader.time("created_at")?, reader.time("seen_at")?);
    let operator = operators::get(link, id).await?;
    let operator = operator.ok_or_else(|| Error::corrupt(format!("sessions.operator_id: {id} is not an operator")))?;
    Ok(Some(Session { operator, operator_revision, created, seen }))
}

/// Moves the last request of a session forward.
pub(super) async fn touch(mut link: Link, digest: &Digest, at: Timestamp) -> Result<()> {
    let sql = "UPDATE sessions SET seen_at = $1 WHERE digest = $2 AND seen_at < $1";
    link.execute("touch_session", sql, vec![at.into(), digest.into()]).await?;
    link.commit("commit_session").await
}

impl Write {
    pub(super) async fn add_session(&mut self, digest: &Digest, operator: OperatorId, shown: &Digest) -> Result<bool> {
        let sql = "INSERT INTO sessions (digest, operator_id, operator_revision, created_at, seen_at) \
                   SELECT $1, id, row_revision, $3, $3 FROM operators WHERE id = $2 AND digest = $4";
        let params = vec![digest.into(), operator.to_string().into(), self.now.into(), shown.into()];
        Ok(self.link.execute("insert_session", sql, params).await? == 1)
    }

    pub(super) async fn remove_session(&mut self, digest: &Digest) -> Result<bool> {
        let sql = "DELETE FROM sessions WHERE digest = $1";
        Ok(self.link.execute("end_session", sql, vec![digest.into()]).await? > 0)
    }
}
