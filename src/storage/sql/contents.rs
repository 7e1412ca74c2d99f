//! Measuring the contents of storage, inside the database.

use std::collections::BTreeSet;

use super::connection::Connection;
use super::dialect::Sql;
use super::grants;
use super::history::{head, is_in_history};
use super::value::{SqlRow, SqlValue, each, each_digest};
use super::{methods, operators, stores};
use crate::model::change::{Cursor, SubjectKind};
use crate::model::token::Digest;
use crate::storage::contents::{
    ChangedParts, GrantsRead, IncompleteTable, KEY_PARTS, KEY_TABLES, StorageContents, Tally,
};
use crate::storage::{Result, SnapshotSink};

/// The name and the text of the statement that measures a table, by the hash of a row.
macro_rules! measured {
    ($name:literal, $table:literal, $key:literal, $($row:tt)+) => {
        (
            $name,
            sql!("SELECT substr(" $key ", 38), count(*), CAST(sum(" (HASH $($row)+) ") AS bigint) FROM " $table
                " GROUP BY substr(" $key ", 38)"),
        )
    };
}

/// The measured tables. A null differs from every value, and every column that decisions read is included. The part is
/// the end of the key's id.
const MEASURED: [(&str, Sql<'_>); KEY_TABLES.len()] = [
    measured!(
        "measure_keys",
        "keys",
        "id",
        "id || '|' || name || '|' || CAST(active AS text) || '|' || COALESCE(CAST(revoked_at AS text), '-') || '|' || \
         CAST(all_stores AS text) || '|' || CAST(all_methods AS text) || '|' || \
         COALESCE(CAST(not_before AS text), '-') || '|' || COALESCE(CAST(expires_at AS text), '-') || '|' || \
         networks || '|' || CAST(row_revision AS text) || '|' || COALESCE(CAST(deleted_revision AS text), '-')"
    ),
    measured!(
        "measure_secrets", "secrets", "key_id",
        "id || '|' || key_id || '|' || " DIGEST_TEXT " || '|' || COALESCE(CAST(expires_at AS text), '-') || '|' || \
         COALESCE(CAST(ended_at AS text), '-')"
    ),
    measured!("measure_key_stores", "key_stores", "key_id", "key_id || '|' || CAST(store_number AS text)"),
    measured!("measure_key_methods", "key_methods", "key_id", "key_id || '|' || CAST(method_number AS text)"),
];

const DIGESTS: usize = 20_000;
/// The newest and the oldest subject of a kind in the audit trail.
const ENDS: &str = "SELECT * FROM (SELECT subject_id FROM changes WHERE subject_kind = $1 ORDER BY revision DESC, ordinal DESC \
                    LIMIT 1) newest UNION SELECT * FROM (SELECT subject_id FROM changes WHERE subject_kind = $1 \
                    ORDER BY revision, ordinal LIMIT 1) oldest";

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
    contents.hosts = tally(&mut connection.one("measure_store_hosts", sql, params![], "store_hosts").await?)?;
    for (at, (name, sql)) in MEASURED.into_iter().enumerate() {
        for mut row in connection.rows(name, sql, params![], KEY_TABLES[at]).await? {
            let part = part(&row.get::<String>("id")?);
            let found = tally(&mut row)?;
            if let Some(row) = contents.keys.get_mut(usize::from(part)) {
                row[at].rows += found.rows;
                row[at].digest = row[at].digest.wrapping_add(found.digest);
            }
        }
    }
    if let Some(sql) = connection.dialect.open_writes() {
        let open = connection.column("writing", sql, params![], ("pg_locks", "virtualtransaction")).await?;
        contents.open_writes = open.into_iter().collect();
    }
    Ok(contents)
}

fn tally(row: &mut SqlRow) -> Result<Tally> {
    Ok(Tally { rows: row.get("count")?, digest: row.get::<i64>("sum")?.cast_unsigned() })
}

