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

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::METHODS, get(list::page))
        .route("/integration/methods/new", get(add::form).post(add::submit))
        .route("/integration/methods/import", get(import::form).post(import::submit))
        .route(paths::METHOD, get(show::page).post(show::submit))
        .route("/integration/method/retire", post(show::retire))
}
