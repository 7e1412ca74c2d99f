//! Oversight › Operators: who may call Latchkey itself. For admins.

mod add;
mod form;
mod list;
mod show;

use axum::Router;
use axum::routing::{get, post};

use super::{Console, paths};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::OPERATORS, get(list::page))
        .route("/oversight/operators/new", get(add::form).post(add::submit))
        .route("/oversight/operators/{id}", get(show::page).post(show::submit))
        .route("/oversight/operators/{id}/rotate", post(show::rotate))
        .route("/oversight/operators/{id}/revoke", post(show::revoke))
}
