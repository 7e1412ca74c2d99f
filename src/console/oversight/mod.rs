//! Oversight: what was done, and how far the replicas have come.

mod audit;
mod replicas;

use axum::Router;
use axum::routing::get;

use super::{Console, paths};

/// The pages of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new().route(paths::AUDIT, get(audit::page)).route(paths::REPLICAS, get(replicas::page))
}
