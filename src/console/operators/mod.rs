//! Oversight › Operators: who may call Latchkey itself. For admins.

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
        .route(paths::OPERATORS, get(list::page))
        .route(paths::NEW_OPERATOR, get(add::form).post(add::submit))
        .route(paths::OPERATOR, get(show::page).post(show::submit))
        .route(paths::ROTATE_OPERATOR, post(actions::rotate))
        .route(paths::REVOKE_OPERATOR, post(actions::revoke))
}
