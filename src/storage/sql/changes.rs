//! The audit trail, which is also the feed.

use super::Storage;
use super::driver::{Insert, Purpose};
use super::select::Select;
use super::transaction::Transaction;
use super::value::{SqlRow, SqlValue};
use crate::model::change::{Change, NewChange, Revision, SubjectKind};
use crate::model::page::{Page, PageRequest};
use crate::storage::{ChangeFilter, Error, Result};

static INSERT: Insert = Insert::new(
    "insert_changes",
    "changes",
    &[
        "revision",
        "ordinal",
        "nonce",
        "at",
        "actor",
        "actor_name",
        "action",
        "comment",
        "subject_kind",
        "subject_id",
        "before",
        "after",
    ],
    "",
);

fn read(row: SqlRow) -> Result<Change> {
    let mut reader = row.read("changes");
    Ok(Change {
        revision: reader.revision("revision")?,
        ordinal: reader.number("ordinal")?,
        at: reader.time("at")?,
        actor: reader.text("actor")?,
        actor_name: reader.text("actor_name")?,
        action: reader.text("action")?,
        comment: reader.text("comment")?,
        kind: reader.text("subject_kind")?,
        subject: reader.text("subject_id")?,
        before: reader.opt_json("before")?,
        after: reader.opt_json("after")?,
    })
}

/// Returns the sort key of a change in lists.
fn sort_key(change: &Change) -> String {
    format!("{}:{}", change.revision, change.ordinal)
}

impl Storage {
    /// Returns the changes that match the filter, the newest revision first and within it by descending ordinal.
    pub async fn changes(&self, filter: &ChangeFilter, page: &PageRequest) -> Result<Page<Change>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let mut select = Select::new(connection.dialect());
        match filter.kind {
            Some(SubjectKind::Other) => select.filter("subject_kind NOT IN ('key', 'store', 'method', 'operator')"),
            Some(kind) => select.filter_by("subject_kind =", kind.as_str().into()),
            None => {}
        }
        if let Some(subject) = &filter.subject {
            select.filter_by("subject_id =", subject.as_str().into());
        }
        if let Some(actor) = filter.actor {
            select.filter_by("actor =", actor.to_string().into());
        }
        if let Some(start) = filter.start {
            select.filter_by("at >=", start.into());
        }
        if let Some(end) = filter.end {
            select.filter_by("at <", end.into());
        }
        if let Some(after) = &page.after {
            let parts = after.split_once(':').and_then(|(revision, ordinal)| {
                Some((revision.parse().ok().map(Revision)?, ordinal.parse::<u32>().ok()?))
            });
            let Some((revision, ordinal)) = parts else {
                return Err(Error::bug("a page of changes starts after an invalid position"));
            };
            let revision = select.bind(revision.into());
            let ordinal = select.bind(ordinal.into());
            select.filter(&format!("(revision, ordinal) < ({revision}, {ordinal})"));
        }
        let sql = "SELECT revision, ordinal, at, actor, actor_name, action, comment, subject_kind, subject_id, before, \
                   after FROM changes";
        let rows = select.rows(connection, "changes", sql, "revision DESC, ordinal DESC", page).await?;
        let changes = rows.into_iter().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(changes, page.size, sort_key))
    }
}

impl Transaction {
    /// Appends to the audit trail, in the order given.
    pub async fn append(&mut self, changes: &[NewChange]) -> Result<()> {
        let image = |image: &Option<serde_json::Value>| SqlValue::Text(image.as_ref().map(ToString::to_string));
        let mut rows = Vec::with_capacity(changes.len());
        for change in changes {
            rows.push(vec![
                self.revision.into(),
                self.appended.into(),
                self.nonce.cast_signed().into(),
                self.now.into(),
                self.actor.id().into(),
                self.actor.name().into(),
                change.action.as_str().into(),
                self.comment.as_str().into(),
                change.kind.as_str().into(),
                change.subject.as_str().into(),
                image(&change.before),
                image(&change.after),
            ]);
            self.appended += 1;
        }
        self.connection.insert(&INSERT, rows).await.map(drop)
    }
}
