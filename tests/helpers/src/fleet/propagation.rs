//! Measures how long it takes until every server refuses the calls that a change forbids.

use std::sync::Arc;
use std::time::Duration;

use super::changes::Subject;
use super::{Fleet, now};
use crate::calls::spawn_task;
use crate::support::pass;

/// Time between a response and the next call.
const PAUSE: Duration = Duration::from_micros(500);

/// Durations of a change, counted from sending it.
#[derive(Debug, Clone, Copy)]
pub struct Propagation {
    /// Until the last server returned its first refusal.
    pub refused: Duration,
    /// Until the change was acknowledged.
    pub acknowledged: Duration,
}

/// Ends `subject` through a server while every server is called with it repeatedly, until all refuse.
///
/// # Panics
///
/// When the change is refused, or a server never refuses.
pub async fn end_and_measure(fleet: &Fleet, subject: &Subject, through: usize) -> Propagation {
    let watching: Vec<_> = fleet
        .members
        .iter()
        .map(|member| {
            let (client, replica) = (member.client.clone(), member.replica.clone());
            let (ledger, token) = (Arc::clone(&fleet.ledger), subject.token.clone());
            spawn_task(async move {
                let until = now() + super::RECOVERY;
                while now() < until {
                    if ledger.authorize(&client, &replica, &token).await.is_ok_and(|decision| !decision.allowed) {
                        return now();
                    }
                    // The resolution of the timer, about a millisecond, limits the precision of the figure.
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
    Propagation { refused, acknowledged }
}
