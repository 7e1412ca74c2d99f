//! The state that every page has access to.

use std::sync::Arc;

use axum::extract::FromRef;

use super::assets::Assets;
use super::reference_cache::ReferenceCache;
use super::sign_in_limiter::SignInLimiter;
use crate::authority::Authority;
use crate::clock::SharedClock;
use crate::model::reference::Method;
use crate::model::store::Store;
use crate::registry::{Registry, Result};

/// The console. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Console {
    pub(super) registry: Registry,
    pub(super) authority: Authority,
    /// Whether the port uses TLS, so that cookies can be bound to it.
    pub(super) secure: bool,
    pub(super) assets: Arc<Assets>,
    pub(super) sign_in_limiter: Arc<SignInLimiter>,
    reference_cache: Arc<ReferenceCache>,
}

impl Console {
    /// Creates the console over `registry` and `authority`; `secure` is whether its port uses TLS.
    pub fn new(registry: Registry, authority: Authority, clock: SharedClock, secure: bool) -> Self {
        let (assets, sign_in_limiter) = (Arc::new(Assets::new()), Arc::new(SignInLimiter::new(clock)));
        Self { registry, authority, secure, assets, sign_in_limiter, reference_cache: Arc::default() }
    }

    /// Returns all stores, in byte order of their codes.
    pub(super) async fn all_stores(&self) -> Result<Arc<[Store]>> {
        self.reference_cache.all_stores(&self.registry, &self.authority).await
    }

    /// Returns the reference book, in its order.
    pub(super) async fn all_methods(&self) -> Result<Arc<[Method]>> {
        self.reference_cache.all_methods(&self.registry, &self.authority).await
    }
}

impl FromRef<Console> for Arc<Assets> {
    fn from_ref(console: &Console) -> Self {
        Self::clone(&console.assets)
    }
}
