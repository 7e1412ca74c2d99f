//! Reading the digests of secrets.

use super::connection::Connection;
use super::text::Sql;
use super::value::{SqlValue, count};
use crate::model::token::Digest;
use crate::storage::{Result, SnapshotSink};

/// The number of digests per batch.
const DIGESTS: usize = 20_000;

/// Passes the digests of all secrets to `sink`.
pub(super) async fn all_digests(connection: &mut Connection, sink: &mut (dyn SnapshotSink + Send)) -> Result<()> {
    let mut after = Vec::new();
    loop {
        let sql = "SELECT digest FROM secrets WHERE digest > $1 ORDER BY digest LIMIT $2";
        let params = vec![SqlValue::Bytes(Some(after)), count(DIGESTS)];
        let digests = read_digests(connection, sql, params).await?;
        sink.digests(&digests);
        match digests.last() {
            Some(last) if digests.len() == DIGESTS => after = last.as_bytes().to_vec(),
            _ => return Ok(()),
        }
    }
}

pub(super) async fn read_digests<'a>(
    connection: &mut Connection,
    sql: impl Into<Sql<'a>>,
    params: Vec<SqlValue>,
) -> Result<Vec<Digest>> {
    let rows = connection.rows("digests", sql, params).await?;
    rows.into_iter().map(|row| row.read("secrets").digest("digest")).collect()
}
