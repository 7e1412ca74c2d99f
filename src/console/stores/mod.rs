//! Integration › Stores.

mod add;
mod form;
mod list;
mod show;

use axum::Router;
use axum::routing::{get, post};

use super::{Console, paths};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::STORES, get(list::page))
        .route("/integration/stores/new", get(add::form).post(add::submit))
        // A store may have the code `new`, so the pages of single stores have another prefix.
        .route("/integration/store/{code}", get(show::page).post(show::submit))
        .route("/integration/store/{code}/active", post(show::switch))
        .route("/integration/store/{code}/delete", post(show::delete))
}
