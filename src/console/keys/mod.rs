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

use super::{Console, paths};

/// Returns the routes of this section.
pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::KEYS, get(list::page))
        .route(paths::NEW_KEY, get(add::form).post(add::submit))
        .route(paths::KEY, get(show::page))
        .route(paths::EDIT_KEY, get(edit::form).post(edit::submit))
        .route(paths::ROTATE_KEY, post(end::rotate))
        .route(paths::END_TOKEN, post(end::end_token))
        .route(paths::REVOKE_KEY, post(end::revoke))
        .route(paths::DELETE_KEY, post(end::delete))
        .route(paths::SWITCH_KEY, post(switch::submit))
}
