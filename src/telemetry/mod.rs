//! Telemetry: logs and metrics. Neither ever contains a token or a digest.

pub mod logs;
pub mod metrics;
pub mod outage;
