//! Reads for a follower: the snapshot, and the polls after it.

use std::collections::HashMap;

use super::connection::Connection;
use super::digests::{all_digests, read_digests};
use super::history::{head, is_in_history, recent_revisions};
use super::value::{count, each};
use super::{methods, operators, stores};
use crate::model::change::{Cursor, Revision, SubjectKind};
use crate::model::id::KeyId;
use crate::storage::{ChangeDetail, Error, Poll, Result, Snapshot, SnapshotSink};

/// Reads the contents of a World, and the digests of all secrets.
pub(super) async fn snapshot(connection: &mut Connection, sink: &mut (dyn SnapshotSink + Send)) -> Result<Snapshot> {
    let (head, now, marks) = head(connection, "snapshot_head").await?;
    let snapshot = Snapshot {
        head,
        now,
        marks,
        stores: stores::all(connection).await?,
        methods: methods::all(connection, true).await?,
        operators: operators::all(connection).await?,
        incomplete_tables: super::contents::incomplete_tables(connection).await?,
        deployment: super::lost::deployment(connection).await?,
        recent_revisions: recent_revisions(connection, head).await?,
    };
    all_digests(connection, sink).await?;
    Ok(snapshot)
}

/// Reads the changes after `cursor`.
pub(super) async fn poll(connection: &mut Connection, cursor: Cursor, limit: usize) -> Result<Poll> {
    let (head, now, marks) = head(connection, "poll").await?;
    let mut poll = Poll {
        head,
        now,
        marks,
        continuous: true,
        revisions: Vec::new(),
        subjects: Vec::new(),
        details: Vec::new(),
        overflow: false,
        incomplete_tables: Vec::new(),
        keys: Vec::new(),
        digests: Vec::new(),
        stores: None,
        methods: None,
        operators: None,
    };
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
) -> Result<Vec<String>> {
    let sql = "SELECT revision, nonce, ordinal, subject_kind, subject_id, action, \
               CASE WHEN action IN ('update', 'rotate', 'revoke_secret') AND subject_kind IN ('key', 'store') THEN before END, \
               CASE WHEN action IN ('update', 'rotate', 'revoke_secret') AND subject_kind IN ('key', 'store') THEN after END \
               FROM changes WHERE revision > $1 ORDER BY revision, ordinal LIMIT $2";
    let rows =
        connection.rows("poll_changes", sql, vec![cursor.revision.into(), count(limit.saturating_add(1))]).await?;
    poll.overflow = rows.len() > limit;
    for row in rows {
        let mut reader = row.read("changes");
        let cursor = reader.cursor()?;
        let revision = cursor.revision;
        if reader.int("ordinal")? == 0 {
            poll.revisions.push(cursor);
        }
        if poll.subjects.len() < limit {
            let subject = (revision, reader.text("subject_kind")?, reader.text("subject_id")?, reader.text("action")?);
            let images = (reader.opt_json("before")?, reader.opt_json("after")?);
            if let (Some(before), Some(after)) = images
                && let Some(detail) = removed_detail(&before, &after)
            {
                poll.details.push((revision, subject.2.clone(), detail));
            }
            poll.subjects.push(subject);
        }
    }
    if !poll.overflow {
        let mut kinds: Vec<_> = poll.subjects.iter().map(|(_, kind, ..)| kind.clone()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        return Ok(kinds);
    }
    poll.revisions.clear();
    let sql = "SELECT revision, nonce FROM changes WHERE revision > $1 AND ordinal = 0 ORDER BY revision";
    for row in connection.rows("poll_revisions", sql, vec![cursor.revision.into()]).await? {
        poll.revisions.push(row.read("changes").cursor()?);
    }
    let sql = "SELECT subject_kind, max(revision) FROM changes WHERE revision > $1 GROUP BY subject_kind";
    let mut kinds = Vec::new();
    for row in connection.rows("poll_kinds", sql, vec![cursor.revision.into()]).await? {
        let mut reader = row.read("changes");
        let (kind, revision) = (reader.text("subject_kind")?, reader.revision("revision")?);
        // A replica that does not know a kind must be notified of it, even beyond the limit of subjects.
        let listed = poll.subjects.iter().any(|(_, listed, ..)| *listed == kind);
        if SubjectKind::parse(&kind) == SubjectKind::Other && !listed {
            poll.subjects.push((revision, kind.clone(), String::new(), String::new()));
        }
        kinds.push(kind);
    }
    Ok(kinds)
}

/// Returns what a change removed: secrets that no longer exist, and whether the subject was switched off.
fn removed_detail(before: &serde_json::Value, after: &serde_json::Value) -> Option<ChangeDetail> {
    let secrets = |image: &serde_json::Value| {
        let secrets = image.get("secrets").and_then(|secrets| secrets.as_array()).cloned().unwrap_or_default();
        let ids = secrets.iter().filter_map(|secret| Some(secret.get("id")?.as_str()?.to_owned()));
        ids.collect::<Vec<_>>()
    };
    let kept = secrets(after);
    let active = |image: &serde_json::Value| image.get("active").and_then(serde_json::Value::as_bool);
    let detail = ChangeDetail {
        ended_secrets: secrets(before).into_iter().filter(|secret| !kept.contains(secret)).collect(),
        switched_off: active(before) == Some(true) && active(after) == Some(false),
    };
    (detail != ChangeDetail::default()).then_some(detail)
}

/// Reads the changed records.
async fn read_changed_records(
    connection: &mut Connection,
    cursor: Cursor,
    kinds: &[String],
    poll: &mut Poll,
) -> Result<()> {
    let has = |kind: SubjectKind| kinds.iter().any(|text| text == kind.as_str());
    let mut newest: HashMap<KeyId, Revision> = HashMap::new();
    for (revision, _, id, _) in poll.subjects.iter().filter(|(_, kind, ..)| kind == SubjectKind::Key.as_str()) {
        let id = id.parse().map_err(|_| Error::corrupt("changes.subject_id must be a key id, and is not"))?;
        // In order, so that the last is the newest.
        newest.insert(id, *revision);
    }
    poll.keys = newest.into_iter().collect();
    poll.keys.sort_unstable();
    if poll.overflow {
        let sql = "SELECT digest FROM secrets WHERE created_revision > $1";
        poll.digests = read_digests(connection, sql, vec![cursor.revision.into()]).await?;
        poll.incomplete_tables = super::contents::incomplete_tables(connection).await?;
    } else if !poll.keys.is_empty() {
        let sql = sql!("SELECT digest FROM secrets WHERE key_id " (MEMBERS 1));
        poll.digests = read_digests(connection, sql, vec![each(poll.keys.iter().map(|(key, _)| key))]).await?;
    }
    if has(SubjectKind::Store) {
        poll.stores = Some(stores::all(connection).await?);
    }
    if has(SubjectKind::Method) {
        poll.methods = Some(methods::all(connection, true).await?);
    }
    if has(SubjectKind::Operator) {
        poll.operators = Some(operators::all(connection).await?);
    }
    Ok(())
}
