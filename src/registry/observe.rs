//! Reading the audit trail, the use of keys, and the progress of replicas.

use std::time::Duration;

use crate::model::change::{Change, Revision, SubjectKind};
use crate::model::id::{KeyId, OperatorId};
use crate::model::time::Timestamp;
use crate::model::violations::{Violations, excerpt};
use crate::storage::{ChangeFilter, Feed as _, LostChange, Replica, UsageCount, UsagePeriod};

use super::error::{Error, ResourceKind, Result};
use super::input::{Choice, PageInput, RawTime};
use super::page::Binding;
use super::validate;
use super::{Listed, Registry};

const MAX_COUNTS: usize = 10_000;
/// How far back usage is returned if no start is given.
const USAGE_BEFORE_END: Duration = Duration::from_hours(30 * 24);
/// The longest id of a subject, in bytes: the identity of a method.
const MAX_SUBJECT: usize = 600;

/// A request for a page of changes; all filters that are set must match.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListChanges {
    /// The requested page.
    pub page: PageInput,
    /// `key`, `store`, `method` or `operator`; empty: any.
    pub subject_kind: String,
    /// The id of the subject, together with its kind; empty: any.
    pub subject_id: String,
    /// Id of the operator who made them; empty: any.
    pub actor: String,
    /// From this time on.
    pub start: Option<RawTime>,
    /// Before this time.
    pub end: Option<RawTime>,
}

/// A request for the use of one key.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GetUsage {
    /// Id of the key.
    pub key_id: String,
    /// From this time on; `None` means 30 days before the end.
    pub start: Option<RawTime>,
    /// Before this time; `None` means now.
    pub end: Option<RawTime>,
    /// The period of each count; a day if unset.
    pub period: Choice<UsagePeriod>,
}

/// The use of one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUsage {
    /// The counts, oldest first, at most 10 000.
    pub counts: Vec<UsageCount>,
    /// Whether there were more counts.
    pub truncated: bool,
}

impl Registry {
    /// Returns a page of changes, the newest first.
    pub async fn changes(&self, list: &ListChanges) -> Result<Listed<Change>> {
        let mut violations = Violations::new();
        let filter = change_filter(&mut violations, list);
        let binding = Binding::new("changes")
            .with("kind", filter.kind.as_ref())
            .with("subject", filter.subject.as_ref())
            .with("actor", filter.actor.as_ref())
            .with("start", filter.start.as_ref())
            .with("end", filter.end.as_ref());
        let page = binding.request(violations, &list.page)?;
        Ok(binding.listed(self.storage.changes(&filter, &page).await?))
    }

    /// Returns the use of a key until `now`.
    pub async fn usage(&self, request: &GetUsage, now: Timestamp) -> Result<KeyUsage> {
        let (key, (start, end), period) = validate::checked(|violations| {
            let key = validate::parse::<KeyId>(violations, "key_id", &request.key_id);
            let span = span(violations, request, now);
            let periods = "USAGE_PERIOD_HOUR or USAGE_PERIOD_DAY";
            let period = validate::optional(violations, "period", request.period, periods);
            Some((key?, span, period.unwrap_or(UsagePeriod::Day)))
        })?;
        if self.storage.key(key).await?.is_none() {
            return Err(Error::not_found(ResourceKind::Key, key));
        }
        let mut counts = self.storage.usage(key, start, end, period, MAX_COUNTS + 1).await?;
        let truncated = counts.len() > MAX_COUNTS;
        counts.truncate(MAX_COUNTS);
        Ok(KeyUsage { counts, truncated })
    }

    /// Returns the changes that replicas had applied but storage no longer has.
    pub async fn lost_changes(&self) -> Result<Vec<LostChange>> {
        Ok(self.storage.lost_changes().await?)
    }

    /// Returns the replicas that have not shut down, the newest report first, and the latest revision. One without a
    /// report for a day is dropped eventually.
    pub async fn replicas(&self) -> Result<(Vec<Replica>, Revision)> {
        let (mut replicas, head) = self.storage.replicas().await?;
        replicas.retain(|replica| !replica.has_ended());
        Ok((replicas, head))
    }
}

fn change_filter(violations: &mut Violations, list: &ListChanges) -> ChangeFilter {
    let kind = match SubjectKind::parse(&list.subject_kind) {
        SubjectKind::Other if list.subject_kind.is_empty() => None,
        SubjectKind::Other => {
            let given = excerpt(&list.subject_kind);
            violations.add("subject_kind", format_args!("is `{given}`; it must be key, store, method or operator"));
            None
        }
        kind => Some(kind),
    };
    if !list.subject_id.is_empty() {
        if list.subject_kind.is_empty() {
            violations.add("subject_id", "requires subject_kind, because ids are only unique within a kind");
        }
        if list.subject_id.len() > MAX_SUBJECT || list.subject_id.chars().any(char::is_control) {
            let what = "must be the id of a key or operator, the code of a store or the identity of a method";
            violations.add("subject_id", what);
        }
    }
    let actor =
        (!list.actor.is_empty()).then(|| validate::parse::<OperatorId>(violations, "actor", &list.actor)).flatten();
    let start = validate::time(violations, "start_time", list.start);
    let end = validate::time(violations, "end_time", list.end);
    validate::in_order(violations, ("start_time", start), ("end_time", end));
    let subject = Some(list.subject_id.clone()).filter(|subject| !subject.is_empty());
    ChangeFilter { kind, subject, actor, start, end }
}

fn span(violations: &mut Violations, request: &GetUsage, now: Timestamp) -> (Timestamp, Timestamp) {
    let end = validate::time(violations, "end_time", request.end);
    let start = validate::time(violations, "start_time", request.start);
    let end = end.unwrap_or(now);
    validate::in_order(violations, ("start_time", start), ("end_time", Some(end)));
    (start.unwrap_or_else(|| end.minus(USAGE_BEFORE_END)), end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::validate::tests::fields_in;

    fn at(seconds: i64) -> RawTime {
        RawTime { seconds, nanos: 0 }
    }

    #[test]
    fn a_filter_of_changes_is_checked_all_at_once() {
        let list = ListChanges {
            subject_kind: "shop".to_owned(),
            subject_id: "x\n".to_owned(),
            actor: "root".to_owned(),
            start: Some(at(5)),
            end: Some(at(5)),
            ..ListChanges::default()
        };
        let fields = fields_in(|violations| change_filter(violations, &list));
        assert_eq!(fields, ["subject_kind", "subject_id", "actor", "end_time"]);
        let list = ListChanges { subject_id: "main".to_owned(), ..ListChanges::default() };
        assert_eq!(fields_in(|violations| change_filter(violations, &list))[0], "subject_id");
    }

    #[test]
    fn usage_is_told_for_thirty_days_before_its_end() {
        let mut violations = Violations::new();
        let now = Timestamp::from_micros(100 * 86_400 * 1_000_000);
        let day = |days: i64| Timestamp::from_micros(days * 86_400 * 1_000_000);
        assert_eq!(span(&mut violations, &GetUsage::default(), now), (day(70), day(100)));
        let until = GetUsage { end: Some(at(50 * 86_400)), ..GetUsage::default() };
        assert_eq!(span(&mut violations, &until, now), (day(20), day(50)));
        assert!(violations.is_empty());
        span(&mut violations, &GetUsage { start: Some(at(101 * 86_400)), ..GetUsage::default() }, now);
        assert_eq!(violations.listed()[0].field, "end_time");
    }
}
