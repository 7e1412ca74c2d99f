//! Errors of storage, classified by what the caller can do about them.

use crate::telemetry::outage::causes;

/// The result of a storage operation.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a storage operation failed. The texts are for operators and logs: callers of the services see one sentence per
/// variant, never these. Each includes its causes, so that no log omits them.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is unreachable, overloaded, or took too long. Nothing was done; a retry may help.
    #[error("storage is unavailable: {what}{}", after_colon(source.as_deref()))]
    Unavailable {
        /// The failed operation.
        what: String,
        /// The cause in a few words without data, which may be shown to callers; `None` if unknown.
        because: Option<&'static str>,
        /// The driver's error, if there was one.
        #[source]
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// The connection broke during a commit: the write may have taken effect or not.
    #[error("the outcome of the write is unknown: the connection to storage broke during the commit")]
    OutcomeUnknown,
    /// A value that must be unique already exists.
    #[error("{what} is taken")]
    Taken {
        /// The value that already exists, such as `the store code`.
        what: &'static str,
    },
    /// The stored data violates its own rules.
    #[error("storage is corrupt: {what}")]
    Corrupt {
        /// The location, and what is wrong there.
        what: String,
    },
    /// Latchkey used storage incorrectly: a bug in its code, whatever the stored data.
    #[error("bug in Latchkey: {what}")]
    Bug {
        /// The incorrect use.
        what: String,
    },
    /// Its tables are from an incompatible version, or it does not belong to Latchkey, or it cannot be opened. Contains
    /// the remedy.
    #[error("{sentence}")]
    Unusable {
        /// One sentence with the remedy.
        sentence: String,
    },
    /// The engine returned any other error.
    #[error("storage failed: {what}: {}", causes(&**source))]
    Failed {
        /// The failed operation.
        what: String,
        /// The driver's error.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// Returns the error for storage that is unreachable or took too long, without an error of the driver.
    pub fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable { what: what.into(), because: None, source: None }
    }

    /// Returns the error for stored data that violates its own rules.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    /// Returns the error for a bug in Latchkey's code.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::Bug { what: what.into() }
    }

    /// Returns the error for storage that cannot be used until what the sentence names is done.
    pub fn unusable(sentence: impl Into<String>) -> Self {
        Self::Unusable { sentence: sentence.into() }
    }

    /// Returns the error for any other failure of the engine while doing `what`.
    pub fn failed(what: &str, source: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Failed { what: what.to_owned(), source: Box::new(source) }
    }

    /// Returns why it is unavailable, in a few words that may be shown to callers, if known.
    pub const fn because(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable { because, .. } => *because,
            _ => None,
        }
    }

    /// Returns a short, stable name, for metrics.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unavailable { .. } => "unavailable",
            Self::OutcomeUnknown => "outcome_unknown",
            Self::Taken { .. } => "taken",
            Self::Corrupt { .. } => "corrupt",
            Self::Bug { .. } => "bug",
            Self::Unusable { .. } => "unusable",
            Self::Failed { .. } => "failed",
        }
    }
}

fn after_colon(source: Option<&(dyn std::error::Error + Send + Sync + 'static)>) -> String {
    source.map_or_else(String::new, |source| format!(": {}", causes(source)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_what_is_behind_it() {
        let source = || Box::new(std::io::Error::other("no room"));
        let unavailable = Error::Unavailable { what: "writing".to_owned(), because: None, source: Some(source()) };
        assert_eq!(unavailable.to_string(), "storage is unavailable: writing: no room");
        let failed = Error::Failed { what: "renew".to_owned(), source: source() };
        assert_eq!(failed.to_string(), "storage failed: renew: no room");
        assert_eq!(causes(&failed), failed.to_string());
    }
}
