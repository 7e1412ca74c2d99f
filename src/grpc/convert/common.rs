//! Conversion of what several parts of the contract have in common.

use crate::model::time::Timestamp;
use crate::proto::v1 as pb;
use crate::registry::{self, AccessKind, Choice, PageInput, RawDuration, RawTime, WriteOptions};

/// Converts the options of a write.
pub(in crate::grpc) fn options(options: Option<pb::WriteOptions>) -> WriteOptions {
    let options = options.unwrap_or_default();
    WriteOptions { comment: options.comment, replica_wait: options.replica_wait.map(raw_duration) }
}

/// Converts the outcome of a write.
pub(in crate::grpc) fn written(written: &registry::Written) -> pb::Written {
    let (named, pending_unknown): (&[_], _) = match &written.pending {
        registry::Pending::Known(replicas) => (replicas, false),
        registry::Pending::Unknown => (&[], true),
    };
    pb::Written {
        revision: written.cursor.to_string(),
        pending_replicas: named.iter().map(ToString::to_string).collect(),
        pending_unknown,
    }
}

/// Converts the requested page.
pub(in crate::grpc) fn page(size: i32, token: String) -> PageInput {
    PageInput { size, token }
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

pub(super) fn mask(mask: Option<prost_types::FieldMask>) -> Vec<String> {
    mask.unwrap_or_default().paths
}

/// Converts the number of an enumeration's value, 0 for none of them.
pub(super) fn choice<E: TryFrom<i32>, T>(number: i32, value: impl Fn(E) -> Option<T>) -> Choice<T> {
    match E::try_from(number).map(value) {
        Ok(Some(value)) => Choice::Is(value),
        Ok(None) => Choice::Unset,
        Err(_) => Choice::Unknown(number),
    }
}

pub(super) fn access_choice(number: i32) -> Choice<AccessKind> {
    choice(number, |access| match access {
        pb::Access::Unspecified => None,
        pb::Access::All => Some(AccessKind::All),
        pb::Access::Selected => Some(AccessKind::Selected),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_without_a_name_is_told_from_one_that_was_not_given() {
        assert_eq!(access_choice(0), Choice::Unset);
        assert_eq!(access_choice(1), Choice::Is(AccessKind::All));
        assert_eq!(access_choice(2), Choice::Is(AccessKind::Selected));
        assert_eq!(access_choice(3), Choice::Unknown(3));
        assert_eq!(access_choice(-1), Choice::Unknown(-1));
    }

    #[test]
    fn no_options_are_the_server_s_own() {
        assert_eq!(options(None), WriteOptions::default());
        let zero = pb::WriteOptions { replica_wait: Some(prost_types::Duration::default()), ..Default::default() };
        assert_eq!(options(Some(zero)).replica_wait, Some(RawDuration { seconds: 0, nanos: 0 }));
    }

    #[test]
    fn times_keep_their_microseconds() {
        let now: Timestamp = "2026-11-24T01:02:03.000004Z".parse().unwrap();
        let sent = time(now);
        assert_eq!((sent.seconds, sent.nanos), (1_795_482_123, 4_000));
        assert_eq!(raw_time(sent), RawTime::from(now));
    }
}
