//! Conversion of what several parts of the contract have in common.

use crate::model::key::TokenOrigin;
use crate::model::method::StoreUse;
use crate::model::operator::Role;
use crate::model::store::StoreKind;
use crate::model::time::Timestamp;
use crate::proto::v1 as pb;
use crate::registry::{AccessKind, Choice, Pending, RawDuration, RawTime, Update, UsagePeriod, WriteOptions, Written};
use crate::registry::{KeyDraft, MethodDraft, OperatorDraft, StoreDraft};

impl From<Option<pb::WriteOptions>> for WriteOptions {
    fn from(options: Option<pb::WriteOptions>) -> Self {
        let options = options.unwrap_or_default();
        Self { comment: options.comment, replica_wait: options.replica_wait.map(raw_duration) }
    }
}

impl From<Written> for pb::Written {
    fn from(written: Written) -> Self {
        let (named, pending_unknown) = match written.pending {
            Pending::Known(replicas) => (replicas, false),
            Pending::Unknown => (Vec::new(), true),
        };
        let pending_replicas = named.iter().map(ToString::to_string).collect();
        Self { revision: written.cursor.to_string(), pending_replicas, pending_unknown }
    }
}

/// Converts each item of a list.
pub(in crate::grpc) fn all<T, U: From<T>>(items: Vec<T>) -> Vec<U> {
    items.into_iter().map(U::from).collect()
}

/// Converts a count that is far below its bound.
pub(in crate::grpc) fn count(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

pub(super) fn raw_duration(duration: prost_types::Duration) -> RawDuration {
    RawDuration { seconds: duration.seconds, nanos: duration.nanos }
}

pub(super) fn raw_time(time: prost_types::Timestamp) -> RawTime {
    RawTime { seconds: time.seconds, nanos: time.nanos }
}

/// Converts a setting of seconds, at most hours.
pub(in crate::grpc) fn duration(duration: std::time::Duration) -> prost_types::Duration {
    let nanos = i32::try_from(duration.subsec_nanos()).unwrap_or(0);
    prost_types::Duration { seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), nanos }
}

pub(super) fn time(time: Timestamp) -> prost_types::Timestamp {
    let (seconds, nanos) = time.as_seconds();
    prost_types::Timestamp { seconds, nanos }
}

/// An enumeration that the contract has too, with `Unspecified` in addition.
pub(super) trait Enumeration: Sized {
    /// Returns the contract's number of the value.
    fn number(self) -> i32;
    /// Converts the contract's number of a value.
    fn choice(number: i32) -> Choice<Self>;
}

macro_rules! enumerations {
    ($($ours:ident = $public:ident { $($value:ident),+ })+) => {$(
        impl Enumeration for $ours {
            fn number(self) -> i32 {
                match self { $($ours::$value => pb::$public::$value),+ }.into()
            }

            fn choice(number: i32) -> Choice<Self> {
                match pb::$public::try_from(number) {
                    $(Ok(pb::$public::$value) => Choice::Is($ours::$value),)+
                    Ok(pb::$public::Unspecified) => Choice::Unset,
                    Err(_) => Choice::Unknown(number),
                }
            }
        }
    )+};
}

enumerations! {
    AccessKind = Access { All, Selected }
    Role = Role { Admin, Editor, Viewer, Authorizer }
    StoreKind = StoreKind { Site, LandingPage, OnlineStore }
    StoreUse = StoreUse { None, Shared, Optional, Required }
    TokenOrigin = SecretOrigin { Issued, Supplied }
    UsagePeriod = UsagePeriod { Hour, Day }
}

/// Converts update requests, which differ only in the names of their subject and of its id.
macro_rules! updates {
    ($($request:ident($subject:ident by $id:ident) = $draft:ident;)+) => {$(
        impl From<pb::$request> for Update<$draft> {
            fn from(request: pb::$request) -> Self {
                let subject = request.$subject.unwrap_or_default();
                let (id, etag) = (subject.$id.clone(), subject.etag.clone());
                Self { id, draft: subject.into(), mask: request.update_mask.unwrap_or_default().paths, etag }
            }
        }
    )+};
}

updates! {
    UpdateKeyRequest(key by id) = KeyDraft;
    UpdateStoreRequest(store by code) = StoreDraft;
    UpdateMethodRequest(method by method) = MethodDraft;
    UpdateOperatorRequest(operator by id) = OperatorDraft;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_name_is_told_from_one_that_was_not_given() {
        assert_eq!(AccessKind::choice(0), Choice::Unset);
        assert_eq!(AccessKind::choice(1), Choice::Is(AccessKind::All));
        assert_eq!(AccessKind::choice(2), Choice::Is(AccessKind::Selected));
        assert_eq!(AccessKind::choice(3), Choice::Unknown(3));
        assert_eq!(AccessKind::choice(-1), Choice::Unknown(-1));
    }

    #[test]
    fn no_options_are_the_server_s_own() {
        assert_eq!(WriteOptions::from(None), WriteOptions::default());
        let zero = pb::WriteOptions { replica_wait: Some(prost_types::Duration::default()), ..Default::default() };
        assert_eq!(WriteOptions::from(Some(zero)).replica_wait, Some(RawDuration { seconds: 0, nanos: 0 }));
    }

    #[test]
    fn times_keep_their_microseconds() {
        let now: Timestamp = "2026-11-24T01:02:03.000004Z".parse().unwrap();
        let sent = time(now);
        assert_eq!((sent.seconds, sent.nanos), (1_795_482_123, 4_000));
        assert_eq!(raw_time(sent), RawTime::from(now));
    }
}
