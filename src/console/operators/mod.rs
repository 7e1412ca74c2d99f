//! Oversight › Operators: who may call Latchkey itself. For admins.

mod add;
mod end;
mod form;
mod list;
mod show;

use axum::Router;
use axum::routing::{get, post};

use super::Console;

/// Where the list is.
pub(super) const LIST: &str = "/oversight/operators";

/// The pages of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(LIST, get(list::page))
        .route("/oversight/operators/new", get(add::form).post(add::submit))
        .route("/oversight/operators/{id}", get(show::page).post(show::submit))
        .route("/oversight/operators/{id}/rotate", post(end::rotate))
        .route("/oversight/operators/{id}/revoke", post(end::revoke))
}
