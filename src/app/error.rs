//! Why a server could not start, or ended other than as asked: one sentence each, with the remedy.

use std::path::PathBuf;

use crate::telemetry::outage::causes;
use crate::{registry, storage};

/// Why a server could not start, or ended other than as asked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder cannot be made or used.
    #[error("the data folder {} cannot be used: {source}; make it writable, or set LATCHKEY_DATA_DIR to another \
         folder", path.display())]
    DataFolder {
        /// The folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Another server works there.
    #[error("{what} is in use by {holder}; {remedy}")]
    InUse {
        /// The folder or file.
        what: String,
        /// Who has it.
        holder: String,
        /// What to do.
        remedy: String,
    },
    /// The file system has no locks.
    #[error(
        "{what} cannot be locked against a second server: {source}; put it on a local disk, or set {setting} to \
         another location"
    )]
    NoLocks {
        /// The folder or file.
        what: String,
        /// The setting to change.
        setting: String,
        /// Why.
        source: std::io::Error,
    },
    /// A file that the configuration names cannot be used.
    #[error("{what} cannot be used: {source}")]
    File {
        /// What the file is for, and its path.
        what: String,
        /// Why.
        source: std::io::Error,
    },
    /// Logging cannot begin.
    #[error("{0}")]
    Logs(String),
    /// The database URL cannot be read.
    #[error("{0}")]
    DatabaseUrl(String),
    /// Storage cannot be used.
    #[error("{}", causes(.0))]
    Storage(#[from] storage::Error),
    /// The first operator could not be made.
    #[error("the first operator could not be created: {}", causes(.0))]
    Bootstrap(registry::BootstrapError),
    /// An address cannot be listened on.
    #[error(
        "the {port} port cannot listen on {address}: {source}; stop the program that uses this address, or set \
         {setting} to another one"
    )]
    Listen {
        /// Which port.
        port: &'static str,
        /// The address asked for.
        address: String,
        /// The setting to change.
        setting: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// The certificates of a port cannot be used.
    #[error("the certificates of the {port} port cannot be used: {source}")]
    Tls {
        /// Which port.
        port: &'static str,
        /// Why.
        source: Box<crate::serve::tls::TlsError>,
    },
    /// A part of the server that must not end did.
    #[error("{0}")]
    Failed(String),
    /// The time for an orderly end was up.
    #[error("some calls were still running when the drain time was over; increase LATCHKEY_DRAIN if they need longer")]
    OutOfTime,
}
