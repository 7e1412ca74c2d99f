//! Findings of `check`.

use std::fmt;

use serde::Serialize;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// It works.
    Ok,
    /// It works, or could not be tested; it deserves a look.
    Warn,
    /// It does not work.
    Fail,
}

/// Something that was checked.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    pub(super) what: &'static str,
    pub(super) said: String,
}

impl Finding {
    pub(super) fn ok(what: &'static str, said: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, what, said: said.into() }
    }

    pub(super) fn warn(what: &'static str, said: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, what, said: said.into() }
    }

    pub(super) fn fail(what: &'static str, said: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, what, said: said.into() }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        })
    }
}
