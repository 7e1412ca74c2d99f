//! Deciding for AuthorizationService: from questions to answers as they are sent.

use futures_util::future::{FutureExt as _, join_all};
use tonic::Status;

use super::auth::undecided_status;
use super::question::Asked;
use super::status::to_status;
use super::wire::{self, Framed};
use crate::authority::Authority;
use crate::registry::Violations;

/// Most questions in a batch.
const MAX_BATCH: usize = 1_000;

/// Answers a question with an `AuthorizeResponse`.
pub(super) async fn authorize(authority: &Authority, asked: &Asked<'_>) -> Result<Framed, Status> {
    let mut violations = Violations::new();
    let Some(query) = asked.read(&mut violations) else {
        return Err(to_status(violations.into()));
    };
    match authority.decide_now(&query, Framed::answer) {
        Some(answer) => Ok(answer),
        // Boxed, so that the calls that need not wait are small.
        None => authority.decide(&query, Framed::answer).boxed().await.map_err(undecided_status),
    }
}

/// Answers questions with a `BatchAuthorizeResponse`, each by itself: what is at hand at once; the rest is waited for
/// together. One that is invalid or cannot be decided has a result that says so.
pub(super) async fn batch_authorize(authority: &Authority, asked: &[Asked<'_>]) -> Result<Framed, Status> {
    if asked.is_empty() || asked.len() > MAX_BATCH {
        let what = format!("has {} requests; a batch must have 1 to {MAX_BATCH}", asked.len());
        return Err(to_status(Violations::one("requests", what).into()));
    }
    let mut answers = Framed::for_answers(asked.len());
    let mut waiting = Vec::new();
    for asked in asked {
        let mut violations = Violations::new();
        let Some(query) = asked.read(&mut violations) else {
            let invalid = violations.told().to_vec();
            answers.add_result(&wire::undecided(&to_status(violations.into()), &invalid));
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
        (place, answer.unwrap_or_else(|undecided| wire::undecided(&undecided_status(undecided), &[])))
    });
    Ok(answers.with(join_all(waiting).await))
}
