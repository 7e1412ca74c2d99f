//! Integration › Reference book.

mod add;
mod form;
mod import;
mod list;
mod preview;
mod show;

use axum::Router;
use axum::routing::{get, post};

use super::{Console, lists};

/// Where the book is.
pub(super) const LIST: &str = "/integration/methods";
const NEW: &str = "/integration/methods/new";
const IMPORT: &str = "/integration/methods/import";
const ONE: &str = "/integration/method";

/// The page of a method. Identities have slashes and braces in them: they stand behind the question mark.
pub(super) fn address(identity: &str) -> String {
    lists::address(ONE, &[("method", identity)])
}

/// The pages of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(LIST, get(list::page))
        .route(NEW, get(add::form).post(add::submit))
        .route(IMPORT, get(import::form).post(import::submit))
        .route(ONE, get(show::page).post(show::submit))
        .route("/integration/method/retire", post(show::retire))
}
