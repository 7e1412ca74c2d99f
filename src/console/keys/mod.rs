//! Integration › API access keys.

mod add;
mod check;
mod choices;
mod conflict;
mod edit;
mod end;
mod filters;
mod form;
mod list;
mod reach;
mod show;
mod switch;
mod used;

use axum::Router;
use axum::routing::{get, post};

use super::Console;

/// Where the list is.
pub(super) const LIST: &str = "/integration/keys";

/// The pages of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(LIST, get(list::page))
        .route("/integration/keys/new", get(add::form).post(add::submit))
        .route("/integration/keys/{id}", get(show::page))
        .route("/integration/keys/{id}/edit", get(edit::form).post(edit::submit))
        .route("/integration/keys/{id}/rotate", post(end::rotate))
        .route("/integration/keys/{id}/tokens/{secret}/end", post(end::end_token))
        .route("/integration/keys/{id}/revoke", post(end::revoke))
        .route("/integration/keys/{id}/delete", post(end::delete))
        .route("/integration/keys/{id}/active", post(switch::submit))
}
