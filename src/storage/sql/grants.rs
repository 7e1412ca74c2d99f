//! Reading a grant: one statement, with the latest revision in it.

use ipnet::IpNet;

use super::connection::Connection;
use super::value::RowReader;
use crate::model::book::MethodNumber;
use crate::model::grant::{Grant, NumberSet, Standing};
use crate::model::store::StoreNumber;
use crate::model::token::Digest;
use crate::storage::{Error, GrantRead, Result};

/// The columns of a grant, from the secret `t` and its key `k`.
macro_rules! columns {
    () => {
        "k.id, t.id, k.name, k.deleted_revision, k.revoked, t.ended_at, k.active, \
         k.not_before, k.expires_at, t.expires_at, k.networks, k.all_stores, \
         CASE WHEN k.all_stores THEN NULL ELSE (SELECT string_agg(CAST(ks.store_number AS text), ',') \
         FROM key_stores ks WHERE ks.key_id = k.id) END, k.all_methods, \
         CASE WHEN k.all_methods THEN NULL ELSE (SELECT string_agg(CAST(km.method_number AS text), ',') \
         FROM key_methods km WHERE km.key_id = k.id) END, k.row_revision"
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
    let mut reader = connection.one("grant", sql, vec![digest.into()]).await?.read("keys");
    let head = reader.cursor()?;
    if reader.bool("standby")? {
        return Err(Error::unavailable("the server is a standby and may be behind its primary"));
    }
    Ok(GrantRead { head, grant: grant(&mut reader)? })
}

/// Reads [`columns`]; returns `None` if there is no such key.
pub(super) fn grant(reader: &mut RowReader) -> Result<Option<Grant>> {
    let Some(key) = reader.opt_text("id")? else {
        return Ok(None);
    };
    let key = key.parse().map_err(|_| Error::corrupt("keys.id cannot be read"))?;
    let secret = reader.parsed("secret")?;
    let name = reader.text("name")?.into();
    let standing = standing(reader)?;
    Ok(Some(Grant {
        key,
        secret,
        name,
        standing,
        not_before: reader.opt_time("not_before")?,
        expires: reader.opt_time("expires_at")?,
        secret_expires: reader.opt_time("secret_expires_at")?,
        networks: reader.json::<Vec<IpNet>>("networks")?.into(),
        stores: members(reader, "all_stores", "stores", StoreNumber)?,
        methods: members(reader, "all_methods", "methods", MethodNumber)?,
        row_revision: reader.revision("row_revision")?,
    }))
}

fn standing(reader: &mut RowReader) -> Result<Standing> {
    let deleted = reader.opt_revision("deleted_revision")?.is_some();
    let revoked = reader.bool("revoked")?;
    let ended = reader.opt_time("ended_at")?.is_some();
    let active = reader.bool("active")?;
    Ok(if deleted {
        Standing::Deleted
    } else if revoked || ended {
        Standing::Revoked
    } else if active {
        Standing::Active
    } else {
        Standing::Inactive
    })
}

fn members<N: Ord + Copy>(
    reader: &mut RowReader,
    all: &str,
    list: &str,
    number: impl Fn(u32) -> N,
) -> Result<NumberSet<N>> {
    let all = reader.bool(all)?;
    let numbers = reader.numbers(list)?;
    Ok(if all { NumberSet::All } else { NumberSet::selected(numbers.into_iter().map(number).collect()) })
}
