//! Errors that keep a server from starting or end it unexpectedly: one sentence each, with the remedy.

use std::path::PathBuf;

use crate::telemetry::outage::causes;
use crate::{registry, storage};

/// Why a server could not start, or ended unexpectedly.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The data folder cannot be created or used.
    #[error("the data folder {} cannot be used: {source}; make it writable, or set LATCHKEY_DATA_DIR to another \
         folder", path.display())]
    DataFolder {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Another server uses the folder or file.
    #[error("{what} is in use by {holder}; {remedy}")]
    InUse {
        /// The folder or file.
        what: String,
        /// The process that holds it.
        holder: String,
        /// The remedy.
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
        /// The cause.
        source: std::io::Error,
    },
    /// A file that the configuration names cannot be used.
    #[error("{what} cannot be used: {source}")]
    File {
        /// What the file is for, and its path.
        what: String,
        /// The cause.
        source: std::io::Error,
    },
    /// Logging cannot start.
    #[error("{0}")]
    Logs(String),
    /// The database URL is not valid.
    #[error("{0}")]
    DatabaseUrl(String),
    /// Storage cannot be used.
    #[error("{}", causes(.0))]
    Storage(#[from] storage::Error),
    /// The first operator could not be created.
    #[error("the first operator could not be created: {}", causes(.0))]
    Bootstrap(registry::BootstrapError),
    /// The server cannot listen on an address.
    #[error(
        "the {port} port cannot listen on {address}: {source}; stop the program that uses this address, or set \
         {setting} to another one"
    )]
    Listen {
        /// The port.
        port: &'static str,
        /// The requested address.
        address: String,
        /// The setting to change.
        setting: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// The certificates of a port cannot be used.
    #[error("the certificates of the {port} port cannot be used: {source}")]
    Tls {
        /// The port.
        port: &'static str,
        /// The cause.
        source: Box<crate::serve::tls::TlsError>,
    },
    /// A part of the server that must not end has ended.
    #[error("{0}")]
    Failed(String),
    /// The drain time was over before all calls had ended.
    #[error("some calls were still running when the drain time was over; increase LATCHKEY_DRAIN if they need longer")]
    OutOfTime,
}
