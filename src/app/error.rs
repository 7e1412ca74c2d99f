//! Errors that keep a server from starting or end it unexpectedly: one sentence each, with the remedy.

use std::io;
use std::path::Path;

use crate::telemetry::outage::causes;
use crate::{registry, storage};

/// Why a server could not start, or ended unexpectedly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A part of the server cannot be used, or has ended.
    #[error("{0}")]
    Failed(String),
    /// Storage cannot be used.
    #[error("{}", causes(.0))]
    Storage(#[from] storage::Error),
    /// The first operator, or a new admin in its place, could not be created.
    #[error("the admin could not be created: {}", causes(.0))]
    Bootstrap(registry::BootstrapError),
    /// The drain time was over before all calls had ended.
    #[error("some calls were still running when the drain time was over; increase LATCHKEY_DRAIN if they need longer")]
    OutOfTime,
}

impl Error {
    /// Explains that the data folder `path` cannot be created or used.
    pub(super) fn data_folder(path: &Path, source: &io::Error) -> Self {
        Self::Failed(format!(
            "the data folder {} cannot be used: {source}; make it writable, or set LATCHKEY_DATA_DIR to another folder",
            path.display()
        ))
    }

    /// Explains that another process, the `holder`, uses a folder or file.
    pub(super) fn in_use(what: &str, holder: &str, remedy: &str) -> Self {
        Self::Failed(format!("{what} is in use by {holder}; {remedy}"))
    }
}
