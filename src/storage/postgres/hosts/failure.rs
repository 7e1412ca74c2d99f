//! Reasons why no host is usable.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::telemetry::outage::causes;

/// Why no host is usable: each with its own cause, in the order of the URL.
#[derive(Debug)]
pub(in crate::storage::postgres) struct Unreachable(pub(in crate::storage::postgres) Vec<HostFailure>);

/// Why one host is not usable.
#[derive(Debug)]
pub(in crate::storage::postgres) struct HostFailure {
    /// The host, with its port and, if it has a name, the address.
    pub(in crate::storage::postgres) host: String,
    pub(in crate::storage::postgres) cause: FailureCause,
}

#[derive(Debug)]
pub(in crate::storage::postgres) enum FailureCause {
    /// Its name was not resolved.
    Lookup(Arc<io::Error>),
    /// Resolving its name took longer than this.
    LookupTimeout(Duration),
    /// It accepted the connection but sent nothing for this long.
    Unresponsive(Duration),
    /// It closed the connection right after accepting it.
    Closed,
    /// The driver's error.
    Driver(tokio_postgres::Error),
}

impl HostFailure {
    pub(super) fn is_standby(&self) -> bool {
        let FailureCause::Driver(error) = &self.cause else { return false };
        let io = std::error::Error::source(error).and_then(|cause| cause.downcast_ref::<io::Error>());
        io.is_some_and(|io| io.kind() == io::ErrorKind::PermissionDenied)
    }
}

impl fmt::Display for FailureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lookup(error) => write!(f, "its name could not be resolved: {error}"),
            Self::LookupTimeout(bound) => write!(f, "its name could not be resolved within {bound:?}"),
            Self::Unresponsive(bound) => write!(f, "it accepted the connection but did not respond within {bound:?}"),
            Self::Closed => f.write_str("it closed the connection right after accepting it"),
            Self::Driver(error) => f.write_str(&causes(error)),
        }
    }
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, failure) in self.0.iter().enumerate() {
            let separator = if n == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", failure.host, failure.cause)?;
        }
        Ok(())
    }
}

impl std::error::Error for Unreachable {}
