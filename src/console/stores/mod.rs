//! Integration › Stores.

mod add;
mod end;
mod form;
mod list;
mod show;

use axum::Router;
use axum::routing::{get, post};

use super::Console;

/// Where the list is.
pub(super) const LIST: &str = "/integration/stores";
/// Where one is added. A store may have the code `new`: the page of one stands elsewhere.
const NEW: &str = "/integration/stores/new";

/// The page of a store. Codes have nothing in them that an address would have to escape.
pub(super) fn address(code: &str) -> String {
    format!("/integration/store/{code}")
}

/// The pages of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(LIST, get(list::page))
        .route(NEW, get(add::form).post(add::submit))
        .route("/integration/store/{code}", get(show::page).post(show::submit))
        .route("/integration/store/{code}/active", post(end::switch))
        .route("/integration/store/{code}/delete", post(end::delete))
}
