//! The console: pages for people, on the administration port beside gRPC.
//!
//! It has no rules of its own. What is shown comes from `registry` and `authority`, what is done goes to `registry`, which
//! checks the caller's role and every field like for any other entrance. A page hides what would be refused; it never
//! decides by itself that something is allowed.
//!
//! ```text
//! request ─▶ headers (security, gzip) ─▶ session (cookie → operator) ─▶ form (origin, CSRF token) ─▶ page ─▶ template
//! ```
//!
//! Every page works without scripts: lists are links, changes are forms. The modules under assets/ only make them handier.

mod answer;
mod assets;
mod attempts;
mod cookies;
mod csrf;
mod diff;
mod failure;
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
mod peer;
mod reference;
mod session;
mod sign_in;
mod stores;
mod switch;
mod texts;
mod time;
mod trail;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use self::assets::Assets;
use self::attempts::Attempts;
use self::reference::Reference;
use crate::authority::Authority;
use crate::clock::SharedClock;
use crate::registry::Registry;

/// Where people land.
const HOME: &str = keys::LIST;

/// The console. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Console {
    registry: Registry,
    authority: Authority,
    /// Whether the port speaks TLS, so that cookies can be bound to it.
    secure: bool,
    assets: Arc<Assets>,
    attempts: Arc<Attempts>,
    reference: Arc<Reference>,
}

impl Console {
    /// The console over `registry` and `authority`; `secure` says whether its port speaks TLS.
    pub fn new(registry: Registry, authority: Authority, clock: SharedClock, secure: bool) -> Self {
        let (assets, attempts) = (Arc::new(Assets::new()), Arc::new(Attempts::new(clock)));
        Self { registry, authority, secure, assets, attempts, reference: Arc::default() }
    }

    /// Its pages, and a page that says so for every address that has none.
    pub fn router(self) -> Router {
        Router::new()
            .route("/", get(sign_in::home))
            .route("/sign-in", get(sign_in::page).post(sign_in::submit))
            .route("/sign-out", post(sign_in::sign_out))
            .route("/assets/{version}/{name}", get(assets::serve))
            .route("/favicon.ico", get(assets::icon))
            .merge(keys::routes())
            .merge(stores::routes())
            .merge(methods::routes())
            .merge(find::routes())
            .merge(oversight::routes())
            .merge(operators::routes())
            .fallback(failure::no_such_page)
            .method_not_allowed_fallback(failure::wrong_method)
            .layer(axum::middleware::from_fn(headers::add))
            .with_state(self)
    }
}
