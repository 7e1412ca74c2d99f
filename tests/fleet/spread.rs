//! How long it takes until every server refuses what a change has ended.

use std::sync::Arc;
use std::time::Duration;

use super::changes::Subject;
use super::{Fleet, now};
use crate::calls::beside;
use crate::support::pass;

/// Between an answer and the next question.
const PAUSE: Duration = Duration::from_micros(500);

/// How far a change has come, counted from when it was sent.
#[derive(Debug, Clone, Copy)]
pub struct Spread {
    /// Until the last server answered with its first refusal.
    pub refused: Duration,
    /// Until the change was answered.
    pub acknowledged: Duration,
}

/// Ends `subject` through a server while every server is asked about it again and again, until all refuse.
///
/// # Panics
///
/// When the change is refused, or a server never refuses.
pub async fn end_and_watch(fleet: &Fleet, subject: &Subject, through: usize) -> Spread {
    let watching: Vec<_> = fleet
        .members
        .iter()
        .map(|member| {
            let (client, replica) = (member.client.clone(), member.replica.clone());
            let (ledger, token) = (Arc::clone(&fleet.ledger), subject.token.clone());
            beside(async move {
                let until = now() + super::RECOVERY;
                while now() < until {
                    if ledger.ask(&client, &replica, &token).await.is_ok_and(|decision| !decision.allowed) {
                        return now();
                    }
                    // The timer's own grain, about a millisecond, is how exact the figure is.
                    pass(PAUSE).await;
                }
                panic!("a server goes on allowing: {}", ledger.describe(&token));
            })
        })
        .collect();
    let sent = now();
    subject.end(&fleet.members[through].client, &fleet.ledger).await.expect("the change is made");
    let acknowledged = now().saturating_sub(sent);
    let mut refused = Duration::ZERO;
    for server in watching {
        refused = refused.max(server.await.expect("every server refuses").saturating_sub(sent));
    }
    Spread { refused, acknowledged }
}
