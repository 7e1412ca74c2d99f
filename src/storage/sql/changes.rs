//! The audit trail, which is also the feed, and the changes that it has lost.

use std::time::Duration;

use super::Storage;
use super::connection::Connection;
use super::driver::{Insert, Purpose};
use super::select::Select;
use super::transaction::Transaction;
use super::value::json;
use crate::model::change::{Change, NewChange, SubjectKind};
use crate::model::page::{Page, PageRequest};
use crate::storage::{ChangeFilter, LostChange, Result};

/// How long lost changes are kept.
pub(super) const LOST_RETENTION: Duration = Duration::from_hours(35 * 24);

const INSERT: Insert = Insert {
    name: "insert_changes",
    into: "changes (revision, ordinal, nonce, at, actor, actor_name, action, comment, subject_kind, subject_id, \
           before, after)",
    on_conflict: "",
};

const INSERT_LOST: Insert = Insert {
    name: "insert_lost_changes",
    into: "lost_changes (revision, nonce, subject_kind, subject_id, action, detail, reported_by, noticed_at)",
    on_conflict: "ON CONFLICT DO NOTHING",
};

table! { Change {
    revision, ordinal, at, actor, actor_name, action, comment, kind: "subject_kind", subject: "subject_id", before,
    after
} }

impl Storage {
    /// Returns the changes that match the filter, the newest revision first and within it by descending ordinal.
    pub async fn changes(&self, filter: &ChangeFilter, page: &PageRequest) -> Result<Page<Change>> {
        let mut select = Select::new(self.connect(Purpose::Read).await?);
        match filter.kind {
            Some(SubjectKind::Other) => select.filter("subject_kind NOT IN ('key', 'store', 'method', 'operator')"),
            kind => select.filter_by("subject_kind =", kind.map(SubjectKind::as_str)),
        }
        select.filter_by("subject_id =", filter.subject.as_ref());
        select.filter_by("actor =", filter.actor);
        select.filter_by("at >=", filter.start);
        select.filter_by("at <", filter.end);
        select.filter_after::<u64, u32>("changes", "(revision, ordinal) <", page.after.as_deref())?;
        let sort_key = |change: &Change| format!("{}:{}", change.revision, change.ordinal);
        select.page((COLUMNS, "changes", "revision DESC, ordinal DESC"), page, read, sort_key).await
    }

    /// Returns the changes that were lost within the last 35 days, the newest revision first, at most 1 000.
    pub async fn lost_changes(&self) -> Result<Vec<LostChange>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let sql = "SELECT revision, nonce, subject_kind, subject_id, action, detail, reported_by, noticed_at \
                   FROM lost_changes ORDER BY revision DESC, nonce, subject_kind, subject_id LIMIT 1000";
        let rows = connection.rows("lost_changes", sql, params![], "lost_changes").await?;
        let read = rows.into_iter().map(|mut row| {
            let cursor = row.cursor()?;
            Ok(record!(row => LostChange {
                kind: "subject_kind", subject: "subject_id", action, detail, reported_by, noticed: "noticed_at"; cursor
            }))
        });
        read.collect()
    }
}

pub(super) async fn report_lost(mut connection: Connection, changes: &[LostChange]) -> Result<()> {
    let rows = changes.iter().map(|change| {
        let LostChange { cursor, kind, subject, action, detail, reported_by, noticed } = change;
        let nonce = cursor.nonce.cast_signed();
        params![cursor.revision, nonce, kind, subject, action, json(detail), *reported_by, *noticed]
    });
    connection.insert(&INSERT_LOST, rows.collect()).await?;
    connection.commit("commit_lost_changes").await
}

impl Transaction {
    /// Appends to the audit trail, in the order given.
    pub async fn append(&mut self, changes: &[NewChange]) -> Result<()> {
        let image = |image: &Option<serde_json::Value>| image.as_ref().map(ToString::to_string);
        let mut rows = Vec::with_capacity(changes.len());
        for NewChange { action, kind, subject, before, after } in changes {
            let nonce = self.nonce.cast_signed();
            let mut row = params![self.revision, self.appended, nonce, self.now, self.actor.id(), self.actor.name()];
            row.extend(params![action.as_str(), &self.comment, kind.as_str(), subject, image(before), image(after)]);
            rows.push(row);
            self.appended += 1;
        }
        self.connection.insert(&INSERT, rows).await.map(drop)
    }
}
