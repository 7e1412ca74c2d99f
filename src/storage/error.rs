//! Errors of storage, by what the caller can do about them.

use std::fmt;

use crate::telemetry::outage::causes;

/// The result of a method of storage.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a method of storage failed. The texts are for operators and logs: callers of the services see one
/// sentence per variant, never these. Each has all that is behind it: no log can leave the cause out.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It cannot be reached, is overloaded, or took too long. Nothing was done; asking again may help.
    #[error("storage is unavailable: {what}{}", Behind(source.as_deref()))]
    Unavailable {
        /// What was being done.
        what: String,
        /// Why, in a few words that hold no data and may be shown to callers; `None` if it is not known so well.
        because: Option<&'static str>,
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
    /// What storage holds breaks its own rules.
    #[error("storage is corrupt: {what}")]
    Corrupt {
        /// Where, and what is wrong with it.
        what: String,
    },
    /// Latchkey used storage against its contract: a mistake in its code, whatever storage holds.
    #[error("bug in Latchkey: {what}")]
    Bug {
        /// What it did.
        what: String,
    },
    /// Its tables were made by a version that this one cannot work with, or it is not Latchkey's, or it cannot be
    /// opened. Says what would help.
    #[error("{sentence}")]
    Unusable {
        /// One sentence with the remedy.
        sentence: String,
    },
    /// The engine returned an error that is none of the above.
    #[error("storage failed: {what}{}", Behind(Some(&**source)))]
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
        Self::Unavailable { what: what.into(), because: None, source: None }
    }

    /// What storage holds breaks its own rules.
    pub fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    /// A mistake in Latchkey's code.
    pub fn bug(what: impl Into<String>) -> Self {
        Self::Bug { what: what.into() }
    }

    /// Why it is unavailable, in a few words that may be shown to callers, if it is known so well.
    pub const fn because(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable { because, .. } => *because,
            _ => None,
        }
    }

    /// A short, stable name, for metrics.
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

/// What stands behind an error, after a colon.
struct Behind<'a>(Option<&'a (dyn std::error::Error + Send + Sync + 'static)>);

impl fmt::Display for Behind<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(source) => write!(f, ": {}", causes(source)),
            None => Ok(()),
        }
    }
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
