//! Operators, the callers of Latchkey itself, and their sessions in the console.

use std::time::Duration;

use super::Storage;
use super::connection::Connection;
use super::driver::Purpose;
use super::select::Select;
use super::transaction::Transaction;
use super::value::SqlValue;
use crate::model::id::OperatorId;
use crate::model::operator::{Operator, Role};
use crate::model::page::{Page, PageRequest};
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::storage::{Error, OperatorFilter, Result, SessionRecord};

/// How long sessions are kept, so that a person with an old one learns why it ended.
pub(super) const SESSION_RETENTION: Duration = Duration::from_hours(24);

table! { Operator {
    id, name, role, expires: "expires_at", revoked: "revoked_at", hint, created: "created_at", updated: "updated_at",
    row_revision
} }

pub(super) async fn get(connection: &mut Connection, id: OperatorId) -> Result<Option<Operator>> {
    let sql = format!("SELECT {COLUMNS} FROM operators WHERE id = $1");
    connection.row("operator", sql.as_str(), params![id], "operators").await?.as_mut().map(read).transpose()
}

pub(super) async fn all(connection: &mut Connection) -> Result<Vec<(Operator, Digest)>> {
    let sql = format!("SELECT {COLUMNS}, digest FROM operators WHERE revoked_at IS NULL ORDER BY id");
    let mut rows = connection.rows("all_operators", sql.as_str(), params![], "operators").await?;
    rows.iter_mut().map(|row| Ok((read(row)?, row.get("digest")?))).collect()
}

impl Storage {
    /// Returns the operator with this id, even if revoked.
    pub async fn operator(&self, id: OperatorId) -> Result<Option<Operator>> {
        get(&mut self.connect(Purpose::Read).await?, id).await
    }

    /// Returns the operators that match the filter, the newest first.
    pub async fn operators(&self, filter: &OperatorFilter, page: &PageRequest) -> Result<Page<Operator>> {
        let mut select = Select::new(self.connect(Purpose::Read).await?);
        if !filter.include_revoked {
            select.filter("revoked_at IS NULL");
        }
        select.filter_by("role =", filter.role);
        select.filter_by("id <", page.after.as_ref());
        select.page((COLUMNS, "operators", "id DESC"), page, read, |operator| operator.id.to_string()).await
    }

    /// Returns the session with this token's digest, valid or not, and the current state of its operator.
    pub async fn session(&self, digest: &Digest) -> Result<Option<SessionRecord>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let sql = "SELECT operator_id, operator_revision, created_at, seen_at FROM sessions WHERE digest = $1";
        let Some(mut row) = connection.row("session", sql, params![digest], "sessions").await? else { return Ok(None) };
        let id = row.get("operator_id")?;
        let operator = get(connection, id).await?;
        let operator =
            operator.ok_or_else(|| Error::corrupt(format!("sessions.operator_id: {id} is not an operator")))?;
        Ok(Some(record!(row => SessionRecord {
            operator_revision, created: "created_at", seen: "seen_at"; operator
        })))
    }

    /// Updates the last request of a session, if it exists; takes no revision.
    pub async fn touch_session(&self, digest: &Digest, at: Timestamp) -> Result<()> {
        let mut connection = self.connect(Purpose::Report).await?;
        let sql = "UPDATE sessions SET seen_at = $1 WHERE digest = $2 AND seen_at < $1";
        connection.execute("touch_session", sql, params![at, digest]).await?;
        connection.commit("commit_session").await
    }
}

impl Transaction {
    /// Returns the operator with this id, even if revoked.
    pub async fn operator(&mut self, id: OperatorId) -> Result<Option<Operator>> {
        get(&mut self.connection, id).await
    }

    /// Returns the operator that has this name and is not revoked.
    pub async fn operator_by_name(&mut self, name: &str) -> Result<Option<Operator>> {
        let sql = format!("SELECT {COLUMNS} FROM operators WHERE name = $1 AND revoked_at IS NULL");
        let mut row = self.connection.row("operator_named", sql.as_str(), params![name], "operators").await?;
        row.as_mut().map(read).transpose()
    }

    /// Returns the number of admins that are not revoked and never expire.
    pub async fn permanent_admin_count(&mut self) -> Result<u64> {
        let sql = "SELECT count(*) FROM operators WHERE role = $1 AND revoked_at IS NULL AND expires_at IS NULL";
        self.connection.one("lasting_admins", sql, params![Role::Admin], "operators").await?.get("count")
    }

    /// Returns the number of all operators, including revoked ones.
    pub async fn operator_count(&mut self) -> Result<u64> {
        let sql = "SELECT count(*) FROM operators";
        self.connection.one("operator_count", sql, params![], "operators").await?.get("count")
    }

    /// Adds an operator.
    pub async fn insert_operator(&mut self, operator: &Operator, digest: &Digest) -> Result<()> {
        let sql = "INSERT INTO operators (name, role, hint, expires_at, revoked_at, updated_at, row_revision, id, \
                   created_at, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let mut params = self.operator_values(operator);
        params.extend(params![operator.created, digest]);
        self.connection.execute("insert_operator", sql, params).await.map(drop)
    }

    /// Writes all of an operator; with a digest, that of its new token.
    pub async fn update_operator(&mut self, operator: &Operator, digest: Option<&Digest>) -> Result<()> {
        let sql = "UPDATE operators SET name = $1, role = $2, hint = $3, expires_at = $4, revoked_at = $5, \
                   updated_at = $6, row_revision = $7, digest = coalesce($9, digest) WHERE id = $8";
        let mut params = self.operator_values(operator);
        params.push(digest.into());
        self.connection.update("update_operator", sql, params, operator.id).await
    }

    /// Name, role, hint, expires, revoked, updated, row revision, id.
    fn operator_values(&self, operator: &Operator) -> Vec<SqlValue> {
        let Operator { id, name, role, hint, expires, revoked, updated, .. } = operator;
        params![name, *role, hint, *expires, *revoked, *updated, self.revision, *id]
    }

    /// Adds a session of the operator whose token has the digest `presented`, last used now; it records the operator's
    /// row revision. Returns whether that is the operator's token.
    pub async fn insert_session(&mut self, digest: &Digest, operator: OperatorId, presented: &Digest) -> Result<bool> {
        let sql = "INSERT INTO sessions (digest, operator_id, operator_revision, created_at, seen_at) \
                   SELECT $1, id, row_revision, $3, $3 FROM operators WHERE id = $2 AND digest = $4";
        let params = params![digest, operator, self.now, presented];
        Ok(self.connection.execute("insert_session", sql, params).await? == 1)
    }

    /// Ends a session. Returns whether it existed.
    pub async fn end_session(&mut self, digest: &Digest) -> Result<bool> {
        let sql = "DELETE FROM sessions WHERE digest = $1";
        Ok(self.connection.execute("end_session", sql, params![digest]).await? > 0)
    }
}
