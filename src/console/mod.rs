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

mod assets;
mod concurrent_edit;
mod cookies;
mod csrf;
mod diff;
mod error;
mod error_page;
mod find;
mod form;
mod form_post;
mod headers;
mod hex;
mod history;
mod keys;
mod layout;
mod lists;
mod methods;
mod nav;
mod notice;
mod operators;
mod oversight;
mod paths;
mod peer;
mod reference_cache;
mod render;
mod session;
mod sign_in;
mod sign_in_limiter;
mod state;
mod stores;
mod switch;
mod texts;
mod time;

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
            .fallback(error_page::no_such_page)
            .method_not_allowed_fallback(error_page::wrong_method)
            .layer(axum::middleware::from_fn(headers::add))
            .with_state(self)
    }
}
