//! Lost commits: revisions applied here that storage no longer has, because it was restored from a backup or failed
//! over to a standby that had not received them.

use super::inner::Inner;
use crate::storage::{LostChange, Snapshot};

/// Most lines in the log.
const LINES: usize = 200;

/// Most changes recorded in storage.
const RECORDED: usize = 10_000;

/// Reports the revisions applied here that are not among the last ones of `snapshot`, in the log and to storage.
pub(super) async fn report(inner: &Inner, snapshot: &Snapshot) {
    let lost = inner.history.read().lost(&snapshot.recent_revisions);
    let each = || lost.iter().flat_map(|applied| applied.subjects.iter().map(|subject| (applied.cursor, subject)));
    let changes = each().count();
    if changes == 0 {
        return;
    }
    inner.metrics.lost_changes.inc_by(u64::try_from(changes).unwrap_or(u64::MAX));
    tracing::error!(
        revisions = lost.len(),
        changes,
        "storage lost changes that were acknowledged and applied here; they are listed below: check whether anything \
         they revoked must be revoked again"
    );
    for (revision, subject) in each().take(LINES) {
        tracing::error!(%revision, action = subject.action, kind = subject.kind, id = subject.id, "lost change");
    }
    if changes > LINES {
        tracing::error!(more = changes - LINES, "and more lost changes");
    }
    let records = each().take(RECORDED).map(|(cursor, subject)| LostChange {
        cursor,
        kind: subject.kind.clone(),
        subject: subject.id.clone(),
        action: subject.action.clone(),
        detail: subject.detail.clone(),
        reported_by: inner.settings.replica,
        noticed: snapshot.now,
    });
    let records: Vec<_> = records.collect();
    if let Err(error) = inner.storage.report_lost(&records).await {
        tracing::error!(error = %error, "the lost changes could not be recorded in storage: they are only in this log");
    }
}
