//! Measuring the contents of storage, inside the database.

use std::collections::BTreeSet;

use super::connection::Connection;
use super::digests::{all_digests, read_digests};
use super::grants;
use super::history::{head, is_in_history};
use super::text::Sql;
use super::value::{RowReader, SqlValue, each_digest};
use super::{methods, operators, stores};
use crate::model::change::{Cursor, SubjectKind};
use crate::model::token::Digest;
use crate::storage::contents::{
    ChangedParts, GrantsRead, IncompleteTable, KEY_PARTS, KEY_TABLES, StorageContents, Tally,
};
use crate::storage::{Result, SnapshotSink};

/// The measured tables, and the hash of a row of each. A null differs from every value, and every column that decisions
/// read is included. The part is the end of the key's id.
const MEASURED: [(&str, Sql<'_>); KEY_TABLES.len()] = [
    (
        "measure_keys",
        sql!("SELECT substr(id, 38), count(*), CAST(sum("
            (HASH "id || '|' || name || '|' || CAST(active AS text) || '|' || COALESCE(CAST(revoked_at AS text), '-') \
                   || '|' || CAST(all_stores AS text) || '|' || CAST(all_methods AS text) || '|' || \
                   COALESCE(CAST(not_before AS text), '-') || '|' || COALESCE(CAST(expires_at AS text), '-') || '|' \
                   || networks || '|' || CAST(row_revision AS text) || '|' || \
                   COALESCE(CAST(deleted_revision AS text), '-')")
            ") AS bigint) FROM keys GROUP BY substr(id, 38)"),
    ),
    (
        "measure_secrets",
        sql!("SELECT substr(key_id, 38), count(*), CAST(sum("
            (HASH "id || '|' || key_id || '|' || " DIGEST_TEXT " || '|' || COALESCE(CAST(expires_at AS text), '-') || \
                   '|' || COALESCE(CAST(ended_at AS text), '-')")
            ") AS bigint) FROM secrets GROUP BY substr(key_id, 38)"),
    ),
    (
        "measure_key_stores",
        sql!("SELECT substr(key_id, 38), count(*), CAST(sum("
            (HASH "key_id || '|' || CAST(store_number AS text)")
            ") AS bigint) FROM key_stores GROUP BY substr(key_id, 38)"),
    ),
    (
        "measure_key_methods",
        sql!("SELECT substr(key_id, 38), count(*), CAST(sum("
            (HASH "key_id || '|' || CAST(method_number AS text)")
            ") AS bigint) FROM key_methods GROUP BY substr(key_id, 38)"),
    ),
];

/// The newest and the oldest subject of a kind in the audit trail.
const ENDS: &str = "SELECT * FROM (SELECT subject_id FROM changes WHERE subject_kind = $1 ORDER BY revision DESC, ordinal DESC \
                    LIMIT 1) newest UNION SELECT * FROM (SELECT subject_id FROM changes WHERE subject_kind = $1 \
                    ORDER BY revision, ordinal LIMIT 1) oldest";

/// Reads the contents of storage, and the changes after `since`.
pub(super) async fn read(connection: &mut Connection, since: Cursor) -> Result<StorageContents> {
    let head = head(connection, "contents_head").await?.0;
    let mut contents = StorageContents {
        head,
        stores: stores::all(connection).await?,
        methods: methods::all(connection, true).await?,
        operators: operators::all(connection).await?,
        hosts: Tally::default(),
        keys: vec![[Tally::default(); KEY_TABLES.len()]; usize::from(KEY_PARTS)],
        changed: changed(connection, since, head).await?,
        incomplete_tables: incomplete_tables(connection).await?,
        open_writes: BTreeSet::new(),
    };
    let sql = sql!("SELECT count(*), CAST(COALESCE(sum(" (HASH "host || '|' || CAST(store_number AS text)")
        "), 0) AS bigint) FROM store_hosts");
    contents.hosts = tally(&mut connection.one("measure_store_hosts", sql, Vec::new()).await?.read("store_hosts"))?;
    for (at, (name, sql)) in MEASURED.into_iter().enumerate() {
        for row in connection.rows(name, sql, Vec::new()).await? {
            let mut reader = row.read(KEY_TABLES[at]);
            // An id that Latchkey did not generate has no such end; all of them form one part.
            let part = usize::from(u16::from_str_radix(&reader.text("id")?, 16).unwrap_or(0));
            let found = tally(&mut reader)?;
            if let Some(row) = contents.keys.get_mut(part) {
                row[at].rows += found.rows;
                row[at].digest = row[at].digest.wrapping_add(found.digest);
            }
        }
    }
    if let Some(sql) = connection.dialect().open_writes() {
        for row in connection.rows("writing", sql, Vec::new()).await? {
            contents.open_writes.insert(row.read("pg_locks").text("virtualtransaction")?);
        }
    }
    Ok(contents)
}

fn tally(reader: &mut RowReader) -> Result<Tally> {
    Ok(Tally { rows: reader.number("count")?, digest: reader.int("sum")?.cast_unsigned() })
}

async fn changed(connection: &mut Connection, since: Cursor, head: Cursor) -> Result<Option<ChangedParts>> {
    if since == head {
        return Ok(Some(ChangedParts::default()));
    }
    if !is_in_history(connection, since, head).await? {
        return Ok(None);
    }
    let sql = "SELECT DISTINCT subject_kind, CASE WHEN subject_kind = 'key' THEN substr(subject_id, 38) ELSE '' END \
               FROM changes WHERE revision > $1";
    let mut changed = ChangedParts::default();
    for row in connection.rows("changed_since", sql, vec![since.revision.into()]).await? {
        let mut reader = row.read("changes");
        let (kind, end) = (reader.text("subject_kind")?, reader.text("subject_id")?);
        match SubjectKind::parse(&kind) {
            SubjectKind::Key => drop(changed.parts.insert(u16::from_str_radix(&end, 16).unwrap_or(0))),
            SubjectKind::Store => changed.stores = true,
            SubjectKind::Method => changed.methods = true,
            SubjectKind::Operator => changed.operators = true,
            SubjectKind::Other => {}
        }
    }
    Ok(Some(changed))
}

/// Finds the tables that lack rows which the audit trail lists as created: a copy made table by table, or row by row,
/// has not reached them yet. Checks only the ends of the audit trail, so that it costs a few look-ups.
pub(super) async fn incomplete_tables(connection: &mut Connection) -> Result<Vec<IncompleteTable>> {
    let mut missing = Vec::new();
    for (kind, table, column) in [
        (SubjectKind::Key, "keys", "id"),
        (SubjectKind::Store, "stores", "code"),
        (SubjectKind::Method, "methods", "identity"),
        (SubjectKind::Operator, "operators", "id"),
    ] {
        for row in connection.rows("ends", ENDS, vec![kind.as_str().into()]).await? {
            let subject = row.read("changes").text("subject_id")?;
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = $1)");
            if !is_true(connection, "made", &sql, vec![subject.as_str().into()]).await? {
                add_incomplete(connection, &mut missing, table).await?;
            }
        }
    }
    for (name, order) in [("newest_key", "DESC"), ("oldest_key", "ASC")] {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM secrets t WHERE t.key_id = k.id) FROM (SELECT id FROM keys ORDER BY id {order} \
             LIMIT 1) k"
        );
        if let Some(row) = connection.row(name, &sql, Vec::new()).await?
            && !row.read("secrets").bool("exists")?
        {
            add_incomplete(connection, &mut missing, "secrets").await?;
        }
    }
    let sql =
        "SELECT subject_id, after FROM changes WHERE subject_kind = 'key' ORDER BY revision DESC, ordinal DESC LIMIT 8";
    for row in connection.rows("newest_keys", sql, Vec::new()).await? {
        let mut reader = row.read("changes");
        let (key, after) = (reader.text("subject_id")?, reader.opt_json::<serde_json::Value>("after")?);
        for (list, table) in [("stores", "key_stores"), ("methods", "key_methods")] {
            let selects = |after: &serde_json::Value| {
                after
                    .pointer(&format!("/{list}/selected"))
                    .and_then(|list| list.as_array())
                    .is_some_and(|l| !l.is_empty())
            };
            // Only if the table has no rows of any key: a later change of this one may have emptied its list.
            if after.as_ref().is_some_and(selects) {
                let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE key_id = $1)");
                if !is_true(connection, "selected", &sql, vec![key.as_str().into()]).await?
                    && is_empty(connection, table).await?
                {
                    add_incomplete(connection, &mut missing, table).await?;
                }
            }
        }
    }
    Ok(missing)
}

