//! Operators: the callers of Latchkey itself.

use super::connection::Connection;
use super::driver::Purpose;
use super::select::Select;
use super::transaction::Transaction;
use super::value::{RowReader, SqlRow, SqlValue};
use super::{Storage, codec};
use crate::model::id::OperatorId;
use crate::model::operator::{Operator, Role};
use crate::model::page::{Page, PageRequest};
use crate::model::token::Digest;
use crate::storage::{OperatorFilter, Result};

/// The columns that [`read`] reads.
macro_rules! columns {
    () => {
        "id, name, role, expires_at, revoked_at, hint, created_at, updated_at, row_revision"
    };
}

fn read_from(reader: &mut RowReader) -> Result<Operator> {
    Ok(Operator {
        id: reader.parsed("id")?,
        name: reader.text("name")?,
        role: reader.read_as("role", codec::parse_role)?,
        expires: reader.opt_time("expires_at")?,
        revoked: reader.opt_time("revoked_at")?,
        hint: reader.text("hint")?,
        created: reader.time("created_at")?,
        updated: reader.time("updated_at")?,
        row_revision: reader.revision("row_revision")?,
    })
}

fn read(row: SqlRow) -> Result<Operator> {
    read_from(&mut row.read("operators"))
}

/// Returns the operator with this id, even if revoked.
pub(super) async fn get(connection: &mut Connection, id: OperatorId) -> Result<Option<Operator>> {
    let sql = concat!("SELECT ", columns!(), " FROM operators WHERE id = $1");
    connection.row("operator", sql, vec![id.to_string().into()]).await?.map(read).transpose()
}

/// Returns all operators that are not revoked, with the digests of their tokens.
pub(super) async fn all(connection: &mut Connection) -> Result<Vec<(Operator, Digest)>> {
    let sql = concat!("SELECT ", columns!(), ", digest FROM operators WHERE revoked_at IS NULL ORDER BY id");
    let rows = connection.rows("all_operators", sql, Vec::new()).await?;
    let with_digest = rows.into_iter().map(|row| {
        let mut reader = row.read("operators");
        Ok((read_from(&mut reader)?, reader.digest("digest")?))
    });
    with_digest.collect()
}

impl Storage {
    /// Returns the operator with this id, even if revoked.
    pub async fn operator(&self, id: OperatorId) -> Result<Option<Operator>> {
        get(&mut self.connect(Purpose::Read).await?, id).await
    }

    /// Returns the operators that match the filter, the newest first.
    pub async fn operators(&self, filter: &OperatorFilter, page: &PageRequest) -> Result<Page<Operator>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let mut select = Select::new(connection.dialect());
        if !filter.include_revoked {
            select.filter("revoked_at IS NULL");
        }
        if let Some(role) = filter.role {
            select.filter_by("role =", role.as_str().into());
        }
        if let Some(after) = &page.after {
            select.filter_by("id <", after.as_str().into());
        }
        let sql = concat!("SELECT ", columns!(), " FROM operators");
        let rows = select.rows(connection, "operators", sql, "id DESC", page).await?;
        let operators = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(operators, page.size, |operator| operator.id.to_string()))
    }
}

impl Transaction {
    /// Returns the operator with this id, even if revoked.
    pub async fn operator(&mut self, id: OperatorId) -> Result<Option<Operator>> {
        get(&mut self.connection, id).await
    }

    /// Returns the operator that has this name and is not revoked.
    pub async fn operator_by_name(&mut self, name: &str) -> Result<Option<Operator>> {
        let sql = concat!("SELECT ", columns!(), " FROM operators WHERE name = $1 AND revoked_at IS NULL");
        self.connection.row("operator_named", sql, vec![name.into()]).await?.map(read).transpose()
    }

    /// Returns the number of admins that are not revoked and never expire.
    pub async fn permanent_admin_count(&mut self) -> Result<u64> {
        let sql = "SELECT count(*) FROM operators WHERE role = $1 AND revoked_at IS NULL AND expires_at IS NULL";
        let row = self.connection.one("lasting_admins", sql, vec![Role::Admin.as_str().into()]).await?;
        row.read("operators").number("count")
    }

    /// Returns the number of all operators, including revoked ones.
    pub async fn operator_count(&mut self) -> Result<u64> {
        let row = self.connection.one("operator_count", "SELECT count(*) FROM operators", Vec::new()).await?;
        row.read("operators").number("count")
    }

    /// Adds an operator.
    pub async fn insert_operator(&mut self, operator: &Operator, digest: &Digest) -> Result<()> {
        let sql = "INSERT INTO operators (name, role, hint, expires_at, revoked_at, updated_at, row_revision, id, \
                   created_at, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let mut params = self.operator_values(operator);
        params.extend([operator.created.into(), digest.into()]);
        self.connection.execute("insert_operator", sql, params).await.map(drop)
    }

    /// Writes all of an operator; with a digest, that of its new token.
    pub async fn update_operator(&mut self, operator: &Operator, digest: Option<&Digest>) -> Result<()> {
        let sql = "UPDATE operators SET name = $1, role = $2, hint = $3, expires_at = $4, revoked_at = $5, \
                   updated_at = $6, row_revision = $7, digest = coalesce($9, digest) WHERE id = $8";
        let mut params = self.operator_values(operator);
        params.push(SqlValue::Bytes(digest.map(|digest| digest.as_bytes().to_vec())));
        self.connection.update("update_operator", sql, params, operator.id).await
    }

    /// Name, role, hint, expires, revoked, updated, row revision, id.
    fn operator_values(&self, operator: &Operator) -> Vec<SqlValue> {
        vec![
            operator.name.as_str().into(),
            operator.role.as_str().into(),
            operator.hint.as_str().into(),
            operator.expires.into(),
            operator.revoked.into(),
            operator.updated.into(),
            self.revision.into(),
            operator.id.to_string().into(),
        ]
    }
}
