//! Oversight: what was done, and how far the replicas have come.

mod audit;
mod replicas;

use axum::Router;
use axum::routing::get;

use super::{Console, lists};

/// Where the audit trail is.
pub(super) const AUDIT: &str = "/oversight/audit";
/// Where the replicas are.
pub(super) const REPLICAS: &str = "/oversight/replicas";

/// All that was done to a thing.
pub(super) fn trail(kind: &str, id: &str) -> String {
    lists::address(AUDIT, &[("kind", kind), ("subject", id)])
}

/// All that an operator did.
pub(super) fn deeds(operator: &str) -> String {
    lists::address(AUDIT, &[("actor", operator)])
}

/// The pages of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new().route(AUDIT, get(audit::page)).route(REPLICAS, get(replicas::page))
}
