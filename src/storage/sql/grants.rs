//! Reading a grant: one statement, with the latest revision in it.

use ipnet::IpNet;

use super::connection::Connection;
use super::history::refuse_standby;
use super::key_row::selected;
use super::value::SqlRow;
use crate::model::book::MethodNumber;
use crate::model::change::Revision;
use crate::model::grant::{Grant, NumberSet, Standing};
use crate::model::store::StoreNumber;
use crate::model::time::Timestamp;
use crate::model::token::Digest;
use crate::storage::{GrantRead, Result};

/// The columns of a grant, from the secret `t` and its key `k`.
macro_rules! columns {
    () => {
        concat!(
            "k.id, t.id, k.name, k.deleted_revision, k.revoked, t.ended_at, k.active, k.not_before, k.expires_at, \
             t.expires_at, k.networks, ",
            $crate::storage::sql::key_row::access_columns!(),
            ", k.row_revision"
        )
    };
}
pub(super) use columns;

/// Reads the secret with this digest, its key and the latest revision.
///
/// The revision has a LIMIT of one row: without statistics of that table PostgreSQL would expect 1 700 rows, and
/// compile machine code for so much work, a fifth of a second and more for each read.
pub(super) async fn read(connection: &mut Connection, digest: &Digest) -> Result<GrantRead> {
    let sql = sql!("SELECT r.value, r.nonce, " STANDBY ", " {columns!()} " FROM (SELECT value, nonce FROM revision LIMIT 1) r \
                    LEFT JOIN secrets t ON t.digest = $1 LEFT JOIN keys k ON k.id = t.key_id");
    let mut row = connection.one("grant", sql, params![digest], "keys").await?;
    let head = row.cursor()?;
    refuse_standby(&mut row)?;
    Ok(GrantRead { head, grant: grant(&mut row)? })
}

/// Reads [`columns`]; returns `None` if there is no such key.
pub(super) fn grant(row: &mut SqlRow) -> Result<Option<Grant>> {
    let Some(key) = row.get("id")? else { return Ok(None) };
    let secret = row.get("secret")?;
    let name = row.get::<String>("name")?.into();
    let standing = standing(row)?;
    Ok(Some(Grant {
        key,
        secret,
        name,
        standing,
        not_before: row.get("not_before")?,
        expires: row.get("expires_at")?,
        secret_expires: row.get("secret_expires_at")?,
        networks: row.get::<Vec<IpNet>>("networks")?.into(),
        stores: numbers(selected(row, "all_stores", "stores")?, StoreNumber),
        methods: numbers(selected(row, "all_methods", "methods")?, MethodNumber),
        row_revision: row.get("row_revision")?,
    }))
}

fn standing(row: &mut SqlRow) -> Result<Standing> {
    let deleted = row.get::<Option<Revision>>("deleted_revision")?.is_some();
    let revoked = row.get("revoked")?;
    let ended = row.get::<Option<Timestamp>>("ended_at")?.is_some();
    let active = row.get("active")?;
    Ok(match (deleted, revoked || ended, active) {
        (true, ..) => Standing::Deleted,
        (_, true, _) => Standing::Revoked,
        (.., true) => Standing::Active,
        (.., false) => Standing::Inactive,
    })
}

fn numbers<N: Ord + Copy>(selected: Option<Vec<u32>>, number: fn(u32) -> N) -> NumberSet<N> {
    let Some(numbers) = selected else { return NumberSet::All };
    NumberSet::selected(numbers.into_iter().map(number).collect())
}
