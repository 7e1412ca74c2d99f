//! The steps of applying what a poll found, for tests that must do something between two of them.

use std::fmt;
use std::sync::Arc;

/// A step that was just taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The fingerprints of new tokens are added.
    Fingerprints,
    /// The floors of the keys that changed are raised.
    Floors,
    /// The World is swapped.
    World,
    /// Cached grants of keys that changed are being read again.
    Refresh,
    /// The revision counts as applied.
    Applied,
}

/// Who is told of each step, on the follower's own thread: nothing goes on before it returns. Nobody, unless a test says.
#[derive(Clone, Default)]
pub struct Steps(Option<Arc<dyn Fn(Step) + Send + Sync>>);

impl Steps {
    /// Tells `hook`.
    pub fn tell(hook: impl Fn(Step) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(hook)))
    }

    /// `step` was just taken.
    pub(super) fn taken(&self, step: Step) {
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
