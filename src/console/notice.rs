//! The result of a write, shown on the next page: that it is done, and which replicas may still decide from the state
//! before it. The redirect carries both in the address, so that they survive a reload and another sign-in.

use std::time::Duration;

use axum::response::Response;

use super::form::FormFields;
use super::render::redirect;
use super::texts::key_form::fill;
use super::texts::{ENGLISH, WriteText};
use super::{Console, paths, time};
use crate::model::id::ReplicaId;
use crate::model::time::{LONGEST_STALENESS, Timestamp};
use crate::registry::{Pending, Written};

/// Parameters of an address: the name of the action, the replicas that have not confirmed it, and until when they may
/// decide from the state before it, in microseconds since 1970.
const DONE: &str = "done";
const PENDING: &str = "pending";
const UNTIL: &str = "until";
/// In place of replicas: they are unknown.
const UNKNOWN: &str = "unknown";

/// Replicas that may still decide from the state before a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PendingReplicas {
    /// Their ids; empty if it may be any replica.
    replicas: Vec<ReplicaId>,
    /// Until when. A replica without proof of fresh state then denies every request.
    until: Timestamp,
}

/// A notice at the top of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Notice {
    pub(super) text: String,
    pub(super) is_warning: bool,
}

impl Console {
    /// Redirects to `path` with the action, one of the names in [`super::texts::Texts::write`], and the registry's
    /// result.
    pub(super) async fn redirect(&self, path: &str, what: &str, written: &Written) -> Response {
        let done = paths::with_query(path, &[(DONE, what)]);
        let pending = self.pending_replicas(written).await;
        redirect(&pending.map_or_else(|| done.clone(), |pending| pending.append_to(&done)))
    }

    /// Like [`Console::redirect`], for a write whose effect is visible: adds nothing if every replica has confirmed it.
    pub(super) async fn redirect_visible(&self, path: &str, what: &str, written: &Written) -> Response {
        let pending = self.pending_replicas(written).await;
        let warning = pending.map(|pending| pending.append_to(&paths::with_query(path, &[(DONE, what)])));
        redirect(warning.as_deref().unwrap_or(path))
    }

    /// Returns the notice for a page that is the response to the write; `None` if every replica has confirmed it.
    pub(super) async fn notice(&self, what: &str, written: &Written) -> Option<Notice> {
        self.pending_replicas(written).await?.notice(what, self.authority.now())
    }

    async fn pending_replicas(&self, written: &Written) -> Option<PendingReplicas> {
        let own = self.authority.settings().max_staleness;
        let (replicas, longest) = match &written.pending {
            Pending::Known(replicas) if replicas.is_empty() => return None,
            Pending::Known(replicas) => (replicas.clone(), self.longest_staleness(replicas).await.unwrap_or(own)),
            Pending::Unknown => (Vec::new(), own),
        };
        Some(PendingReplicas { replicas, until: self.authority.now().plus(longest) })
    }

    /// Returns the longest time that one of these replicas decides without proof of fresh state, by its own setting.
    async fn longest_staleness(&self, replicas: &[ReplicaId]) -> Option<Duration> {
        let (reported, _) = self.registry.replicas().await.ok()?;
        let pending = reported.iter().filter(|replica| replicas.contains(&replica.report.id));
        pending.map(|replica| replica.report.max_staleness.unwrap_or(LONGEST_STALENESS)).max()
    }
}

impl PendingReplicas {
    fn append_to(&self, path: &str) -> String {
        let ids = if self.replicas.is_empty() { UNKNOWN.to_owned() } else { self.ids(",") };
        paths::with_query(path, &[(PENDING, &ids), (UNTIL, &self.until.as_micros().to_string())])
    }

    fn ids(&self, separator: &str) -> String {
        self.replicas.iter().map(ToString::to_string).collect::<Vec<_>>().join(separator)
    }

    /// Parses the parameters of an address; returns `None` if there are none, or none that we could have written.
    fn from_query(fields: &FormFields) -> Option<Self> {
        let until = fields.text(UNTIL).parse().ok().map(Timestamp::from_micros)?;
        let replicas = match fields.text(PENDING) {
            UNKNOWN => Vec::new(),
            ids => ids.split(',').map(str::parse).collect::<Result<_, _>>().ok()?,
        };
        Some(Self { replicas, until })
    }

