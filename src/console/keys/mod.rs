//! Integration › API access keys.

mod actions;
mod add;
mod check;
mod choices;
mod edit;
mod form;
mod list;
mod show;
mod usage;

use axum::Router;
use axum::routing::{get, post};

use super::{Console, paths};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::KEYS, get(list::page))
        .route("/integration/keys/new", get(add::form).post(add::submit))
        .route("/integration/keys/{id}", get(show::page))
        .route("/integration/keys/{id}/edit", get(edit::form).post(edit::submit))
        .route("/integration/keys/{id}/rotate", post(actions::rotate))
        .route("/integration/keys/{id}/tokens/{secret}/end", post(actions::revoke_token))
        .route("/integration/keys/{id}/revoke", post(actions::revoke))
        .route("/integration/keys/{id}/delete", post(actions::delete))
        .route("/integration/keys/{id}/active", post(actions::switch))
}
