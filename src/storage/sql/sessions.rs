//! People who are signed in to the console.

use std::time::Duration;

use super::driver::Purpose;
use super::transaction::Transaction;
use super::{Storage, operators};
use crate::model::id::OperatorId;
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::storage::{Error, Result, SessionRecord};

/// How long sessions are kept, so that a person with an old one learns why it ended.
pub(super) const RETENTION: Duration = Duration::from_hours(24);

impl Storage {
    /// Returns the session with this token's digest, valid or not, and the current state of its operator.
    pub async fn session(&self, digest: &Digest) -> Result<Option<SessionRecord>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let sql = "SELECT operator_id, operator_revision, created_at, seen_at FROM sessions WHERE digest = $1";
        let Some(row) = connection.row("session", sql, vec![digest.into()]).await? else { return Ok(None) };
        let mut reader = row.read("sessions");
        let id: OperatorId = reader.parsed("operator_id")?;
        let operator_revision = reader.revision("operator_revision")?;
        let (created, seen) = (reader.time("created_at")?, reader.time("seen_at")?);
        let operator = operators::get(connection, id).await?;
        let operator =
            operator.ok_or_else(|| Error::corrupt(format!("sessions.operator_id: {id} is not an operator")))?;
        Ok(Some(SessionRecord { operator, operator_revision, created, seen }))
    }

    /// Updates the last request of a session, if it exists; takes no revision.
    pub async fn touch_session(&self, digest: &Digest, at: Timestamp) -> Result<()> {
        let mut connection = self.connect(Purpose::Report).await?;
        let sql = "UPDATE sessions SET seen_at = $1 WHERE digest = $2 AND seen_at < $1";
        connection.execute("touch_session", sql, vec![at.into(), digest.into()]).await?;
        connection.commit("commit_session").await
    }
}

impl Transaction {
    /// Adds a session of the operator whose token has the digest `presented`, last used now; it records the operator's
    /// row revision. Returns whether that is the operator's token.
    pub async fn insert_session(&mut self, digest: &Digest, operator: OperatorId, presented: &Digest) -> Result<bool> {
        let sql = "INSERT INTO sessions (digest, operator_id, operator_revision, created_at, seen_at) \
                   SELECT $1, id, row_revision, $3, $3 FROM operators WHERE id = $2 AND digest = $4";
        let params = vec![digest.into(), operator.to_string().into(), self.now.into(), presented.into()];
        Ok(self.connection.execute("insert_session", sql, params).await? == 1)
    }

    /// Ends a session. Returns whether it existed.
    pub async fn end_session(&mut self, digest: &Digest) -> Result<bool> {
        let sql = "DELETE FROM sessions WHERE digest = $1";
        Ok(self.connection.execute("end_session", sql, vec![digest.into()]).await? > 0)
    }
}
