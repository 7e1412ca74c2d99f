//! Oversight: the audit trail, and the state of the replicas.

mod audit;
mod replicas;

use axum::Router;
use axum::routing::get;

use super::{Console, paths};

/// Returns the routes of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new().route(paths::AUDIT, get(audit::page)).route(paths::REPLICAS, get(replicas::page))
}
