//! Lost commits: what was applied here and storage does not have any more, because it was restored from a backup or failed
//! over to a standby that had not received it.

use super::Inner;
use crate::model::change::Cursor;

/// Lines in the log, at most.
const LINES: usize = 200;

/// Reports what was applied here and is not part of `lineage`, the last revisions of storage.
pub(super) fn report(inner: &Inner, lineage: &[Cursor]) {
    let lost = inner.history.read().lost(lineage);
    let changes: usize = lost.iter().map(|applied| applied.subjects.len()).sum();
    if changes == 0 {
        return;
    }
    inner.metrics.lost_changes.inc_by(u64::try_from(changes).unwrap_or(u64::MAX));
    tracing::error!(
        revisions = lost.len(),
        changes,
        "the database lost changes that were acknowledged and applied here; each is named below: see whether what they \
         revoked has to be revoked again"
    );
    let each = lost.iter().flat_map(|applied| applied.subjects.iter().map(|subject| (applied.cursor, subject)));
    for (revision, subject) in each.take(LINES) {
        tracing::error!(%revision, action = subject.action, kind = subject.kind, id = subject.id, "lost change");
    }
    if changes > LINES {
        tracing::error!(more = changes - LINES, "and more lost changes");
    }
}
