//! Reference books as text: the YAML that people write, import and review, read into checked types.
//!
//! ```text
//! format: 1
//! title: Order API
//! description: optional
//! blocks:
//!   - title: Orders
//!     description: optional
//!     methods:
//!       - method: GET /api/v*/orders/{id}     # VERB pattern
//!         summary: Get one order              # optional, up to 300 characters
//!         description: optional               # up to 2000 characters
//!         store_use: optional                 # none, shared, optional, required
//!         store_places: ["query:site"]        # optional; see model::method
//!         scope: order_read                   # optional
//! ```
//!
//! ```text
//! parse → raw (serde: the shape of the YAML; stops at the first error)
//!       → check (the content; reports every violation at once)
//!       → ReferenceBook
//! ```

mod check;
mod raw;
#[cfg(test)]
mod tests;

use thiserror::Error;

use crate::model::method::{StorePlace, StoreUse};

/// The book of the RetailCRM API: 199 methods, built in.
pub const RETAILCRM: &str = include_str!("../books/retailcrm.yaml");

/// The format that this version reads, as a book names it.
const FORMAT: &str = "1";
/// The largest book text, in bytes.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;
/// The most methods in one book.
pub const MAX_METHODS: usize = 10_000;
/// The longest title of a book or block, in characters.
pub const MAX_TITLE_CHARS: usize = 100;
/// The longest summary, in characters.
pub const MAX_SUMMARY_CHARS: usize = 300;
/// The longest description, in characters.
pub const MAX_DESCRIPTION_CHARS: usize = 2000;
/// The most store locations of one method.
pub const MAX_STORE_PLACES: usize = 32;

/// A reference book: the methods of an API, in titled blocks, in the order of the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceBook {
    /// The name of the API, 1 to 100 characters.
    pub title: String,
    /// What the book covers; empty or up to 2000 characters.
    pub description: String,
    /// At least one; no two with the same title.
    pub blocks: Vec<BookBlock>,
}

/// A titled group of methods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookBlock {
    /// 1 to 100 characters, unique in the book.
    pub title: String,
    /// What its methods are for; empty or up to 2000 characters.
    pub description: String,
    /// At least one; no two in the whole book with the same verb and shape of pattern.
    pub methods: Vec<BookMethod>,
}

/// One method of a book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BookMethod {
    /// The identity, `VERB pattern`, in canonical spelling.
    pub method: String,
    /// One line; empty or up to 300 characters.
    pub summary: String,
    /// Further details; empty or up to 2000 characters.
    pub description: String,
    /// Whether requests name a store.
    pub store_use: StoreUse,
    /// The locations of the store, up to 32, without repetition; empty if requests contain no store. A path location
    /// names a parameter of the pattern.
    pub store_places: Vec<StorePlace>,
    /// The scope that grants access to the method in the API's own terms: `[a-z][a-z0-9_]{0,63}`.
    pub scope: Option<String>,
}

/// Why a text is not a valid reference book.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum BookError {
    /// The text is longer than [`MAX_BYTES`].
    #[error("the reference book has {bytes} bytes; the maximum is {MAX_BYTES}")]
    TooLarge {
        /// Its length.
        bytes: usize,
    },
    /// The book has a format that this version does not know.
    #[error("the reference book is written in format {format}; this version reads format {FORMAT}")]
    UnknownFormat {
        /// The format it states, shortened.
        format: String,
    },
    /// It is not YAML in the shape of a book. The sentence names line and column.
    #[error("the reference book cannot be read: {sentence}")]
    Malformed {
        /// The first error.
        sentence: String,
    },
    /// It is a book with invalid content: every violation, in the order of the text.
    #[error("the reference book has {} error{}:{}", .0.len(), if .0.len() == 1 { "" } else { "s" }, list(.0))]
    Invalid(Vec<BookViolation>),
}

/// One violation in a book.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("line {line}: {subject}: {message}")]
pub struct BookViolation {
    /// The line of the text, from 1.
    pub line: u64,
    /// The subject: the book, a block by its title, or a method by its identity.
    pub subject: String,
    /// What is wrong and what would be right.
    pub message: String,
}

/// Parses a reference book.
///
/// # Errors
/// [`BookError`]. Invalid content (bad or repeated methods, texts over their limits, impossible locations) is reported
/// all at once; an invalid shape (not YAML, an unknown field, a list instead of a text) one error at a time, because
/// nothing after the first can be trusted.
pub fn parse(yaml: &str) -> Result<ReferenceBook, BookError> {
    if yaml.len() > MAX_BYTES {
        return Err(BookError::TooLarge { bytes: yaml.len() });
    }
    check::book(raw::read(yaml)?)
}

fn list(violations: &[BookViolation]) -> String {
    violations.iter().fold(String::new(), |list, violation| list + "\n  " + &violation.to_string())
}
