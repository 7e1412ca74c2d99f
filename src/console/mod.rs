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
mod audit;
mod cookies;
mod csrf;
mod diff;
mod edit;
mod error;
mod error_page;
mod find;
mod form;
mod form_post;
mod headers;
mod history;
mod keys;
mod layout;
mod lists;
mod methods;
mod nav;
mod notice;
mod operators;
mod paths;
mod reference_cache;
mod render;
mod replicas;
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

// What the pages of all sections are made of.
pub(in crate::console) use self::edit::{Field, Form};
pub(in crate::console) use self::error::{PageError, found};
pub(in crate::console) use self::form::{FieldErrors, FormFields};
pub(in crate::console) use self::form_post::FormPost;
pub(in crate::console) use self::history::History;
pub(in crate::console) use self::layout::PageLayout;
pub(in crate::console) use self::lists::{Filters, ListPage};
pub(in crate::console) use self::notice::Notice;
pub(in crate::console) use self::render::{PageResult, redirect, render, render_with};
pub(in crate::console) use self::session::Session;
pub(in crate::console) use self::texts::ENGLISH;

impl Console {
    /// Returns the routes of its pages, and an error page for all other addresses.
    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(|| async { redirect(paths::KEYS) }))
            .route(paths::SIGN_IN, get(sign_in::page).post(sign_in::submit))
            .route(paths::SIGN_OUT, post(sign_in::sign_out))
            .route("/assets/{version}/{name}", get(assets::serve))
            .route("/favicon.ico", get(assets::icon))
            .merge(keys::routes())
            .merge(stores::routes())
            .merge(methods::routes())
            .route(paths::FIND, get(find::form).post(find::submit))
            .route(paths::AUDIT, get(audit::page))
            .route(paths::REPLICAS, get(replicas::page))
            .merge(operators::routes())
            .fallback(error_page::no_such_page)
            .method_not_allowed_fallback(error_page::wrong_method)
            .layer(axum::middleware::from_fn(headers::add))
            .with_state(self)
    }
}
