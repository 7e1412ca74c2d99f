//! The steps of applying a poll, for tests that must act between two of them.

use std::fmt;
use std::sync::Arc;

/// A completed step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The fingerprints of new tokens are added.
    Fingerprints,
    /// The watermarks of changed keys are raised.
    Floors,
    /// The World is swapped.
    World,
    /// Cached grants of keys that changed are being read again.
    Refresh,
    /// The revision counts as applied.
    Applied,
}

/// A hook called after each step on the follower's own thread, which waits for it to return. Only tests set one.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<dyn Fn(Step) + Send + Sync>>);

impl Steps {
    /// Calls `hook` after each step.
    pub fn tell(hook: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// Reports that `step` was completed.
    pub(in crate::authority) fn taken(&self, step: Step) {
        if let Some(hook) = &self.0 {
            hook(step);
        }
    }
}

impl fmt::Debug for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Steps").field(&self.0.is_some()).finish()
    }
}