    /// Returns the notice at `now`; `None` once the replicas can no longer decide from the state before the write.
    fn notice(&self, what: &str, now: Timestamp) -> Option<Notice> {
        let left = self.until.since(now).min(LONGEST_STALENESS);
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        if seconds == 0 {
            return None;
        }
        let t = &ENGLISH.unconfirmed;
        let WriteText { outcome, risk, .. } = ENGLISH.write(what)?;
        let longest = time::up_to(seconds);
        let ids = self.ids(", ");
        let warning = match self.replicas.len() {
            0 => fill(t.unknown, &[risk, &longest]),
            1 => fill(t.one, &[risk, &longest, &ids]),
            count => fill(t.several, &[&count.to_string(), risk, &longest, &ids]),
        };
        Some(Notice { text: format!("{outcome} {warning}"), is_warning: true })
    }
}

impl Notice {
    /// Parses the notice in the address of a page about the action just before it, at `now`.
    pub(super) fn from_query(fields: &FormFields, now: Timestamp) -> Option<Self> {
        let what = fields.text(DONE);
        let warning = PendingReplicas::from_query(fields).and_then(|pending| pending.notice(what, now));
        let done = ENGLISH.write(what).map(|write| write.done).filter(|done| !done.is_empty());
        warning.or_else(|| Some(Self { text: done?.to_owned(), is_warning: false }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn replica(byte: u8) -> ReplicaId {
        ReplicaId::new(Timestamp::EPOCH, [byte; 10])
    }

    fn read(address: &str, now: Timestamp) -> Option<Notice> {
        Notice::from_query(&FormFields::parse(address.split_once('?').unwrap().1.as_bytes()), now)
    }

    #[test]
    fn replicas_are_named_until_they_cannot_allow_any_more() {
        let (now, second) = (Timestamp::from_micros(7_000_000), Duration::from_secs(1));
        let pending = PendingReplicas { replicas: vec![replica(1), replica(2)], until: now.plus(second * 60) };
        let address = pending.append_to("/x?done=revoked");
        let notice = read(&address, now.plus(second * 18)).unwrap();
        assert!(notice.is_warning && notice.text.starts_with("The key is revoked. 2 replicas "), "{notice:?}");
        for part in ["up to 42 seconds: ", &replica(1).to_string(), &replica(2).to_string()] {
            assert!(notice.text.contains(part), "{notice:?}");
        }
        let later = read(&address, now.plus(second * 60)).unwrap();
        assert!(!later.is_warning && later.text == "Key revoked. Its tokens are now refused.", "{later:?}");
    }

    #[test]
    fn that_it_is_not_known_is_said_too() {
        let pending = PendingReplicas { replicas: Vec::new(), until: Timestamp::EPOCH.plus(Duration::from_secs(60)) };
        let notice = read(&pending.append_to("/x?done=deleted"), Timestamp::EPOCH).unwrap();
        assert!(notice.is_warning && notice.text.contains("Any replica may still allow this key"), "{notice:?}");
    }

    #[test]
    fn what_we_did_not_write_is_not_shown() {
        for address in ["/x?done=hello&pending=unknown&until=9000000", "/x?pending=unknown&until=9000000", "/x?a=b"] {
            assert_eq!(read(address, Timestamp::EPOCH), None, "{address}");
        }
        for address in ["/x?done=saved&pending=call+us&until=9000000", "/x?done=saved&pending=unknown&until=soon"] {
            assert!(!read(address, Timestamp::EPOCH).unwrap().is_warning, "{address}");
        }
    }

    #[test]
    fn all_that_can_be_done_has_a_text_for_replicas_that_have_not_confirmed_it() {
        let pending =
            PendingReplicas { replicas: vec![replica(1)], until: Timestamp::EPOCH.plus(Duration::from_secs(9)) };
        let keys = "saved added rotated revoked deleted token_ended key_on key_off";
        let stores = "store_added store_deleted store_on store_off";
        let others = "method_added method_retired imported operator_added operator_rotated operator_revoked";
        for what in [keys, stores, others].into_iter().flat_map(str::split_whitespace) {
            assert!(pending.notice(what, Timestamp::EPOCH).is_some(), "{what}");
        }
    }
}
