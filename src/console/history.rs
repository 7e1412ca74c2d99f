//! The audit trail: the changes of one object, for its page, and all changes, for the audit trail's page.

use super::Console;
use super::diff::{FieldDifference, differences};
use super::error::PageError;
use super::paths;
use super::texts::ENGLISH;
use super::time::DisplayTime;
use crate::model::change::{Change, Revision};
use crate::registry::{ListChanges, PageInput};

/// Changes on the page of an object.
const RECENT_CHANGES: i32 = 20;

/// A change, for people.
#[derive(Debug)]
pub(super) struct HistoryEntry {
    pub(super) at: DisplayTime,
    pub(super) actor_name: String,
    /// Id of the operator who made it; `system` if none did.
    pub(super) actor_id: String,
    pub(super) action: String,
    pub(super) comment: String,
    pub(super) revision: u64,
    pub(super) subject: EntrySubject,
    pub(super) differences: Vec<FieldDifference>,
}

/// The subject of a change.
#[derive(Debug)]
pub(super) struct EntrySubject {
    /// Its kind, by the name in the audit trail.
    pub(super) kind: String,
    /// The kind for people.
    pub(super) kind_name: String,
    pub(super) id: String,
    /// Its name for people.
    pub(super) name: String,
    /// Its page; empty if it has none, or no longer has one.
    pub(super) page: String,
}

impl Console {
    /// Returns the newest changes of an object, and whether there are older ones.
    pub(super) async fn history(&self, kind: &str, id: &str) -> Result<(Vec<HistoryEntry>, bool), PageError> {
        let listed = self.registry.changes(&list_request(kind, id, RECENT_CHANGES)).await?;
        Ok((listed.items.into_iter().map(HistoryEntry::from).collect(), !listed.next.is_empty()))
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
        let mut differences = differences(change.before.as_ref(), change.after.as_ref());
        // The entry itself has the time of creation, the subject the id.
        differences.retain(|difference| !matches!(&*difference.field, "id" | "created"));
        let subject = EntrySubject::new(&change);
        let action = ENGLISH.actions.get(&change.action).map_or(change.action, str::to_owned);
        Self {
            at: DisplayTime(change.at),
            actor_name: change.actor_name,
            actor_id: change.actor,
            action,
            comment: change.comment,
            revision: change.revision.0,
            subject,
            differences,
        }
    }
}

impl HistoryEntry {
    /// Returns the address of all changes that the actor made.
    pub(super) fn actor_changes(&self) -> String {
        paths::actor_changes(&self.actor_id)
    }

    /// Returns the address of all changes of the subject.
    pub(super) fn subject_changes(&self) -> String {
        paths::subject_changes(&self.subject.kind, &self.subject.id)
    }
}

impl EntrySubject {
    fn new(change: &Change) -> Self {
        let image = change.after.as_ref().or(change.before.as_ref());
        let name = image.and_then(|image| image.get("name")).and_then(serde_json::Value::as_str);
        let id = change.subject.clone();
        let page = match &*change.kind {
            _ if change.after.is_none() => String::new(),
            "key" => paths::key(&id),
            "store" => paths::store(&id),
            "method" => paths::method(&id),
            "operator" => paths::operator(&id),
            _ => String::new(),
        };
        Self {
            kind_name: ENGLISH.subjects.get(&change.kind).unwrap_or(&change.kind).to_owned(),
            kind: change.kind.clone(),
            name: name.unwrap_or(&id).to_owned(),
            id,
            page,
        }
    }
}
