//! Integration › Reference book.

mod add;
mod form;
mod import;
mod list;
mod preview;
mod show;

use axum::Router;
use axum::routing::{get, post};

use super::{Console, paths};

/// Returns the routes of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::METHODS, get(list::page))
        .route(paths::NEW_METHOD, get(add::form).post(add::submit))
        .route(paths::IMPORT_METHODS, get(import::form).post(import::submit))
        .route(paths::METHOD, get(show::page).post(show::submit))
        .route(paths::RETIRE_METHOD, post(show::retire))
}
