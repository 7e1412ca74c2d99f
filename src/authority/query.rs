//! A request to decide.

use std::fmt;

use crate::model::change::Cursor;
use crate::model::decision::Request;

/// A request to decide.
#[derive(Clone, Copy)]
pub struct Query<'a> {
    /// The token, as presented.
    pub token: &'a str,
    /// The call to decide on.
    pub request: Request<'a>,
    /// The oldest revision that the decision may be based on.
    pub min_revision: Option<Cursor>,
}

impl fmt::Debug for Query<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Query").field("request", &self.request).finish_non_exhaustive()
    }
}
