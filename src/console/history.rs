//! The audit trail: the changes of one object, for its page, and all changes, for the audit trail's page.

use super::diff::{FieldDifference, differences};
use super::{Console, ENGLISH, PageError, paths};
use crate::model::change::{Change, Revision};
use crate::registry::{ListChanges, PageInput};

/// Changes on the page of an object.
const RECENT_CHANGES: i32 = 20;

/// The newest changes of an object.
#[derive(Debug)]
pub(super) struct History {
    pub(super) entries: Vec<HistoryEntry>,
    pub(super) older: bool,
    /// Address of the complete history.
    pub(super) full: String,
}

#[derive(Debug)]
pub(super) struct HistoryEntry {
    pub(super) change: Change,
    pub(super) differences: Vec<FieldDifference>,
}

impl Console {
    pub(super) async fn history(&self, kind: &str, id: &str) -> Result<History, PageError> {
        let listed = self.registry.changes(&list_request(kind, id, RECENT_CHANGES)).await?;
        Ok(History {
            entries: listed.items.into_iter().map(HistoryEntry::from).collect(),
            older: !listed.next.is_empty(),
            full: paths::subject_changes(kind, id),
        })
    }

    /// Returns the changes of an object since it had this etag, the oldest first, as far as they are among its newest.
    pub(super) async fn changes_since(&self, kind: &str, id: &str, etag: &str) -> Result<Vec<Change>, PageError> {
        let since = etag.strip_prefix('e').and_then(|number| number.parse().ok()).map_or(Revision(0), Revision);
        let mut changes = self.registry.changes(&list_request(kind, id, 1_000)).await?.items;
        changes.retain(|change| change.revision > since);
        changes.reverse();
        Ok(changes)
    }
}

fn list_request(kind: &str, id: &str, size: i32) -> ListChanges {
    ListChanges {
        page: PageInput { size, token: String::new() },
        subject_kind: kind.to_owned(),
        subject_id: id.to_owned(),
        ..ListChanges::default()
    }
}

impl From<Change> for HistoryEntry {
    fn from(change: Change) -> Self {
        Self { differences: differences(change.before.as_ref(), change.after.as_ref()), change }
    }
}

impl HistoryEntry {
    pub(super) fn action(&self) -> &str {
        ENGLISH.actions.get(&self.change.action).unwrap_or(&self.change.action)
    }

    /// Returns the kind of the subject, for people.
    pub(super) fn kind(&self) -> &str {
        ENGLISH.subjects.get(&self.change.kind).unwrap_or(&self.change.kind)
    }

    /// Returns the name of the subject, for people.
    pub(super) fn name(&self) -> &str {
        let image = self.change.after.as_ref().or(self.change.before.as_ref());
        let name = image.and_then(|image| image.get("name")).and_then(serde_json::Value::as_str);
        name.unwrap_or(&self.change.subject)
    }

    /// Returns the page of the subject; empty if it has none, or no longer has one.
    pub(super) fn page(&self) -> String {
        let id = &self.change.subject;
        match &*self.change.kind {
            _ if self.change.after.is_none() => String::new(),
            "key" => paths::key(id),
            "store" => paths::store(id),
            "method" => paths::method(id),
            "operator" => paths::operator(id),
            _ => String::new(),
        }
    }
}
