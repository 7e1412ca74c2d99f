//! What Latchkey tells of itself: logs and metrics. Neither ever holds a token or a digest.

pub mod logs;
pub mod metrics;
pub mod outage;
