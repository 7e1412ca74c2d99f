//! Operators: who may call Latchkey itself.

use super::codec;
use super::link::Link;
use super::select::Select;
use super::value::{Reader, Row, Value};
use super::write::Write;
use crate::model::id::OperatorId;
use crate::model::operator::{Operator, Role};
use crate::model::page::{Page, PageRequest};
use crate::model::token::Digest;
use crate::storage::{Error, OperatorFilter, Result};

const COLUMNS: &str = "id, name, role, expires_at, revoked_at, hint, created_at, updated_at, row_revision";

fn read_from(reader: &mut Reader) -> Result<Operator> {
    Ok(Operator {
        id: reader.parsed("id")?,
        name: reader.text("name")?,
        role: reader.read_as("role", codec::role_of)?,
        expires: reader.opt_time("expires_at")?,
        revoked: reader.opt_time("revoked_at")?,
        hint: reader.text("hint")?,
        created: reader.time("created_at")?,
        updated: reader.time("updated_at")?,
        row_revision: reader.revision("row_revision")?,
    })
}

fn read(row: Row) -> Result<Operator> {
    read_from(&mut row.read("operators"))
}

/// The operator with this id, also a revoked one.
pub(super) async fn get(link: &mut Link, id: OperatorId) -> Result<Option<Operator>> {
    let sql = format!("SELECT {COLUMNS} FROM operators WHERE id = $1");
    link.row("operator", &sql, vec![id.to_string().into()]).await?.map(read).transpose()
}

/// All operators that are not revoked, with the digests of their tokens.
pub(super) async fn all(link: &mut Link) -> Result<Vec<(Operator, Digest)>> {
    let sql = format!("SELECT {COLUMNS}, digest FROM operators WHERE revoked_at IS NULL ORDER BY id");
    let rows = link.rows("all_operators", &sql, Vec::new()).await?;
    let with_digest = rows.into_iter().map(|row| {
        let mut reader = row.read("operators");
        Ok((read_from(&mut reader)?, reader.digest("digest")?))
    });
    with_digest.collect()
}

/// Operators that pass the filter, the newest first.
pub(super) async fn list(link: &mut Link, filter: &OperatorFilter, page: &PageRequest) -> Result<Page<Operator>> {
    let mut select = Select::new(link.dialect());
    if !filter.include_revoked {
        select.only("revoked_at IS NULL");
    }
    if let Some(role) = filter.role {
        select.only_with("role =", role.as_str().into());
    }
    if let Some(after) = &page.after {
        select.only_with("id <", after.as_str().into());
    }
    let sql =
        format!("SELECT {COLUMNS} FROM operators {} ORDER BY id DESC LIMIT {}", select.conditions(), page.size + 1);
    let rows = link.rows("operators", &sql, select.params).await?;
    let operators = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
    Ok(Page::cut(operators, page.size, |operator| operator.id.to_string()))
}

impl Write {
    pub(super) async fn operator_of_name(&mut self, name: &str) -> Result<Option<Operator>> {
        let sql = format!("SELECT {COLUMNS} FROM operators WHERE name = $1 AND revoked_at IS NULL");
        self.link.row("operator_named", &sql, vec![name.into()]).await?.map(read).transpose()
    }

    pub(super) async fn count_lasting_admins(&mut self) -> Result<u64> {
        let sql = "SELECT count(*) FROM operators WHERE role = $1 AND revoked_at IS NULL AND expires_at IS NULL";
        let row = self.link.one("lasting_admins", sql, vec![Role::Admin.as_str().into()]).await?;
        row.read("operators").number("count")
    }

    pub(super) async fn count_operators(&mut self) -> Result<u64> {
        let row = self.link.one("operator_count", "SELECT count(*) FROM operators", Vec::new()).await?;
        row.read("operators").number("count")
    }

    pub(super) async fn add_operator(&mut self, operator: &Operator, digest: &Digest) -> Result<()> {
        let sql = "INSERT INTO operators (name, role, hint, expires_at, revoked_at, updated_at, row_revision, id, \
                   created_at, digest) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let mut params = self.operator_values(operator);
        params.extend([operator.created.into(), digest.into()]);
        self.link.execute("insert_operator", sql, params).await.map(drop)
    }

    pub(super) async fn change_operator(&mut self, operator: &Operator, digest: Option<&Digest>) -> Result<()> {
        let sql = "UPDATE operators SET name = $1, role = $2, hint = $3, expires_at = $4, revoked_at = $5, \
                   updated_at = $6, row_revision = $7, digest = coalesce($9, digest) WHERE id = $8";
        let mut params = self.operator_values(operator);
        params.push(Value::Bytes(digest.map(|digest| digest.as_bytes().to_vec())));
        if self.link.execute("update_operator", sql, params).await? == 1 {
            Ok(())
        } else {
            Err(Error::corrupt(format!("the operator {} to update does not exist", operator.id)))
        }
    }

    /// Name, role, hint, expires, revoked, updated, row revision, id.
    fn operator_values(&self, operator: &Operator) -> Vec<Value> {
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