/// Returns the part of a key whose id ends like this. An id that Latchkey did not generate has no such end; all of them
/// form one part.
fn part(end: &str) -> u16 {
    u16::from_str_radix(end, 16).unwrap_or(0)
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
    for mut row in connection.rows("changed_since", sql, params![since.revision], "changes").await? {
        let (kind, end): (String, String) = (row.get("subject_kind")?, row.get("subject_id")?);
        match SubjectKind::parse(&kind) {
            SubjectKind::Key => drop(changed.parts.insert(part(&end))),
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
        let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE {column} = $1)");
        let ends = connection.column::<String>("ends", ENDS, params![kind.as_str()], ("changes", "subject_id")).await?;
        for subject in ends {
            if !is_true(connection, "made", &sql, params![subject]).await? {
                missing.push(table);
            }
        }
    }
    for (name, order) in [("newest_key", "DESC"), ("oldest_key", "ASC")] {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM secrets t WHERE t.key_id = k.id) FROM (SELECT id FROM keys ORDER BY id {order} \
             LIMIT 1) k"
        );
        if connection.column(name, sql.as_str(), params![], ("secrets", "exists")).await?.contains(&false) {
            missing.push("secrets");
        }
    }
    let sql =
        "SELECT subject_id, after FROM changes WHERE subject_kind = 'key' ORDER BY revision DESC, ordinal DESC LIMIT 8";
    for mut row in connection.rows("newest_keys", sql, params![], "changes").await? {
        let (key, after): (String, Option<serde_json::Value>) = (row.get("subject_id")?, row.get("after")?);
        for (pointer, table) in [("/stores/selected", "key_stores"), ("/methods/selected", "key_methods")] {
            let selected = after.as_ref().and_then(|after| after.pointer(pointer)?.as_array());
            let sql = format!("SELECT EXISTS (SELECT 1 FROM {table} WHERE key_id = $1)");
            // Only if the table has no rows of any key: a later change of this one may have emptied its list.
            if selected.is_some_and(|selected| !selected.is_empty())
                && !is_true(connection, "selected", &sql, params![&key]).await?
                && is_empty(connection, table).await?
            {
                missing.push(table);
            }
        }
    }
    let mut incomplete: Vec<IncompleteTable> = Vec::new();
    for table in missing {
        if incomplete.iter().all(|known| known.table != table) {
            incomplete.push(IncompleteTable { table, empty: is_empty(connection, table).await? });
        }
    }
    Ok(incomplete)
}

async fn is_empty(connection: &mut Connection, table: &str) -> Result<bool> {
    is_true(connection, "empty", &format!("SELECT NOT EXISTS (SELECT 1 FROM {table})"), params![]).await
}

async fn is_true(connection: &mut Connection, name: &'static str, sql: &str, params: Vec<SqlValue>) -> Result<bool> {
    connection.one(name, sql, params, "exists").await?.get("exists")
}

pub(super) async fn grants(connection: &mut Connection, digests: &[Digest]) -> Result<GrantsRead> {
    let head = head(connection, "grants_head").await?.0;
    let sql = sql!("SELECT t.digest, " {grants::columns!()} " FROM (SELECT " EACH_DIGEST " AS digest FROM " (EACH 1) ") d \
                    JOIN secrets t ON t.digest = d.digest JOIN keys k ON k.id = t.key_id");
    let mut read = Vec::new();
    for mut row in connection.rows("grants", sql, params![each_digest(digests)], "keys").await? {
        let digest = row.get("digest")?;
        if let Some(grant) = grants::grant(&mut row)? {
            read.push((digest, grant));
        }
    }
    Ok(GrantsRead { head, grants: read })
}

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
    let ends = each(parts.iter().map(|part| format!("{part:03x}")));
    let sql = sql!("SELECT digest FROM secrets WHERE substr(key_id, 38) " (MEMBERS 1));
    sink.digests(&connection.column::<Digest>("digests", sql, params![ends], ("secrets", "digest")).await?);
    Ok(head)
}

pub(super) async fn all_digests(connection: &mut Connection, sink: &mut (dyn SnapshotSink + Send)) -> Result<()> {
    let mut after = Vec::new();
    loop {
        let sql = "SELECT digest FROM secrets WHERE digest > $1 ORDER BY digest LIMIT $2";
        let params = params![after, DIGESTS];
        let digests: Vec<Digest> = connection.column("digests", sql, params, ("secrets", "digest")).await?;
        sink.digests(&digests);
        match digests.last() {
            Some(last) if digests.len() == DIGESTS => after = last.as_bytes().to_vec(),
            _ => return Ok(()),
        }
    }
}
