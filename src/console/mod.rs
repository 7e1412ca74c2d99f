//! The console: pages for people, on the administration port together with gRPC.
//!
//! It has no rules of its own. It reads from `registry` and `authority` and writes through `registry`, which checks the
//! caller's role and every field as for any other entry point. A page hides actions that would be refused; it never
//! decides by itself that something is allowed.
//!
//! ```text
//! request ─▶ headers (security, gzip) ─▶ session (cookie → operator) ─▶ form (origin, CSRF token) ─▶ page ─▶ template
//! ```
//!
//! Every page works without scripts: lists are links, changes are forms. The modules in assets/ only add convenience.

mod answer;
mod assets;
mod attempts;
mod cookies;
mod csrf;
mod diff;
mod done;
mod failure;
mod failure_page;
mod find;
mod form;
mod headers;
mod hex;
mod keys;
mod layout;
mod lists;
mod meanwhile;
mod methods;
mod nav;
mod operators;
mod oversight;
mod paths;
mod peer;
mod posted;
mod reference;
mod session;
mod sign_in;
mod state;
mod stores;
mod switch;
mod texts;
mod time;
mod trail;

use axum::Router;
use axum::routing::{get, post};

pub use self::state::Console;

impl Console {
    /// Returns the routes of its pages, and an error page for all other addresses.
    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(sign_in::home))
            .route(paths::SIGN_IN, get(sign_in::page).post(sign_in::submit))
            .route(paths::SIGN_OUT, post(sign_in::sign_out))
            .route(paths::ASSET, get(assets::serve))
            .route(paths::ICON, get(assets::icon))
            .merge(keys::routes())
            .merge(stores::routes())
            .merge(methods::routes())
            .merge(find::routes())
            .merge(oversight::routes())
            .merge(operators::routes())
            .fallback(failure_page::no_such_page)
            .method_not_allowed_fallback(failure_page::wrong_method)
            .layer(axum::middleware::from_fn(headers::add))
            .with_state(self)
    }
}
