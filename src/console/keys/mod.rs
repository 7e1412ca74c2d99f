//! Integration › API access keys.

mod actions;
mod add;
mod check;
mod choices;
mod conflict;
mod edit;
mod filters;
mod form;
mod list;
mod reach;
mod show;
mod switch;
mod usage;

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
        .route(paths::ROTATE_KEY, post(actions::rotate))
        .route(paths::REVOKE_TOKEN, post(actions::revoke_token))
        .route(paths::REVOKE_KEY, post(actions::revoke))
        .route(paths::DELETE_KEY, post(actions::delete))
        .route(paths::SWITCH_KEY, post(switch::submit))
}
