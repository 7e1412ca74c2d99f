//! Findings of `check`.

use std::fmt;

use serde::Serialize;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum CheckVerdict {
    Ok,
    /// It works, or could not be tested; it deserves a look.
    Warn,
    Fail,
}

#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) verdict: CheckVerdict,
    pub(super) what: &'static str,
    #[serde(rename = "said")]
    pub(super) note: String,
}

impl Finding {
    /// Returns that it works, or that it does not, each with its note.
    pub(super) fn of(what: &'static str, result: Result<String, String>) -> Self {
        match result {
            Ok(note) => Self::ok(what, note),
            Err(note) => Self::fail(what, note),
        }
    }

    pub(super) fn ok(what: &'static str, note: impl Into<String>) -> Self {
        Self { verdict: CheckVerdict::Ok, what, note: note.into() }
    }

    pub(super) fn warn(what: &'static str, note: impl Into<String>) -> Self {
        Self { verdict: CheckVerdict::Warn, what, note: note.into() }
    }

    pub(super) fn fail(what: &'static str, note: impl Into<String>) -> Self {
        Self { verdict: CheckVerdict::Fail, what, note: note.into() }
    }
}

impl fmt::Display for CheckVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}
