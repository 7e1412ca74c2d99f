//! What can go wrong with storage, told apart by what the caller can do about it.

/// The result of asking storage for something.
pub type Result<T> = std::result::Result<T, Error>;

/// Why storage did not do what it was asked. The texts are for operators and logs: callers of the services see one
/// sentence per variant, never these.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, is overloaded, or took too long. Nothing was done; asking again may help.
    #[error("storage is unavailable: {what}")]
    Unavailable {
        /// What was being done.
        what: String,
        /// The driver's error, if it was one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The connection broke while a write was being committed: it may stand or not.
    #[error("the outcome of the write is unknown: the connection to storage broke during the commit")]
    OutcomeUnknown,
    /// Something that must be unique is there already.
    #[error("{what} is taken")]
    Taken {
        /// What is there already, such as `the store code`.
        what: &'static str,
    },
    /// What storage holds breaks its own rules, or it was used against its contract.
    #[error("storage holds what it must not: {what}")]
    Corrupt {
        /// Where, and what is wrong with it.
        what: String,
    },
    /// Its tables were made by a version that this one cannot work with, or it is not Latchkey's, or it cannot be
    /// opened. Says what would help.
    #[error("{sentence}")]
    Unusable {
        /// One sentence with the remedy.
        sentence: String,
    },
    /// The engine answered an error that is none of the above: a mistake in Latchkey.
    #[error("storage failed: {what}")]
    Failed {
        /// What was being done.
        what: String,
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// It cannot be reached or took too long, with no error of the driver.
    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable { what: what.into(), source: None }
    }

    /// What storage holds breaks its own rules.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    /// A short, stable name, for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Taken { .. } => "taken",
            Self::Corrupt { .. } => "corrupt",
            Self::Unusable { .. } => "unusable",
            Self::Failed { .. } => "failed",
        }
    }
}
