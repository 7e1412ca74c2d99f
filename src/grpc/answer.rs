//! Deciding for AuthorizationService: from requests to encoded responses.

use futures_util::future::{FutureExt as _, join_all};
use tonic::Status;

use super::no_decision::no_decision;
use super::question::Asked;
use super::wire::{self, Framed};
use crate::authority::Authority;
use crate::model::violations::Violations;
use crate::status;

/// Most requests in a batch.
const MAX_BATCH: usize = 1_000;

/// Decides a request and returns an encoded `AuthorizeResponse`.
pub(super) async fn authorize(authority: &Authority, asked: &Asked<'_>) -> Result<Framed, Status> {
    let mut violations = Violations::new();
    let Some(query) = asked.read(&mut violations) else {
        return Err(status::invalid(&violations));
    };
    match authority.decide_now(&query, Framed::answer) {
        Some(answer) => Ok(answer),
        // Boxed, so that calls which need not wait have small futures.
        None => authority.decide(&query, Framed::answer).boxed().await.map_err(no_decision),
    }
}

/// Decides each request by itself and returns an encoded `BatchAuthorizeResponse`: at once from memory where possible,
/// the rest awaited together. The result of a request that is invalid or has no decision contains the reason.
pub(super) async fn batch_authorize(authority: &Authority, asked: &[Asked<'_>]) -> Result<Framed, Status> {
    if asked.is_empty() || asked.len() > MAX_BATCH {
        let what = format!("has {} requests; a batch must have 1 to {MAX_BATCH}", asked.len());
        return Err(status::invalid(&Violations::one("requests", what)));
    }
    let mut answers = Framed::for_answers(asked.len());
    let mut waiting = Vec::new();
    for asked in asked {
        let mut violations = Violations::new();
        let Some(query) = asked.read(&mut violations) else {
            answers.add_result(&wire::undecided(&status::invalid(&violations), violations.told()));
            continue;
        };
        if authority.decide_now(&query, |decision| answers.add(decision)).is_none() {
            waiting.push((answers.place(), query));
        }
    }
    if waiting.is_empty() {
        return Ok(answers);
    }
    let waiting = waiting.into_iter().map(|(place, query)| async move {
        let answer = authority.decide(&query, wire::result).await;
        (place, answer.unwrap_or_else(|undecided| wire::undecided(&no_decision(undecided), &[])))
    });
    Ok(answers.with(join_all(waiting).await))
}
