//! Deciding for AuthorizationService: from requests to encoded responses.

use futures_util::future::{FutureExt as _, join_all};
use tonic::{Code, Status};

use super::request::BorrowedRequest;
use super::wire::{self, Framed};
use crate::authority::{Authority, Undecided};
use crate::model::violations::Violations;
use crate::status;

const MAX_BATCH: usize = 1_000;

/// Returns the status of a call for which no decision was possible.
pub(super) fn no_decision(undecided: Undecided) -> Status {
    let code = if undecided == Undecided::ForeignRevision { Code::FailedPrecondition } else { Code::Unavailable };
    status::with_reason(code, undecided.reason(), undecided.to_string())
}

/// Decides a request and returns an encoded `AuthorizeResponse`.
pub(super) async fn authorize(authority: &Authority, request: &BorrowedRequest<'_>) -> Result<Framed, Status> {
    let mut violations = Violations::new();
    let Some(query) = request.validate(&mut violations) else {
        return Err(status::invalid(&violations));
    };
    match authority.decide_now(&query, Framed::response) {
        Some(response) => Ok(response),
        // Boxed, so that calls which need not wait have small futures.
        None => authority.decide(&query, Framed::response).boxed().await.map_err(no_decision),
    }
}

/// Decides each request by itself and returns an encoded `BatchAuthorizeResponse`: at once from memory where possible,
/// the rest awaited together. The result of a request that is invalid or has no decision contains the reason.
pub(super) async fn batch_authorize(authority: &Authority, requests: &[BorrowedRequest<'_>]) -> Result<Framed, Status> {
    if requests.is_empty() || requests.len() > MAX_BATCH {
        let what = format!("has {} requests; a batch must have 1 to {MAX_BATCH}", requests.len());
        return Err(status::invalid(&Violations::one("requests", what)));
    }
    let mut batch = Framed::for_results(requests.len());
    let mut waiting = Vec::new();
    for request in requests {
        let mut violations = Violations::new();
        let Some(query) = request.validate(&mut violations) else {
            batch.add_result(&wire::encode_undecided(&status::invalid(&violations), violations.listed()));
            continue;
        };
        if authority.decide_now(&query, |decision| batch.add(decision)).is_none() {
            waiting.push((batch.position(), query));
        }
    }
    if waiting.is_empty() {
        return Ok(batch);
    }
    let waiting = waiting.into_iter().map(|(position, query)| async move {
        let response = authority.decide(&query, wire::encode_result).await;
        (position, response.unwrap_or_else(|undecided| wire::encode_undecided(&no_decision(undecided), &[])))
    });
    Ok(batch.with_inserted(join_all(waiting).await))
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
