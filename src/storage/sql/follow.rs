//! Reads for a follower: the snapshot, and the polls after it.

use std::collections::{BTreeMap, BTreeSet};

use super::connection::Connection;
use super::contents::{all_digests, incomplete_tables};
use super::history::{deployment, head, is_in_history, revisions_after};
use super::value::each;
use super::{methods, operators, stores};
use crate::model::change::{Cursor, Revision, SubjectKind};
use crate::model::id::KeyId;
use crate::storage::{ChangeDetail, Error, Poll, RECENT_REVISIONS, Result, Snapshot, SnapshotSink};

pub(super) async fn snapshot(connection: &mut Connection, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot> {
    let (head, now, marks) = head(connection, "snapshot_head").await?;
    let before_recent = Revision(head.revision.0.saturating_sub(RECENT_REVISIONS));
    let snapshot = Snapshot {
        head,
        now,
        marks,
        stores: stores::all(connection).await?,
        methods: methods::all(connection, true).await?,
        operators: operators::all(connection).await?,
        incomplete_tables: incomplete_tables(connection).await?,
        deployment: deployment(connection).await?,
        recent_revisions: revisions_after(connection, "lineage", before_recent).await?,
    };
    all_digests(connection, sink).await?;
    Ok(snapshot)
}

pub(super) async fn poll(connection: &mut Connection, cursor: Cursor, limit: usize) -> Result<Poll> {
    let (head, now, marks) = head(connection, "poll").await?;
    let mut poll = Poll { head, now, marks, continuous: true, ..Poll::default() };
    if cursor == head {
        return Ok(poll);
    }
    if !is_in_history(connection, cursor, head).await? {
        poll.continuous = false;
        return Ok(poll);
    }
    let kinds = read_changes(connection, cursor, limit, &mut poll).await?;
    read_changed_records(connection, cursor, &kinds, &mut poll).await?;
    Ok(poll)
}

/// Reads revisions and subjects; returns the kinds of all subjects, including those beyond the limit.
async fn read_changes(
    connection: &mut Connection,
    cursor: Cursor,
    limit: usize,
    poll: &mut Poll,
) -> Result<BTreeSet<String>> {
    let sql = "SELECT revision, nonce, ordinal, subject_kind, subject_id, action, \
               CASE WHEN action IN ('update', 'rotate', 'revoke_secret') AND subject_kind IN ('key', 'store') THEN before END, \
               CASE WHEN action IN ('update', 'rotate', 'revoke_secret') AND subject_kind IN ('key', 'store') THEN after END \
               FROM changes WHERE revision > $1 ORDER BY revision, ordinal LIMIT $2";
    let rows =
        connection.rows("poll_changes", sql, params![cursor.revision, limit.saturating_add(1)], "changes").await?;
    poll.overflow = rows.len() > limit;
    for mut row in rows {
        let cursor = row.cursor()?;
        if row.get::<i64>("ordinal")? == 0 {
            poll.revisions.push(cursor);
        }
        if poll.subjects.len() < limit {
            let (kind, subject): (_, String) = (row.get("subject_kind")?, row.get("subject_id")?);
            let action = row.get("action")?;
            let images = (row.get::<Option<_>>("before")?, row.get::<Option<_>>("after")?);
            if let (Some(before), Some(after)) = images
                && let Some(detail) = removed_detail(&before, &after)
            {
                poll.details.push((cursor.revision, subject.clone(), detail));
            }
            poll.subjects.push((cursor.revision, kind, subject, action));
        }
    }
    if !poll.overflow {
        return Ok(poll.subjects.iter().map(|(_, kind, ..)| kind.clone()).collect());
    }
    poll.revisions = revisions_after(connection, "poll_revisions", cursor.revision).await?;
    let sql = "SELECT subject_kind, max(revision) FROM changes WHERE revision > $1 GROUP BY subject_kind";
    let mut kinds = BTreeSet::new();
    for mut row in connection.rows("poll_kinds", sql, params![cursor.revision], "changes").await? {
        let (kind, revision): (String, _) = (row.get("subject_kind")?, row.get("revision")?);
        // A replica that does not know a kind must be notified of it, even beyond the limit of subjects.
        let listed = poll.subjects.iter().any(|(_, listed, ..)| *listed == kind);
        if SubjectKind::parse(&kind) == SubjectKind::Other && !listed {
            poll.subjects.push((revision, kind.clone(), String::new(), String::new()));
        }
        kinds.insert(kind);
    }
    Ok(kinds)
}

/// Returns what a change removed: secrets that no longer exist, and whether the subject was switched off.
fn removed_detail(before: &serde_json::Value, after: &serde_json::Value) -> Option<ChangeDetail> {
    let secrets = |image: &serde_json::Value| -> Vec<String> {
        let secrets = image["secrets"].as_array().into_iter().flatten();
        secrets.filter_map(|secret| secret["id"].as_str().map(str::to_owned)).collect()
    };
    let kept = secrets(after);
    let active = |image: &serde_json::Value| image["active"].as_bool();
    let detail = ChangeDetail {
        ended_secrets: secrets(before).into_iter().filter(|secret| !kept.contains(secret)).collect(),
        switched_off: active(before) == Some(true) && active(after) == Some(false),
    };
    (detail != ChangeDetail::default()).then_some(detail)
}

async fn read_changed_records(
    connection: &mut Connection,
    cursor: Cursor,
    kinds: &BTreeSet<String>,
    poll: &mut Poll,
) -> Result<()> {
    let mut newest: BTreeMap<KeyId, Revision> = BTreeMap::new();
    for (revision, _, id, _) in poll.subjects.iter().filter(|(_, kind, ..)| kind == SubjectKind::Key.as_str()) {
        let id = id.parse().map_err(|_| Error::corrupt("changes.subject_id must be a key id, and is not"))?;
        // In order, so that the last is the newest.
        newest.insert(id, *revision);
    }
    let digest = ("secrets", "digest");
    if poll.overflow {
        let sql = "SELECT digest FROM secrets WHERE created_revision > $1";
        poll.digests = connection.column("digests", sql, params![cursor.revision], digest).await?;
        poll.incomplete_tables = incomplete_tables(connection).await?;
    } else if !newest.is_empty() {
        let sql = sql!("SELECT digest FROM secrets WHERE key_id " (MEMBERS 1));
        poll.digests = connection.column("digests", sql, params![each(newest.keys())], digest).await?;
    }
    poll.keys = newest.into_iter().collect();
    if kinds.contains(SubjectKind::Store.as_str()) {
        poll.stores = Some(stores::all(connection).await?);
    }
    if kinds.contains(SubjectKind::Method.as_str()) {
        poll.methods = Some(methods::all(connection, true).await?);
    }
    if kinds.contains(SubjectKind::Operator.as_str()) {
        poll.operators = Some(operators::all(connection).await?);
    }
    Ok(())
}
