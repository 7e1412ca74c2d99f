//! The status of a call for which no decision was possible.

use tonic::{Code, Status};

use crate::authority::Undecided;
use crate::status;

/// Returns the status for the reason.
pub(super) fn no_decision(undecided: Undecided) -> Status {
    let code = if undecided == Undecided::ForeignRevision { Code::FailedPrecondition } else { Code::Unavailable };
    status::with_reason(code, undecided.reason(), undecided.to_string())
}

#[cfg(test)]
mod tests {
    use tonic_types::StatusExt as _;

    use super::*;

    #[test]
    fn a_call_without_a_decision_gets_the_reason() {
        let status = no_decision(Undecided::Behind);
        assert_eq!(status.code(), Code::Unavailable);
        assert_eq!(status.get_error_details().error_info().unwrap().reason, "REPLICA_BEHIND");
        // The same call fails again on every replica.
        assert_eq!(no_decision(Undecided::ForeignRevision).code(), Code::FailedPrecondition);
    }
}
