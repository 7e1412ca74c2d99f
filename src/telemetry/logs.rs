//! Logging to standard error: human-readable on a terminal, JSON lines otherwise.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum LogFormat {
    /// Human-readable if standard error is a terminal, else JSON.
    #[default]
    Auto,
    /// Human-readable.
    Pretty,
    /// One JSON object per line.
    Json,
}

/// Targets that would log secrets, with the most verbose level allowed for each, whatever the filter: tokio-postgres
/// logs the parameters of statements (digests) at DEBUG, and h2 and hyper the headers of requests (operators' tokens)
/// at TRACE. At INFO tokio-postgres repeats the database's notices about normal events.
#[cfg(not(without_guard = "redaction"))]
const CAPS: [&str; 7] = [
    "tokio_postgres=warn",
    "postgres=info",
    "h2=info",
    "hyper=info",
    "hyper_util=info",
    "tonic=info",
    "refinery_core=warn",
];
#[cfg(without_guard = "redaction")]
const CAPS: [&str; 0] = [];

/// Starts logging with `filter` (`info`, `latchkey=debug`, …).
///
/// # Errors
/// The filter is not valid, or logging has already started.
pub fn init(filter: &str, format: LogFormat) -> Result<(), String> {
    let filter = with_caps(filter)?;
    let json = match format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Pretty => false,
        LogFormat::Json => true,
    };
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let result = if json {
        registry.with(layer.json().flatten_event(true).with_current_span(false).with_span_list(false)).try_init()
    } else {
        registry.with(layer.compact().with_ansi(std::io::stderr().is_terminal())).try_init()
    };
    result.map_err(|error| format!("logging could not be set up: {error}"))
}

/// Checks that `filter` is valid.
///
/// # Errors
/// What is wrong with it.
pub fn check(filter: &str) -> Result<(), String> {
    with_caps(filter).map(|_| ())
}

/// Adds the caps to the filter: a directive for a target added later replaces an earlier one.
fn with_caps(filter: &str) -> Result<EnvFilter, String> {
    let mut parsed =
        EnvFilter::builder().parse(filter).map_err(|error| format!("the log filter `{filter}` is invalid: {error}"))?;
    for cap in CAPS {
        let directive = cap.parse().map_err(|error| format!("the log cap `{cap}` is invalid: {error}"))?;
        parsed = parsed.add_directive(directive);
    }
    Ok(parsed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trace_logging_is_capped_where_it_would_tell_secrets() {
        let filter = with_caps("trace").unwrap().to_string();
        for cap in ["tokio_postgres=warn", "h2=info", "hyper=info"] {
            assert!(filter.contains(cap), "{filter} lacks {cap}");
        }
    }

    #[test]
    fn a_filter_that_cannot_be_read_is_an_error() {
        assert!(with_caps("latchkey=loud").unwrap_err().contains("latchkey=loud"));
    }
}
