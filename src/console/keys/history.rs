//! What was done to a key, from the audit trail.

use crate::console::Console;
use crate::console::diff::{Difference, differences};
use crate::console::failure::Failure;
use crate::console::texts::ENGLISH;
use crate::console::time::Moment;
use crate::model::change::{Change, Revision};
use crate::registry::{ListChanges, PageInput};

/// Changes that the page of a key shows.
const SHOWN: i32 = 20;

/// A change, for people.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) at: Moment,
    pub(super) who: String,
    pub(super) what: String,
    pub(super) why: String,
    pub(super) differences: Vec<Difference>,
}

impl Console {
    /// The newest changes of a key, and whether there are older ones.
    pub(super) async fn history(&self, key: &str) -> Result<(Vec<Entry>, bool), Failure> {
        let list = ListChanges {
            page: PageInput { size: SHOWN, token: String::new() },
            subject_kind: "key".to_owned(),
            subject_id: key.to_owned(),
            ..ListChanges::default()
        };
        let listed = self.registry.changes(&list).await?;
        Ok((listed.items.into_iter().map(Entry::from).collect(), !listed.next.is_empty()))
    }

    /// The changes of a key after `revision`, the oldest first, as far as they are among its newest.
    pub(super) async fn changes_since(&self, key: &str, revision: Revision) -> Result<Vec<Change>, Failure> {
        let list = ListChanges {
            page: PageInput { size: 1_000, token: String::new() },
            subject_kind: "key".to_owned(),
            subject_id: key.to_owned(),
            ..ListChanges::default()
        };
        let mut changes = self.registry.changes(&list).await?.items;
        changes.retain(|change| change.revision > revision);
        changes.reverse();
        Ok(changes)
    }
}

impl From<Change> for Entry {
    fn from(change: Change) -> Self {
        let mut differences = differences(change.before.as_ref(), change.after.as_ref());
        // When it was made is told by the line itself, which one it is by the page.
        differences.retain(|difference| !matches!(&*difference.field, "id" | "created"));
        let what = ENGLISH.actions.named(&change.action).map_or(change.action, str::to_owned);
        Self { at: Moment(change.at), who: change.actor_name, what, why: change.comment, differences }
    }
}