async fn add_incomplete(
    connection: &mut Connection,
    missing: &mut Vec<IncompleteTable>,
    table: &'static str,
) -> Result<()> {
    if missing.iter().all(|known| known.table != table) {
        missing.push(IncompleteTable { table, empty: is_empty(connection, table).await? });
    }
    Ok(())
}

async fn is_empty(connection: &mut Connection, table: &str) -> Result<bool> {
    is_true(connection, "empty", &format!("SELECT NOT EXISTS (SELECT 1 FROM {table})"), Vec::new()).await
}

async fn is_true(connection: &mut Connection, name: &'static str, sql: &str, params: Vec<SqlValue>) -> Result<bool> {
    connection.one(name, sql, params).await?.read("exists").bool("exists")
}

/// Reads the grants of `digests`.
pub(super) async fn grants(connection: &mut Connection, digests: &[Digest]) -> Result<GrantsRead> {
    let head = head(connection, "grants_head").await?.0;
    let sql = sql!("SELECT t.digest, " {grants::columns!()} " FROM (SELECT " EACH_DIGEST " AS digest FROM " (EACH 1) ") d \
                    JOIN secrets t ON t.digest = d.digest JOIN keys k ON k.id = t.key_id");
    let mut read = Vec::new();
    for row in connection.rows("grants", sql, vec![each_digest(digests)]).await? {
        let mut reader = row.read("keys");
        let digest = reader.digest("digest")?;
        if let Some(grant) = grants::grant(&mut reader)? {
            read.push((digest, grant));
        }
    }
    Ok(GrantsRead { head, grants: read })
}

/// Passes the digests of the secrets of keys in `parts` to `sink`, all if `None`. Returns the revision that was read.
pub(super) async fn digests(
    connection: &mut Connection,
    parts: Option<&BTreeSet<u16>>,
    sink: &mut (dyn SnapshotSink + Send),
) -> Result<Cursor> {
    let head = head(connection, "digests_head").await?.0;
    let Some(parts) = parts else {
        all_digests(connection, sink).await?;
        return Ok(head);
    };
    let ends = super::value::each(parts.iter().map(|part| format!("{part:03x}")));
    let sql = sql!("SELECT digest FROM secrets WHERE substr(key_id, 38) " (MEMBERS 1));
    sink.digests(&read_digests(connection, sql, vec![ends]).await?);
    Ok(head)
}
