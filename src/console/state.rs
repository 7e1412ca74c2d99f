//! The state that every page has access to.

use std::sync::Arc;

use super::reference_cache::ReferenceCache;
use super::sign_in_limiter::SignInLimiter;
use crate::authority::Authority;
use crate::clock::SharedClock;
use crate::registry::Registry;

/// The console. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Console {
    pub(super) registry: Registry,
    pub(super) authority: Authority,
    /// Whether the port uses TLS, so that cookies can be bound to it.
    pub(super) secure: bool,
    pub(super) sign_in_limiter: Arc<SignInLimiter>,
    pub(super) reference_cache: Arc<ReferenceCache>,
}

impl Console {
    /// Creates the console over `registry` and `authority`; `secure` is whether its port uses TLS.
    pub fn new(registry: Registry, authority: Authority, clock: SharedClock, secure: bool) -> Self {
        let sign_in_limiter = Arc::new(SignInLimiter::new(clock));
        Self { registry, authority, secure, sign_in_limiter, reference_cache: Arc::default() }
    }
}
