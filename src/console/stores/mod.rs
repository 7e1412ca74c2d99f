//! Integration › Stores.

mod actions;
mod add;
mod form;
mod list;
mod show;

use axum::Router;
use axum::routing::{get, post};

use super::{Console, paths};

/// Returns the routes of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::STORES, get(list::page))
        .route(paths::NEW_STORE, get(add::form).post(add::submit))
        .route(paths::STORE, get(show::page).post(show::submit))
        .route(paths::SWITCH_STORE, post(actions::switch))
        .route(paths::DELETE_STORE, post(actions::delete))
}
