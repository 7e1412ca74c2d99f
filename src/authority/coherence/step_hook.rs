//! The steps of applying a poll or a reload, for tests that must act between two of them.

use std::fmt;
use std::sync::Arc;

/// A completed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApplyStep {
    /// The fingerprints of new tokens are added.
    Fingerprints,
    /// The watermarks of changed keys are raised.
    Watermarks,
    /// The World is swapped.
    World,
    /// Cached grants of keys that changed are being read again.
    Refresh,
    /// The revision counts as applied.
    Applied,
    /// A reload has removed the cached grants, and the World follows.
    Cleared,
}

/// A hook called after each step on the follower's own thread, which waits for it to return. Only tests set one.
#[derive(Clone, Default)]
pub struct StepHook(Option<Arc<dyn Fn(ApplyStep) + Send + Sync>>);

impl StepHook {
    /// Calls `hook` after each step.
    pub fn new(hook: impl Fn(ApplyStep) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    pub(in crate::authority) fn completed(&self, step: ApplyStep) {
        if let Some(hook) = &self.0 {
            hook(step);
        }
    }
}

impl fmt::Debug for StepHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StepHook").field(&self.0.is_some()).finish()
    }
}
